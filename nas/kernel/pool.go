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

// Scratch is the number of floats of scratch that the average pool wants.
func (p Pool) Scratch() int {
	row := p.width() * p.C
	return row + p.OH*p.OW*p.C
}

// width is the columns of a padded row, of the input or, at stride 1, of the
// output.
func (p Pool) width() int { return max((p.OW-1)*p.Stride+p.K, p.W+p.K-1) }

// check takes nil for the scratch of a call that wants none.
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

// window is the part of [o*stride-pad, +k) inside [0, size).
func window(o, stride, pad, k, size int) (lo, hi int) {
	lo = o*stride - pad
	return max(lo, 0), min(lo+k, size)
}

// AvgPoolForward computes the mean of each window's pixels inside the image.
// x is (N, H, W, C), y is (N, OH, OW, C).
func AvgPoolForward(y, x []float32, p Pool, scratch []float32) {
	p.check("AvgPoolForward", len(x), len(y), scratch)
	row := p.W * p.C
	sum := scratch[:p.width()*p.C]
	clear(sum)
	mid := sum[p.PadLeft*p.C:][:row]
	for n := range p.N {
		for oy := range p.OH {
			lo, hi := window(oy, p.Stride, p.PadTop, p.K, p.H)
			sumRows(mid, x[(n*p.H+lo)*row:], hi-lo, row)
			out := y[(n*p.OH+oy)*p.OW*p.C:][:p.OW*p.C]
			if p.Stride == 1 {
				slide(out, sum, p.K, p.C, false)
			} else {
				for ox := range p.OW {
					slide(out[ox*p.C:][:p.C], sum[ox*p.Stride*p.C:], p.K, p.C, false)
				}
			}
			p.divide(out, out, hi-lo)
		}
	}
}

// sumRows writes the sum of count rows of x, ld apart.
func sumRows(sum, x []float32, count, ld int) {
	if count == 1 {
		copy(sum, x)
		return
	}
	isa.add(sum, x, x[ld:])
	for r := 2; r < count; r++ {
		isa.add(sum, sum, x[r*ld:])
	}
}

// slide computes y[i] (+)= Σ_t<k x[i+t*c].
func slide(y, x []float32, k, c int, acc bool) {
	from := 2
	switch {
	case acc:
		from = 0
	case k == 1:
		copy(y, x)
		return
	default:
		isa.add(y, x, x[c:])
	}
	for t := from; t < k; t++ {
		isa.add(y, y, x[t*c:])
	}
}

// divide divides each pixel of an output row by the pixels of its window inside
// the image, of which rows are given.
func (p Pool) divide(y, x []float32, rows int) {
	for from := 0; from < p.OW; {
		lo, hi := window(from, p.Stride, p.PadLeft, p.K, p.W)
		to := from + 1
		for ; to < p.OW; to++ {
			if l, h := window(to, p.Stride, p.PadLeft, p.K, p.W); h-l != hi-lo {
				break
			}
		}
		isa.scale(y[from*p.C:to*p.C], x[from*p.C:to*p.C], 1/float32(rows*(hi-lo)))
		from = to
	}
}

// AvgPoolBackward computes the gradient by the input of [AvgPoolForward]. dx is
// overwritten, or added to when acc is set.
func AvgPoolBackward(dx, dy []float32, p Pool, scratch []float32, acc bool) {
	p.check("AvgPoolBackward", len(dx), len(dy), scratch)
	row, outRow := p.W*p.C, p.OW*p.C
	wide := p.width() * p.C
	sum, shares := scratch[:wide], scratch[wide:][:p.OH*outRow]
	for n := range p.N {
		for oy := range p.OH {
			lo, hi := window(oy, p.Stride, p.PadTop, p.K, p.H)
			p.divide(shares[oy*outRow:][:outRow], dy[(n*p.OH+oy)*outRow:][:outRow], hi-lo)
		}
		for iy := range p.H {
			out := dx[(n*p.H+iy)*row:][:row]
			// The windows that contain row iy.
			first := max(0, (iy+p.PadTop-p.K+p.Stride)/p.Stride)
			last := min(p.OH-1, (iy+p.PadTop)/p.Stride)
			if first > last {
				if !acc {
					clear(out)
				}
				continue
			}
			if p.Stride == 1 {
				// Column ix lies in the windows ix+PadLeft-K+1 ... ix+PadLeft.
				clear(sum)
				lead := p.K - 1 - p.PadLeft
				sumRows(sum[lead*p.C:][:outRow], shares[first*outRow:], last-first+1, outRow)
				slide(out, sum, p.K, p.C, acc)
				continue
			}
			total := sum[:outRow]
			sumRows(total, shares[first*outRow:], last-first+1, outRow)
			if !acc {
				clear(out)
			}
			for ox := range p.OW {
				lo, hi := window(ox, p.Stride, p.PadLeft, p.K, p.W)
				s := total[ox*p.C:][:p.C]
				for ix := lo; ix < hi; ix++ {
					to := out[ix*p.C:][:p.C]
					isa.add(to, to, s)
				}
			}
		}
	}
}

// MaxPoolForward computes the maximum of each window's pixels inside the image
// and, for the gradient, idx = ky*K + kx of the first tap that has it. y and
// idx are (N, OH, OW, C). What a window with a NaN gives is not specified.
func MaxPoolForward(y []float32, idx []uint8, x []float32, p Pool) {
	p.check("MaxPoolForward", len(x), len(y), nil)
	checkSame("MaxPoolForward", len(y), len(idx))
	in, out := p.H*p.W*p.C, p.OH*p.OW*p.C
	for n := range p.N {
		isa.maxPool(y[n*out:][:out], idx[n*out:][:out], x[n*in:][:in], p)
	}
}

// runs calls f for runs of windows of row oy that have the same columns inside
// the image: from the first, pixels of them, with nx columns from x0 on, the
// first of which is column tx of the window.
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
	var tap [256]int // floats from the first tap to each
	for t := range p.K * p.K {
		tap[t] = (t/p.K*p.W + t%p.K) * p.C
	}
	if !acc {
		clear(dx)
	}
	for n := range p.N {
		for oy := range p.OH {
			for ox := range p.OW {
				out := ((n*p.OH+oy)*p.OW + ox) * p.C
				d, at := dy[out:][:p.C], idx[out:][:p.C]
				origin := ((n*p.H+oy*p.Stride-p.PadTop)*p.W + ox*p.Stride - p.PadLeft) * p.C
				for j, v := range d {
					dx[origin+tap[at[j]]+j] += v
				}
			}
		}
	}
}
