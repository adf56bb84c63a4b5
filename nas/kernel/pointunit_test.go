package kernel_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"nasnet/nas/kernel"
)

// pointUnits are units of awkward sizes: parts of many widths, paths with all
// filters, images down to a pixel, and several bands.
func pointUnits() []kernel.PointUnit {
	var us []kernel.PointUnit
	r := rand.New(rand.NewPCG(1, 2))
	for range 120 {
		u := kernel.PointUnit{N: 1 + r.IntN(4), H: 1 + r.IntN(9), W: 1 + r.IntN(9), Stride: 1 + r.IntN(3),
			Relu: r.IntN(4) > 0}
		for range 1 + r.IntN(7) {
			u.Channels = append(u.Channels, []int{1, 3, 8, 16, 20, 32}[r.IntN(6)])
		}
		for range 1 + r.IntN(u.Stride) {
			u.Filters = append(u.Filters, 1+r.IntN(44))
		}
		us = append(us, u)
	}
	return append(us,
		kernel.PointUnit{N: 2, H: 23, W: 31, Channels: []int{16, 16, 16, 16, 16, 16}, Filters: []int{16},
			Stride: 1, Relu: true},
		kernel.PointUnit{N: 3, H: 31, W: 30, Channels: []int{32, 32, 8, 44}, Filters: []int{16, 17},
			Stride: 2, Relu: true},
		kernel.PointUnit{N: 3, H: 31, W: 30, Channels: []int{32, 33}, Filters: []int{24}, Stride: 2},
		kernel.PointUnit{N: 2, H: 40, W: 33, Channels: []int{20}, Filters: []int{20}, Stride: 1},
		kernel.PointUnit{N: 2, H: 40, W: 33, Channels: []int{24}, Filters: []int{24}, Stride: 1, Relu: true},
		kernel.PointUnit{N: 2, H: 20, W: 33, Channels: []int{40, 9}, Filters: []int{3}, Stride: 1},
		// a pixel wider than a band
		kernel.PointUnit{N: 1, H: 2, W: 2, Channels: []int{17000}, Filters: []int{2}, Stride: 1, Relu: true},
	)
}

