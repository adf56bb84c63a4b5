package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// overlapping writes the loop over the vectors of width bytes of y, four and
// then one at a time: value computes count of them from an offset on, with a mask
// (nil: all lanes). If width is not a multiple of a vector, the last vector is
// masked or, without mask registers, ends at width and overlaps the one before.
// It is then computed before all others and stored after them, because values
// may depend on what y had.
func overlapping(width, y reg64, value func(offset reg.Register, count int, mask reg.Register) []reg.VecVirtual) {
	offset := GP64()
	loops := func() {
		XORQ(offset, offset)
		for _, count := range []int{4, 1} {
			loop, next, past := label("vectors"), label("next"), GP64()
			Label(loop)
			LEAQ(at(offset, count*vector), past)
			CMPQ(past, width)
			JG(operand.LabelRef(next))
			for i, v := range value(offset, count, nil) {
				VMOVUPS(v, indexed(y, offset, 1, i*vector))
			}
			MOVQ(past, offset)
			JMP(operand.LabelRef(loop))
			Label(next)
		}
	}
	if wide {
		loops()
		left, end := GP64(), label("end")
		MOVQ(width, left)
		SUBQ(offset, left)
		JZ(operand.LabelRef(end))
		SHRQ(operand.Imm(2), left)
		mask := firstLanes(left)
		put(value(offset, 1, mask)[0], mask, indexed(y, offset, 1, 0))
		Label(end)
		return
	}
	last, odd, end := vec(), GP64(), label("end")
	rest, whole := GP64(), label("whole")
	MOVQ(width, rest)
	LEAQ(at(width, -vector), odd)
	ANDQ(operand.I32(vector-1), rest)
	JZ(operand.LabelRef(whole))
	VMOVUPS(value(odd, 1, nil)[0], last)
	Label(whole)
	loops()
	TESTQ(rest, rest)
	JZ(operand.LabelRef(end))
	VMOVUPS(last, indexed(y, odd, 1, 0))
	Label(end)
}

// addThere adds the old contents of y to values, if the argument acc is set.
func addThere(values []reg.VecVirtual, y, offset, mask reg.Register) {
	over := label("overwrite")
	CMPB(arg("acc"), operand.Imm(0))
	JE(operand.LabelRef(over))
	for i, v := range values {
		VADDPS(source(indexed(y, offset, 1, i*vector), mask), v, v)
	}
	Label(over)
}

// widths begins the comment of a kernel.
func widths() string {
	if wide {
		return "computes, for any width"
	}
	return "computes, for widths of at least a vector"
}

// poolSum writes poolSumGeneric, with or without relu.
func poolSum(relu bool) {
	name, term := "poolSumVec", "x[q*ldx + t*step + j]"
	if relu {
		name, term = "poolSumReluVec", "max("+term+", 0)"
	}
	function(name, "func(y, x, by *float32, pixels, width, ldy, ldx, ldby, taps, step int, f float32, acc bool)",
		widths()+"; width and distances are in bytes; if by is nil, its factor is 1:",
		"for q < pixels, j < width: y[q*ldy + j] (+)= f * by[q*ldby + j] * Σ_t<taps "+term)
	y, x, by, width, step := load("y"), load("x"), load("by"), load("width"), load("step")
	f, none := vec(), vec()
	VBROADCASTSS(arg("f"), f)
	zero(none)
	pixel := label("pixel")
	Label(pixel)
	overlapping(width, y, func(offset reg.Register, count int, mask reg.Register) []reg.VecVirtual {
		p, taps, sums := GP64(), load("taps"), vectors(count)
		LEAQ(indexed(x, offset, 1, 0), p)
		for i, s := range sums {
			if relu {
				VMAXPS(source(at(p, i*vector), mask), none, s) // NaN stays NaN
			} else {
				get(at(p, i*vector), mask, s)
			}
		}
		loop, scale, even := label("tap"), label("scale"), label("even")
		Label(loop)
		DECQ(taps)
		JZ(operand.LabelRef(scale))
		ADDQ(step, p)
		for i, s := range sums {
			if relu {
				v := vec()
				VMAXPS(source(at(p, i*vector), mask), none, v)
				VADDPS(v, s, s)
			} else {
				VADDPS(source(at(p, i*vector), mask), s, s)
			}
		}
		JMP(operand.LabelRef(loop))
		Label(scale)
		for _, s := range sums {
			VMULPS(f, s, s)
		}
		TESTQ(by, by)
		JZ(operand.LabelRef(even))
		for i, s := range sums {
			VMULPS(source(indexed(by, offset, 1, i*vector), mask), s, s)
		}
		Label(even)
		addThere(sums, y, offset, mask)
		return sums
	})
	ADDQ(arg("ldy"), y)
	ADDQ(arg("ldx"), x)
	ADDQ(arg("ldby"), by)
	DECQ(arg("pixels"))
	JNZ(operand.LabelRef(pixel))
	VZEROUPPER()
	RET()
}

