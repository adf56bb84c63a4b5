package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// poolFamily writes the pools and the copies between images and windows.
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
	function("maxPoolVec", "func(y *float32, idx *uint8, x *float32, pixels, step, c, ny, nx, line, first, below int)",
		fmt.Sprintf("computes pixels windows of ny x nx taps; step, c%s and line, the distances of windows, pixels "+
			"and rows, are in bytes; first is the number of the first tap, and below is added to it from the end of a "+
			"row to the next:", atLeast()),
		"for q < pixels, j: y[q,j], idx[q,j] = max of x[q*step + ky*line + kx*c + j], and its first tap")
	y, idx, x, c := load("y"), load("idx"), load("x"), load("c")
	one, below, start := ones(), vec(), vec()
	VPBROADCASTD(arg("below"), below)
	VPBROADCASTD(arg("first"), start)
	pixel := label("pixel")
	Label(pixel)
	channels(c, func(offset reg64, mask reg.Register) {
		row, p, ky, kx := GP64(), GP64(), load("ny"), GP64()
		best, tap, at0 := vec(), vec(), vec()
		LEAQ(indexed(x, offset, 1, 0), row)
		get(at(row, 0), mask, best)
		move(start, tap)
		move(start, at0)
		rows, taps := label("ky"), label("kx")
		Label(rows)
		MOVQ(row, p)
		MOVQ(arg("nx"), kx)
		Label(taps)
		v := vec()
		get(at(p, 0), mask, v)
		more := whether(best, less, v)
		VMAXPS(best, v, best) // x where it is greater, else best
		choose(more, at0, tap)
		VPADDD(one, at0, at0)
		ADDQ(c, p)
		DECQ(kx)
		JNZ(operand.LabelRef(taps))
		VPADDD(below, at0, at0)
		ADDQ(arg("line"), row)
		DECQ(ky)
		JNZ(operand.LabelRef(rows))
		storeMax(y, idx, offset, mask, best, tap)
	})
	nextPixel(y, idx, c)
	ADDQ(arg("step"), x)
	DECQ(arg("pixels"))
	JNZ(operand.LabelRef(pixel))
	VZEROUPPER()
	RET()
}

// storeMax writes a vector of maxima, and their taps as bytes.
func storeMax(y, idx, offset reg64, mask reg.Register, best, tap reg.VecVirtual) {
	put(best, mask, indexed(y, offset, 1, 0))
	to := GP64()
	bytes := func() operand.Mem {
		MOVQ(offset, to)
		SHRQ(operand.Imm(2), to)
		return indexed(idx, to, 1, 0)
	}
	switch {
	case !wide:
		Comment("8 taps of 32 bits to bytes.")
		high, low := XMM(), XMM()
		VEXTRACTI128(operand.Imm(1), tap, high)
		VEXTRACTI128(operand.Imm(0), tap, low)
		VPACKUSDW(high, low, low)
		VPACKUSWB(low, low, low)
		VMOVQ(low, bytes())
	case mask == nil:
		VPMOVDB(tap, bytes())
	default:
		VPMOVDB(tap, mask, bytes())
	}
}

