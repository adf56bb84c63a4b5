//go:build amd64 && !noasm

package kernel

// maxPoolAVX2 is maxPoolGeneric.
func maxPoolAVX2(y []float32, idx []uint8, x []float32, p Pool) {
	if p.C < 8 {
		maxPoolGeneric(y, idx, x, p)
		return
	}
	maxPoolVectors(y, idx, x, p, false)
}

// maxPoolVectors pools with vectors of 8 floats or, if wide, of 16. Large
// windows are pooled in two steps, down the columns and then across them; a row
// of columns fits in the buffers.
func maxPoolVectors(y []float32, idx []uint8, x []float32, p Pool, wide bool) {
	if p.K >= 5 && p.W*p.C <= len(columnMax{}.best) {
		maxPoolColumns(y, idx, x, p, wide)
	} else {
		maxPoolTaps(y, idx, x, p, wide)
	}
}

// maxPoolTaps compares every tap of every window.
func maxPoolTaps(y []float32, idx []uint8, x []float32, p Pool, wide bool) {
	line := p.W * p.C
	for oy := range p.OH {
		y0, y1 := window(oy, p.Stride, p.PadTop, p.K, p.H)
		ty := y0 - (oy*p.Stride - p.PadTop)
		p.runs(func(from, pixels, x0, nx, tx int) {
			out := (oy*p.OW + from) * p.C
			in := x[(y0*p.W+x0)*p.C:]
			_ = in[(pixels-1)*p.Stride*p.C+(y1-y0-1)*line+nx*p.C-1]
			o, at := y[out:][:pixels*p.C], idx[out:][:pixels*p.C]
			if wide {
				maxPoolVecZ(&o[0], &at[0], &in[0], pixels, 4*p.Stride*p.C, 4*p.C, y1-y0, nx, 4*line, ty*p.K+tx, p.K-nx)
			} else {
				maxPoolVec(&o[0], &at[0], &in[0], pixels, 4*p.Stride*p.C, 4*p.C, y1-y0, nx, 4*line, ty*p.K+tx, p.K-nx)
			}
		})
	}
}

// columnMax keeps the maxima of the columns of one row of windows and the taps
// where they are, each tap times K.
type columnMax struct {
	best [4096]float32
	tap  [4096]int32
}

func maxPoolColumns(y []float32, idx []uint8, x []float32, p Pool, wide bool) {
	var m columnMax
	line := p.W * p.C
	x = x[:p.H*line]
	for oy := range p.OH {
		y0, y1 := window(oy, p.Stride, p.PadTop, p.K, p.H)
		ty := y0 - (oy*p.Stride - p.PadTop)
		if wide {
			maxColumnsVecZ(&m.best[0], &m.tap[0], &x[y0*line], 4*line, y1-y0, 4*line, ty*p.K, p.K)
		} else {
			maxColumnsVec(&m.best[0], &m.tap[0], &x[y0*line], 4*line, y1-y0, 4*line, ty*p.K, p.K)
		}
		p.runs(func(from, pixels, x0, nx, tx int) {
			out := (oy*p.OW + from) * p.C
			o, at := y[out:][:pixels*p.C], idx[out:][:pixels*p.C]
			if wide {
				maxAcrossVecZ(&o[0], &at[0], &m.best[x0*p.C], &m.tap[x0*p.C], pixels, 4*p.Stride*p.C, 4*p.C, nx, tx)
			} else {
				maxAcrossVec(&o[0], &at[0], &m.best[x0*p.C], &m.tap[x0*p.C], pixels, 4*p.Stride*p.C, 4*p.C, nx, tx)
			}
		})
	}
}

func copyRowsAVX2(y, x []float32, rows, width, ldy, ldx int) {
	if width < 8 || rows == 0 {
		copyRowsGeneric(y, x, rows, width, ldy, ldx)
		return
	}
	_, _ = y[(rows-1)*ldy+width-1], x[(rows-1)*ldx+width-1]
	copyRowsVec(&y[0], &x[0], rows, 4*width, 4*ldy, 4*ldx)
}

