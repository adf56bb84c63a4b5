package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// poolFamily is the pools and the copies between images and windows.
func poolFamily() {
	maxPool()
	maxColumns()
	maxAcross()
	maxPoolGrad()
	poolSum(false)
	poolSum(true)
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
	one, below, start := vec(), vec(), vec()
	VPCMPEQD(one, one, one)
	VPSRLD(operand.Imm(31), one, one)
	VPBROADCASTD(arg("below"), below)
	VPBROADCASTD(arg("first"), start)
	pixel := label("pixel")
	Label(pixel)
	channels(c, func(offset reg64) {
		row, p, ky, kx := GP64(), GP64(), load("ny"), GP64()
		best, tap, at0 := vec(), vec(), vec()
		LEAQ(indexed(x, offset, 1, 0), row)
		VMOVUPS(at(row, 0), best)
		VMOVDQA(start, tap)
		VMOVDQA(start, at0)
		rows, taps := label("ky"), label("kx")
		Label(rows)
		MOVQ(row, p)
		MOVQ(arg("nx"), kx)
		Label(taps)
		v, more := vec(), vec()
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
		storeMax(y, idx, offset, best, tap)
	})
	nextPixel(y, idx, c)
	ADDQ(arg("step"), x)
	DECQ(arg("pixels"))
	JNZ(operand.LabelRef(pixel))
	VZEROUPPER()
	RET()
}

// storeMax writes a vector of maxima, and their taps as bytes.
func storeMax(y, idx, offset reg64, best, tap reg.VecVirtual) {
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
}

func nextPixel(y, idx, c reg64) {
	ADDQ(c, y)
	count := GP64()
	MOVQ(c, count)
	SHRQ(operand.Imm(2), count)
	ADDQ(count, idx)
}

// maxColumns writes the first half of a large max pool: the maxima down the
// columns of a window.
func maxColumns() {
	TEXT("maxColumnsVec", NOSPLIT, "func(best *float32, tap *int32, x *float32, width, rows, line, first, k int)")
	Pragma("noescape")
	Doc("maxColumnsVec computes width bytes (at least 32) of floats; line, the distance of rows, is in bytes:", "",
		"\tfor j: best[j], tap[j] = max over r < rows of x[r*line+j], and first + k*r of the first that has it", "")
	best, tap, x, width := load("best"), load("tap"), load("x"), load("width")
	first, k := vec(), vec()
	VPBROADCASTD(arg("first"), first)
	VPBROADCASTD(arg("k"), k)
	channels(width, func(offset reg64) {
		p, rows := GP64(), load("rows")
		LEAQ(indexed(x, offset, 1, 0), p)
		m, t, at0 := vec(), vec(), vec()
		VMOVUPS(at(p, 0), m)
		VMOVDQA(first, t)
		VMOVDQA(first, at0)
		loop, end := label("row"), label("stored")
		Label(loop)
		DECQ(rows)
		JZ(operand.LabelRef(end))
		ADDQ(arg("line"), p)
		VPADDD(k, at0, at0)
		v, more := vec(), vec()
		VMOVUPS(at(p, 0), v)
		const less = 1
		VCMPPS(operand.U8(less), v, m, more)
		VMAXPS(m, v, m)
		VBLENDVPS(more, at0, t, t)
		JMP(operand.LabelRef(loop))
		Label(end)
		VMOVUPS(m, indexed(best, offset, 1, 0))
		VMOVDQU(t, indexed(tap, offset, 1, 0))
	})
	VZEROUPPER()
	RET()
}

// maxAcross writes the second half: the maxima of the columns of each window.
func maxAcross() {
	TEXT("maxAcrossVec", NOSPLIT, "func(y *float32, idx *uint8, best *float32, tap *int32, pixels, step, c, nx, first int)")
	Pragma("noescape")
	Doc("maxAcrossVec computes pixels windows of nx columns; step and c (at least 32), the distances of windows and columns, are",
		"in bytes:", "",
		"\tfor q < pixels, j: y[q,j], idx[q,j] = max over kx < nx of best[q*step + kx*c + j], and",
		"\t\ttap[q*step + kx*c + j] + first + kx of the one that has it, the least if several have", "")
	y, idx, best, tap, c := load("y"), load("idx"), load("best"), load("tap"), load("c")
	one, first := vec(), vec()
	VPCMPEQD(one, one, one)
	VPSRLD(operand.Imm(31), one, one)
	VPBROADCASTD(arg("first"), first)
	pixel := label("pixel")
	Label(pixel)
	channels(c, func(offset reg64) {
		p, kx, pt := GP64(), load("nx"), GP64()
		LEAQ(indexed(best, offset, 1, 0), p)
		LEAQ(indexed(tap, offset, 1, 0), pt)
		m, t, column := vec(), vec(), vec()
		VMOVUPS(at(p, 0), m)
		VMOVDQA(first, column)
		VPADDD(at(pt, 0), column, t)
		loop, end := label("column"), label("stored")
		Label(loop)
		DECQ(kx)
		JZ(operand.LabelRef(end))
		ADDQ(c, p)
		ADDQ(c, pt)
		VPADDD(one, column, column)
		v, vt, more, same, before := vec(), vec(), vec(), vec(), vec()
		VMOVUPS(at(p, 0), v)
		VPADDD(at(pt, 0), column, vt)
		const equal, less = 0, 1
		VCMPPS(operand.U8(less), v, m, more)
		VCMPPS(operand.U8(equal), v, m, same)
		VPCMPGTD(vt, t, before) // t > vt
		VPAND(before, same, same)
		VPOR(same, more, more)
		VMAXPS(m, v, m)
		VBLENDVPS(more, vt, t, t)
		JMP(operand.LabelRef(loop))
		Label(end)
		storeMax(y, idx, offset, m, t)
	})
	nextPixel(y, idx, c)
	ADDQ(arg("step"), best)
	ADDQ(arg("step"), tap)
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
		v := vec()
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
