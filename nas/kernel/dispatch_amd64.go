//go:build amd64 && !noasm

package kernel

import "golang.org/x/sys/cpu"

// avx2 is AVX2 with FMA: vectors of 8 floats.
var avx2 = kernels{
	name:         "avx2",
	gemm:         gemmAVX2,
	gemmTN:       gemmTNAVX2,
	dwForward:    dwForwardAVX2,
	dwGather:     dwGatherAVX2,
	dwWeight:     dwWeightAVX2,
	relu:         reluAVX2,
	reluBackward: reluBackwardAVX2,
	add:          addAVX2,
	kahan:        kahanAVX2,
	scale:        scaleAVX2,
	bnSums:       bnSumsAVX2,
	bnGradSums:   bnGradSumsAVX2,
	bnApply:      bnApplyAVX2,
	bnRows:       bnRowsAVX2,
	bnGrad:       bnGradAVX2,
	bnInfer:      bnInferAVX2,
	maxPool:      maxPoolAVX2,
	maxPoolGrad:  maxPoolGradAVX2,
	poolSum:      poolSumAVX2,
	poolSumRelu:  poolSumReluAVX2,
	copyRows:     copyRowsAVX2,
	reluRows:     reluRowsAVX2,
	addRows:      addRowsAVX2,
	maskRows:     maskRowsAVX2,
	maskAddRows:  maskAddRowsAVX2,
	rmsprop:      rmspropAVX2,
	peak:         peakAVX2,
	sgd:          sgdAVX2,
}

// avx512 is AVX-512 with the extensions DQ, BW and VL: vectors of 16 floats.
var avx512 = kernels{
	name:         "avx512",
	gemm:         gemmAVX512,
	gemmTN:       gemmTNAVX512,
	dwForward:    dwForwardAVX512,
	dwGather:     dwGatherAVX512,
	dwWeight:     dwWeightAVX512,
	relu:         reluAVX512,
	reluBackward: reluBackwardAVX512,
	add:          addAVX512,
	kahan:        kahanAVX512,
	scale:        scaleAVX512,
	bnSums:       bnSumsAVX512,
	bnGradSums:   bnGradSumsAVX512,
	bnApply:      bnApplyAVX512,
	bnRows:       bnRowsAVX512,
	bnGrad:       bnGradAVX512,
	bnInfer:      bnInferAVX512,
	maxPool:      maxPoolAVX512,
	maxPoolGrad:  maxPoolGradAVX512,
	poolSum:      poolSumAVX512,
	poolSumRelu:  poolSumReluAVX512,
	copyRows:     copyRowsAVX512,
	reluRows:     reluRowsAVX512,
	addRows:      addRowsAVX512,
	maskRows:     maskRowsAVX512,
	maskAddRows:  maskAddRowsAVX512,
	rmsprop:      rmspropAVX512,
	peak:         peakAVX512,
	sgd:          sgdAVX512,
}

func available() []kernels {
	switch x := cpu.X86; {
	case !x.HasAVX2 || !x.HasFMA:
		return []kernels{generic}
	case x.HasAVX512F && x.HasAVX512DQ && x.HasAVX512BW && x.HasAVX512VL && x.HasBMI2:
		return []kernels{generic, avx2, avx512}
	default:
		return []kernels{generic, avx2}
	}
}

// FlushDenormals makes the floating-point unit of the calling thread treat
// subnormal numbers as zero, which would otherwise slow kernels hundredfold, and
// returns a function that restores the former state. The caller holds the thread
// by runtime.LockOSThread from before the call until after the restoration.
func FlushDenormals() (restore func()) {
	before := controlWord()
	setControlWord(before | denormalsAreZero | flushToZero)
	return restoreDenormals[before/denormalsAreZero&1+before/flushToZero&1*2]
}

// Bits of the control word MXCSR.
const (
	denormalsAreZero = 1 << 6
	flushToZero      = 1 << 15
)

// restoreDenormals lists a function for each former state of the two bits, made
// once so that a training step allocates nothing.
var restoreDenormals = [4]func(){
	func() { setControlWord(controlWord() &^ (denormalsAreZero | flushToZero)) },
	func() { setControlWord(controlWord()&^flushToZero | denormalsAreZero) },
	func() { setControlWord(controlWord()&^denormalsAreZero | flushToZero) },
	func() {},
}
