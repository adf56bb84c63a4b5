//go:build amd64 && !noasm

package kernel

// maxPoolAVX2 is maxPoolGeneric. Large windows are pooled in two steps, down
// the columns and then across them; a row of columns fits in the buffers.
func maxPoolAVX2(y []float32, idx []uint8, x []float32, p Pool) {
	switch {
	case p.C < 8:
		maxPoolGeneric(y, idx, x, p)
	case p.K >= 5 && p.W*p.C <= len(columnMax{}.best):
		maxPoolColumns(y, idx, x, p)
	default:
		maxPoolTaps(y, idx, x, p)
	}
}

// maxPoolTaps compares every tap of every window.
func maxPoolTaps(y []float32, idx []uint8, x []float32, p Pool) {
	line := p.W * p.C
	for oy := range p.OH {
		y0, y1 := window(oy, p.Stride, p.PadTop, p.K, p.H)
		ty := y0 - (oy*p.Stride - p.PadTop)
		p.runs(func(from, pixels, x0, nx, tx int) {
			out := (oy*p.OW + from) * p.C
			in := x[(y0*p.W+x0)*p.C:]
			_ = in[(pixels-1)*p.Stride*p.C+(y1-y0-1)*line+nx*p.C-1]
			o, at := y[out:][:pixels*p.C], idx[out:][:pixels*p.C]
			maxPoolVec(&o[0], &at[0], &in[0], pixels, 4*p.Stride*p.C, 4*p.C, y1-y0, nx, 4*line, ty*p.K+tx, p.K-nx)
		})
	}
}

// columnMax is the maxima of the columns of one row of windows and the taps
// that have them, each tap times K.
type columnMax struct {
	best [4096]float32
	tap  [4096]int32
}

func maxPoolColumns(y []float32, idx []uint8, x []float32, p Pool) {
	var m columnMax
	line := p.W * p.C
	x = x[:p.H*line]
	for oy := range p.OH {
		y0, y1 := window(oy, p.Stride, p.PadTop, p.K, p.H)
		ty := y0 - (oy*p.Stride - p.PadTop)
		maxColumnsVec(&m.best[0], &m.tap[0], &x[y0*line], 4*line, y1-y0, 4*line, ty*p.K, p.K)
		p.runs(func(from, pixels, x0, nx, tx int) {
			out := (oy*p.OW + from) * p.C
			o, at := y[out:][:pixels*p.C], idx[out:][:pixels*p.C]
			maxAcrossVec(&o[0], &at[0], &m.best[x0*p.C], &m.tap[x0*p.C], pixels, 4*p.Stride*p.C, 4*p.C, nx, tx)
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
