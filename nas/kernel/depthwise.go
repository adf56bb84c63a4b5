package kernel

// DepthwiseForward convolves every channel with its own KH x KW filter. x is
// (N, H, W, C), y is (N, OH, OW, C), w is (KH, KW, C); c.Cin == c.Cout == C.
//
//	y[n,oy,ox,ch] = Σ_ky,kx x[n,iy,ix,ch] * w[ky,kx,ch]
func DepthwiseForward(y, x, w []float32, c Conv, scratch []float32) {
	c.checkDepthwise("DepthwiseForward", x, y, w, scratch)
	clear(y)
	c.taps(func(xo, yo, t int) {
		in, out, f := x[xo*c.Cin:][:c.Cin], y[yo*c.Cin:][:c.Cin], w[t*c.Cin:][:c.Cin]
		for j, v := range in {
			if c.Relu && v < 0 {
				v = 0
			}
			out[j] += v * f[j]
		}
	})
}

// DepthwiseBackwardData computes the gradient by the input of
// [DepthwiseForward]. dx is overwritten; x is read only when c.Relu is set,
// which masks dx where x <= 0.
func DepthwiseBackwardData(dx, dy, w, x []float32, c Conv, scratch []float32) {
	c.checkDepthwise("DepthwiseBackwardData", dx, dy, w, scratch)
	clear(dx)
	c.taps(func(xo, yo, t int) {
		out, d, f := dx[xo*c.Cin:][:c.Cin], dy[yo*c.Cin:][:c.Cin], w[t*c.Cin:][:c.Cin]
		for j, v := range d {
			out[j] += v * f[j]
		}
	})
	if c.Relu {
		ReluBackward(dx, dx, x)
	}
}

// DepthwiseBackwardWeight computes the gradient by the weights of
// [DepthwiseForward]. dw is overwritten.
func DepthwiseBackwardWeight(dw, x, dy []float32, c Conv, scratch []float32) {
	c.checkDepthwise("DepthwiseBackwardWeight", x, dy, dw, scratch)
	clear(dw)
	c.taps(func(xo, yo, t int) {
		in, d, f := x[xo*c.Cin:][:c.Cin], dy[yo*c.Cin:][:c.Cin], dw[t*c.Cin:][:c.Cin]
		for j, v := range in {
			if c.Relu && v < 0 {
				v = 0
			}
			f[j] += v * d[j]
		}
	})
}

func (c Conv) checkDepthwise(op string, x, y, w, scratch []float32) {
	if c.Cin != c.Cout {
		panic("kernel: " + op + ": Cin and Cout differ")
	}
	c.check(op, x, y, w, c.KH*c.KW*c.Cin, scratch)
}
