package kernel_test

import (
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"unsafe"

	"nasnet/nas/kernel"
)

// A fence hands out buffers that end where a page without access begins, or
// begin where one ends: a kernel that touches one float too many crashes.
type fence struct {
	t   *testing.T
	rng *rand.Rand
	end bool
}

func (f *fence) floats(n int) []float32 {
	page := syscall.Getpagesize()
	size := (4*n + page - 1) / page * page
	mem, err := syscall.Mmap(-1, 0, size+2*page, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = syscall.Munmap(mem) })
	for _, p := range [][]byte{mem[:page], mem[page+size:]} {
		if err := syscall.Mprotect(p, syscall.PROT_NONE); err != nil {
			f.t.Fatal(err)
		}
	}
	at := page
	if f.end {
		at = page + size - 4*n
	}
	s := unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(mem[at:]))), n)
	for i := range s {
		s[i] = float32(f.rng.NormFloat64())
	}
	return s[:n:n]
}

func TestNoKernelTouchesMemoryBesideItsBuffers(t *testing.T) {
	onEach(t, func(t *testing.T) {
		for _, end := range []bool{false, true} {
			f := &fence{t, rand.New(rand.NewPCG(1, 2)), end}
			conv := func(c kernel.Conv, depthwise bool) {
				weights := c.KH * c.KW * c.Cin
				forward, data, weight := kernel.DepthwiseForward, kernel.DepthwiseBackwardData,
					kernel.DepthwiseBackwardWeight
				if !depthwise {
					weights *= c.Cout
					forward, data, weight = kernel.ConvForward, kernel.ConvBackwardData, kernel.ConvBackwardWeight
				}
				for _, c.Relu = range []bool{false, true} {
					x, dx := f.floats(c.N*c.H*c.W*c.Cin), f.floats(c.N*c.H*c.W*c.Cin)
					y, w, dw := f.floats(c.N*c.OH*c.OW*c.Cout), f.floats(weights), f.floats(weights)
					scratch := f.floats(c.Scratch())
					forward(y, x, w, c, scratch)
					data(dx, y, w, x, c, scratch)
					weight(dw, x, y, c, scratch)
				}
			}
			for _, ch := range [][2]int{{1, 1}, {3, 5}, {8, 9}, {20, 44}, {9, 31}, {16, 64}} {
				conv(kernel.Same(1, 5, 6, ch[0], ch[1], 1, 1, 1, 1, 1), false)
				conv(kernel.Same(1, 5, 6, ch[0], ch[1], 3, 3, 1, 1, 1), false)
				conv(kernel.Same(1, 5, 7, ch[0], ch[1], 3, 3, 2, 2, 1), false)
				conv(kernel.Valid(1, 6, 6, ch[0], ch[1], 3, 3, 1, 1, 2), false)
				conv(shifted(1, 6, 5, ch[0], ch[1]), false)
				for _, k := range []int{3, 5, 7} {
					conv(kernel.Same(1, 4, 9, ch[1], ch[1], k, k, 1, 1, 1), true)
					conv(kernel.Same(1, 5, 9, ch[1], ch[1], k, k, 2, 2, 1), true)
					conv(kernel.Valid(1, 8, 9, ch[1], ch[1], k, k, 1, 1, 1), true)
				}
			}
			for _, n := range []int{1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 70} {
				y, a, b, v := f.floats(n), f.floats(n), f.floats(n), f.floats(n)
				kernel.Relu(y, a)
				kernel.ReluBackward(y, a, b)
				kernel.Add(y, a, b)
				kernel.Scale(y, 2)
				kernel.SGDStep(y, a, b, 0.1, 0.9, 0.1, true)
				kernel.SGDStep(y, a, b, 0.1, 0.9, 0.1, false)
				kernel.RMSPropStep(y, a, b, v, 0.1, 0.9, 0.9, 1, 0)
			}
			for _, s := range bnSizes {
				m, c := s[0], s[1]
				x, y, dy, scratch := f.floats(m*c), f.floats(m*c), f.floats(m*c), f.floats(kernel.BNScratch(c))
				g, b, mean, inv, dg, db := f.floats(c), f.floats(c), f.floats(c), f.floats(c), f.floats(c), f.floats(c)
				kernel.BNTrainForward(y, x, g, b, mean, inv, m, c, eps, scratch)
				kernel.BNBackward(y, dg, db, dy, x, g, mean, inv, m, c, scratch)
				kernel.BNInferForward(y, x, g, b, mean, inv, m, c, eps)
			}
			for _, c := range []int{1, 8, 9, 20} {
				for _, k := range []int{3, 5} {
					for _, stride := range []int{1, 2} {
						p := kernel.SamePool(1, 6, 7, c, k, stride)
						x, y, s := f.floats(p.H*p.W*c), f.floats(p.OH*p.OW*c), f.floats(p.Scratch())
						taps := f.floats((len(y) + 3) / 4) // as bytes
						idx := unsafe.Slice((*uint8)(unsafe.Pointer(unsafe.SliceData(taps))), 4*len(taps))
						if end {
							idx = idx[4*len(taps)-len(y):]
						}
						kernel.AvgPoolForward(y, x, p, s)
						kernel.AvgPoolBackward(x, y, p, s, false)
						kernel.MaxPoolForward(y, idx[:len(y)], x, p)
						kernel.MaxPoolBackward(x, y, idx[:len(y)], p, false)
					}
				}
			}
			for _, w := range [][]int{{3, 8, 9}, {8}, {17, 1}} {
				var parts [][]float32
				total := 0
				for _, n := range w {
					parts, total = append(parts, f.floats(5*n)), total+n
				}
				y := f.floats(5 * total)
				kernel.ConcatForward(y, parts, w, 5)
				kernel.ConcatBackward(parts[0], y, total-w[0], w[0], total, 5)
			}
			for _, u := range []kernel.PointUnit{
				{N: 1, H: 5, W: 3, Channels: []int{3, 8, 17}, Filters: []int{9}, Stride: 1, Relu: true},
				{N: 1, H: 5, W: 7, Channels: []int{8, 9}, Filters: []int{3, 8}, Stride: 2, Relu: true},
				{N: 2, H: 4, W: 5, Channels: []int{16, 32, 1}, Filters: []int{8}, Stride: 1},
			} {
				floats := func(per int, widths []int) (s [][]float32, sum int) {
					for _, n := range widths {
						s, sum = append(s, f.floats(per*n)), sum+n
					}
					return s, sum
				}
				pixels := u.N * u.H * u.W
				parts, c := floats(pixels, u.Channels)
				dx, _ := floats(pixels, u.Channels)
				w, out := floats(c, u.Filters)
				dw, _ := floats(c, u.Filters)
				h, width := u.Out()
				m := u.N * h * width * out
				weights := kernel.PointWeights{Paths: w, Gamma: f.floats(out), Beta: f.floats(out)}
				saved, scratch := kernel.PointSaved{Z: f.floats(m), Mean: f.floats(out), Invstd: f.floats(out)},
					f.floats(u.Scratch())
				y := f.floats(m)
				kernel.PointUnitForward(y, parts, weights, saved, u, eps, scratch)
				for _, add := range []bool{false, true} {
					d := kernel.PointWeights{Paths: dw, Gamma: f.floats(out), Beta: f.floats(out)}
					kernel.PointUnitBackward(dx, slices.Repeat([]bool{add}, len(dx)), d, y, parts, weights,
						saved, u, scratch)
				}
				kernel.PointUnitInfer(y, parts, weights, saved.Mean, weights.Gamma, u, eps, scratch)
			}
			for _, s := range [][3]int{{1, 1, 1}, {7, 9, 5}, {13, 44, 8}, {64, 10, 24}} {
				n, out, in := s[0], s[1], s[2]
				x, w, y := f.floats(n*in), f.floats(in*out), f.floats(n*out)
				kernel.Linear(y, x, w, f.floats(out), n, in, out)
				kernel.LinearBackward(f.floats(n*in), f.floats(in*out), f.floats(out), y, x, w, n, in, out)
			}
		}
	})
}
