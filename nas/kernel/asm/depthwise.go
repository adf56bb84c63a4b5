package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// depthwiseFamily is the depthwise convolutions with k x k taps, a vector of 8
// channels at a time. Where the channels or the columns are not a multiple of
// what one step computes, the last step goes back and computes some again.
func depthwiseFamily() {
	for _, k := range []int{3, 5, 7} {
		for _, stride := range []int{1, 2} {
			depthwise{k: k, stride: stride}.forward()
			depthwise{k: k, stride: stride}.weight()
		}
		depthwise{k: k, stride: 2}.gather()
	}
}

type depthwise struct{ k, stride int }

// channels writes the loop over vectors of channels: body gets the byte offset
// of the vector, which ends at c-8.
func channels(c reg.GPVirtual, body func(offset reg.GPVirtual)) {
	offset, last := GP64(), GP64()
	XORQ(offset, offset)
	LEAQ(operand.Mem{Base: c, Disp: -vector}, last)
	loop, end := label("channels"), label("done")
	Label(loop)
	body(offset)
	CMPQ(offset, last)
	JE(operand.LabelRef(end))
	ADDQ(operand.Imm(uint64(vector)), offset)
	CMPQ(offset, last)
	CMOVQGT(last, offset)
	JMP(operand.LabelRef(loop))
	Label(end)
}

// tiles writes, for each width of a tile, the loop over tiles of n columns:
// the widest that fits is used, and its last tile ends at n. body gets the
// first column of the tile.
func tiles(n operand.Op, widths []int, body func(width int, first reg.GPVirtual)) {
	end := label("row")
	for i, width := range widths {
		next := label("narrow")
		last := GP64()
		MOVQ(n, last)
		if i < len(widths)-1 {
			CMPQ(last, operand.Imm(uint64(width)))
			JL(operand.LabelRef(next))
		}
		SUBQ(operand.Imm(uint64(width)), last)
		first, loop := GP64(), label("tile")
		XORQ(first, first)
		Label(loop)
		body(width, first)
		CMPQ(first, last)
		JE(operand.LabelRef(end))
		ADDQ(operand.Imm(uint64(width)), first)
		CMPQ(first, last)
		CMOVQGT(last, first)
		JMP(operand.LabelRef(loop))
		Label(next)
	}
	Label(end)
}

// columns loads consecutive columns and adds each to the sums it belongs to:
// taps(i) gives, for column i, pairs of a sum and a filter value.
func columns(s *stepper, count int, taps func(i int) [][2]reg.VecVirtual) {
	for i := range count {
		uses := taps(i)
		if len(uses) == 0 {
			continue
		}
		m := s.column(i)
		if len(uses) == 1 {
			VFMADD231PS(m, uses[0][1], uses[0][0])
			continue
		}
		x := vec()
		VMOVUPS(m, x)
		for _, u := range uses {
			VFMADD231PS(x, u[1], u[0])
		}
	}
}

// forward writes dwForwardGeneric for dilation 1.
func (d depthwise) forward() {
	name := fmt.Sprintf("dwForward%ds%d", d.k, d.stride)
	function(name, "func(y, x, w, mask *float32, rows, ow, c, line, tap, maskLine int)",
		fmt.Sprintf("computes rows of ow pixels of c bytes (at least %d). Rows of x are line bytes apart, filter rows tap,", vector),
		"rows of mask, if there is one, maskLine:", "",
		fmt.Sprintf("\tfor r < rows, ox < ow, j: y[r,ox,j] = Σ_ky<%d,kx<%d x[r*line + ky*tap + (%d*ox+kx)*c + j] * w[ky,kx,j]", d.k, d.k, d.stride),
		"\t\twhere mask[r*maskLine + ox*c + j] > 0, else 0", "")
	c, y, x, mask := load("c"), load("y"), load("x"), load("mask")
	row := label("row")
	if d.k == 3 {
		tap := load("tap")
		Label(row)
		channels(c, func(offset reg.GPVirtual) { d.walk(c, tap, y, x, mask, offset) })
	} else {
		c3 := tripled(c)
		Label(row)
		channels(c, func(offset reg.GPVirtual) {
			tiles(arg("ow"), []int{8, 4, 1}, func(width int, first reg.GPVirtual) { d.tile(width, first, c, c3, y, x, mask, offset) })
		})
	}
	size := GP64()
	MOVQ(arg("ow"), size)
	IMULQ(c, size)
	ADDQ(size, y)
	ADDQ(arg("line"), x)
	ADDQ(arg("maskLine"), mask)
	DECQ(arg("rows"))
	JNZ(operand.LabelRef(row))
	VZEROUPPER()
	RET()
}