// ones is a vector of integers 1.
func ones() reg.VecVirtual {
	one := vec()
	if wide {
		bit := GP32()
		MOVL(operand.U32(1), bit)
		VPBROADCASTD(bit, one)
		return one
	}
	VPCMPEQD(one, one, one)
	VPSRLD(operand.Imm(31), one, one)
	return one
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
	function("maxColumnsVec", "func(best *float32, tap *int32, x *float32, width, rows, line, first, k int)",
		fmt.Sprintf("computes width bytes%s of floats; line, the distance of rows, is in bytes:", atLeast()),
		"for j: best[j], tap[j] = max over r < rows of x[r*line+j], and first + k*r of the first row that has it")
	best, tap, x, width := load("best"), load("tap"), load("x"), load("width")
	first, k := vec(), vec()
	VPBROADCASTD(arg("first"), first)
	VPBROADCASTD(arg("k"), k)
	channels(width, func(offset reg64, mask reg.Register) {
		p, rows := GP64(), load("rows")
		LEAQ(indexed(x, offset, 1, 0), p)
		m, t, at0 := vec(), vec(), vec()
		get(at(p, 0), mask, m)
		move(first, t)
		move(first, at0)
		loop, end := label("row"), label("stored")
		Label(loop)
		DECQ(rows)
		JZ(operand.LabelRef(end))
		ADDQ(arg("line"), p)
		VPADDD(k, at0, at0)
		v := vec()
		get(at(p, 0), mask, v)
		more := whether(m, less, v)
		VMAXPS(m, v, m)
		choose(more, at0, t)
		JMP(operand.LabelRef(loop))
		Label(end)
		put(m, mask, indexed(best, offset, 1, 0))
		put(t, mask, indexed(tap, offset, 1, 0))
	})
	VZEROUPPER()
	RET()
}

// maxAcross writes the second half: the maxima of the columns of each window.
func maxAcross() {
	function("maxAcrossVec", "func(y *float32, idx *uint8, best *float32, tap *int32, pixels, step, c, nx, first int)",
		fmt.Sprintf("computes pixels windows of nx columns; step and c%s, the distances of windows and columns, are "+
			"in bytes:", atLeast()),
		"for q < pixels, j: y[q,j], idx[q,j] = max over kx < nx of best[q*step + kx*c + j], and",
		"\tthe least tap[q*step + kx*c + j] + first + kx of those that have it")
	y, idx, best, tap, c := load("y"), load("idx"), load("best"), load("tap"), load("c")
	one, first := ones(), vec()
	VPBROADCASTD(arg("first"), first)
	pixel := label("pixel")
	Label(pixel)
	channels(c, func(offset reg64, mask reg.Register) {
		p, kx, pt := GP64(), load("nx"), GP64()
		LEAQ(indexed(best, offset, 1, 0), p)
		LEAQ(indexed(tap, offset, 1, 0), pt)
		m, t, column := vec(), vec(), vec()
		get(at(p, 0), mask, m)
		move(first, column)
		VPADDD(source(at(pt, 0), mask), column, t)
		loop, end := label("column"), label("stored")
		Label(loop)
		DECQ(kx)
		JZ(operand.LabelRef(end))
		ADDQ(c, p)
		ADDQ(c, pt)
		VPADDD(one, column, column)
		v, vt := vec(), vec()
		get(at(p, 0), mask, v)
		VPADDD(source(at(pt, 0), mask), column, vt)
		more, same := whether(m, less, v), whether(m, equal, v)
		if wide {
			VPCMPGTD(vt, t, same, same) // t > vt
			KORW(same, more, more)
		} else {
			before := vec()
			VPCMPGTD(vt, t, before)
			VPAND(before, same, same)
			VPOR(same, more, more)
		}
		VMAXPS(m, v, m)
		choose(more, vt, t)
		JMP(operand.LabelRef(loop))
		Label(end)
		storeMax(y, idx, offset, mask, m, t)
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
	function("copyRowsVec", "func(y, x *float32, rows, width, ldy, ldx int)",
		fmt.Sprintf("copies rows of width bytes%s that are ldy and ldx bytes apart:", atLeast()),
		"for i < rows, j < width: y[i*ldy+j] = x[i*ldx+j]")
	y, x, rows, width := load("y"), load("x"), load("rows"), load("width")
	ldy, ldx := load("ldy"), load("ldx")
	loop := label("row")
	Label(loop)
	channels(width, func(offset reg64, mask reg.Register) {
		v := vec()
		get(indexed(x, offset, 1, 0), mask, v)
		put(v, mask, indexed(y, offset, 1, 0))
	})
	ADDQ(ldx, x)
	ADDQ(ldy, y)
	DECQ(rows)
	JNZ(operand.LabelRef(loop))
	VZEROUPPER()
	RET()
}
