package kernel_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"nasnet/nas/kernel"
)

// measure runs f on every instruction set and reports giga-units of work per
// second in the fastest run, which other programs disturb least.
func measure(b *testing.B, name, unit string, work int, f func()) {
	for _, arch := range kernel.Available() {
		b.Run(name+"/"+arch, func(b *testing.B) {
			before := kernel.Arch()
			if err := kernel.Configure(arch); err != nil {
				b.Fatal(err)
			}
			defer func() { _ = kernel.Configure(before) }()
			f()
			b.ReportAllocs()
			best := time.Duration(math.MaxInt64)
			for b.Loop() {
				start := time.Now()
				f()
				best = min(best, time.Since(start))
			}
			b.ReportMetric(float64(work)/float64(best.Nanoseconds()), unit)
		})
	}
}

// benchBatch is a small batch whose tensors do not fit into the caches, like a
// real one.
const benchBatch = 32

func BenchmarkPeak(b *testing.B) {
	for _, arch := range kernel.Available() {
		b.Run(arch, func(b *testing.B) {
			before := kernel.Arch()
			if err := kernel.Configure(arch); err != nil {
				b.Fatal(err)
			}
			defer func() { _ = kernel.Configure(before) }()
			peak := 0.0
			for b.Loop() {
				peak = max(peak, kernel.Peak())
			}
			b.ReportMetric(peak/1e9, "GMAC/s")
		})
	}
}

func BenchmarkConv(b *testing.B) {
	for _, c := range []kernel.Conv{
		kernel.Same(benchBatch, 32, 32, 16, 16, 1, 1, 1, 1, 1),
		kernel.Same(benchBatch, 32, 32, 96, 16, 1, 1, 1, 1, 1),
		kernel.Same(benchBatch, 32, 32, 8, 8, 1, 1, 1, 1, 1),
		kernel.Same(benchBatch, 16, 16, 32, 32, 1, 1, 1, 1, 1),
		kernel.Same(benchBatch, 16, 16, 44, 44, 1, 1, 1, 1, 1),
		kernel.Same(benchBatch, 16, 16, 192, 32, 1, 1, 1, 1, 1),
		kernel.Same(benchBatch, 8, 8, 64, 64, 1, 1, 1, 1, 1),
		kernel.Same(benchBatch, 32, 32, 4, 4, 3, 3, 1, 1, 1),
		kernel.Same(benchBatch, 32, 32, 16, 16, 3, 3, 1, 1, 1),
		kernel.Same(benchBatch, 16, 16, 32, 32, 3, 3, 1, 1, 1),
		kernel.Same(benchBatch, 16, 16, 32, 32, 3, 3, 1, 1, 2),
		kernel.Same(benchBatch, 16, 16, 32, 32, 1, 7, 1, 1, 1),
		kernel.Same(benchBatch, 32, 32, 16, 16, 3, 3, 2, 2, 1),
		kernel.Same(benchBatch, 32, 32, 32, 16, 1, 1, 2, 2, 1),
	} {
		c.Relu = true
		benchConv(b, c, false)
	}
}

func BenchmarkDepthwise(b *testing.B) {
	for _, s := range []struct{ h, c, k, stride int }{
		{32, 16, 3, 1}, {32, 16, 5, 1}, {32, 16, 7, 1}, {32, 32, 3, 1}, {32, 32, 5, 1}, {32, 8, 3, 1},
		{16, 32, 3, 1}, {16, 32, 5, 1}, {16, 44, 3, 1}, {8, 64, 3, 1}, {8, 64, 5, 1}, {8, 64, 7, 1},
		{32, 16, 3, 2}, {32, 16, 5, 2}, {16, 64, 7, 2},
	} {
		c := kernel.Same(benchBatch, s.h, s.h, s.c, s.c, s.k, s.k, s.stride, s.stride, 1)
		c.Relu = true
		benchConv(b, c, true)
	}
}