// walk writes a row of one vector of channels, column by column, with the whole
// filter in registers. A column counts for the pixels whose windows it is in, of
// which as many sums are held.
func (d depthwise) walk(c, tap, y, x, mask, offset reg.GPVirtual) {
	w := GP64()
	MOVQ(arg("w"), w)
	ADDQ(offset, w)
	filter := vectors(d.k * d.k)
	for _, f := range filter {
		VMOVUPS(at(w, 0), f)
		ADDQ(c, w)
	}
	px, py, pm, left := GP64(), GP64(), GP64(), load("ow")
	LEAQ(indexed(x, offset, 1, 0), px)
	LEAQ(indexed(y, offset, 1, 0), py)
	LEAQ(indexed(mask, offset, 1, 0), pm)
	sums := vectors((d.k-1)/d.stride + 1)
	column := func(i int) {
		for ky, from := range []operand.Mem{at(px, 0), indexed(px, tap, 1, 0), indexed(px, tap, 2, 0)} {
			v := vec()
			VMOVUPS(from, v)
			for ox := max(0, (i-d.k+d.stride)/d.stride); ox*d.stride <= i; ox++ {
				kx := i - ox*d.stride
				f, sum := filter[ky*d.k+kx], sums[ox%len(sums)]
				if kx == 0 && ky == 0 {
					VMULPS(f, v, sum)
				} else {
					VFMADD231PS(f, v, sum)
				}
			}
		}
		ADDQ(c, px)
	}
	i := 0
	for ; i < d.k-d.stride; i++ {
		column(i)
	}
	loop, end := label("pixel"), label("end")
	Label(loop)
	for ox := range sums { // the sums take turns
		for range d.stride {
			column(i)
			i++
		}
		sum := sums[ox]
		where(mask, func(none reg.VecVirtual) { maskBy(sum, at(pm, 0), none) })
		VMOVUPS(sum, at(py, 0))
		ADDQ(c, py)
		ADDQ(c, pm)
		DECQ(left)
		JZ(operand.LabelRef(end))
	}
	JMP(operand.LabelRef(loop))
	Label(end)
}

// where writes what is done if there is a mask, with a vector of zeros.
func where(mask reg.GPVirtual, do func(none reg.VecVirtual)) {
	without := label("all")
	TESTQ(mask, mask)
	JZ(operand.LabelRef(without))
	none := vec()
	zero(none)
	do(none)
	Label(without)
}

func maskBy(sum reg.VecVirtual, mask operand.Mem, none reg.VecVirtual) {
	m := vec()
	VMOVUPS(mask, m)
	keepPositive(sum, m, none)
}

// tile writes width pixels of one vector of channels, filter row by filter row.
func (d depthwise) tile(width int, first, c, c3, y, x, mask, offset reg.GPVirtual) {
	sums := vectors(width)
	zero(sums...)
	px, w, ky := GP64(), GP64(), GP64()
	MOVQ(first, px)
	IMULQ(c, px)
	if d.stride == 2 {
		SHLQ(operand.Imm(1), px)
	}
	ADDQ(x, px)
	ADDQ(offset, px)
	MOVQ(arg("w"), w)
	ADDQ(offset, w)
	MOVQ(operand.U32(d.k), ky)
	loop := label("ky")
	Label(loop)
	filter := d.filterRow(w, c, c3)
	s := &stepper{p: GP64(), step: c, step3: c3}
	MOVQ(px, s.p)
	columns(s, (width-1)*d.stride+d.k, func(i int) (uses [][2]reg.VecVirtual) {
		for t := range width {
			if kx := i - t*d.stride; kx >= 0 && kx < d.k {
				uses = append(uses, [2]reg.VecVirtual{sums[t], filter[kx]})
			}
		}
		return uses
	})
	ADDQ(arg("tap"), px)
	DECQ(ky)
	JNZ(operand.LabelRef(loop))
	from := GP64() // bytes from the beginning of a row
	MOVQ(first, from)
	IMULQ(c, from)
	ADDQ(offset, from)
	where(mask, func(none reg.VecVirtual) {
		p := &stepper{p: GP64(), step: c, step3: c3}
		LEAQ(indexed(mask, from, 1, 0), p.p)
		for t := range width {
			maskBy(sums[t], p.column(t), none)
		}
	})
	ADDQ(y, from)
	out := &stepper{p: from, step: c, step3: c3}
	for t := range width {
		VMOVUPS(sums[t], out.column(t))
	}
}

