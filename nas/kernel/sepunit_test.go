package kernel_test

import (
	"testing"

	"nasnet/nas/kernel"
)

// sepUnits are units of awkward sizes: small images that go in groups, large ones
// in bands, and images too large for a padded copy.
func sepUnits() []kernel.SepUnit {
	var us []kernel.SepUnit
	for _, c := range [][2]int{{1, 1}, {3, 5}, {8, 8}, {20, 3}, {44, 20}, {16, 44}} {
		for _, k := range []int{3, 5, 7} {
			for _, stride := range []int{1, 2} {
				for _, size := range [][2]int{{1, 1}, {5, 4}, {9, 14}} {
					us = append(us, kernel.SepUnit{Conv: kernel.Same(3, size[0], size[1], c[0], c[0], k, k, stride, stride, 1), Filters: c[1]})
				}
			}
		}
	}
	shift := kernel.Same(2, 7, 6, 5, 5, 3, 3, 2, 2, 1)
	shift.PadTop, shift.PadLeft = -1, -1
	return append(us,
		kernel.SepUnit{Conv: kernel.Same(29, 4, 4, 24, 24, 3, 3, 1, 1, 1), Filters: 24},
		kernel.SepUnit{Conv: kernel.Same(2, 33, 40, 20, 20, 5, 5, 1, 1, 1), Filters: 24},
		kernel.SepUnit{Conv: kernel.Same(1, 63, 60, 20, 20, 7, 7, 2, 2, 1), Filters: 8},
		kernel.SepUnit{Conv: kernel.Same(2, 9, 8, 4, 4, 3, 3, 1, 1, 2), Filters: 6},
		kernel.SepUnit{Conv: kernel.Valid(3, 9, 8, 4, 4, 3, 3, 1, 1, 1), Filters: 6},
		kernel.SepUnit{Conv: kernel.Same(3, 6, 5, 4, 4, 1, 1, 2, 2, 1), Filters: 6},
		kernel.SepUnit{Conv: kernel.Same(3, 6, 5, 4, 4, 3, 5, 1, 2, 1), Filters: 6},
		kernel.SepUnit{Conv: shift, Filters: 4},
	)
}

