package kernel

import "fmt"

// Conv describes one 2-D convolution (or, with Cout == Cin, a depthwise one)
// with explicit padding: output pixel (oy, ox) reads, for every tap (ky, kx),
// the input pixel
//
//	iy = oy*StrideH - PadTop  + ky*Dilation
//	ix = ox*StrideW - PadLeft + kx*Dilation
//
// and zero where that lies outside the image. Padding may be negative: a 1x1
// kernel with stride 2 and PadTop = PadLeft = -1 is the shifted path of a
// factorized reduction, which starts at row 1, column 1 and reads zeros past
// the end.
type Conv struct {
	N, H, W, Cin     int  // input (N, H, W, Cin)
	OH, OW, Cout     int  // output (N, OH, OW, Cout)
	KH, KW           int  // taps
	StrideH, StrideW int  //
	Dilation         int  // distance of taps, 1 for an ordinary convolution
	PadTop, PadLeft  int  //
	Relu             bool // the input is max(x, 0), applied as it is loaded
}

// Same describes a convolution with TensorFlow's SAME padding: OH = ceil(h/sh),
// and the odd row or column of padding goes to the bottom and the right.
func Same(n, h, w, cin, cout, kh, kw, sh, sw, dilation int) Conv {
	oh, top := samePad(h, kh, sh, dilation)
	ow, left := samePad(w, kw, sw, dilation)
	return Conv{N: n, H: h, W: w, Cin: cin, OH: oh, OW: ow, Cout: cout, KH: kh, KW: kw,
		StrideH: sh, StrideW: sw, Dilation: dilation, PadTop: top, PadLeft: left}
}

// Valid describes a convolution without padding.
func Valid(n, h, w, cin, cout, kh, kw, sh, sw, dilation int) Conv {
	return Conv{N: n, H: h, W: w, Cin: cin, Cout: cout, KH: kh, KW: kw,
		OH: (h-(kh-1)*dilation-1)/sh + 1, OW: (w-(kw-1)*dilation-1)/sw + 1,
		StrideH: sh, StrideW: sw, Dilation: dilation}
}

// samePad is the output size and the padding before the first element of one
// axis under TensorFlow's SAME rule.
func samePad(size, k, stride, dilation int) (out, before int) {
	out = (size + stride - 1) / stride
	total := (out-1)*stride + (k-1)*dilation + 1 - size
	return out, max(total, 0) / 2
}

func (c Conv) check(op string, x, y, w []float32, weights int, scratch []float32) {
	if c.N < 0 || c.H < 1 || c.W < 1 || c.Cin < 1 || c.Cout < 1 || c.OH < 1 || c.OW < 1 ||
		c.KH < 1 || c.KW < 1 || c.StrideH < 1 || c.StrideW < 1 || c.Dilation < 1 {
		panic(fmt.Sprintf("kernel: %s: bad descriptor %+v", op, c))
	}
	if len(x) != c.N*c.H*c.W*c.Cin || len(y) != c.N*c.OH*c.OW*c.Cout || len(w) != weights {
		panic(fmt.Sprintf("kernel: %s: lengths input %d output %d weights %d do not fit %+v", op, len(x), len(y), len(w), c))
	}
	if s := c.Scratch(); len(scratch) < s {
		panic(fmt.Sprintf("kernel: %s: scratch %d < %d for %+v", op, len(scratch), s, c))
	}
}

// Scratch is the number of floats of scratch that the convolution and
// depthwise calls want for this descriptor.
func (c Conv) Scratch() int { return 0 }

// ConvForward computes y = conv(x, w). y is (N, OH, OW, Cout), x is
// (N, H, W, Cin), w is (KH, KW, Cin, Cout).
//
//	y[n,oy,ox,co] = Σ_ky,kx,ci x[n,iy,ix,ci] * w[ky,kx,ci,co]
func ConvForward(y, x, w []float32, c Conv, scratch []float32) {
	c.check("ConvForward", x, y, w, c.KH*c.KW*c.Cin*c.Cout, scratch)
	clear(y)
	c.taps(func(xo, yo, t int) {
		out := y[yo*c.Cout:][:c.Cout]
		for ci, v := range x[xo*c.Cin:][:c.Cin] {
			if c.Relu && v < 0 {
				v = 0
			}
			row := w[(t*c.Cin+ci)*c.Cout:][:c.Cout]
			for j, wv := range row {
				out[j] += v * wv
			}
		}
	})
}

// ConvBackwardData computes the gradient of the loss by the input of
// [ConvForward] from the gradient dy by its output. dx is overwritten. x is
// read only when c.Relu is set, which masks dx where x <= 0.
func ConvBackwardData(dx, dy, w, x []float32, c Conv, scratch []float32) {
	c.check("ConvBackwardData", dx, dy, w, c.KH*c.KW*c.Cin*c.Cout, scratch)
	clear(dx)
	c.taps(func(xo, yo, t int) {
		d := dy[yo*c.Cout:][:c.Cout]
		out := dx[xo*c.Cin:][:c.Cin]
		for ci := range out {
			row := w[(t*c.Cin+ci)*c.Cout:][:len(d)]
			var s float32
			for j, wv := range row {
				s += d[j] * wv
			}
			out[ci] += s
		}
	})
	if c.Relu {
		ReluBackward(dx, dx, x)
	}
}

// ConvBackwardWeight computes the gradient of the loss by the weights of
// [ConvForward]. dw is overwritten.
func ConvBackwardWeight(dw, x, dy []float32, c Conv, scratch []float32) {
	c.check("ConvBackwardWeight", x, dy, dw, c.KH*c.KW*c.Cin*c.Cout, scratch)
	clear(dw)
	c.taps(func(xo, yo, t int) {
		d := dy[yo*c.Cout:][:c.Cout]
		for ci, v := range x[xo*c.Cin:][:c.Cin] {
			if c.Relu && v < 0 {
				v = 0
			}
			row := dw[(t*c.Cin+ci)*c.Cout:][:len(d)]
			for j, dv := range d {
				row[j] += v * dv
			}
		}
	})
}

// taps calls f for every input pixel xo, output pixel yo and tap t that meet.
func (c Conv) taps(f func(xo, yo, t int)) {
	for n := range c.N {
		for oy := range c.OH {
			for ky := range c.KH {
				iy := oy*c.StrideH - c.PadTop + ky*c.Dilation
				if iy < 0 || iy >= c.H {
					continue
				}
				for ox := range c.OW {
					for kx := range c.KW {
						ix := ox*c.StrideW - c.PadLeft + kx*c.Dilation
						if ix >= 0 && ix < c.W {
							f((n*c.H+iy)*c.W+ix, (n*c.OH+oy)*c.OW+ox, ky*c.KW+kx)
						}
					}
				}
			}
		}
	}
}
