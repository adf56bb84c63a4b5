package kernel_test

import (
	"fmt"
	"math"
	"testing"

	"nasnet/nas/kernel"
)

// pairs calls f for every input pixel, output pixel and tap that belong
// together, straight from the definition in [kernel.Conv].
func pairs(c kernel.Conv, f func(xo, yo, tap int)) {
	for n := range c.N {
		for oy := range c.OH {
			for ox := range c.OW {
				for ky := range c.KH {
					for kx := range c.KW {
						iy := oy*c.StrideH - c.PadTop + ky*c.Dilation
						ix := ox*c.StrideW - c.PadLeft + kx*c.Dilation
						if iy >= 0 && iy < c.H && ix >= 0 && ix < c.W {
							f((n*c.H+iy)*c.W+ix, (n*c.OH+oy)*c.OW+ox, ky*c.KW+kx)
						}
					}
				}
			}
		}
	}
}

// convReference computes forward, gradient by x and gradient by w in float64.
func convReference(x, w, dy []float32, c kernel.Conv, depthwise bool) (y, dx, dw []float64) {
	in := relu64(x, c.Relu)
	y, dx, dw = make([]float64, len(dy)), make([]float64, len(x)), make([]float64, len(w))
	meet := func(xi, yi, wi int) {
		y[yi] += in[xi] * float64(w[wi])
		dx[xi] += float64(dy[yi]) * float64(w[wi])
		dw[wi] += in[xi] * float64(dy[yi])
	}
	pairs(c, func(xo, yo, tap int) {
		for ci := range c.Cin {
			if depthwise {
				meet(xo*c.Cin+ci, yo*c.Cin+ci, tap*c.Cin+ci)
				continue
			}
			for co := range c.Cout {
				meet(xo*c.Cin+ci, yo*c.Cout+co, (tap*c.Cin+ci)*c.Cout+co)
			}
		}
	})
	if c.Relu {
		for i, v := range x {
			if v <= 0 {
				dx[i] = 0
			}
		}
	}
	return y, dx, dw
}

func shifted(n, h, w, cin, cout int) kernel.Conv {
	c := kernel.Same(n, h, w, cin, cout, 1, 1, 2, 2, 1)
	c.PadTop, c.PadLeft = -1, -1
	return c
}

func testConv(t *testing.T, c kernel.Conv, depthwise bool) {
	m := newMemory(uint64(c.H*1000 + c.W*100 + c.Cin*10 + c.KH))
	x := m.normal(c.N * c.H * c.W * c.Cin)
	dy := m.normal(c.N * c.OH * c.OW * c.Cout)
	weights := c.KH * c.KW * c.Cin
	if !depthwise {
		weights *= c.Cout
	}
	w := m.normal(weights)
	y, dx, dw := m.raw(len(dy)), m.raw(len(x)), m.raw(len(w))
	scratch := m.raw(c.Scratch())
	forward, data, weight := kernel.ConvForward, kernel.ConvBackwardData, kernel.ConvBackwardWeight
	if depthwise {
		forward, data, weight = kernel.DepthwiseForward, kernel.DepthwiseBackwardData, kernel.DepthwiseBackwardWeight
	}
	forward(y, x, w, c, scratch)
	only := x
	if !c.Relu {
		only = nil // is not read
	}
	data(dx, dy, w, only, c, scratch)
	weight(dw, x, dy, c, scratch)
	m.check(t)
	wantY, wantDX, wantDW := convReference(x, w, dy, c, depthwise)
	near(t, "y", y, wantY, 3e-6)
	near(t, "dx", dx, wantDX, 3e-6)
	near(t, "dw", dw, wantDW, 3e-6)

	// The adjoint identity: <dy, conv(x)> = <convᵀ(dy), x> = <dw, w>.
	a, size := dot64(dy, y)
	b, _ := dot64(dx, x)
	d, _ := dot64(dw, w)
	if tol := 1e-5 * max(size, 1); math.Abs(a-b) > tol || math.Abs(a-d) > tol {
		t.Errorf("<dy,y> = %v, <dx,x> = %v, <dw,w> = %v", a, b, d)
	}
}

var kernelSizes = [][2]int{{1, 1}, {3, 3}, {5, 5}, {7, 7}, {1, 3}, {3, 1}, {1, 7}, {7, 1}}