// The unit is the same sums as its parts one after the other, but for the order
// of those over pixels.
func TestASeparableUnitEqualsItsParts(t *testing.T) {
	onEach(t, func(t *testing.T) {
		for i, u := range sepUnits() {
			for _, u.Relu = range []bool{false, true} {
				at := name(u.N, "x", u.H, "x", u.W, "x", u.Cin, " k", u.KH, "x", u.KW, " s", u.StrideH, u.StrideW, " -> ", u.Filters, " relu ", u.Relu, " ")
				mem := newMemory(uint64(i))
				m, c, f := u.N*u.OH*u.OW, u.Cin, u.Filters
				point := kernel.Same(u.N, u.OH, u.OW, c, f, 1, 1, 1, 1, 1)
				x, wd, wp := mem.normal(u.N*u.H*u.W*c), mem.normal(u.KH*u.KW*c), mem.normal(c*f)
				gamma, beta, dy := mem.normal(f), mem.normal(f), mem.normal(m*f)
				scratch, ours := mem.raw(max(u.Conv.Scratch(), point.Scratch(), kernel.BNScratch(f))), mem.raw(u.Scratch())

				d, wantZ, wantY, wantMean, wantInv := mem.raw(m*c), mem.raw(m*f), mem.raw(m*f), mem.raw(f), mem.raw(f)
				kernel.DepthwiseForward(d, x, wd, u.Conv, scratch)
				kernel.ConvForward(wantZ, d, wp, point, scratch)
				kernel.BNTrainForward(wantY, wantZ, gamma, beta, wantMean, wantInv, m, f, eps, scratch)
				y, z, saved, mean, inv := mem.raw(m*f), mem.raw(m*f), mem.raw(u.Saved()), mem.raw(f), mem.raw(f)
				kernel.SepUnitForward(y, z, saved, mean, inv, x, wd, wp, gamma, beta, u, eps, ours)
				mem.check(t)
				near(t, at+"z", z, wide(wantZ), 1e-6)
				near(t, at+"mean", mean, wide(wantMean), 1e-5) // z is larger than its mean
				near(t, at+"invstd", inv, wide(wantInv), 1e-5)
				near(t, at+"y", y, wide(wantY), 1e-5)
				again := mem.raw(m * f)
				kernel.SepUnitForward(again, again, saved, mean, inv, x, wd, wp, gamma, beta, u, eps, ours)
				equal(t, at+"y in place of z", again, y)

				variance := mem.filled(f, 1.5)
				kernel.BNInferForward(wantY, wantZ, gamma, beta, wantMean, variance, m, f, eps)
				kernel.SepUnitInfer(again, x, wd, wp, gamma, beta, wantMean, variance, u, eps, ours)
				mem.check(t)
				near(t, at+"y by moving statistics", again, wide(wantY), 1e-6)

				// Backward from the very same saved values.
				wantDx, wantDwd, wantDwp, dd := mem.raw(len(x)), mem.raw(len(wd)), mem.raw(len(wp)), mem.raw(m*c)
				wantDg, wantDb, dz := mem.raw(f), mem.raw(f), mem.raw(m*f)
				kernel.BNBackward(dz, wantDg, wantDb, dy, z, gamma, mean, inv, m, f, scratch)
				kernel.ConvBackwardWeight(wantDwp, d, dz, point, scratch)
				kernel.ConvBackwardData(dd, dz, wp, nil, point, scratch)
				kernel.DepthwiseBackwardWeight(wantDwd, x, dd, u.Conv, scratch)
				kernel.DepthwiseBackwardData(wantDx, dd, wd, x, u.Conv, scratch)
				dx, dwd, dwp, dg, db := mem.raw(len(x)), mem.raw(len(wd)), mem.raw(len(wp)), mem.raw(f), mem.raw(f)
				back := func(dx, dy []float32) {
					kernel.SepUnitBackward(dx, dwd, dwp, dg, db, dy, x, z, saved, wd, wp, gamma, mean, inv, u, ours)
					mem.check(t)
				}
				back(dx, dy)
				near(t, at+"dx", dx, wide(wantDx), 2e-6)
				near(t, at+"dwd", dwd, wide(wantDwd), 1e-5)
				near(t, at+"dwp", dwp, wide(wantDwp), 1e-5)
				near(t, at+"dgamma", dg, wide(wantDg), 1e-6)
				near(t, at+"dbeta", db, wide(wantDb), 1e-6)
				if len(dx) == len(dy) && c == f {
					first := append([]float32(nil), dwd...)
					back(dy, dy)
					equal(t, at+"dx in place of dy", dy, dx)
					equal(t, at+"dwd in place of dy", dwd, first)
				}
			}
		}
	})
}

func TestASeparableUnitAllocatesNothing(t *testing.T) {
	u := kernel.SepUnit{Conv: kernel.Same(3, 9, 9, 20, 20, 3, 3, 1, 1, 1), Filters: 20}
	u.Relu = true
	mem := newMemory(3)
	n := 3 * 9 * 9 * 20
	x, y, z, dx, w, p, s := mem.normal(n), mem.raw(n), mem.raw(n), mem.raw(n), mem.normal(9*20), mem.normal(400), mem.raw(u.Scratch())
	g, b, mean, inv := mem.normal(20), mem.normal(20), mem.raw(20), mem.raw(20)
	if a := testing.AllocsPerRun(3, func() {
		kernel.SepUnitForward(y, z, nil, mean, inv, x, w, p, g, b, u, eps, s)
		kernel.SepUnitBackward(dx, w, p, g, b, y, x, z, nil, w, p, g, mean, inv, u, s)
		kernel.SepUnitInfer(y, x, w, p, g, b, mean, inv, u, eps, s)
	}); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

func TestASeparableUnitRefusesWrongLengths(t *testing.T) {
	u := kernel.SepUnit{Conv: kernel.Same(1, 4, 4, 3, 3, 3, 3, 1, 1, 1), Filters: 5}
	x, y, w, p, v, s := make([]float32, 48), make([]float32, 80), make([]float32, 27), make([]float32, 15), make([]float32, 5), make([]float32, u.Scratch())
	for what, f := range map[string]func(){
		"input":             func() { kernel.SepUnitInfer(y, x[1:], w, p, v, v, v, v, u, eps, s) },
		"output":            func() { kernel.SepUnitInfer(y[1:], x, w, p, v, v, v, v, u, eps, s) },
		"depthwise weights": func() { kernel.SepUnitInfer(y, x, w[1:], p, v, v, v, v, u, eps, s) },
		"pointwise weights": func() { kernel.SepUnitInfer(y, x, w, p[1:], v, v, v, v, u, eps, s) },
		"scratch":           func() { kernel.SepUnitInfer(y, x, w, p, v, v, v, v, u, eps, s[1:]) },
		"saved values":      func() { kernel.SepUnitForward(y, y[1:], nil, v, v, x, w, p, v, v, u, eps, s) },
		"statistics":        func() { kernel.SepUnitForward(y, y, nil, v, v[1:], x, w, p, v, v, u, eps, s) },
		"saved convolution": func() { kernel.SepUnitForward(y, y, v, v, v, x, w, p, v, v, u, eps, s) },
		"input gradient": func() {
			kernel.SepUnitBackward(x[1:], w, p, v, v, y, x, y, nil, w, p, v, v, v, u, s)
		},
		"gradient of beta": func() {
			kernel.SepUnitBackward(x, w, p, v, v[1:], y, x, y, nil, w, p, v, v, v, u, s)
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("wrong %s: no panic", what)
				}
			}()
			f()
		}()
	}
}

