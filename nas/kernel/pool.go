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
func (p Pool) Scratch() int { return 0 }

func (p Pool) check(op string, x, y int, scratch []float32) {
	if p.N < 0 || p.H < 1 || p.W < 1 || p.C < 1 || p.OH < 1 || p.OW < 1 || p.K < 1 || p.K > 15 || p.Stride < 1 ||
		p.PadTop < 0 || p.PadTop >= p.K || p.PadLeft < 0 || p.PadLeft >= p.K ||
		(p.OH-1)*p.Stride-p.PadTop >= p.H || (p.OW-1)*p.Stride-p.PadLeft >= p.W {
		panic(fmt.Sprintf("kernel: %s: bad descriptor %+v", op, p))
	}
	if x != p.N*p.H*p.W*p.C || y != p.N*p.OH*p.OW*p.C {
		panic(fmt.Sprintf("kernel: %s: lengths %d and %d do not fit %+v", op, x, y, p))
	}
	if s := p.Scratch(); len(scratch) < s {
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
	clear(y)
	p.windows(func(out, y0, y1, x0, x1, n int) {
		o := y[out:][:p.C]
		for iy := y0; iy < y1; iy++ {
			for ix := x0; ix < x1; ix++ {
				for j, v := range x[((n*p.H+iy)*p.W+ix)*p.C:][:p.C] {
					o[j] += v
				}
			}
		}
		f := 1 / float32((y1-y0)*(x1-x0))
		for j := range o {
			o[j] *= f
		}
	})
}

// AvgPoolBackward computes the gradient by the input of [AvgPoolForward]. dx is
// overwritten.
func AvgPoolBackward(dx, dy []float32, p Pool, scratch []float32) {
	p.check("AvgPoolBackward", len(dx), len(dy), scratch)
	clear(dx)
	p.windows(func(out, y0, y1, x0, x1, n int) {
		d := dy[out:][:p.C]
		f := 1 / float32((y1-y0)*(x1-x0))
		for iy := y0; iy < y1; iy++ {
			for ix := x0; ix < x1; ix++ {
				o := dx[((n*p.H+iy)*p.W+ix)*p.C:][:p.C]
				for j, v := range d {
					o[j] += v * f
				}
			}
		}
	})
}

// MaxPoolForward computes the maximum of each window's pixels inside the image
// and, for the gradient, idx = ky*K + kx of the first tap that has it. y and
// idx are (N, OH, OW, C). A NaN that is not the first pixel of its window is
// passed over.
func MaxPoolForward(y []float32, idx []uint8, x []float32, p Pool) {
	p.check("MaxPoolForward", len(x), len(y), nil)
	checkSame("MaxPoolForward", len(y), len(idx))
	for n := range p.N {
		for oy := range p.OH {
			for ox := range p.OW {
				out := ((n*p.OH+oy)*p.OW + ox) * p.C
				o, at := y[out:][:p.C], idx[out:][:p.C]
				ty, tx := oy*p.Stride-p.PadTop, ox*p.Stride-p.PadLeft
				first := true
				for iy := max(ty, 0); iy < min(ty+p.K, p.H); iy++ {
					for ix := max(tx, 0); ix < min(tx+p.K, p.W); ix++ {
						tap := uint8((iy-ty)*p.K + ix - tx)
						for j, v := range x[((n*p.H+iy)*p.W+ix)*p.C:][:p.C] {
							if first || v > o[j] {
								o[j], at[j] = v, tap
							}
						}
						first = false
					}
				}
			}
		}
	}
}

// MaxPoolBackward sends each gradient of dy to the input pixel that idx names.
// dx is overwritten.
func MaxPoolBackward(dx, dy []float32, idx []uint8, p Pool) {
	p.check("MaxPoolBackward", len(dx), len(dy), nil)
	checkSame("MaxPoolBackward", len(dy), len(idx))
	clear(dx)
	for n := range p.N {
		for oy := range p.OH {
			for ox := range p.OW {
				out := ((n*p.OH+oy)*p.OW + ox) * p.C
				d, at := dy[out:][:p.C], idx[out:][:p.C]
				origin := (n*p.H+oy*p.Stride-p.PadTop)*p.W + ox*p.Stride - p.PadLeft
				for j, v := range d {
					ky, kx := int(at[j])/p.K, int(at[j])%p.K
					dx[(origin+ky*p.W+kx)*p.C+j] += v
				}
			}
		}
	}
}

func (p Pool) windows(f func(out, y0, y1, x0, x1, n int)) {
	for n := range p.N {
		for oy := range p.OH {
			y0, y1 := window(oy, p.Stride, p.PadTop, p.K, p.H)
			for ox := range p.OW {
				x0, x1 := window(ox, p.Stride, p.PadLeft, p.K, p.W)
				f(((n*p.OH+oy)*p.OW+ox)*p.C, y0, y1, x0, x1, n)
			}
		}
	}
}