// The unit equals its parts run one after another, except for the order of sums
// over pixels.
func TestAPointUnitEqualsItsParts(t *testing.T) {
	onEach(t, func(t *testing.T) {
		for i, u := range pointUnits() {
			at := name(u.N, "x", u.H, "x", u.W, "x", u.Channels, " -> ", u.Filters, " s", u.Stride,
				" relu ", u.Relu, " ")
			mem := newMemory(uint64(i))
			c, f := total(u.Channels), total(u.Filters)
			h, w := u.Out()
			pixels, m := u.N*u.H*u.W, u.N*h*w
			convs, scratch := make([]kernel.Conv, len(u.Filters)), kernel.BNScratch(f)
			for p, filters := range u.Filters {
				convs[p] = kernel.Same(u.N, u.H, u.W, c, filters, 1, 1, u.Stride, u.Stride, 1)
				convs[p].PadTop, convs[p].PadLeft, convs[p].Relu = -p, -p, u.Relu
				scratch = max(scratch, convs[p].Scratch())
			}
			given := func(make func(int) []float32, per int, widths []int) (s [][]float32) {
				for _, width := range widths {
					s = append(s, make(per*width))
				}
				return s
			}
			parts := given(mem.normal, pixels, u.Channels)
			weights := kernel.PointWeights{Paths: given(mem.normal, c, u.Filters), Gamma: mem.normal(f),
				Beta: mem.normal(f)}
			dy, theirs, ours := mem.normal(m*f), mem.raw(scratch), mem.raw(u.Scratch())

			a, zs := mem.raw(pixels*c), given(mem.raw, m, u.Filters)
			wantZ, wantY, wantMean, wantInv := mem.raw(m*f), mem.raw(m*f), mem.raw(f), mem.raw(f)
			kernel.ConcatForward(a, parts, u.Channels, pixels)
			for p, conv := range convs {
				kernel.ConvForward(zs[p], a, weights.Paths[p], conv, theirs)
			}
			kernel.ConcatForward(wantZ, zs, u.Filters, m)
			kernel.BNTrainForward(wantY, wantZ, weights.Gamma, weights.Beta, wantMean, wantInv, m, f, eps, theirs)
			y, saved := mem.raw(m*f), kernel.PointSaved{Z: mem.raw(m * f), Mean: mem.raw(f), Invstd: mem.raw(f)}
			kernel.PointUnitForward(y, parts, weights, saved, u, eps, ours)
			mem.check(t)
			near(t, at+"z", saved.Z, wide(wantZ), 1e-6)
			near(t, at+"mean", saved.Mean, wide(wantMean), 1e-5) // z is larger than its mean
			near(t, at+"invstd", saved.Invstd, wide(wantInv), 1e-5)
			near(t, at+"y", y, wide(wantY), 1e-5)
			again := mem.raw(m * f)
			kernel.PointUnitForward(again, parts, weights,
				kernel.PointSaved{Z: again, Mean: saved.Mean, Invstd: saved.Invstd}, u, eps, ours)
			equal(t, at+"y in place of z", again, y)

			variance := mem.filled(f, 1.5)
			kernel.BNInferForward(wantY, wantZ, weights.Gamma, weights.Beta, wantMean, variance, m, f, eps)
			kernel.PointUnitInfer(again, parts, weights, wantMean, variance, u, eps, ours)
			mem.check(t)
			near(t, at+"y by moving statistics", again, wide(wantY), 1e-6)

			// Run backward from the same saved values.
			wantG, dz := kernel.PointWeights{Paths: given(mem.raw, c, u.Filters), Gamma: mem.raw(f), Beta: mem.raw(f)},
				mem.raw(m*f)
			wantDa, wantDx, da := mem.filled(pixels*c, 0), given(mem.raw, pixels, u.Channels), mem.raw(pixels*c)
			kernel.BNBackward(dz, wantG.Gamma, wantG.Beta, dy, saved.Z, weights.Gamma, saved.Mean, saved.Invstd,
				m, f, theirs)
			column := 0
			for p, conv := range convs {
				kernel.ConcatBackward(zs[p], dz, column, u.Filters[p], f, m)
				kernel.ConvBackwardWeight(wantG.Paths[p], a, zs[p], conv, theirs)
				kernel.ConvBackwardData(da, zs[p], weights.Paths[p], a, conv, theirs)
				kernel.AddTo(wantDa, da)
				column += u.Filters[p]
			}
			column = 0
			for p, width := range u.Channels {
				kernel.ConcatBackward(wantDx[p], wantDa, column, width, c, pixels)
				column += width
			}
			got := kernel.PointWeights{Paths: given(mem.raw, c, u.Filters), Gamma: mem.raw(f), Beta: mem.raw(f)}
			add, dx := make([]bool, len(u.Channels)), given(mem.raw, pixels, u.Channels)
			kernel.PointUnitBackward(dx, add, got, dy, parts, weights, saved, u, ours)
			mem.check(t)
			near(t, at+"dgamma", got.Gamma, wide(wantG.Gamma), 1e-6)
			near(t, at+"dbeta", got.Beta, wide(wantG.Beta), 1e-6)
			for p := range u.Filters {
				near(t, at+name("dw of path ", p), got.Paths[p], wide(wantG.Paths[p]), 1e-5)
			}
			for p := range u.Channels {
				near(t, at+name("dx of part ", p), dx[p], wide(wantDx[p]), 2e-6)
			}
			for parity := range 2 { // add every other part to existing values
				sums, want := given(mem.normal, pixels, u.Channels), given(mem.raw, pixels, u.Channels)
				for p := range u.Channels {
					copy(want[p], wantDx[p])
					if add[p] = p%2 == parity; add[p] {
						kernel.AddTo(want[p], sums[p])
					}
				}
				kernel.PointUnitBackward(sums, add, got, dy, parts, weights, saved, u, ours)
				mem.check(t)
				for p := range u.Channels {
					near(t, at+name("dx of part ", p, ", added ", add[p]), sums[p], wide(want[p]), 2e-6)
				}
			}
			if u.Stride == 1 && u.Channels[0] == f {
				add, first := make([]bool, len(u.Channels)), slices.Clone(got.Paths[0])
				dx[0] = dy
				want := given(mem.raw, pixels, u.Channels)
				kernel.PointUnitBackward(want, add, got, slices.Clone(dy), parts, weights, saved, u, ours)
				kernel.PointUnitBackward(dx, add, got, dy, parts, weights, saved, u, ours)
				equal(t, at+"dx in place of dy", dy, want[0])
				equal(t, at+"dw, dx in place of dy", got.Paths[0], first)
			}
		}
	})
}

