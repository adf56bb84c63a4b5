package kernel

import "fmt"

// Pool describes a 2-D pool over windows of K x K pixels. Padding is never
// counted: an average divides by the number of pixels inside the image, a
// maximum ignores the rest.
type Pool struct {
	N, H, W, C      int // input (N, H, W, C)
	OH, OW          int // output (N, OH, OW, C)
	K, Stride       int
	PadTop, PadLeft int
}

// SamePool describes a pool with TensorFlow's SAME padding.
func SamePool(n, h, w, c, k, stride int) Pool {
	oh, top := samePad(h, k, stride, 1)
	ow, left := samePad(w, k, stride, 1)
	return Pool{N: n, H: h, W: w, C: c, OH: oh, OW: ow, K: k, Stride: stride, PadTop: top, PadLeft: left}
}

// ValidPool describes a pool without padding.
func ValidPool(n, h, w, c, k, stride int) Pool {
	return Pool{N: n, H: h, W: w, C: c, OH: (h-k)/stride + 1, OW: (w-k)/stride + 1, K: k, Stride: stride}
}

// Scratch is the number of floats of scratch that the average pool needs.
func (p Pool) Scratch() int {
	rows, wide := p.sumRows()
	return rows*wide + p.OW*p.C
}

// poolBlock is the number of floats of sums that the average pool makes at
// once: they stay in the first cache.
const poolBlock = 4 << 10

// sumRows returns how many rows of column sums the average pool makes at once
// and the floats of each, including [Pool.lead] before the first.
func (p Pool) sumRows() (rows, wide int) {
	forward := max((p.OW-1)*p.Stride+p.K, p.PadLeft+p.W)
	backward := p.lead() + max(p.OW, (p.W-1+p.PadLeft)/p.Stride+1)
	wide = max(forward, backward) * p.C
	return max(1, min(poolBlock/wide, max(p.H, p.OH))), wide
}

// lead is the number of imaginary windows before the first that would include a
// column of the input.
func (p Pool) lead() int { return (p.K - 1) / p.Stride }

// check accepts nil as the scratch of a call that needs none.
func (p Pool) check(op string, x, y int, scratch []float32) {
	if p.N < 0 || p.H < 1 || p.W < 1 || p.C < 1 || p.OH < 1 || p.OW < 1 || p.K < 1 || p.K > 15 || p.Stride < 1 ||
		p.PadTop < 0 || p.PadTop >= p.K || p.PadLeft < 0 || p.PadLeft >= p.K ||
		(p.OH-1)*p.Stride-p.PadTop >= p.H || (p.OW-1)*p.Stride-p.PadLeft >= p.W {
		panic(fmt.Sprintf("kernel: %s: bad descriptor %+v", op, p))
	}
	if x != p.N*p.H*p.W*p.C || y != p.N*p.OH*p.OW*p.C {
		panic(fmt.Sprintf("kernel: %s: lengths %d and %d do not fit %+v", op, x, y, p))
	}
	if s := p.Scratch(); scratch != nil && len(scratch) < s {
		panic(fmt.Sprintf("kernel: %s: scratch %d < %d for %+v", op, len(scratch), s, p))
	}
}

// window returns the part of [o*stride-pad, +k) inside [0, size).
func window(o, stride, pad, k, size int) (lo, hi int) {
	lo = o*stride - pad
	return max(lo, 0), min(lo+k, size)
}

// poolSums is one call of isa.poolSum: for pixels of width floats that are ldy
// apart in y, ldx in x and ldby in the factors by, sums of taps that are step
// apart.
type poolSums struct{ pixels, width, ldy, ldx, ldby, taps, step int }

// covering returns the windows, first to last, that contain position i of an
// axis; first is greater than last if none does.
func covering(i, stride, pad, k, outputs int) (first, last int) {
	return max(0, (i+pad-k+stride)/stride), min(outputs-1, (i+pad)/stride)
}