func TestConvolutionsAgreeWithTheDefinition(t *testing.T) {
	onEach(t, func(t *testing.T) {
		run := func(c kernel.Conv) {
			t.Helper()
			for _, c.Relu = range []bool{false, true} {
				if !t.Run(fmt.Sprintf("%dx%dx%dx%d to %d, %dx%d/%d dilation %d pad %d relu %v", c.N, c.H, c.W, c.Cin,
					c.Cout, c.KH, c.KW, c.StrideH, c.Dilation, c.PadTop, c.Relu),
					func(t *testing.T) { testConv(t, c, false) }) {
					t.FailNow()
				}
			}
		}
		channels := [][2]int{{1, 1}, {3, 8}, {8, 3}, {20, 8}, {8, 20}, {44, 20}, {16, 32}, {2, 6}}
		for i, ch := range channels {
			for j, k := range kernelSizes {
				h, w := 1+(i*3+j*5)%9, 1+(i*7+j*2)%9
				for _, stride := range []int{1, 2} {
					run(kernel.Same(2, h, w, ch[0], ch[1], k[0], k[1], stride, stride, 1))
				}
				run(kernel.Valid(1, h+k[0], w+k[1], ch[0], ch[1], k[0], k[1], 1+i%2, 1+i%2, 1))
			}
			run(kernel.Same(2, 7, 5+i, ch[0], ch[1], 3, 3, 1, 1, 2))
			run(kernel.Same(1, 3+i, 6, ch[0], ch[1], 3, 3, 2, 2, 2))
			run(shifted(2, 5+i, 9-i, ch[0], ch[1]))
		}
		for h := 1; h <= 9; h++ {
			for w := 1; w <= 9; w++ {
				run(kernel.Same(1, h, w, 5, 9, 3, 3, 1, 1, 1))
				run(shifted(1, h, w, 4, 9))
			}
		}
		run(kernel.Same(3, 4, 6, 5, 7, 3, 5, 2, 1, 1)) // strides that differ
		run(kernel.Same(1, 33, 31, 44, 44, 1, 1, 1, 1, 1))
		// lines with more and with fewer pixels than a tile
		for w := 7; w <= 31; w += 3 {
			run(kernel.Same(1, 3, w, 6, 2*w, 3, 3, 1, 1, 1))
		}
		// Several bands per image, also ones that touch no border.
		for _, k := range kernelSizes {
			run(kernel.Same(1, 60, 24, 16, 5, k[0], k[1], 1, 1, 1))
			run(kernel.Same(2, 61, 25, 16, 5, k[0], k[1], 2, 2, 1))
		}
		run(kernel.Same(1, 60, 24, 16, 5, 3, 3, 1, 1, 2))
		run(shifted(1, 60, 25, 16, 20))
		run(kernel.Same(0, 4, 4, 3, 3, 3, 3, 1, 1, 1))
	})
}

func TestDepthwiseConvolutionsAgreeWithTheDefinition(t *testing.T) {
	onEach(t, func(t *testing.T) {
		run := func(c kernel.Conv) {
			t.Helper()
			for _, c.Relu = range []bool{false, true} {
				if !t.Run(fmt.Sprintf("%dx%dx%dx%d, %dx%d/%d dilation %d pad %d relu %v", c.N, c.H, c.W, c.Cin, c.KH,
					c.KW, c.StrideH, c.Dilation, c.PadTop, c.Relu),
					func(t *testing.T) { testConv(t, c, true) }) {
					t.FailNow()
				}
			}
		}
		for i, ch := range []int{1, 3, 8, 20, 44, 100} {
			for j, k := range kernelSizes {
				for _, stride := range []int{1, 2} {
					run(kernel.Same(2, 1+(i*3+j*5)%9, 1+(i*7+j*2)%9, ch, ch, k[0], k[1], stride, stride, 1))
				}
				run(kernel.Valid(1, k[0]+i, k[1]+j, ch, ch, k[0], k[1], 1+i%2, 1+i%2, 1))
			}
			run(kernel.Same(1, 7, 9, ch, ch, 3, 3, 1, 1, 2))
			run(kernel.Same(1, 7, 9, ch, ch, 3, 3, 2, 2, 2))
		}
		for h := 1; h <= 9; h++ {
			for w := 1; w <= 9; w++ {
				for _, stride := range []int{1, 2} {
					for _, k := range []int{3, 5, 7} {
						run(kernel.Same(1, h, w, 9, 9, k, k, stride, stride, 1))
					}
				}
			}
		}
		for _, k := range kernelSizes { // several bands an image
			run(kernel.Same(1, 60, 24, 24, 24, k[0], k[1], 1, 1, 1))
			run(kernel.Same(2, 61, 25, 24, 24, k[0], k[1], 2, 2, 1))
		}
		for w := 10; w <= 33; w++ {
			run(kernel.Same(1, 3, w, 8, 8, 3, 3, 1, 1, 1))
			run(kernel.Same(1, 3, w, 16, 16, 5, 5, 2, 2, 1))
		}
		for i, k := range [][2]int{{3, 3}, {2, 4}, {3, 6}, {5, 5}, {7, 7}, {1, 8}} { // long rows, filters of any width
			run(kernel.Same(2, 9, 40+i, 5, 5, k[0], k[1], 1, 1, 1+i%2))
			run(kernel.Same(1, 9, 60+i, 5, 5, k[0], k[1], 2, 2, 2-i%2))
		}
	})
}

