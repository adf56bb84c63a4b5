package kernel_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"nasnet/nas/kernel"
)

// measure runs f on every instruction set and reports giga-units of work a
// second, in time of the thread's own where the system tells it: other programs
// on the machine then count little.
func measure(b *testing.B, name, unit string, work int, f func()) {
	for _, arch := range kernel.Available() {
		b.Run(name+"/"+arch, func(b *testing.B) {
			before := kernel.Arch()
			if err := kernel.Configure(arch); err != nil {
				b.Fatal(err)
			}
			defer func() { _ = kernel.Configure(before) }()
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			f()
			b.ReportAllocs()
			start, cpu := time.Now(), threadTime()
			for b.Loop() {
				f()
			}
			spent := threadTime() - cpu
			if spent <= 0 {
				spent = time.Since(start)
			}
			b.ReportMetric(float64(work)*float64(b.N)/float64(spent.Nanoseconds()), unit)
		})
	}
}

// benchBatch is a small batch whose tensors leave the caches, as a real one's do.
const benchBatch = 32

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
	for _, s := range [][3]int{{1024, 16, 16}, {1024, 24, 24}, {1024, 32, 32}, {1024, 64, 64}, {1024, 44, 44}, {240, 240, 240}} {
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
		measure(b, at+"bn-fwd", "Gfloat/s", len(x), func() { kernel.BNTrainForward(y, x, gamma, beta, mean, invstd, m, s.c, 1e-3, scratch) })
		measure(b, at+"bn-infer", "Gfloat/s", len(x), func() { kernel.BNInferForward(y, x, gamma, beta, mean, invstd, m, s.c, 1e-3) })
		dgamma := mem.raw(s.c)
		measure(b, at+"bn-bwd", "Gfloat/s", len(x), func() { kernel.BNBackward(y, dgamma, beta, z, x, gamma, mean, invstd, m, s.c, scratch) })
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
				measure(b, at+"avg"+name+"/bwd", "Gfloat/s", out, func() { kernel.AvgPoolBackward(x, z[:out], p, ps) })
				measure(b, at+"max"+name+"/fwd", "Gfloat/s", out, func() { kernel.MaxPoolForward(y[:out], idx, x, p) })
				measure(b, at+"max"+name+"/bwd", "Gfloat/s", out, func() { kernel.MaxPoolBackward(x, z[:out], idx, p) })
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
