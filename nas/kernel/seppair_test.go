package kernel_test

import (
	"testing"

	"nasnet/nas/kernel"
)

// A pair equals its six operations run one after another, except for the order
// of sums over pixels and the last bits of y1.
func TestASeparablePairEqualsItsParts(t *testing.T) {
	onEach(t, func(t *testing.T) {
		for i, u := range sepUnits() {
			for _, f := range []int{u.Filters, 7} {
				u.Relu = i%3 > 0
				k := []int{3, 5, 7}[i%3]
				v := kernel.SepUnit{Conv: kernel.Same(u.N, u.OH, u.OW, u.Filters, u.Filters, k, k, 1, 1, 1), Filters: f}
				v.Relu = i%4 > 0
				p := kernel.SepPair{First: u, Second: v}
				at := name(u.N, "x", u.H, "x", u.W, "x", u.Cin, " k", u.KH, "x", u.KW, " s", u.StrideH, u.StrideW,
					" -> ", u.Filters, " k", k, " -> ", f, " ")
				mem := newMemory(uint64(i))
				saved := func(u kernel.SepUnit) kernel.SepSaved {
					return kernel.SepSaved{Z: mem.raw(u.N * u.OH * u.OW * u.Filters), D: mem.raw(u.Saved()),
						Mean: mem.raw(u.Filters), Invstd: mem.raw(u.Filters)}
				}
				x, w1, w2 := mem.normal(u.N*u.H*u.W*u.Cin), sepWeights(u, mem.normal), sepWeights(v, mem.normal)
				n := v.N * v.OH * v.OW * f
				dy, ours := mem.normal(n), mem.raw(p.Scratch())

				a1 := partsForward(mem, u, x, w1)
				a2 := partsForward(mem, v, a1.y, w2)
				s1, s2, y := saved(u), saved(v), mem.raw(n)
				kernel.SepPairForward(y, x, w1, w2, s1, s2, p, eps, ours)
				mem.check(t)
				near(t, at+"z1", s1.Z, wide(a1.z), 1e-6)
				near(t, at+"mean1", s1.Mean, wide(a1.mean), 1e-5) // z1 is larger than its mean
				near(t, at+"invstd1", s1.Invstd, wide(a1.invstd), 1e-5)
				near(t, at+"d1", s1.D, wide(a1.d)[:len(s1.D)], 1e-6)
				near(t, at+"z2", s2.Z, wide(a2.z), 1e-5)
				near(t, at+"d2", s2.D, wide(a2.d)[:len(s2.D)], 1e-5)
				near(t, at+"y", y, wide(a2.y), 2e-5)

				// Run backward from the same saved values.
				kernel.BNTrainForward(a1.y, s1.Z, w1.Gamma, w1.Beta, a1.mean, a1.invstd, len(s1.Z)/u.Filters,
					u.Filters, eps, ours)
				a1.z, a1.mean, a1.invstd = s1.Z, s1.Mean, s1.Invstd
				a2 = partsForward(mem, v, a1.y, w2)
				a2.z, a2.mean, a2.invstd = s2.Z, s2.Mean, s2.Invstd
				dy1, e2 := partsBackward(mem, v, dy, a1.y, w2, a2)
				wantDx, e1 := partsBackward(mem, u, dy1, x, w1, a1)
				d1, d2, dx := sepWeights(u, mem.raw), sepWeights(v, mem.raw), mem.raw(len(x))
				kernel.SepPairBackward(dx, d1, d2, dy, x, w1, w2, s1, s2, p, ours, false)
				mem.check(t)
				near(t, at+"dx", dx, wide(wantDx), 1e-5)
				for j, c := range [][2]kernel.SepWeights{{d1, e1}, {d2, e2}} {
					unit := at + name("unit ", j+1, " ")
					near(t, unit+"depth", c[0].Depth, wide(c[1].Depth), 3e-5)
					near(t, unit+"point", c[0].Point, wide(c[1].Point), 3e-5)
					near(t, unit+"gamma", c[0].Gamma, wide(c[1].Gamma), 3e-5)
					near(t, unit+"beta", c[0].Beta, wide(c[1].Beta), 3e-5)
				}
				sum, wantSum := mem.normal(len(x)), make([]float64, len(x))
				for j, v := range sum {
					wantSum[j] = float64(v) + float64(dx[j])
				}
				first := append([]float32(nil), d1.Depth...)
				kernel.SepPairBackward(sum, d1, d2, dy, x, w1, w2, s1, s2, p, ours, true)
				mem.check(t)
				near(t, at+"dx added to what was there", sum, wantSum, 1e-6)
				equal(t, at+"depth of the first unit beside it", d1.Depth, first)
				if len(dx) == len(dy) {
					kernel.SepPairBackward(dy, d1, d2, dy, x, w1, w2, s1, s2, p, ours, false)
					mem.check(t)
					equal(t, at+"dx in place of dy", dy, dx)
				}
			}
		}
	})
}