func TestSameConvolutionPadsAsTensorFlowDoes(t *testing.T) {
	for _, r := range []struct {
		name                 string
		size, k, s, d, o, at int
	}{
		{"stride 1 keeps the size", 32, 3, 1, 1, 32, 1},
		{"an even size at stride 2 pads more after than before", 32, 3, 2, 1, 16, 0},
		{"an odd size at stride 2 pads evenly", 7, 3, 2, 1, 4, 1},
		{"7x7 at stride 2", 32, 7, 2, 1, 16, 2},
		{"dilation 2 widens the window", 8, 3, 1, 2, 8, 2},
		{"1x1 at stride 2 needs none", 9, 1, 2, 1, 5, 0},
	} {
		c := kernel.Same(1, r.size, r.size, 1, 1, r.k, r.k, r.s, r.s, r.d)
		if c.OH != r.o || c.OW != r.o || c.PadTop != r.at || c.PadLeft != r.at {
			t.Errorf("%s: out %d pad %d, want %d and %d", r.name, c.OH, c.PadTop, r.o, r.at)
		}
	}
}

func TestGemmAgreesWithTheDefinition(t *testing.T) {
	onEach(t, func(t *testing.T) {
		sizes := []int{1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 24, 31, 44}
		for _, m := range sizes {
			for _, n := range sizes {
				for _, k := range []int{0, 1, 2, 3, 8, 13, 44} {
					for _, acc := range []bool{false, true} {
						testGemm(t, m, n, k, acc)
					}
				}
			}
		}
		for _, n := range []int{32, 47, 48, 60, 64, 80, 96, 112, 130} { // every panel of columns
			for i, m := range []int{1, 14, 16, 29} {
				testGemm(t, m, n, []int{31, 16, 6, 12}[i], i%2 == 0)
			}
		}
		testGemm(t, 300, 97, 61, false)
		testGemm(t, 600, 8, 300, true)
		testGemm(t, 0, 8, 8, true)
	})
}

func testGemm(t *testing.T, m, n, k int, acc bool) {
	t.Helper()
	mem := newMemory(uint64(m*10000 + n*100 + k))
	lda, ldb, ldc := k+m%3, n+k%2*5, n+m%2*3
	if k > 0 && m%5 == 0 {
		lda = 1 // rows that overlap
	}
	size := func(rows, cols, ld int) int {
		if rows == 0 || cols == 0 {
			return 0
		}
		return (rows-1)*ld + cols
	}
	at := fmt.Sprintf("m %d n %d k %d acc %v: ", m, n, k, acc)
	a, b := mem.normal(size(m, k, lda)), mem.normal(size(k, n, ldb))
	c := mem.normal(size(m, n, ldc))
	want := wide(c)
	for i := range m {
		for j := range n {
			if !acc {
				want[i*ldc+j] = 0
			}
			for p := range k {
				want[i*ldc+j] += float64(a[i*lda+p]) * float64(b[p*ldb+j])
			}
		}
	}
	kernel.Gemm(c, a, b, m, n, k, ldc, lda, ldb, acc)
	near(t, at+"C", c, want, 2e-6)

	d, e := mem.normal(size(m, n, ldc)), mem.normal(size(k, n, ldb))
	want = wide(e)
	for p := range k {
		for j := range n {
			if !acc {
				want[p*ldb+j] = 0
			}
			for i := range m {
				want[p*ldb+j] += float64(a[i*lda+p]) * float64(d[i*ldc+j])
			}
		}
	}
	kernel.GemmTN(e, a, d, m, n, k, ldb, lda, ldc, acc)
	near(t, at+"TN C", e, want, 2e-6)
	mem.check(t)
}
