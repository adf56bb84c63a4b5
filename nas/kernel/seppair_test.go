package kernel_test

import (
	"testing"

	"nasnet/nas/kernel"
)

// A pair is its two units, one after the other: same products, sums in another
// order.
func TestASeparablePairEqualsItsUnits(t *testing.T) {
	onEach(t, func(t *testing.T) {
		for i, u := range sepUnits() {
			for _, f := range []int{u.Filters, 7} {
				u.Relu = i%3 > 0
				k := []int{3, 5, 7}[i%3]
				v := kernel.SepUnit{Conv: kernel.Same(u.N, u.OH, u.OW, u.Filters, u.Filters, k, k, 1, 1, 1), Filters: f}
				v.Relu = i%4 > 0
				p := kernel.SepPair{First: u, Second: v}
				at := name(u.N, "x", u.H, "x", u.W, "x", u.Cin, " k", u.KH, "x", u.KW, " s", u.StrideH, u.StrideW, " -> ", u.Filters, " k", k, " -> ", f, " ")
				mem := newMemory(uint64(i))
				weights := func(u kernel.SepUnit, make func(n int) []float32) kernel.SepWeights {
					return kernel.SepWeights{Depth: make(u.KH * u.KW * u.Cin), Point: make(u.Cin * u.Filters), Gamma: make(u.Filters), Beta: make(u.Filters)}
				}
				saved := func(u kernel.SepUnit) kernel.SepSaved {
					return kernel.SepSaved{Z: mem.raw(u.N * u.OH * u.OW * u.Filters), D: mem.raw(u.Saved()), Mean: mem.raw(u.Filters), Invstd: mem.raw(u.Filters)}
				}
				x, w1, w2 := mem.normal(u.N*u.H*u.W*u.Cin), weights(u, mem.normal), weights(v, mem.normal)
				mid, n := u.N*u.OH*u.OW*u.Filters, v.N*v.OH*v.OW*f
				dy, scratch, ours := mem.normal(n), mem.raw(max(u.Scratch(), v.Scratch())), mem.raw(p.Scratch())

				a1, a2, y1, wantY := saved(u), saved(v), mem.raw(mid), mem.raw(n)
				kernel.SepUnitForward(y1, a1.Z, a1.D, a1.Mean, a1.Invstd, x, w1.Depth, w1.Point, w1.Gamma, w1.Beta, u, eps, scratch)
				kernel.SepUnitForward(wantY, a2.Z, a2.D, a2.Mean, a2.Invstd, y1, w2.Depth, w2.Point, w2.Gamma, w2.Beta, v, eps, scratch)
				s1, s2, y := saved(u), saved(v), mem.raw(n)
				kernel.SepPairForward(y, x, w1, w2, s1, s2, p, eps, ours)
				mem.check(t)
				equal(t, at+"z1", s1.Z, a1.Z)
				equal(t, at+"mean1", s1.Mean, a1.Mean)
				equal(t, at+"d1", s1.D, a1.D)
				near(t, at+"z2", s2.Z, wide(a2.Z), 1e-6)
				near(t, at+"y", y, wide(wantY), 1e-6)

				kernel.SepUnitForward(y1, a1.Z, a1.D, a1.Mean, a1.Invstd, x, w1.Depth, w1.Point, w1.Gamma, w1.Beta, u, eps, scratch)
				e1, e2, dy1, wantDx := weights(u, mem.raw), weights(v, mem.raw), mem.raw(mid), mem.raw(len(x))
				kernel.SepUnitBackward(dy1, e2.Depth, e2.Point, e2.Gamma, e2.Beta, dy, y1, s2.Z, s2.D, w2.Depth, w2.Point, w2.Gamma, s2.Mean, s2.Invstd, v, scratch)
				kernel.SepUnitBackward(wantDx, e1.Depth, e1.Point, e1.Gamma, e1.Beta, dy1, x, s1.Z, s1.D, w1.Depth, w1.Point, w1.Gamma, s1.Mean, s1.Invstd, u, scratch)
				d1, d2, dx := weights(u, mem.raw), weights(v, mem.raw), mem.raw(len(x))
				kernel.SepPairBackward(dx, d1, d2, dy, x, w1, w2, s1, s2, p, ours, false)
				mem.check(t)
				near(t, at+"dx", dx, wide(wantDx), 1e-5)
				for j, c := range [][2]kernel.SepWeights{{d1, e1}, {d2, e2}} {
					unit := at + name("unit ", j+1, " ")
					near(t, unit+"depth", c[0].Depth, wide(c[1].Depth), 1e-5)
					near(t, unit+"point", c[0].Point, wide(c[1].Point), 1e-5)
					near(t, unit+"gamma", c[0].Gamma, wide(c[1].Gamma), 1e-5)
					near(t, unit+"beta", c[0].Beta, wide(c[1].Beta), 1e-5)
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

func TestASeparablePairAllocatesNothingAndRefusesWrongLengths(t *testing.T) {
	u := kernel.SepUnit{Conv: kernel.Same(3, 9, 9, 8, 8, 3, 3, 2, 2, 1), Filters: 8}
	v := kernel.SepUnit{Conv: kernel.Same(3, 5, 5, 8, 8, 5, 5, 1, 1, 1), Filters: 8}
	u.Relu, v.Relu = true, true
	p, n := kernel.SepPair{First: u, Second: v}, 3*5*5*8
	f := func(n int) []float32 { return make([]float32, n) }
	x, dx, y, dy, scratch := f(3*9*9*8), f(3*9*9*8), f(n), f(n), f(p.Scratch())
	w1, w2 := kernel.SepWeights{Depth: f(72), Point: f(64), Gamma: f(8), Beta: f(8)}, kernel.SepWeights{Depth: f(200), Point: f(64), Gamma: f(8), Beta: f(8)}
	d1, d2 := w1, w2
	s1, s2 := kernel.SepSaved{Z: f(n), Mean: f(8), Invstd: f(8)}, kernel.SepSaved{Z: f(n), D: f(v.Saved()), Mean: f(8), Invstd: f(8)}
	all := func() {
		kernel.SepPairForward(y, x, w1, w2, s1, s2, p, eps, scratch)
		kernel.SepPairBackward(dx, d1, d2, dy, x, w1, w2, s1, s2, p, scratch, false)
		kernel.SepPairBackward(dx, d1, d2, dy, x, w1, w2, s1, s2, p, scratch, true)
	}
	if a := testing.AllocsPerRun(3, all); a != 0 {
		t.Errorf("%v allocations", a)
	}
	for what, s := range map[string]*[]float32{
		"input": &x, "its gradient": &dx, "output": &y, "gradient of it": &dy, "scratch": &scratch, "weights": &w1.Point, "gradient of beta": &d2.Beta,
		"saved values": &s1.Z, "saved convolution": &s2.D, "mean": &s2.Mean,
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

// The sizes are those of NASNet-A with 16 filters, and of 8 at the end.
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
			return kernel.SepWeights{Depth: mem.normal(s.k * s.k * c), Point: mem.normal(c * c), Gamma: mem.filled(c, 1), Beta: mem.normal(c)}
		}
		saved := func(u kernel.SepUnit) kernel.SepSaved {
			return kernel.SepSaved{Z: mem.raw(n), D: mem.raw(u.Saved()), Mean: mem.raw(c), Invstd: mem.raw(c)}
		}
		x, dx, y, dy, w1, w2, d1, d2, s1, s2 := mem.normal(nx), mem.raw(nx), mem.raw(n), mem.normal(n), weights(), weights(), weights(), weights(), saved(u), saved(v)
		scratch := mem.raw(p.Scratch())
		macs := 2 * n * (s.k*s.k + c)
		at := name(s.h, "x", s.h, "x", c, ",", s.k, "/", s.stride)
		measure(b, at+"/fwd", "GMAC/s", macs, func() { kernel.SepPairForward(y, x, w1, w2, s1, s2, p, eps, scratch) })
		measure(b, at+"/bwd", "GMAC/s", 2*macs, func() { kernel.SepPairBackward(dx, d1, d2, dy, x, w1, w2, s1, s2, p, scratch, false) })
	}
}