func TestASeparablePairByMovingStatisticsEqualsItsParts(t *testing.T) {
	onEach(t, func(t *testing.T) {
		for i, u := range sepUnits() {
			for _, u.Relu = range []bool{false, true} {
				v := kernel.SepUnit{Conv: kernel.Same(u.N, u.OH, u.OW, u.Filters, u.Filters, 3, 3, 1, 1, 1), Filters: 7}
				p := kernel.SepPair{First: u, Second: v}
				at := name(u.N, "x", u.H, "x", u.W, "x", u.Cin, " k", u.KH, "x", u.KW, " s", u.StrideH, u.StrideW,
					" -> ", u.Filters, " relu ", u.Relu, " ")
				mem := newMemory(uint64(i))
				x, w1, w2 := mem.normal(u.N*u.H*u.W*u.Cin), sepWeights(u, mem.normal), sepWeights(v, mem.normal)
				moving := func(u kernel.SepUnit) kernel.SepMoving {
					return kernel.SepMoving{Mean: mem.normal(u.Filters), Variance: mem.filled(u.Filters, 1.5)}
				}
				m1, m2 := moving(u), moving(v)
				part := func(u kernel.SepUnit, x []float32, w kernel.SepWeights, m kernel.SepMoving) []float32 {
					z := partsForward(mem, u, x, w).z
					y := mem.raw(len(z))
					kernel.BNInferForward(y, z, w.Gamma, w.Beta, m.Mean, m.Variance, len(z)/u.Filters, u.Filters, eps)
					return y
				}
				want := part(v, part(u, x, w1, m1), w2, m2)
				y := mem.raw(len(want))
				kernel.SepPairInfer(y, x, w1, w2, m1, m2, p, eps, mem.raw(p.Scratch()))
				mem.check(t)
				near(t, at+"y", y, wide(want), 2e-6)
			}
		}
	})
}