func BenchmarkSepUnit(b *testing.B) {
	for _, s := range []struct{ h, c, k, stride int }{
		{32, 16, 3, 1}, {32, 16, 5, 1}, {32, 8, 5, 1}, {16, 32, 3, 1}, {16, 32, 5, 1}, {16, 32, 7, 2}, {8, 64, 3, 1}, {8, 64, 5, 1}, {8, 32, 5, 1},
	} {
		u := kernel.SepUnit{Conv: kernel.Same(64, s.h, s.h, s.c, s.c, s.k, s.k, s.stride, s.stride, 1), Filters: s.c}
		u.Relu = true
		point := kernel.Same(64, u.OH, u.OW, s.c, s.c, 1, 1, 1, 1, 1)
		mem := newMemory(1)
		m, c := u.N*u.OH*u.OW, s.c
		x, dx, wd, wp, g := mem.normal(u.N*u.H*u.W*c), mem.raw(u.N*u.H*u.W*c), mem.normal(u.KH*u.KW*c), mem.normal(c*c), mem.filled(c, 1)
		d, z, y, dy, mean, inv := mem.raw(m*c), mem.raw(m*c), mem.raw(m*c), mem.normal(m*c), mem.raw(c), mem.raw(c)
		dwd, dwp, dg, db := mem.raw(len(wd)), mem.raw(len(wp)), mem.raw(c), mem.raw(c)
		scratch := mem.raw(max(u.Scratch(), u.Conv.Scratch(), point.Scratch()))
		work := 3 * m * c * (s.k*s.k + c)
		at := name(s.h, "x", s.h, "x", s.c, " k", s.k, " s", s.stride)
		measure(b, at+" unit", "GMAC/s", work, func() {
			kernel.SepUnitForward(y, z, d[:u.Saved()], mean, inv, x, wd, wp, g, g, u, eps, scratch)
			kernel.SepUnitBackward(dx, dwd, dwp, dg, db, dy, x, z, d[:u.Saved()], wd, wp, g, mean, inv, u, scratch)
		})
		dz, dd := mem.raw(m*c), mem.raw(m*c)
		measure(b, at+" parts", "GMAC/s", work, func() {
			kernel.DepthwiseForward(d, x, wd, u.Conv, scratch)
			kernel.ConvForward(z, d, wp, point, scratch)
			kernel.BNTrainForward(y, z, g, g, mean, inv, m, c, eps, scratch)
			kernel.BNBackward(dz, dg, db, dy, z, g, mean, inv, m, c, scratch)
			kernel.ConvBackwardData(dd, dz, wp, nil, point, scratch)
			kernel.ConvBackwardWeight(dwp, d, dz, point, scratch)
			kernel.DepthwiseBackwardData(dx, dd, wd, x, u.Conv, scratch)
			kernel.DepthwiseBackwardWeight(dwd, x, dd, u.Conv, scratch)
		})
	}
}
