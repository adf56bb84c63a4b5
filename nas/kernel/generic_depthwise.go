package kernel

// dwForwardGeneric computes, for r in [0, rows), ox in [0, ow), j in [0, c),
//
//	y[(r*ow+ox)*c + j] = Σ_ky,kx x[r*line + ky*tap + (ox*stride+kx*dilation)*c + j] * w[(ky*kw+kx)*c + j]
//
// and 0 where m.x[r*m.line + ox*c + j] <= 0, if there is a mask.
//
// spread is scratch for kh*kw*spreadWidth(c) floats.
func dwForwardGeneric(y, x, w []float32, rows int, t taps, m mask, spread []float32) {
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
				for ; kx+5 <= t.kw; kx += 5 {
					i, f := in[ky*t.tap+kx*step:], w[(ky*t.kw+kx)*span:]
					dwTaps5(o, i, step, f, span, ky+kx > 0)
				}
				for ; kx+3 <= t.kw; kx += 3 {
					i, f := in[ky*t.tap+kx*step:], w[(ky*t.kw+kx)*span:]
					dwTaps3(o, i[:n], i[step:][:n], i[2*step:][:n], f[:n], f[span:][:n], f[2*span:][:n], ky+kx > 0)
				}
				for ; kx < t.kw; kx++ {
					dwTap(o, in[ky*t.tap+kx*step:][:n], w[(ky*t.kw+kx)*span:][:n], ky+kx > 0)
				}
			}
		}
		if m.x != nil {
			reluBackwardGeneric(out, out, m.x[r*m.line:][:rowLen])
		}
	}
}

// dwTaps5 computes y[i] (+)= Σ_t<5 x[t*step+i]*w[t*span+i].
func dwTaps5(y, x []float32, step int, w []float32, span int, acc bool) {
	n := len(y)
	x0, x1, x2, x3, x4 := x[:n], x[step:][:n], x[2*step:][:n], x[3*step:][:n], x[4*step:][:n]
	w0, w1, w2, w3, w4 := w[:n], w[span:][:n], w[2*span:][:n], w[3*span:][:n], w[4*span:][:n]
	if !acc {
		clear(y)
	}
	for i := range y {
		y[i] += x0[i]*w0[i] + x1[i]*w1[i] + x2[i]*w2[i] + x3[i]*w3[i] + x4[i]*w4[i]
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
	step := t.stride * t.c
	for r := range rows {
		d := dy[r*t.ow*t.c:][:t.ow*t.c]
		for i := range t.kh * t.kw {
			in := x[r*t.line+i/t.kw*t.tap+i%t.kw*t.dilation*t.c:]
			out := dw[i*t.c:][:t.c]
			ox := 0
			for ; ox+5 <= t.ow; ox += 5 {
				dwTaps5(out, in[ox*step:], step, d[ox*t.c:], t.c, true)
			}
			for ; ox < t.ow; ox++ {
				dwTap(out, in[ox*step:][:t.c], d[ox*t.c:][:t.c], true)
			}
		}
	}
}