// filterRow loads the k values of a row of the filter and moves w to the next.
func (d depthwise) filterRow(w, c, c3 reg.GPVirtual) []reg.VecVirtual {
	filter := vectors(d.k)
	s := &stepper{p: w, step: c, step3: c3}
	for kx := range filter {
		VMOVUPS(s.column(kx), filter[kx])
	}
	switch d.k - s.base { // columns from the moved pointer to the next row
	case 3:
		ADDQ(c3, w)
	case 1:
		ADDQ(c, w)
	default:
		panic("depthwise: taps")
	}
	return filter
}

// gather writes dwGatherGeneric.
func (d depthwise) gather() {
	name := fmt.Sprintf("dwGather%d", d.k)
	lead := (d.k - 1) / 2
	TEXT(name, NOSPLIT, "func(dx, dy, w *float32, row, count, pairs, c int)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s computes a row of the gradient by the input at stride 2, pairs of columns of c bytes (at least %d), from", name, vector),
		fmt.Sprintf("count rows of gradients, row bytes apart and each after %d columns of zeros, upwards from dy:", lead), "",
		fmt.Sprintf("\tfor b < pairs, e < 2, j: dx[2*b+e,j] = Σ_t<count, kx<%d, kx≡e dy[-t*row + (%d+b-kx/2)*c + j] * w[2*t,kx,j]", d.k, lead), "")
	c := load("c")
	c3 := tripled(c)
	channels(c, func(offset reg.GPVirtual) {
		tiles(arg("pairs"), []int{4, 1}, func(pairs int, first reg.GPVirtual) {
			width := 2 * pairs
			sums := vectors(width)
			zero(sums...)
			dy, w, t := GP64(), GP64(), GP64()
			MOVQ(first, dy)
			IMULQ(c, dy)
			ADDQ(arg("dy"), dy)
			ADDQ(offset, dy)
			MOVQ(arg("w"), w)
			ADDQ(offset, w)
			MOVQ(arg("count"), t)
			loop := label("row")
			Label(loop)
			filter := d.filterRow(w, c, c3)
			s := &stepper{p: GP64(), step: c, step3: c3}
			MOVQ(dy, s.p)
			columns(s, pairs+lead, func(i int) (uses [][2]reg.VecVirtual) {
				for o := range width {
					if kx := o + 2*(lead-i); kx >= 0 && kx < d.k {
						uses = append(uses, [2]reg.VecVirtual{sums[o], filter[kx]})
					}
				}
				return uses
			})
			SUBQ(arg("row"), dy)
			for range (d.k - 1) / 2 { // over the filter row of the other parity
				LEAQ(indexed(w, c, 2, 0), w)
			}
			ADDQ(c, w)
			DECQ(t)
			JNZ(operand.LabelRef(loop))
			out := &stepper{p: GP64(), step: c, step3: c3}
			MOVQ(first, out.p)
			IMULQ(c, out.p)
			SHLQ(operand.Imm(1), out.p)
			ADDQ(arg("dx"), out.p)
			ADDQ(offset, out.p)
			for o := range width {
				VMOVUPS(sums[o], out.column(o))
			}
		})
	})
	VZEROUPPER()
	RET()
}

// weight writes dwWeightGeneric for dilation 1. Its sums are those of one to
// three rows of the filter, over all pixels.
func (d depthwise) weight() {
	name := fmt.Sprintf("dwWeight%ds%d", d.k, d.stride)
	TEXT(name, NOSPLIT, "func(dw, x, dy *float32, rows, ow, c, line, tap int, mask *int32)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s adds the gradient by the filter over rows of ow pixels of c bytes (at least %d). Rows of x are line bytes", name, vector),
		"apart, filter rows tap bytes. mask is that of the lanes of the last vector of channels that are not in the one before:", "",
		fmt.Sprintf("\tfor ky < %d, kx < %d, j: dw[ky,kx,j] += Σ_r<rows,ox<ow x[r*line + ky*tap + (%d*ox+kx)*c + j] * dy[r,ox,j]", d.k, d.k, d.stride), "")
	c := load("c")
	c3 := tripled(c)
	group := map[int]int{3: 3, 5: 2, 7: 1}[d.k]
	channels(c, func(offset reg.GPVirtual) {
		ky, dw := GP64(), load("dw")
		ADDQ(offset, dw)
		XORQ(ky, ky)
		top := label("group")
		last := d.k % group // rows in the last group, if it is smaller
		whole := d.k - last
		Label(top)
		d.weightGroup(group, offset, ky, dw, c, c3)
		if whole > group {
			CMPQ(ky, operand.Imm(uint64(whole)))
			JNE(operand.LabelRef(top))
		}
		if last > 0 {
			d.weightGroup(last, offset, ky, dw, c, c3)
		}
	})
	VZEROUPPER()
	RET()
}