// AvgPoolForward computes the mean of each window's pixels inside the image.
// x is (N, H, W, C), y is (N, OH, OW, C).
//
//	x ── sums down the rows of a window ──▶ rows with zeros on both sides ── sums across ──▶ y
func AvgPoolForward(y, x []float32, p Pool, scratch []float32) {
	p.check("AvgPoolForward", len(x), len(y), scratch)
	row, outRow := p.W*p.C, p.OW*p.C
	block, wide := p.sumRows()
	sums, factors := scratch[:block*wide], scratch[block*wide:][:outRow]
	clear(sums)
	p.columnFactors(factors)
	for n := range p.N {
		image := x[n*p.H*row:][:p.H*row]
		for o := 0; o < p.OH; o += block {
			rows := min(block, p.OH-o)
			for r := 0; r < rows; {
				lo, hi := window(o+r, p.Stride, p.PadTop, p.K, p.H)
				same := 1
				if hi-lo == p.K { // whole windows
					same = min((p.H-p.K-lo)/p.Stride+1, rows-r)
				}
				isa.poolSum(sums[r*wide+p.PadLeft*p.C:], image[lo*row:], nil,
					poolSums{pixels: same, width: row, ldy: wide, ldx: p.Stride * row, taps: hi - lo, step: row},
					1/float32(hi-lo), false)
				r += same
			}
			out := y[(n*p.OH+o)*outRow:][:rows*outRow]
			if p.Stride == 1 {
				isa.poolSum(out, sums, factors, poolSums{pixels: rows, width: outRow, ldy: outRow, ldx: wide, taps: p.K,
					step: p.C}, 1, false)
				continue
			}
			for r := range rows {
				isa.poolSum(out[r*outRow:], sums[r*wide:], factors,
					poolSums{pixels: p.OW, width: p.C, ldy: p.C, ldx: p.Stride * p.C, ldby: p.C, taps: p.K, step: p.C},
					1, false)
			}
		}
	}
}

// columnFactors writes, for each value of a row of windows, 1 / (columns of its
// window inside the image).
func (p Pool) columnFactors(f []float32) {
	for ox := range p.OW {
		lo, hi := window(ox, p.Stride, p.PadLeft, p.K, p.W)
		for j := range p.C {
			f[ox*p.C+j] = 1 / float32(hi-lo)
		}
	}
}

// AvgPoolBackward computes the gradient by the input of [AvgPoolForward]. dx is
// overwritten, or added to when acc is set.
//
//	dy ── shares summed down the windows of a row ──▶ rows with zeros on both sides ── sums across ──▶ dx
func AvgPoolBackward(dx, dy []float32, p Pool, scratch []float32, acc bool) {
	p.check("AvgPoolBackward", len(dx), len(dy), scratch)
	row, outRow := p.W*p.C, p.OW*p.C
	block, wide := p.sumRows()
	sums, factors := scratch[:block*wide], scratch[block*wide:][:outRow]
	clear(sums)
	p.columnFactors(factors)
	for n := range p.N {
		grads := dy[n*p.OH*outRow:][:p.OH*outRow]
		for i := 0; i < p.H; i += block {
			rows := min(block, p.H-i)
			for r := 0; r < rows; {
				r += p.shares(sums[r*wide+p.lead()*p.C:], grads, factors, i+r, rows-r, wide)
			}
			p.across(dx[(n*p.H+i)*row:][:rows*row], sums, rows, wide, acc)
		}
	}
}

// shares writes, for row iy of the input, what each column of windows gives to
// a pixel: the sum of the shares of its windows. If the rows below have as many
// windows, all complete, it continues with them, up to rows in all. It returns
// how many rows it wrote.
func (p Pool) shares(sums, dy, factors []float32, iy, rows, wide int) int {
	outRow := p.OW * p.C
	first, last := covering(iy, p.Stride, p.PadTop, p.K, p.OH)
	if first > last {
		clear(sums[:outRow])
		return 1
	}
	for from := first; from <= last; {
		lo, hi := window(from, p.Stride, p.PadTop, p.K, p.H)
		to := from + 1
		for ; to <= last; to++ {
			if l, h := window(to, p.Stride, p.PadTop, p.K, p.H); h-l != hi-lo {
				break
			}
		}
		same := 1
		// the same for each row down to the first whose last window is
		// incomplete
		if p.Stride == 1 && to-from == p.K && hi-lo == p.K {
			same = min(p.H-p.K+p.PadTop+1-last, p.OH-last, rows)
		}
		isa.poolSum(sums, dy[from*outRow:], factors,
			poolSums{pixels: same, width: outRow, ldy: wide, ldx: outRow, taps: to - from, step: outRow},
			1/float32(hi-lo), from > first)
		if same > 1 {
			return same
		}
		from = to
	}
	return 1
}