func benchConv(b *testing.B, c kernel.Conv, depthwise bool) {
	m := newMemory(1)
	x, y := m.normal(c.N*c.H*c.W*c.Cin), m.normal(c.N*c.OH*c.OW*c.Cout)
	weights := c.KH * c.KW * c.Cin
	if !depthwise {
		weights *= c.Cout
	}
	w, scratch := m.normal(weights), m.raw(c.Scratch())
	macs := c.N * c.OH * c.OW * weights
	forward, data, weight := kernel.ConvForward, kernel.ConvBackwardData, kernel.ConvBackwardWeight
	name := fmt.Sprintf("%dx%dx%d-%d,%dx%d/%d", c.H, c.W, c.Cin, c.Cout, c.KH, c.KW, c.StrideH)
	if c.Dilation > 1 {
		name += fmt.Sprint("d", c.Dilation)
	}
	if depthwise {
		forward, data, weight = kernel.DepthwiseForward, kernel.DepthwiseBackwardData, kernel.DepthwiseBackwardWeight
	}
	measure(b, name+"/fwd", "GMAC/s", macs, func() { forward(y, x, w, c, scratch) })
	dx, dw := m.raw(len(x)), m.raw(len(w))
	measure(b, name+"/data", "GMAC/s", macs, func() { data(dx, y, w, x, c, scratch) })
	measure(b, name+"/weight", "GMAC/s", macs, func() { weight(dw, x, y, c, scratch) })
}

func BenchmarkGemm(b *testing.B) {
	for _, s := range [][3]int{{1024, 16, 16}, {1024, 24, 24}, {1024, 32, 32}, {1024, 64, 64}, {1024, 44, 44},
		{240, 240, 240}} {
		m, n, k := s[0], s[1], s[2]
		mem := newMemory(1)
		x, y, w := mem.normal(m*k), mem.normal(m*n), mem.normal(k*n)
		name := fmt.Sprintf("%dx%dx%d", m, n, k)
		measure(b, name+"/NN", "GMAC/s", m*n*k, func() { kernel.Gemm(y, x, w, m, n, k, n, k, n, false) })
		measure(b, name+"/TN", "GMAC/s", m*n*k, func() { kernel.GemmTN(w, x, y, m, n, k, n, k, n, false) })
	}
}

func BenchmarkLayers(b *testing.B) {
	for _, s := range []struct{ h, c int }{{32, 16}, {32, 20}, {16, 32}, {8, 64}} {
		m := benchBatch * s.h * s.h
		mem := newMemory(1)
		x, y, z := mem.normal(m*s.c), mem.raw(m*s.c), mem.normal(m*s.c)
		gamma, beta, mean, invstd := mem.normal(s.c), mem.normal(s.c), mem.normal(s.c), mem.filled(s.c, 1)
		scratch := mem.raw(kernel.BNScratch(s.c))
		at := fmt.Sprintf("%dx%dx%d/", s.h, s.h, s.c)
		measure(b, at+"bn-fwd", "Gfloat/s", len(x),
			func() { kernel.BNTrainForward(y, x, gamma, beta, mean, invstd, m, s.c, 1e-3, scratch) })
		measure(b, at+"bn-infer", "Gfloat/s", len(x),
			func() { kernel.BNInferForward(y, x, gamma, beta, mean, invstd, m, s.c, 1e-3) })
		dgamma := mem.raw(s.c)
		measure(b, at+"bn-bwd", "Gfloat/s", len(x),
			func() { kernel.BNBackward(y, dgamma, beta, z, x, gamma, mean, invstd, m, s.c, scratch) })
		measure(b, at+"relu", "Gfloat/s", len(x), func() { kernel.Relu(y, x) })
		measure(b, at+"relu-bwd", "Gfloat/s", len(x), func() { kernel.ReluBackward(y, z, x) })
		measure(b, at+"add", "Gfloat/s", len(x), func() { kernel.Add(y, z, x) })
		parts, widths := [][]float32{x[:len(x)/2], z[:len(x)/2]}, []int{s.c / 2, s.c / 2}
		measure(b, at+"concat", "Gfloat/s", len(x), func() { kernel.ConcatForward(y, parts, widths, m) })
		for _, k := range []int{3, 5, 7} {
			for _, stride := range []int{1, 2} {
				p := kernel.SamePool(benchBatch, s.h, s.h, s.c, k, stride)
				out := p.OH * p.OW * p.C * p.N
				ps, idx := mem.raw(p.Scratch()), make([]uint8, out)
				name := fmt.Sprintf("%d/%d", k, stride)
				measure(b, at+"avg"+name+"/fwd", "Gfloat/s", out, func() { kernel.AvgPoolForward(y[:out], x, p, ps) })
				measure(b, at+"avg"+name+"/bwd", "Gfloat/s", out,
					func() { kernel.AvgPoolBackward(x, z[:out], p, ps, false) })
				measure(b, at+"max"+name+"/fwd", "Gfloat/s", out, func() { kernel.MaxPoolForward(y[:out], idx, x, p) })
				measure(b, at+"max"+name+"/bwd", "Gfloat/s", out,
					func() { kernel.MaxPoolBackward(x, z[:out], idx, p, false) })
			}
		}
	}
}

