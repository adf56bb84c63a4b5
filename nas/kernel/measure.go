package kernel

import (
	"fmt"
	"math"
	"time"
)

// Speed is how fast one kernel runs on one shape.
type Speed struct {
	Kernel string `json:"kernel"`
	Shape  string `json:"shape"`
	Pass   string `json:"pass"` // forward, data gradient, weight gradient
	// 1e9 multiply-adds per second; 0 for kernels that multiply little
	GMACs float64 `json:"gmacs,omitempty"`
	Peak  float64 `json:"peak_share,omitempty"`
	// 1e9 bytes per second of operands and results, each counted once
	GBs float64 `json:"gb_per_s"`
}

// Speeds measures the kernels on shapes of the search, each on a batch of
// images and for about the given time, and keeps the fastest run, which other
// programs disturb least. peak is the result of [Peak].
func Speeds(batch int, each time.Duration, peak float64) []Speed {
	m := &measuring{each: each, peak: peak, buf: map[string][]float32{}}
	for _, c := range []Conv{
		Same(batch, 32, 32, 8, 8, 1, 1, 1, 1, 1), Same(batch, 32, 32, 16, 16, 1, 1, 1, 1, 1),
		Same(batch, 32, 32, 96, 16, 1, 1, 1, 1, 1),
		Same(batch, 16, 16, 32, 32, 1, 1, 1, 1, 1), Same(batch, 8, 8, 64, 64, 1, 1, 1, 1, 1),
		Same(batch, 32, 32, 16, 16, 3, 3, 1, 1, 1),
		Same(batch, 16, 16, 32, 32, 3, 3, 1, 1, 2), Same(batch, 16, 16, 32, 32, 1, 7, 1, 1, 1),
		Same(batch, 16, 16, 32, 32, 7, 1, 1, 1, 1),
	} {
		m.conv("conv", c, c.KH*c.KW*c.Cin*c.Cout, ConvForward, ConvBackwardData, ConvBackwardWeight)
	}
	for _, k := range []int{3, 5, 7} {
		for _, s := range []int{1, 2} {
			for _, hc := range [][2]int{{32, 16}, {16, 32}, {8, 64}} {
				c := Same(batch, hc[0], hc[0], hc[1], hc[1], k, k, s, s, 1)
				m.conv("depthwise", c, k*k*hc[1], DepthwiseForward, DepthwiseBackwardData, DepthwiseBackwardWeight)
			}
		}
	}
	for _, hc := range [][2]int{{32, 16}, {16, 32}, {8, 64}} {
		m.rows(batch, hc[0], hc[1])
	}
	return m.out
}

type measuring struct {
	each time.Duration
	peak float64
	buf  map[string][]float32
	out  []Speed
}

// floats returns the buffer with the given name, filled with ordinary values.
func (m *measuring) floats(name string, n int) []float32 {
	b := m.buf[name]
	for len(b) < n {
		b = append(b, float32(len(b)%17)/16-0.4)
	}
	m.buf[name] = b
	return b[:n:n]
}

func (m *measuring) run(kernel, shape, pass string, macs, floats int, f func()) {
	defer FlushDenormals()()
	f()
	best := math.Inf(1)
	for end := time.Now().Add(m.each); ; {
		start := time.Now()
		f()
		best = min(best, max(time.Since(start).Seconds(), 1e-9))
		if time.Now().After(end) {
			break
		}
	}
	s := Speed{Kernel: kernel, Shape: shape, Pass: pass, GMACs: float64(macs) / best / 1e9,
		GBs: 4 * float64(floats) / best / 1e9}
	if macs > 0 && m.peak > 0 {
		s.Peak = s.GMACs * 1e9 / m.peak
	}
	m.out = append(m.out, s)
}

func (m *measuring) conv(name string, c Conv, perPixel int, forward func(y, x, w []float32, c Conv, scratch []float32),
	data func(dx, dy, w, x []float32, c Conv, scratch []float32),
	weight func(dw, x, dy []float32, c Conv, scratch []float32)) {
	nx, ny, nw := c.N*c.H*c.W*c.Cin, c.N*c.OH*c.OW*c.Cout, c.KH*c.KW*c.Cin*c.Cout
	if name == "depthwise" {
		nw = c.KH * c.KW * c.Cin
	}
	x, y, dx, dy := m.floats("x", nx), m.floats("y", ny), m.floats("dx", nx), m.floats("dy", ny)
	w, dw, scratch := m.floats("w", nw), m.floats("dw", nw), m.floats("scratch", c.Scratch())
	shape := fmt.Sprintf("%dx%d %dx%dx%d to %d, stride %d, rate %d", c.KH, c.KW, c.H, c.W, c.Cin, c.Cout,
		c.StrideH, c.Dilation)
	macs := c.N * c.OH * c.OW * perPixel
	m.run(name, shape, "forward", macs, nx+ny+nw, func() { forward(y, x, w, c, scratch) })
	m.run(name, shape, "data gradient", macs, nx+ny+nw, func() { data(dx, dy, w, x, c, scratch) })
	m.run(name, shape, "weight gradient", macs, nx+ny+nw, func() { weight(dw, x, dy, c, scratch) })
}

// rows measures kernels that pass over a tensor without multiplying much.
func (m *measuring) rows(batch, side, c int) {
	rows, n := batch*side*side, batch*side*side*c
	x, y, z := m.floats("x", n), m.floats("y", n), m.floats("dx", n)
	shape := fmt.Sprintf("%dx%dx%d", side, side, c)
	gamma, beta, mean, inv := m.floats("gamma", c), m.floats("beta", c), m.floats("mean", c), m.floats("inv", c)
	dgamma, dbeta, scratch := m.floats("dgamma", c), m.floats("dbeta", c), m.floats("scratch", BNScratch(c))
	m.run("batch normalisation", shape, "forward", 0, 2*n,
		func() { BNTrainForward(y, x, gamma, beta, mean, inv, rows, c, 1e-5, scratch) })
	m.run("batch normalisation", shape, "gradient", 0, 3*n,
		func() { BNBackward(z, dgamma, dbeta, y, x, gamma, mean, inv, rows, c, scratch) })
	m.run("relu", shape, "forward", 0, 2*n, func() { Relu(y, x) })
	m.run("add", shape, "forward", 0, 3*n, func() { Add(z, x, y) })
	idx := make([]uint8, n)
	for _, k := range []int{3, 5, 7} {
		p := SamePool(batch, side, side, c, k, 1)
		scratch := m.floats("scratch", p.Scratch())
		shape := fmt.Sprintf("%dx%d %s", k, k, shape)
		if k < 7 {
			m.run("average pool", shape, "forward", 0, 2*n, func() { AvgPoolForward(y, x, p, scratch) })
			m.run("average pool", shape, "gradient", 0, 2*n, func() { AvgPoolBackward(z, y, p, scratch, false) })
		}
		m.run("max pool", shape, "forward", 0, 2*n, func() { MaxPoolForward(y, idx, x, p) })
		m.run("max pool", shape, "gradient", 0, 2*n, func() { MaxPoolBackward(z, y, idx, p, false) })
	}
}