// weightGroup adds the gradients of some filter rows from ky on, and moves ky
// and dw past them.
func (d depthwise) weightGroup(group int, offset, ky, dw, c, c3 reg.GPVirtual) {
	const unroll = 4
	sums := make([][]reg.VecVirtual, group)
	for g := range sums {
		sums[g] = vectors(d.k)
		zero(sums[g]...)
	}
	x, dy, rows := GP64(), load("dy"), load("rows")
	MOVQ(arg("tap"), x)
	IMULQ(ky, x)
	ADDQ(arg("x"), x)
	ADDQ(offset, x)
	ADDQ(offset, dy)
	row := label("row")
	Label(row)
	px, left := GP64(), load("ow")
	MOVQ(x, px)
	// dy moves on through all rows, px through one.
	step := func(pixels int) {
		gs := vectors(pixels)
		for t := range gs {
			s := &stepper{p: dy, step: c, step3: c3}
			VMOVUPS(s.column(t), gs[t])
		}
		if pixels == 4 {
			LEAQ(indexed(dy, c, 4, 0), dy)
		} else {
			ADDQ(c, dy)
		}
		from := GP64()
		MOVQ(px, from)
		for g := range group {
			s := &stepper{p: GP64(), step: c, step3: c3}
			MOVQ(from, s.p)
			columns(s, (pixels-1)*d.stride+d.k, func(i int) (uses [][2]reg.VecVirtual) {
				for t := range pixels {
					if kx := i - t*d.stride; kx >= 0 && kx < d.k {
						uses = append(uses, [2]reg.VecVirtual{sums[g][kx], gs[t]})
					}
				}
				return uses
			})
			if g < group-1 {
				ADDQ(arg("tap"), from)
			}
		}
		for range pixels * d.stride / min(4, pixels*d.stride) {
			LEAQ(indexed(px, c, uint8(min(4, pixels*d.stride)), 0), px)
		}
	}
	single, one, end := label("single"), label("one"), label("end")
	SUBQ(operand.Imm(unroll), left)
	JL(operand.LabelRef(single))
	four := label("four")
	Label(four)
	step(unroll)
	SUBQ(operand.Imm(unroll), left)
	JGE(operand.LabelRef(four))
	Label(single)
	ADDQ(operand.Imm(unroll), left)
	JZ(operand.LabelRef(end))
	Label(one)
	step(1)
	DECQ(left)
	JNZ(operand.LabelRef(one))
	Label(end)
	ADDQ(arg("line"), x)
	DECQ(rows)
	JNZ(operand.LabelRef(row))

	// The last vector of channels counts only the lanes of the mask.
	whole, done, lastVec := label("whole"), label("added"), GP64()
	LEAQ(operand.Mem{Base: c, Disp: -vector}, lastVec)
	CMPQ(offset, lastVec)
	JNE(operand.LabelRef(whole))
	m, mask := load("mask"), vec()
	VMOVUPS(at(m, 0), mask)
	add := func(masked bool) {
		p := GP64()
		MOVQ(dw, p)
		for g := range group {
			for kx := range d.k {
				if masked {
					VANDPS(mask, sums[g][kx], sums[g][kx])
				}
				VADDPS(at(p, 0), sums[g][kx], sums[g][kx])
				VMOVUPS(sums[g][kx], at(p, 0))
				ADDQ(c, p)
			}
		}
	}
	add(true)
	JMP(operand.LabelRef(done))
	Label(whole)
	add(false)
	Label(done)
	step2 := GP64()
	IMUL3Q(operand.I8(group*d.k), c, step2)
	ADDQ(step2, dw)
	ADDQ(operand.Imm(uint64(group)), ky)
}
