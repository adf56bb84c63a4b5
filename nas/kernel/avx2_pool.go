//go:build amd64 && !noasm

package kernel

// maxPoolAVX2 is maxPoolGeneric.
func maxPoolAVX2(y []float32, idx []uint8, x []float32, pixels, step, c, ny, nx, line, first, k int) {
	if c < 8 || pixels == 0 {
		maxPoolGeneric(y, idx, x, pixels, step, c, ny, nx, line, first, k)
		return
	}
	y, idx = y[:pixels*c], idx[:pixels*c]
	_ = x[(pixels-1)*step+(ny-1)*line+nx*c-1]
	maxPoolVec(&y[0], &idx[0], &x[0], pixels, 4*step, 4*c, ny, nx, 4*line, first, k-nx)
}

func copyRowsAVX2(y, x []float32, rows, width, ldy, ldx int) {
	if width < 8 || rows == 0 {
		copyRowsGeneric(y, x, rows, width, ldy, ldx)
		return
	}
	_, _ = y[(rows-1)*ldy+width-1], x[(rows-1)*ldx+width-1]
	copyRowsVec(&y[0], &x[0], rows, 4*width, 4*ldy, 4*ldx)
}