// maxPoolGrad writes the gather of maxPoolGradAVX2.
func maxPoolGrad() {
	function("maxPoolGradVec", "func(dx, dy *float32, idx *uint8, pixels, width, ldx, ldy, rows, cols, line, step, "+
		"tap, below, beside int, acc bool)",
		widths()+"; width and distances are in bytes of floats, a fourth of which is the distance in idx:",
		"for q < pixels, j < width: dx[q*ldx + j] (+)= Σ_r<rows, t<cols dy[q*ldy + r*line + t*step + j]",
		"\twhere idx[q*ldy + r*line + t*step + j] == tap - r*below - t*beside")
	dx, dy, idx, width := load("dx"), load("dy"), load("idx"), load("width")
	line, step := load("line"), load("step")
	first, below, beside := vec(), vec(), vec()
	VPBROADCASTD(arg("tap"), first)
	VPBROADCASTD(arg("below"), below)
	VPBROADCASTD(arg("beside"), beside)
	pixel := label("pixel")
	Label(pixel)
	overlapping(width, dx, func(offset reg.Register, count int, mask reg.Register) []reg.VecVirtual {
		at0, rows, cols := GP64(), load("rows"), GP64()
		MOVQ(offset, at0)
		sums, rowTap, tap := vectors(count), vec(), vec()
		zero(sums...)
		VMOVUPS(first, rowTap)
		row, col := label("row"), label("col")
		Label(row)
		p, i := GP64(), GP64()
		MOVQ(at0, p)
		MOVQ(arg("cols"), cols)
		VMOVUPS(rowTap, tap)
		Label(col)
		MOVQ(p, i)
		SHRQ(operand.Imm(2), i)
		for k, s := range sums {
			taps, grads, here := indexed(idx, i, 1, k*lanes), indexed(dy, p, 1, k*vector), vec()
			switch {
			case !wide:
				VPMOVZXBD(taps, here)
				VPCMPEQD(tap, here, here)
				VANDPS(grads, here, here)
				VADDPS(here, s, s)
			case mask == nil:
				same := K()
				VPMOVZXBD(taps, here)
				VPCMPEQD(tap, here, same)
				VADDPS(grads, s, same, s)
			default:
				same := K()
				bytes := XMM()
				VMOVDQU8_Z(taps, mask, bytes)
				VPMOVZXBD(bytes, here)
				VPCMPEQD(tap, here, mask, same)
				VADDPS(grads, s, same, s)
			}
		}
		ADDQ(step, p)
		VPSUBD(beside, tap, tap)
		DECQ(cols)
		JNZ(operand.LabelRef(col))
		ADDQ(line, at0)
		VPSUBD(below, rowTap, rowTap)
		DECQ(rows)
		JNZ(operand.LabelRef(row))
		addThere(sums, dx, offset, mask)
		return sums
	})
	ADDQ(arg("ldx"), dx)
	MOVQ(arg("ldy"), line)
	ADDQ(line, dy)
	SHRQ(operand.Imm(2), line)
	ADDQ(line, idx)
	MOVQ(arg("line"), line)
	DECQ(arg("pixels"))
	JNZ(operand.LabelRef(pixel))
	VZEROUPPER()
	RET()
}
