package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

// poolFamily is the max pool and the copies between images and windows.
func poolFamily() {
	maxPool()
	copyRows()
}

// maxPool writes maxPoolGeneric for 8 channels and more.
func maxPool() {
	TEXT("maxPoolVec", NOSPLIT, "func(y *float32, idx *uint8, x *float32, pixels, step, c, ny, nx, line, first, below int)")
	Pragma("noescape")
	Doc("maxPoolVec computes pixels windows of ny x nx taps; step, c (at least 32) and line, the distances of windows, pixels and",
		"rows, are in bytes; first is the number of the first tap, and below is added to it from the end of a row to the next:", "",
		"\tfor q < pixels, j: y[q,j], idx[q,j] = max and first tap of it of x[q*step + ky*line + kx*c + j]", "")
	y, idx, x, c := load("y"), load("idx"), load("x"), load("c")
	one, below, start := YMM(), YMM(), YMM()
	VPCMPEQD(one, one, one)
	VPSRLD(operand.Imm(31), one, one)
	VPBROADCASTD(arg("below"), below)
	VPBROADCASTD(arg("first"), start)
	pixel := label("pixel")
	Label(pixel)
	channels(c, func(offset reg64) {
		row, p, ky, kx := GP64(), GP64(), load("ny"), GP64()
		best, tap, at0 := YMM(), YMM(), YMM()
		LEAQ(indexed(x, offset, 1, 0), row)
		VMOVUPS(at(row, 0), best)
		VMOVDQA(start, tap)
		VMOVDQA(start, at0)
		rows, taps := label("ky"), label("kx")
		Label(rows)
		MOVQ(row, p)
		MOVQ(arg("nx"), kx)
		Label(taps)
		v, more := YMM(), YMM()
		VMOVUPS(at(p, 0), v)
		const less = 1
		VCMPPS(operand.U8(less), v, best, more) // best < x
		VMAXPS(best, v, best)                   // x where it is greater, else best
		VBLENDVPS(more, at0, tap, tap)
		VPADDD(one, at0, at0)
		ADDQ(c, p)
		DECQ(kx)
		JNZ(operand.LabelRef(taps))
		VPADDD(below, at0, at0)
		ADDQ(arg("line"), row)
		DECQ(ky)
		JNZ(operand.LabelRef(rows))
		VMOVUPS(best, indexed(y, offset, 1, 0))
		Comment("8 taps of 32 bits to bytes.")
		high, low := XMM(), XMM()
		VEXTRACTI128(operand.Imm(1), tap, high)
		VEXTRACTI128(operand.Imm(0), tap, low)
		VPACKUSDW(high, low, low)
		VPACKUSWB(low, low, low)
		to := GP64()
		MOVQ(offset, to)
		SHRQ(operand.Imm(2), to)
		VMOVQ(low, indexed(idx, to, 1, 0))
	})
	ADDQ(c, y)
	ADDQ(arg("step"), x)
	count := GP64()
	MOVQ(c, count)
	SHRQ(operand.Imm(2), count)
	ADDQ(count, idx)
	DECQ(arg("pixels"))
	JNZ(operand.LabelRef(pixel))
	VZEROUPPER()
	RET()
}

// copyRows writes the copy of rows between matrices.
func copyRows() {
	TEXT("copyRowsVec", NOSPLIT, "func(y, x *float32, rows, width, ldy, ldx int)")
	Pragma("noescape")
	Doc("copyRowsVec copies rows of width bytes, at least 32, that lie ldy and ldx bytes apart:", "",
		"\tfor i < rows, j < width: y[i*ldy+j] = x[i*ldx+j]", "")
	y, x, rows, width := load("y"), load("x"), load("rows"), load("width")
	ldy, ldx := load("ldy"), load("ldx")
	loop := label("row")
	Label(loop)
	channels(width, func(offset reg64) {
		v := YMM()
		VMOVUPS(indexed(x, offset, 1, 0), v)
		VMOVUPS(v, indexed(y, offset, 1, 0))
	})
	ADDQ(ldx, x)
	ADDQ(ldy, y)
	DECQ(rows)
	JNZ(operand.LabelRef(loop))
	VZEROUPPER()
	RET()
}