func total(s []int) (n int) {
	for _, v := range s {
		n += v
	}
	return n
}

func TestAPointUnitAllocatesNothing(t *testing.T) {
	for _, stride := range []int{1, 2} {
		u := kernel.PointUnit{N: 3, H: 8, W: 8, Channels: []int{5, 3}, Filters: []int{4, 4}[:stride],
			Stride: stride, Relu: true}
		mem := newMemory(3)
		pixels, f := 3*8*8, 4*stride
		parts, weights := [][]float32{mem.normal(pixels * 5), mem.normal(pixels * 3)},
			[][]float32{mem.normal(32), mem.normal(32)}[:stride]
		g, mean, inv, scratch := mem.normal(f), mem.normal(f), mem.normal(f), mem.raw(u.Scratch())
		w := kernel.PointWeights{Paths: weights, Gamma: g, Beta: g}
		d := kernel.PointWeights{Paths: [][]float32{mem.raw(32), mem.raw(32)}[:stride], Gamma: mem.raw(f),
			Beta: mem.raw(f)}
		h, width := u.Out()
		y, z := mem.normal(3*h*width*f), mem.normal(3*h*width*f)
		s, add := kernel.PointSaved{Z: z, Mean: mean, Invstd: inv}, []bool{false, true}
		if a := testing.AllocsPerRun(3, func() {
			kernel.PointUnitForward(y, parts, w, s, u, eps, scratch)
			kernel.PointUnitBackward(parts, add, d, y, parts, w, s, u, scratch)
			kernel.PointUnitInfer(y, parts, w, mean, inv, u, eps, scratch)
		}); a != 0 {
			t.Errorf("stride %d: %v allocations", stride, a)
		}
	}
}

