package kernel

// dwForwardGeneric computes, for r in [0, rows), ox in [0, ow), j in [0, c),
//
//	y[(r*ow+ox)*c + j] = Σ_ky,kx x[r*line + ky*tap + (ox*stride+kx*dilation)*c + j] * w[(ky*kw+kx)*c + j]
//
// and 0 where m.x[r*m.line + ox*c + j] <= 0, if there is a mask.
//
// spread is scratch for kh*kw*spreadWidth(c) floats.
func dwForwardGeneric(y, x, w []float32, rows int, t taps, m mask, spread []float32) {
	if whole := t.kh == 3 && t.kw == 3; whole && t.long(9) || !whole && t.long(t.kw) {
		dwForwardRows(y, x, w, rows, t, m)
		return
	}
	rowLen := t.ow * t.c
	span := t.c // floats of a row that one inner loop computes
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

// long reports whether rows are long enough for a loop along the row, one
// channel at a time with the given number of factors in registers, to beat a
// loop along the channels. The limit was measured.
func (t taps) long(factors int) bool { return t.kw >= 3 && t.ow*factors >= 80 }

// chunk returns how many taps of a filter row from kx on are taken together, 5
// or 3, and how many before kx are taken once more so that there are 3.
func (t taps) chunk(kx int) (size, again int) {
	if left := t.kw - kx; left < 5 {
		return 3, max(0, 3-left)
	}
	return 5, 0
}

// dwForwardRows is dwForwardGeneric along the rows: for a 3x3 filter all taps
// at once, else one filter row.
func dwForwardRows(y, x, w []float32, rows int, t taps, m mask) {
	c := t.c
	for r := range rows {
		out, in := y[r*t.ow*c:][:t.ow*c], x[r*t.line:]
		if t.kh == 3 && t.kw == 3 {
			for j := range c {
				setTaps9(out[j:], in[j:], w[j:], c, t.stride*c, t.dilation*c, t.tap)
			}
		} else {
			clear(out)
			for ky := range t.kh {
				dwFilterRow(out, in[ky*t.tap:], w[ky*t.kw*c:], t)
			}
		}
		if m.x != nil {
			reluBackwardGeneric(out, out, m.x[r*m.line:][:len(out)])
		}
	}
}

// dwFilterRow adds the products of the first filter row of w to one row of y.
// Taps that are taken once more have factor 0.
func dwFilterRow(y, x, w []float32, t taps) {
	c, pixel, step := t.c, t.stride*t.c, t.dilation*t.c
	for kx := 0; kx < t.kw; {
		size, again := t.chunk(kx)
		in, f := x[(kx-again)*step:], w[(kx-again)*c:]
		for j := range c {
			if size == 5 {
				addTaps5(y[j:], in[j:], c, pixel, step, f[j], f[c+j], f[2*c+j], f[3*c+j], f[4*c+j])
				continue
			}
			f0, f1 := f[j], f[c+j]
			if again > 0 {
				f0 = 0
			}
			if again > 1 {
				f1 = 0
			}
			addTaps3(y[j:], in[j:], c, pixel, step, f0, f1, f[2*c+j])
		}
		kx += size - again
	}
}

// addTaps5 computes, for one channel and up to the end of y,
//
//	y[i*c] += Σ_t<5 x[i*pixel+t*step] * wt
//
// It is a call of its own, as the four below are, so that the compiler has
// registers for all of the loop.
//
//go:noinline
func addTaps5(y, x []float32, c, pixel, step int, w0, w1, w2, w3, w4 float32) {
	x4 := x[4*step:]
	x0, x1, x2, x3 := x[:len(x4)], x[step:][:len(x4)], x[2*step:][:len(x4)], x[3*step:][:len(x4)]
	i := 0
	for o := 0; o < len(y); o += c {
		y[o] += x0[i]*w0 + x1[i]*w1 + x2[i]*w2 + x3[i]*w3 + x4[i]*w4
		i += pixel
	}
}

// addTaps3 is addTaps5 for three taps.
//
//go:noinline
func addTaps3(y, x []float32, c, pixel, step int, w0, w1, w2 float32) {
	x2 := x[2*step:]
	x0, x1 := x[:len(x2)], x[step:][:len(x2)]
	i := 0
	for o := 0; o < len(y); o += c {
		y[o] += x0[i]*w0 + x1[i]*w1 + x2[i]*w2
		i += pixel
	}
}

// setTaps9 computes, for one channel and up to the end of y,
//
//	y[i*c] = Σ_t,u<3 x[i*pixel+t*tap+u*step] * w[(3*t+u)*c]
//
//go:noinline
func setTaps9(y, x, w []float32, c, pixel, step, tap int) {
	x2 := x[2*tap:]
	x0, x1 := x[:len(x2)], x[tap:][:len(x2)]
	w0, w1, w2, w3, w4, w5, w6, w7, w8 := w[0], w[c], w[2*c], w[3*c], w[4*c], w[5*c], w[6*c], w[7*c], w[8*c]
	i := 0
	for o := 0; o < len(y); o += c {
		k := i + step
		l := k + step
		y[o] = x0[i]*w0 + x0[k]*w1 + x0[l]*w2 + x1[i]*w3 + x1[k]*w4 + x1[l]*w5 + x2[i]*w6 + x2[k]*w7 + x2[l]*w8
		i += pixel
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
					dwTaps3(out, d[o:][:c], d[o-c:][:c], d[o-2*c:][:c], f[kx*c:][:c], f[(kx+2)*c:][:c],
						f[(kx+4)*c:][:c], t > 0 || kx > e)
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
	if t.long(t.kw) {
		dwWeightRows(dw, x, dy, rows, t)
		return
	}
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

// dwWeightRows is dwWeightGeneric along the rows.
func dwWeightRows(dw, x, dy []float32, rows int, t taps) {
	c, step := t.c, t.dilation*t.c
	for r := range rows {
		d := dy[r*t.ow*c:][:t.ow*c]
		for ky := range t.kh {
			for kx := 0; kx < t.kw; {
				size, again := t.chunk(kx)
				in, out := x[r*t.line+ky*t.tap+(kx-again)*step:], dw[(ky*t.kw+kx-again)*c:]
				for j := range c {
					if size == 5 {
						s0, s1, s2, s3, s4 := sumTaps5(d[j:], in[j:], c, t.stride*c, step)
						out[j], out[c+j], out[2*c+j], out[3*c+j], out[4*c+j] =
							out[j]+s0, out[c+j]+s1, out[2*c+j]+s2, out[3*c+j]+s3, out[4*c+j]+s4
						continue
					}
					s0, s1, s2 := sumTaps3(d[j:], in[j:], c, t.stride*c, step)
					if again < 1 {
						out[j] += s0
					}
					if again < 2 {
						out[c+j] += s1
					}
					out[2*c+j] += s2
				}
				kx += size - again
			}
		}
	}
}

// sumTaps5 computes, for one channel and up to the end of d,
//
//	st = Σ_i d[i*c] * x[i*pixel+t*step]
//
//go:noinline
func sumTaps5(d, x []float32, c, pixel, step int) (s0, s1, s2, s3, s4 float32) {
	x4 := x[4*step:]
	x0, x1, x2, x3 := x[:len(x4)], x[step:][:len(x4)], x[2*step:][:len(x4)], x[3*step:][:len(x4)]
	i := 0
	for o := 0; o < len(d); o += c {
		v := d[o]
		s0 += x0[i] * v
		s1 += x1[i] * v
		s2 += x2[i] * v
		s3 += x3[i] * v
		s4 += x4[i] * v
		i += pixel
	}
	return s0, s1, s2, s3, s4
}

// sumTaps3 is sumTaps5 for three taps.
//
//go:noinline
func sumTaps3(d, x []float32, c, pixel, step int) (s0, s1, s2 float32) {
	x2 := x[2*step:]
	x0, x1 := x[:len(x2)], x[step:][:len(x2)]
	i := 0
	for o := 0; o < len(d); o += c {
		v := d[o]
		s0 += x0[i] * v
		s1 += x1[i] * v
		s2 += x2[i] * v
		i += pixel
	}
	return s0, s1, s2
}
