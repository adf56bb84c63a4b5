package main

import (
	"fmt"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// depthwiseFamily writes the depthwise convolutions with k x k taps, one vector
// of channels at a time. If the columns are not a multiple of what one step
// computes, the last step goes back and computes some of them again; without
// mask registers, so it does for the channels.
func depthwiseFamily() {
	for _, k := range []int{3, 5, 7} {
		for _, stride := range []int{1, 2} {
			depthwise{k: k, stride: stride}.forward()
			depthwise{k: k, stride: stride}.weight()
		}
		depthwise{k: k, stride: 2}.gather()
		if wide {
			depthwise{k: k, stride: 2, pairs: true}.forward()
			depthwise{k: k, stride: 2, pairs: true}.weight()
		}
	}
}

// depthwise is one size of filter. With pairs it is for 8 channels at stride 1,
// and a vector has two neighbouring pixels: the loops see one pixel of 16
// channels, at stride 2 among columns of 8. Both halves have the filter.
type depthwise struct {
	k, stride int
	pairs     bool
}

func (d depthwise) name(stem string) string {
	if d.pairs {
		return fmt.Sprintf("%s%dpairs", stem, d.k)
	}
	return fmt.Sprintf("%s%ds%d", stem, d.k, d.stride)
}

// vectorsOf writes body for each vector of channels; pairs have only one.
func (d depthwise) vectorsOf(c reg.GPVirtual, body func(offset reg.GPVirtual, part reg.Register)) {
	if !d.pairs {
		channels(c, body)
		return
	}
	offset := GP64()
	XORQ(offset, offset)
	body(offset, nil)
}

// pixels is the number of bytes of a column of x and of the filter, and of y.
func (d depthwise) pixels() (c, cy reg.GPVirtual) {
	if !d.pairs {
		c = load("c")
		return c, c
	}
	c, cy = GP64(), GP64()
	MOVQ(operand.U32(vector/2), c)
	MOVQ(operand.U32(vector), cy)
	return c, cy
}

// count is the argument with the number of vectors in a row.
func (d depthwise) count() string {
	if d.pairs {
		return "pairs"
	}
	return "ow"
}

// filterValue loads a value of the filter.
func (d depthwise) filterValue(from operand.Mem, part reg.Register, to reg.VecVirtual) {
	if d.pairs {
		VBROADCASTF32X8(from, to)
	} else {
		get(from, part, to)
	}
}

// channels writes the loop over vectors of the c bytes of channels: body gets
// the byte offset of the vector and its mask, nil for all lanes. The last vector
// is masked, or ends at c where there are no mask registers.
func channels(c reg.GPVirtual, body func(offset reg.GPVirtual, mask reg.Register)) {
	offset, last := GP64(), GP64()
	loop, end := label("channels"), label("done")
	XORQ(offset, offset)
	LEAQ(operand.Mem{Base: c, Disp: -vector}, last)
	if !wide {
		Label(loop)
		body(offset, nil)
		CMPQ(offset, last)
		JE(operand.LabelRef(end))
		ADDQ(imm(vector), offset)
		CMPQ(offset, last)
		CMOVQGT(last, offset)
		JMP(operand.LabelRef(loop))
		Label(end)
		return
	}
	tail, left := label("tail"), GP64()
	Label(loop)
	CMPQ(offset, last)
	JG(operand.LabelRef(tail))
	body(offset, nil)
	ADDQ(imm(vector), offset)
	JMP(operand.LabelRef(loop))
	Label(tail)
	MOVQ(c, left)
	SUBQ(offset, left)
	JZ(operand.LabelRef(end))
	SHRQ(operand.Imm(2), left)
	body(offset, firstLanes(left))
	Label(end)
}

// atLeast is what a comment adds about the bytes that a loop over channels needs.
func atLeast() string {
	if wide {
		return ""
	}
	return fmt.Sprintf(" (at least %d)", vector)
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

// columns loads consecutive columns, the lanes of the mask if it is not nil, and
// adds each to the sums it belongs to: taps(i) gives, for column i, pairs of a
// sum and a filter value.
func columns(s *stepper, count int, mask reg.Register, taps func(i int) [][2]reg.VecVirtual) {
	for i := range count {
		uses := taps(i)
		if len(uses) == 0 {
			continue
		}
		m := s.column(i)
		if len(uses) == 1 {
			if sum, f := uses[0][0], uses[0][1]; mask == nil {
				VFMADD231PS(m, f, sum)
			} else {
				VFMADD231PS(m, f, mask, sum)
			}
			continue
		}
		x := vec()
		get(m, mask, x)
		for _, u := range uses {
			VFMADD231PS(x, u[1], u[0])
		}
	}
}

// forward writes dwForwardGeneric for dilation 1.
func (d depthwise) forward() {
	name, signature := d.name("dwForward"), "func(y, x, w, mask *float32, rows, ow, c, line, tap, maskLine int)"
	if d.pairs {
		function(name, strings.Replace(signature, "ow, c,", "pairs, next,", 1),
			"computes rows of pairs of pixels of 8 channels, next bytes apart in y. Rows of x are line bytes apart, "+
				"filter rows tap bytes, rows of the mask, if there is one, maskLine bytes:",
			fmt.Sprintf("for r < rows, ox < 2*pairs, j < 8: y[r*next + 8*ox + j] = Σ_ky<%d,kx<%d x[r*line + ky*tap "+
				"+ 8*(ox+kx) + j] * w[ky,kx,j]", d.k, d.k),
			"\twhere mask[r*maskLine + 8*ox + j] > 0, else 0")
	} else {
		d.describeForward(name, signature)
	}
	c, cy := d.pixels()
	y, x, mask := load("y"), load("x"), load("mask")
	row := label("row")
	if d.k == 3 {
		tap := load("tap")
		Label(row)
		d.vectorsOf(c, func(offset reg.GPVirtual, part reg.Register) { d.walk(c, cy, tap, y, x, mask, offset, part) })
	} else {
		c3, cy3 := tripled(c), reg.GPVirtual(nil)
		if cy3 = c3; d.pairs {
			cy3 = tripled(cy)
		}
		widths := []int{8, 4, 1}
		if wide {
			widths = []int{16, 8, 4, 1}
		}
		count := arg(d.count())
		Label(row)
		d.vectorsOf(c, func(offset reg.GPVirtual, part reg.Register) {
			tiles(count, widths, func(width int, first reg.GPVirtual) {
				d.tile(width, first, c, c3, cy, cy3, y, x, mask, offset, part)
			})
		})
	}
	if d.pairs {
		ADDQ(arg("next"), y)
	} else {
		size := GP64()
		MOVQ(arg("ow"), size)
		IMULQ(c, size)
		ADDQ(size, y)
	}
	ADDQ(arg("line"), x)
	ADDQ(arg("maskLine"), mask)
	DECQ(arg("rows"))
	JNZ(operand.LabelRef(row))
	VZEROUPPER()
	RET()
}

func (d depthwise) describeForward(name, signature string) {
	function(name, signature,
		fmt.Sprintf("computes rows of ow pixels of c bytes%s. Rows of x are line bytes apart, filter rows tap bytes, "+
			"rows of the mask, if there is one, maskLine bytes:", atLeast()),
		fmt.Sprintf("for r < rows, ox < ow, j: y[r,ox,j] = Σ_ky<%d,kx<%d x[r*line + ky*tap + (%d*ox+kx)*c + j] * "+
			"w[ky,kx,j]", d.k, d.k, d.stride),
		"\twhere mask[r*maskLine + ox*c + j] > 0, else 0")
}

// walk writes a row of one vector of channels (only those in part, if it is not
// nil), column by column, with the whole filter in registers. It keeps a sum for
// each pixel whose window includes the column.
func (d depthwise) walk(c, cy, tap, y, x, mask, offset reg.GPVirtual, part reg.Register) {
	w := GP64()
	MOVQ(arg("w"), w)
	ADDQ(offset, w)
	filter := vectors(d.k * d.k)
	for _, f := range filter {
		d.filterValue(at(w, 0), part, f)
		ADDQ(c, w)
	}
	px, py, pm, left := GP64(), GP64(), GP64(), load(d.count())
	LEAQ(indexed(x, offset, 1, 0), px)
	LEAQ(indexed(y, offset, 1, 0), py)
	LEAQ(indexed(mask, offset, 1, 0), pm)
	sums := vectors((d.k-1)/d.stride + 1)
	column := func(i int) {
		for ky, from := range []operand.Mem{at(px, 0), indexed(px, tap, 1, 0), indexed(px, tap, 2, 0)} {
			v := vec()
			get(from, part, v)
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
		where(mask, func(none reg.VecVirtual) { maskBy(sum, at(pm, 0), part, none) })
		put(sum, part, at(py, 0))
		ADDQ(cy, py)
		ADDQ(cy, pm)
		DECQ(left)
		JZ(operand.LabelRef(end))
	}
	JMP(operand.LabelRef(loop))
	Label(end)
}

// where writes do, with a vector of zeros, to run only if there is a mask.
func where(mask reg.GPVirtual, do func(none reg.VecVirtual)) {
	without := label("all")
	TESTQ(mask, mask)
	JZ(operand.LabelRef(without))
	none := vec()
	zero(none)
	do(none)
	Label(without)
}

// maskBy zeroes the lanes of a sum where the mask in memory is not positive.
func maskBy(sum reg.VecVirtual, mask operand.Mem, part reg.Register, none reg.VecVirtual) {
	m := vec()
	get(mask, part, m)
	keepPositive(sum, m, none)
}

// tile writes width pixels of one vector of channels, filter row by filter row.
func (d depthwise) tile(width int, first, c, c3, cy, cy3, y, x, mask, offset reg.GPVirtual, part reg.Register) {
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
	filter := d.filterRow(w, c, c3, part)
	s := &stepper{p: GP64(), step: c, step3: c3}
	MOVQ(px, s.p)
	columns(s, (width-1)*d.stride+d.k, part, func(i int) (uses [][2]reg.VecVirtual) {
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
	IMULQ(cy, from)
	ADDQ(offset, from)
	where(mask, func(none reg.VecVirtual) {
		p := &stepper{p: GP64(), step: cy, step3: cy3}
		LEAQ(indexed(mask, from, 1, 0), p.p)
		for t := range width {
			maskBy(sums[t], p.column(t), part, none)
		}
	})
	ADDQ(y, from)
	out := &stepper{p: from, step: cy, step3: cy3}
	for t := range width {
		put(sums[t], part, out.column(t))
	}
}

// filterRow loads the k values of a row of the filter and moves w to the next.
func (d depthwise) filterRow(w, c, c3 reg.GPVirtual, mask reg.Register) []reg.VecVirtual {
	filter := vectors(d.k)
	s := &stepper{p: w, step: c, step3: c3}
	for kx := range filter {
		d.filterValue(s.column(kx), mask, filter[kx])
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
	lead := (d.k - 1) / 2
	function(fmt.Sprintf("dwGather%d", d.k), "func(dx, dy, w *float32, row, count, pairs, c int)",
		fmt.Sprintf("computes a row of the gradient by the input at stride 2, pairs of columns of c bytes%s, from "+
			"count rows of gradients. These are row bytes apart, upwards from dy, each after %d columns of zeros:",
			atLeast(), lead),
		fmt.Sprintf("for b < pairs, e < 2, j: dx[2*b+e,j] = Σ_t<count, kx<%d, kx≡e dy[-t*row + (%d+b-kx/2)*c + j] "+
			"* w[2*t,kx,j]", d.k, lead))
	c := load("c")
	c3 := tripled(c)
	widths := []int{4, 1}
	if wide {
		widths = []int{8, 4, 1}
	}
	channels(c, func(offset reg.GPVirtual, mask reg.Register) {
		tiles(arg("pairs"), widths, func(pairs int, first reg.GPVirtual) {
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
			filter := d.filterRow(w, c, c3, mask)
			s := &stepper{p: GP64(), step: c, step3: c3}
			MOVQ(dy, s.p)
			columns(s, pairs+lead, mask, func(i int) (uses [][2]reg.VecVirtual) {
				for o := range width {
					if kx := o + 2*(lead-i); kx >= 0 && kx < d.k {
						uses = append(uses, [2]reg.VecVirtual{sums[o], filter[kx]})
					}
				}
				return uses
			})
			SUBQ(arg("row"), dy)
			for range (d.k - 1) / 2 { // past the filter row of the other parity
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
				put(sums[o], mask, out.column(o))
			}
		})
	})
	VZEROUPPER()
	RET()
}

// weight writes dwWeightGeneric for dilation 1. It sums one to three rows of the
// filter at once, over all pixels.
func (d depthwise) weight() {
	maskArg, maskIs := ", mask *int32", ". The mask has the lanes of the last vector of channels that the one before "+
		"lacks"
	if wide {
		maskArg, maskIs = "", ""
	}
	if d.pairs {
		function(d.name("dwWeight"), "func(dw, x, dy *float32, rows, ow, line, tap int)",
			"adds the gradient by the filter over rows of ow pixels of 8 channels. Rows of x are line bytes apart, "+
				"filter rows tap bytes:",
			fmt.Sprintf("for ky < %d, kx < %d, j < 8: dw[ky,kx,j] += Σ_r<rows,ox<ow x[r*line + ky*tap + 8*(ox+kx) "+
				"+ j] * dy[r,ox,j]", d.k, d.k))
	} else {
		function(d.name("dwWeight"), "func(dw, x, dy *float32, rows, ow, c, line, tap int"+maskArg+")",
			fmt.Sprintf("adds the gradient by the filter over rows of ow pixels of c bytes%s. Rows of x are line "+
				"bytes apart, filter rows tap bytes%s:", atLeast(), maskIs),
			fmt.Sprintf("for ky < %d, kx < %d, j: dw[ky,kx,j] += Σ_r<rows,ox<ow x[r*line + ky*tap + (%d*ox+kx)*c + "+
				"j] * dy[r,ox,j]", d.k, d.k, d.stride))
	}
	c, _ := d.pixels()
	c3 := tripled(c)
	group := map[int]int{3: 3, 5: 2, 7: 1}[d.k]
	if wide {
		group = map[int]int{3: 3, 5: 5, 7: 3}[d.k]
	}
	d.vectorsOf(c, func(offset reg.GPVirtual, mask reg.Register) {
		ky, dw := GP64(), load("dw")
		ADDQ(offset, dw)
		XORQ(ky, ky)
		top := label("group")
		last := d.k % group // rows in the last group, if it is smaller
		whole := d.k - last
		Label(top)
		d.weightGroup(group, offset, ky, dw, c, c3, mask)
		if whole > group {
			CMPQ(ky, operand.Imm(uint64(whole)))
			JNE(operand.LabelRef(top))
		}
		if last > 0 {
			d.weightGroup(last, offset, ky, dw, c, c3, mask)
		}
	})
	VZEROUPPER()
	RET()
}

// weightGroup adds the gradients of some filter rows from ky on, and moves ky
// and dw past them.
func (d depthwise) weightGroup(group int, offset, ky, dw, c, c3 reg.GPVirtual, part reg.Register) {
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
	// dy moves through all rows, px through one.
	columnsOf := 1 // of dy in a vector
	if d.pairs {
		columnsOf = 2
	}
	step := func(pixels int, part reg.Register) {
		gs := vectors(pixels)
		for t := range gs {
			from := at(dy, 0)
			switch t {
			case 1, 2:
				from = indexed(dy, c, uint8(t*columnsOf), 0)
			case 3:
				from = indexed(dy, c3, uint8(columnsOf), 0)
			}
			get(from, part, gs[t])
		}
		switch {
		case pixels == 4:
			LEAQ(indexed(dy, c, uint8(4*columnsOf), 0), dy)
		case d.pairs && part == nil:
			LEAQ(indexed(dy, c, 2, 0), dy)
		default:
			ADDQ(c, dy)
		}
		from := GP64()
		MOVQ(px, from)
		for g := range group {
			s := &stepper{p: GP64(), step: c, step3: c3}
			MOVQ(from, s.p)
			columns(s, (pixels-1)*d.stride+d.k, part, func(i int) (uses [][2]reg.VecVirtual) {
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
	block := operand.Imm(uint64(unroll * columnsOf))
	SUBQ(block, left)
	JL(operand.LabelRef(single))
	four := label("four")
	Label(four)
	step(unroll, part)
	SUBQ(block, left)
	JGE(operand.LabelRef(four))
	Label(single)
	ADDQ(block, left)
	JZ(operand.LabelRef(end))
	if d.pairs {
		odd := label("odd")
		Label(one)
		SUBQ(operand.Imm(2), left)
		JL(operand.LabelRef(odd))
		step(1, nil)
		JMP(operand.LabelRef(one))
		Label(odd)
		ADDQ(operand.Imm(2), left)
		JZ(operand.LabelRef(end))
		half := GP64() // of a pair
		MOVQ(operand.U32(lanes/2), half)
		step(1, firstLanes(half))
	} else {
		Label(one)
		step(1, part)
		DECQ(left)
		JNZ(operand.LabelRef(one))
	}
	Label(end)
	ADDQ(arg("line"), x)
	DECQ(rows)
	JNZ(operand.LabelRef(row))

	// add adds the sums to dw, after body has changed them.
	add := func(body func(sum reg.VecVirtual)) {
		p := GP64()
		MOVQ(dw, p)
		for g := range group {
			for kx := range d.k {
				sum := sums[g][kx]
				body(sum)
				if d.pairs { // the two pixels
					upper := YMM()
					VEXTRACTF32X8(operand.Imm(1), sum, upper)
					VADDPS(upper, sum.AsY(), upper)
					VADDPS(at(p, 0), upper, upper)
					VMOVUPS(upper, at(p, 0))
					ADDQ(c, p)
					continue
				}
				if part == nil {
					VADDPS(at(p, 0), sum, sum)
				} else {
					VADDPS_Z(at(p, 0), sum, part, sum)
				}
				put(sum, part, at(p, 0))
				ADDQ(c, p)
			}
		}
	}
	keep := func(reg.VecVirtual) {}
	if wide {
		add(keep)
	} else {
		// Of the last vector of channels only the lanes of the mask count.
		whole, done, lastVec := label("whole"), label("added"), GP64()
		LEAQ(operand.Mem{Base: c, Disp: -vector}, lastVec)
		CMPQ(offset, lastVec)
		JNE(operand.LabelRef(whole))
		m, mask := load("mask"), vec()
		VMOVUPS(at(m, 0), mask)
		add(func(sum reg.VecVirtual) { VANDPS(mask, sum, sum) })
		JMP(operand.LabelRef(done))
		Label(whole)
		add(keep)
		Label(done)
	}
	step2 := GP64()
	IMUL3Q(operand.I8(group*d.k), c, step2)
	ADDQ(step2, dw)
	ADDQ(operand.Imm(uint64(group)), ky)
}