func BenchmarkSteps(b *testing.B) {
	mem := newMemory(1)
	const n = 360 << 10
	w, g, v, u := mem.normal(n), mem.normal(n), mem.normal(n), mem.filled(n, 1)
	measure(b, "sgd", "Gfloat/s", n, func() { kernel.SGDStep(w, g, v, 1e-6, 0.9, 1e-4, true) })
	measure(b, "rmsprop", "Gfloat/s", n, func() { kernel.RMSPropStep(w, g, u, v, 1e-6, 0.9, 0.9, 1, 1e-4) })
	measure(b, "sumsquares", "Gfloat/s", n, func() { kernel.SumSquares(g) })
}

// BenchmarkCell runs the kernels of one normal cell of NASNet-A, forward and
// backward, on an image batch: 1x1 convolutions of the inputs, ten separable
// units, average pools, sums and the concatenation. Its GMAC/s count every
// product of convolutions three times, forward and for both gradients.
func BenchmarkCell(b *testing.B) {
	for _, s := range []struct{ h, c int }{{32, 8}, {32, 16}, {16, 32}, {8, 64}} {
		const n = benchBatch
		mem := newMemory(1)
		m := n * s.h * s.h
		size := m * s.c
		one := kernel.Same(n, s.h, s.h, s.c, s.c, 1, 1, 1, 1, 1)
		in := kernel.Same(n, s.h, s.h, 6*s.c, s.c, 1, 1, 1, 1, 1)
		in.Relu = true
		wide := mem.normal(6 * size)
		x, y, z, d, e := mem.normal(size), mem.raw(size), mem.raw(size), mem.normal(size), mem.raw(size)
		w, g := mem.normal(49*s.c+6*s.c*s.c), mem.raw(49*s.c+6*s.c*s.c)
		gamma, mean, inv := mem.normal(s.c), mem.raw(s.c), mem.raw(s.c)
		need := max(one.Scratch(), in.Scratch(), kernel.BNScratch(s.c))
		macs := 2 * m * 6 * s.c * s.c
		var units []kernel.Conv
		for _, k := range []int{5, 3, 5, 3, 3} { // each is applied twice
			c := kernel.Same(n, s.h, s.h, s.c, s.c, k, k, 1, 1, 1)
			c.Relu = true
			units = append(units, c, c)
			need = max(need, c.Scratch())
			macs += 2 * m * (k*k*s.c + s.c*s.c)
		}
		pool := kernel.SamePool(n, s.h, s.h, s.c, 3, 1)
		scratch := mem.raw(max(need, pool.Scratch()))
		bn := func() {
			kernel.BNTrainForward(z, y, gamma, gamma, mean, inv, m, s.c, 1e-3, scratch)
			kernel.BNBackward(e, gamma, gamma, d, y, gamma, mean, inv, m, s.c, scratch)
		}
		parts, widths := [][]float32{x, y, z, x, y, z}, []int{s.c, s.c, s.c, s.c, s.c, s.c}
		measure(b, fmt.Sprintf("%dx%dx%d", s.h, s.h, s.c), "GMAC/s", 3*macs, func() {
			for range 2 {
				kernel.ConvForward(y, wide, w[:6*s.c*s.c], in, scratch)
				bn()
				kernel.ConvBackwardWeight(g[:6*s.c*s.c], wide, d, in, scratch)
				kernel.ConvBackwardData(wide, d, w[:6*s.c*s.c], wide, in, scratch)
			}
			for _, c := range units {
				f, df := w[:c.KH*c.KW*s.c], g[:c.KH*c.KW*s.c]
				kernel.DepthwiseForward(y, x, f, c, scratch)
				kernel.ConvForward(z, y, w[:s.c*s.c], one, scratch)
				bn()
				kernel.ConvBackwardWeight(g[:s.c*s.c], y, d, one, scratch)
				kernel.ConvBackwardData(e, d, w[:s.c*s.c], nil, one, scratch)
				kernel.DepthwiseBackwardWeight(df, x, e, c, scratch)
				kernel.DepthwiseBackwardData(z, e, f, x, c, scratch)
			}
			for range 3 {
				kernel.AvgPoolForward(y, x, pool, scratch)
				kernel.AvgPoolBackward(e, d, pool, scratch, false)
			}
			for range 5 {
				kernel.Add(y, x, z)
				kernel.AddTo(e, d)
				kernel.AddTo(e, d)
			}
			kernel.ConcatForward(wide, parts, widths, m)
			for i := range parts {
				kernel.ConcatBackward(e, wide, i*s.c, s.c, 6*s.c, m)
			}
			kernel.Relu(x, d) // keeps the numbers ordinary
		})
	}
}