// poolSumAVX2 is poolSumGeneric; only the last bits differ.
func poolSumAVX2(y, x, by []float32, s poolSums, f float32, acc bool) {
	if s.width < 8 || s.pixels == 0 {
		poolSumGeneric(y, x, by, s, f, acc)
		return
	}
	_, _ = y[(s.pixels-1)*s.ldy+s.width-1], x[(s.pixels-1)*s.ldx+(s.taps-1)*s.step+s.width-1]
	if by != nil {
		_ = by[(s.pixels-1)*s.ldby+s.width-1]
	}
	poolSumVec(&y[0], &x[0], first(by), s.pixels, 4*s.width, 4*s.ldy, 4*s.ldx, 4*s.ldby, s.taps, 4*s.step, f, acc)
}

// poolSumReluAVX2 is poolSumReluGeneric; only the last bits differ.
func poolSumReluAVX2(y, x []float32, taps int, f float32) {
	if len(y) < 8 || taps == 0 {
		poolSumReluGeneric(y, x, taps, f)
		return
	}
	_ = x[taps*len(y)-1]
	poolSumReluVec(&y[0], &x[0], nil, 1, 4*len(y), 0, 0, 0, taps, 4*len(y), f, false)
}

// maxPoolGradAVX2 is maxPoolGradGeneric; only the last bits differ.
func maxPoolGradAVX2(dx, dy []float32, idx []uint8, p Pool, acc bool) {
	if p.C < 8 || !p.gathers() {
		maxPoolGradGeneric(dx, dy, idx, p, acc)
		return
	}
	maxPoolGather(dx, dy, idx, p, acc, false)
}

// gathers reports whether a pixel is in few windows.
func (p Pool) gathers() bool { return (p.K+p.Stride-1)/p.Stride <= 5 }

// maxPoolGather gathers: each pixel adds the gradients of the windows around it
// that name its tap. Vectors have 8 floats or, if wide, 16.
func maxPoolGather(dx, dy []float32, idx []uint8, p Pool, acc, wide bool) {
	row, outRow := p.W*p.C, p.OW*p.C
	for iy := range p.H {
		out := dx[iy*row:][:row]
		top, bottom := covering(iy, p.Stride, p.PadTop, p.K, p.OH)
		for phase := range min(p.Stride, p.W) {
			for ix := phase; ix < p.W; {
				from, to := covering(ix, p.Stride, p.PadLeft, p.K, p.OW)
				// With the next window, the next column of this phase has the
				// same taps.
				pixels := 1
				for ; ix+pixels*p.Stride < p.W; pixels++ {
					if f, t := covering(ix+pixels*p.Stride, p.Stride, p.PadLeft, p.K, p.OW); f != from+pixels ||
						t != to+pixels {
						break
					}
				}
				gatherMax(out[ix*p.C:], dy, idx, p, pixels, top, bottom-top+1, from, to-from+1,
					(iy+p.PadTop-top*p.Stride)*p.K+ix+p.PadLeft-from*p.Stride, outRow, acc, wide)
				ix += pixels * p.Stride
			}
		}
	}
}

// gatherMax computes the gradients of pixels, Stride columns apart, from rows x
// cols windows, the first of which is in row top and column from; tap is the
// tap of the first pixel in it.
func gatherMax(dx, dy []float32, idx []uint8, p Pool, pixels, top, rows, from, cols, tap, outRow int, acc, wide bool) {
	if rows <= 0 || cols <= 0 {
		for q := 0; q < pixels && !acc; q++ {
			clear(dx[q*p.Stride*p.C:][:p.C])
		}
		return
	}
	first := top*outRow + from*p.C
	last := first + (rows-1)*outRow + (cols-1+pixels)*p.C - 1
	_, _, _ = dx[((pixels-1)*p.Stride+1)*p.C-1], dy[last], idx[last]
	width := p.C
	if p.Stride == 1 { // neighbours are one wide pixel
		pixels, width = 1, pixels*p.C
	}
	if wide {
		maxPoolGradVecZ(&dx[0], &dy[first], &idx[first], pixels, 4*width, 4*p.Stride*p.C, 4*p.C, rows, cols, 4*outRow,
			4*p.C, tap, p.Stride*p.K, p.Stride, acc)
	} else {
		maxPoolGradVec(&dx[0], &dy[first], &idx[first], pixels, 4*width, 4*p.Stride*p.C, 4*p.C, rows, cols, 4*outRow,
			4*p.C, tap, p.Stride*p.K, p.Stride, acc)
	}
}
