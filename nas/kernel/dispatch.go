package kernel

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Kernels is the environment variable that forces an instruction set.
const Kernels = "NASNET_KERNELS"

// kernels is one instruction set: the inner loops below every exported
// function. The portable functions in [generic] define the loop that each entry
// equals; another instruction set may add in another order.
type kernels struct {
	name         string
	gemm         func(c, a, b []float32, m, n, ldc, ldb int, l lines, acc bool)
	gemmTN       func(c, a, d []float32, m, n, ldc, ldd int, l lines)
	dwForward    func(y, x, w []float32, rows int, t taps, m mask, spread []float32)
	dwGather     func(dx, dy, w []float32, at, row, count, pairs, c, kw, lead int)
	dwWeight     func(dw, x, dy []float32, rows int, t taps)
	relu         func(y, x []float32)
	reluBackward func(dx, dy, x []float32)
	add          func(y, a, b []float32)
	kahan        func(hi, lo, part []float32)
	scale        func(y, x []float32, a float32)
	bnSums       func(sum, square, x, shift []float32, rows int)
	bnGradSums   func(sum, product, dy, x, mean []float32, rows int)
	bnApply      func(y, x, mean, scale, beta []float32, rows int)
	bnRows       func(y, x, mean, scale, beta []float32, rows, width, ldy, ldx int, floor float32)
	bnGrad       func(dx, dy, x, mean, a, b, d []float32, rows int)
	bnInfer      func(y, x, gamma, beta, mean, variance []float32, rows int, eps float32)
	maxPool      func(y []float32, idx []uint8, x []float32, p Pool)
	maxPoolGrad  func(dx, dy []float32, idx []uint8, p Pool, acc bool)
	poolSum      func(y, x, by []float32, s poolSums, f float32, acc bool)
	poolSumRelu  func(y, x []float32, taps int, f float32)
	copyRows     func(y, x []float32, rows, width, ldy, ldx int)
	reluRows     func(y, x []float32, rows, width, ldy, ldx int)
	addRows      func(y, x []float32, rows, width, ldy, ldx int)
	maskRows     func(y, x, a []float32, rows, width, ldy, ldx int)
	maskAddRows  func(y, x, a []float32, rows, width, ldy, ldx int)
	rmsprop      func(w, g, ms, mom []float32, lr, rho, momentum, eps, decay float32)
	peak         func() (macs int)
	sgd          func(w, g, v []float32, lr, momentum, decay float32, nesterov bool)
}

// generic is portable Go: the reference for the others.
var generic = kernels{
	name:         "generic",
	gemm:         gemmGeneric,
	gemmTN:       gemmTNGeneric,
	dwForward:    dwForwardGeneric,
	dwGather:     dwGatherGeneric,
	dwWeight:     dwWeightGeneric,
	relu:         reluGeneric,
	reluBackward: reluBackwardGeneric,
	add:          addGeneric,
	kahan:        kahanGeneric,
	scale:        scaleGeneric,
	bnSums:       bnSumsGeneric,
	bnGradSums:   bnGradSumsGeneric,
	bnApply:      bnApplyGeneric,
	bnRows:       bnRowsGeneric,
	bnGrad:       bnGradGeneric,
	bnInfer:      bnInferGeneric,
	maxPool:      maxPoolGeneric,
	maxPoolGrad:  maxPoolGradGeneric,
	poolSum:      poolSumGeneric,
	poolSumRelu:  poolSumReluGeneric,
	copyRows:     copyRowsGeneric,
	reluRows:     reluRowsGeneric,
	addRows:      addRowsGeneric,
	maskRows:     maskRowsGeneric,
	maskAddRows:  maskAddRowsGeneric,
	rmsprop:      rmspropGeneric,
	peak:         peakGeneric,
	sgd:          sgdGeneric,
}

// isa is the instruction set in use; isaErr says why it is not the one that was
// requested.
var (
	isa    = generic
	isaErr error
)

func init() {
	name := os.Getenv(Kernels)
	if name == "" {
		isa = available()[len(available())-1]
		return
	}
	if err := Configure(name); err != nil {
		isaErr = fmt.Errorf("%s: %w", Kernels, err)
	}
}

// Arch is the instruction set in use: "generic", "avx2" or "avx512".
func Arch() string { return isa.name }

// ArchError returns why the instruction set in the environment variable
// NASNET_KERNELS is not in use, or nil if it is or if none is requested. A
// program must report it and stop: it must not compute with other kernels than
// it was told to.
func ArchError() error { return isaErr }

// Configure selects the instruction set by name. It must not be called while
// another goroutine computes.
func Configure(name string) error {
	for _, k := range available() {
		if k.name == name {
			isa, isaErr = k, nil
			return nil
		}
	}
	return fmt.Errorf("kernel: no %q kernels here; want one of %s", name, strings.Join(Available(), ", "))
}

// Available lists the instruction sets that this build and this machine have,
// slowest first.
func Available() []string {
	var names []string
	for _, k := range available() {
		names = append(names, k.name)
	}
	return slices.Clip(names)
}