func TestASeparablePairAllocatesNothingAndRefusesWrongLengths(t *testing.T) {
	u := kernel.SepUnit{Conv: kernel.Same(3, 9, 9, 8, 8, 3, 3, 2, 2, 1), Filters: 8}
	v := kernel.SepUnit{Conv: kernel.Same(3, 5, 5, 8, 8, 5, 5, 1, 1, 1), Filters: 8}
	u.Relu, v.Relu = true, true
	p, n := kernel.SepPair{First: u, Second: v}, 3*5*5*8
	f := func(n int) []float32 { return make([]float32, n) }
	x, dx, y, dy, scratch := f(3*9*9*8), f(3*9*9*8), f(n), f(n), f(p.Scratch())
	w1, w2 := kernel.SepWeights{Depth: f(72), Point: f(64), Gamma: f(8), Beta: f(8)},
		kernel.SepWeights{Depth: f(200), Point: f(64), Gamma: f(8), Beta: f(8)}
	d1, d2 := w1, w2
	s1, s2 := kernel.SepSaved{Z: f(n), Mean: f(8), Invstd: f(8)},
		kernel.SepSaved{Z: f(n), D: f(v.Saved()), Mean: f(8), Invstd: f(8)}
	m1, m2 := kernel.SepMoving{Mean: f(8), Variance: f(8)}, kernel.SepMoving{Mean: f(8), Variance: f(8)}
	all := func() {
		kernel.SepPairInfer(y, x, w1, w2, m1, m2, p, eps, scratch)
		kernel.SepPairForward(y, x, w1, w2, s1, s2, p, eps, scratch)
		kernel.SepPairBackward(dx, d1, d2, dy, x, w1, w2, s1, s2, p, scratch, false)
		kernel.SepPairBackward(dx, d1, d2, dy, x, w1, w2, s1, s2, p, scratch, true)
	}
	if a := testing.AllocsPerRun(3, all); a != 0 {
		t.Errorf("%v allocations", a)
	}
	for what, s := range map[string]*[]float32{
		"input": &x, "its gradient": &dx, "output": &y, "gradient of it": &dy, "scratch": &scratch,
		"weights": &w1.Point, "gradient of beta": &d2.Beta,
		"saved values": &s1.Z, "saved convolution": &s2.D, "mean": &s2.Mean, "moving mean": &m1.Mean,
	} {
		func() {
			keep := *s
			defer func() {
				*s = keep
				if recover() == nil {
					t.Errorf("wrong %s: no panic", what)
				}
			}()
			*s = keep[1:]
			all()
		}()
	}
}

// The sizes are those of NASNet-A with 16 filters, and with 8 at the end.
func BenchmarkSepPair(b *testing.B) {
	for _, s := range []struct{ h, c, k, stride int }{
		{32, 16, 3, 1}, {32, 16, 5, 1}, {16, 32, 3, 1}, {16, 32, 5, 1}, {8, 64, 3, 1}, {8, 64, 5, 1},
		{32, 32, 5, 2}, {32, 32, 7, 2}, {32, 8, 3, 1}, {32, 8, 5, 1},
	} {
		u := kernel.SepUnit{Conv: kernel.Same(64, s.h, s.h, s.c, s.c, s.k, s.k, s.stride, s.stride, 1), Filters: s.c}
		v := kernel.SepUnit{Conv: kernel.Same(64, u.OH, u.OW, s.c, s.c, s.k, s.k, 1, 1, 1), Filters: s.c}
		u.Relu, v.Relu = true, true
		p := kernel.SepPair{First: u, Second: v}
		mem := newMemory(1)
		c, nx, n := s.c, u.N*s.h*s.h*s.c, v.N*v.OH*v.OW*s.c
		weights := func() kernel.SepWeights {
			return kernel.SepWeights{Depth: mem.normal(s.k * s.k * c), Point: mem.normal(c * c),
				Gamma: mem.filled(c, 1), Beta: mem.normal(c)}
		}
		saved := func(u kernel.SepUnit) kernel.SepSaved {
			return kernel.SepSaved{Z: mem.raw(n), D: mem.raw(u.Saved()), Mean: mem.raw(c), Invstd: mem.raw(c)}
		}
		x, dx, y, dy, w1, w2, d1, d2, s1, s2 := mem.normal(nx), mem.raw(nx), mem.raw(n), mem.normal(n), weights(),
			weights(), weights(), weights(), saved(u), saved(v)
		scratch := mem.raw(p.Scratch())
		macs := 2 * n * (s.k*s.k + c)
		at := name(s.h, "x", s.h, "x", c, ",", s.k, "/", s.stride)
		measure(b, at+"/fwd", "GMAC/s", macs, func() { kernel.SepPairForward(y, x, w1, w2, s1, s2, p, eps, scratch) })
		measure(b, at+"/bwd", "GMAC/s", 2*macs, func() {
			kernel.SepPairBackward(dx, d1, d2, dy, x, w1, w2, s1, s2, p, scratch, false)
		})
	}
}
