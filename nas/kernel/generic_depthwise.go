package kernel

// dwForwardGeneric computes, for r in [0, rows), ox in [0, ow), j in [0, c),
//
//	y[(r*ow+ox)*c + j] = Σ_ky,kx x[r*line + ky*tap + (ox*stride+kx*dilation)*c + j] * w[(ky*kw+kx)*c + j]
//
// spread is scratch for kh*kw*spreadWidth(c) floats.
func dwForwardGeneric(y, x, w []float32, rows int, t taps, spread []float32) {
	rowLen := t.ow * t.c
	span := t.c // floats of a row that are computed in one inner loop
	if t.stride == 1 {
		span = spreadWidth(t.c)
		for i := range t.kh * t.kw {
			for to := 0; to < span; to += t.c {
				copy(spread[i*span+to:][:t.c], w[i*t.c:])
			}
		}
		w = spread
	}
	for r := range rows {
		out := y[r*rowLen:][:rowLen]
		for at := 0; at < rowLen; at += span {
			o := out[at:min(at+span, rowLen)]
			n := len(o)
			in := x[r*t.line+at*t.stride:]
			for ky := range t.kh {
				step := t.dilation * t.c
				kx := 0
				for ; kx+3 <= t.kw; kx += 3 {
					i, f := in[ky*t.tap+kx*step:], w[(ky*t.kw+kx)*span:]
					dwTaps3(o, i[:n], i[step:][:n], i[2*step:][:n], f[:n], f[span:][:n], f[2*span:][:n], ky+kx > 0)
				}
				for ; kx < t.kw; kx++ {
					dwTap(o, in[ky*t.tap+kx*step:][:n], w[(ky*t.kw+kx)*span:][:n], ky+kx > 0)
				}
			}
		}
	}
}

func dwTaps3(y, x0, x1, x2, w0, w1, w2 []float32, acc bool) {
	x0, x1, x2 = x0[:len(y)], x1[:len(y)], x2[:len(y)]
	w0, w1, w2 = w0[:len(y)], w1[:len(y)], w2[:len(y)]
	if !acc {
		for i := range y {
			y[i] = x0[i]*w0[i] + x1[i]*w1[i] + x2[i]*w2[i]
		}
		return
	}
	for i := range y {
		y[i] += x0[i]*w0[i] + x1[i]*w1[i] + x2[i]*w2[i]
	}
}

func dwTap(y, x, w []float32, acc bool) {
	x, w = x[:len(y)], w[:len(y)]
	if !acc {
		for i := range y {
			y[i] = x[i] * w[i]
		}
		return
	}
	for i := range y {
		y[i] += x[i] * w[i]
	}
}

// dwGatherGeneric computes a row of the gradient by the input of a depthwise
// convolution of stride 2, in pairs of columns: for b in [0, pairs), e in
// {0, 1}, j in [0, c),
//
//	dx[(2*b+e)*c + j] = Σ_t<count, kx≡e dy[at - t*row + (lead + b - kx/2)*c + j] * w[(2*t*kw+kx)*c + j]
//
// over the kx < kw of the parity e.
func dwGatherGeneric(dx, dy, w []float32, at, row, count, pairs, c, kw, lead int) {
	for b := range pairs {
		for e := range 2 {
			out := dx[(2*b+e)*c:][:c]
			if e >= kw {
				clear(out)
				continue
			}
			for t := range count {
				d := dy[at-t*row:]
				f := w[2*t*kw*c:]
				kx := e
				for ; kx+4 < kw; kx += 6 {
					o := (lead + b - kx/2) * c
					dwTaps3(out, d[o:][:c], d[o-c:][:c], d[o-2*c:][:c], f[kx*c:][:c], f[(kx+2)*c:][:c], f[(kx+4)*c:][:c], t > 0 || kx > e)
				}
				for ; kx < kw; kx += 2 {
					dwTap(out, d[(lead+b-kx/2)*c:][:c], f[kx*c:][:c], t > 0 || kx > e)
				}
			}
		}
	}
}

// dwWeightGeneric computes, for every tap and j in [0, c),
//
//	dw[(ky*kw+kx)*c + j] += Σ_r<rows, ox<ow x[r*line + ky*tap + (ox*stride+kx*dilation)*c + j] * dy[(r*ow+ox)*c + j]
func dwWeightGeneric(dw, x, dy []float32, rows int, t taps) {
	n := (t.ow-1)*t.stride*t.c + 1
	step := t.dilation * t.c
	for r := range rows {
		d := dy[r*t.ow*t.c:]
		for ky := range t.kh {
			in, out := x[r*t.line+ky*t.tap:], dw[ky*t.kw*t.c:]
			for j := range t.c {
				kx := 0
				for ; kx+3 <= t.kw; kx += 3 {
					i := in[kx*step+j:]
					a, b, c := dot3(i[:n], i[step:][:n], i[2*step:][:n], d[j:], t.stride*t.c, t.c)
					out[kx*t.c+j] += a
					out[(kx+1)*t.c+j] += b
					out[(kx+2)*t.c+j] += c
				}
				for ; kx < t.kw; kx++ {
					i := in[kx*step+j:]
					q := 0
					var s float32
					for p := 0; p < n; p += t.stride * t.c {
						s += i[p] * d[j+q]
						q += t.c
					}
					out[kx*t.c+j] += s
				}
			}
		}
	}
}

// dot3 is the products of three slices, read xs apart, with d, read ds apart.
func dot3(x0, x1, x2, d []float32, xs, ds int) (a, b, c float32) {
	x1, x2 = x1[:len(x0)], x2[:len(x0)]
	q := 0
	for p := 0; uint(p) < uint(len(x0)); p += xs {
		v := d[q]
		q += ds
		a += x0[p] * v
		b += x1[p] * v
		c += x2[p] * v
	}
	return a, b, c
}