// across adds, for each pixel in rows of the input, the sums of the columns of
// windows that contain it.
func (p Pool) across(dx, sums []float32, rows, wide int, acc bool) {
	row := p.W * p.C
	if p.Stride == 1 {
		isa.poolSum(dx, sums[p.PadLeft*p.C:], nil,
			poolSums{pixels: rows, width: row, ldy: row, ldx: wide, taps: p.K, step: p.C}, 1, acc)
		return
	}
	// columns that meet the taps phase, phase+Stride, ...
	for phase := range p.Stride {
		// windows up to the last one that contains the first column
		from := (p.PadLeft - phase + p.Stride - 1) / p.Stride
		if phase > p.PadLeft {
			from = 0
		}
		at := from*p.Stride + phase - p.PadLeft
		if at >= p.W {
			continue
		}
		pixels, taps := (p.W-1-at)/p.Stride+1, 0
		if phase < p.K {
			taps = (p.K-1-phase)/p.Stride + 1
		}
		for r := range rows {
			out := dx[r*row+at*p.C:]
			switch {
			case taps > 0:
				isa.poolSum(out, sums[r*wide+(p.lead()+from-taps+1)*p.C:], nil,
					poolSums{pixels: pixels, width: p.C, ldy: p.Stride * p.C, ldx: p.C, taps: taps, step: p.C}, 1, acc)
			case !acc:
				for q := range pixels {
					clear(out[q*p.Stride*p.C:][:p.C])
				}
			}
		}
	}
}

// MaxPoolForward computes the maximum of each window's pixels inside the image
// and, for the gradient, idx = ky*K + kx of the first tap that has it. y and
// idx are (N, OH, OW, C). The result for a window with a NaN is unspecified.
func MaxPoolForward(y []float32, idx []uint8, x []float32, p Pool) {
	p.check("MaxPoolForward", len(x), len(y), nil)
	checkSame("MaxPoolForward", len(y), len(idx))
	in, out := p.H*p.W*p.C, p.OH*p.OW*p.C
	for n := range p.N {
		isa.maxPool(y[n*out:][:out], idx[n*out:][:out], x[n*in:][:in], p)
	}
}

// runs calls f for runs of windows of row oy that have the same columns inside
// the image: pixels windows from the window from on, each with nx columns from
// x0 on, the first of which is column tx of the window.
func (p Pool) runs(f func(from, pixels, x0, nx, tx int)) {
	for from := 0; from < p.OW; {
		x0, x1 := window(from, p.Stride, p.PadLeft, p.K, p.W)
		tx := x0 - (from*p.Stride - p.PadLeft)
		pixels := 1
		if x1-x0 == p.K { // whole windows
			pixels = min((p.W-p.K-x0)/p.Stride+1, p.OW-from)
		}
		f(from, pixels, x0, x1-x0, tx)
		from += pixels
	}
}

// MaxPoolBackward sends each gradient of dy to the input pixel that idx names.
// dx is overwritten, or added to when acc is set.
func MaxPoolBackward(dx, dy []float32, idx []uint8, p Pool, acc bool) {
	p.check("MaxPoolBackward", len(dx), len(dy), nil)
	checkSame("MaxPoolBackward", len(dy), len(idx))
	in, out := p.H*p.W*p.C, p.OH*p.OW*p.C
	for n := range p.N {
		isa.maxPoolGrad(dx[n*in:][:in], dy[n*out:][:out], idx[n*out:][:out], p, acc)
	}
}