func TestAPointUnitRefusesWrongLengths(t *testing.T) {
	u := kernel.PointUnit{N: 1, H: 4, W: 4, Channels: []int{3, 2}, Filters: []int{5}, Stride: 1}
	x, x2, y, p, v, s := make([]float32, 48), make([]float32, 32), make([]float32, 80), make([]float32, 25),
		make([]float32, 5), make([]float32, u.Scratch())
	parts, w := [][]float32{x, x2}, kernel.PointWeights{Paths: [][]float32{p}, Gamma: v, Beta: v}
	saved, add := kernel.PointSaved{Z: y, Mean: v, Invstd: v}, []bool{false, false}
	infer := func(parts [][]float32, w kernel.PointWeights, y, s []float32) func() {
		return func() { kernel.PointUnitInfer(y, parts, w, v, v, u, eps, s) }
	}
	for what, f := range map[string]func(){
		"":                infer(parts, w, y, s),
		"number of parts": infer(parts[:1], w, y, s),
		"part":            infer([][]float32{x, x2[1:]}, w, y, s),
		"output":          infer(parts, w, y[1:], s),
		"scratch":         infer(parts, w, y, s[1:]),
		"weights":         infer(parts, kernel.PointWeights{Paths: [][]float32{p[1:]}, Gamma: v, Beta: v}, y, s),
		"number of paths": infer(parts, kernel.PointWeights{Paths: [][]float32{p, p}, Gamma: v, Beta: v}, y, s),
		"gamma":           infer(parts, kernel.PointWeights{Paths: [][]float32{p}, Gamma: v[1:], Beta: v}, y, s),
		"moving mean":     func() { kernel.PointUnitInfer(y, parts, w, v[1:], v, u, eps, s) },
		"saved values": func() {
			kernel.PointUnitForward(y, parts, w, kernel.PointSaved{Z: y[1:], Mean: v, Invstd: v}, u, eps, s)
		},
		"gradient": func() {
			kernel.PointUnitBackward([][]float32{x, x2[1:]}, add, w, y, parts, w,
				saved, u, s)
		},
		"number of flags": func() { kernel.PointUnitBackward(parts, add[1:], w, y, parts, w, saved, u, s) },
		"gradient of beta": func() {
			kernel.PointUnitBackward(parts, add, kernel.PointWeights{Paths: w.Paths, Gamma: v, Beta: v[1:]}, y, parts,
				w, saved, u, s)
		},
		"paths without a stride": func() {
			u := u
			u.Filters = []int{2, 3}
			kernel.PointUnitInfer(y, parts, kernel.PointWeights{Paths: [][]float32{p[:10], p[10:]}, Gamma: v, Beta: v},
				v, v, u, eps, s)
		},
	} {
		func() {
			defer func() {
				if (recover() == nil) != (what == "") {
					t.Errorf("wrong %s: panicked %v", what, what == "")
				}
			}()
			f()
		}()
	}
}

func BenchmarkPointUnit(b *testing.B) {
	for _, s := range []struct{ h, c, parts, f, stride int }{
		{32, 16, 6, 16, 1}, {16, 32, 6, 32, 1}, {8, 64, 6, 64, 1}, {32, 8, 6, 8, 1}, {32, 16, 6, 32, 2},
		{16, 32, 1, 32, 1},
	} {
		u := kernel.PointUnit{N: 64, H: s.h, W: s.h, Channels: slices.Repeat([]int{s.c}, s.parts), Filters: []int{s.f},
			Stride: s.stride, Relu: true}
		if s.stride == 2 {
			u.Filters = []int{s.f / 2, s.f / 2}
		}
		mem := newMemory(1)
		pixels, c := 64*s.h*s.h, s.c*s.parts
		m := pixels / s.stride / s.stride
		var parts, dx [][]float32
		for range s.parts {
			parts, dx = append(parts, mem.normal(pixels*s.c)), append(dx, mem.raw(pixels*s.c))
		}
		g := mem.filled(s.f, 1)
		w, d := kernel.PointWeights{Gamma: g, Beta: g}, kernel.PointWeights{Gamma: mem.raw(s.f), Beta: mem.raw(s.f)}
		for _, filters := range u.Filters {
			w.Paths, d.Paths = append(w.Paths, mem.normal(c*filters)), append(d.Paths, mem.raw(c*filters))
		}
		y, dy, add := mem.raw(m*s.f), mem.normal(m*s.f), make([]bool, s.parts)
		saved := kernel.PointSaved{Z: mem.raw(m * s.f), Mean: mem.raw(s.f), Invstd: mem.raw(s.f)}
		scratch := mem.raw(u.Scratch())
		at := name(s.h, "x", s.h, "x", s.c, "x", s.parts, " -> ", s.f, " s", s.stride)
		measure(b, at+" forward", "GMAC/s", m*c*s.f,
			func() { kernel.PointUnitForward(y, parts, w, saved, u, eps, scratch) })
		measure(b, at+" backward", "GMAC/s", 2*m*c*s.f,
			func() { kernel.PointUnitBackward(dx, add, d, dy, parts, w, saved, u, scratch) })
	}
}
