//go:build amd64 && !noasm

package kernel

func reluRowsAVX2(y, x []float32, rows, width, ldy, ldx int) {
	if rows == 0 {
		return
	}
	_, _ = y[(rows-1)*ldy+width-1], x[(rows-1)*ldx+width-1]
	reluRowsVec(&y[0], &x[0], rows, width, 4*ldy, 4*ldx, lanes(width%8))
}

func addRowsAVX2(y, x []float32, rows, width, ldy, ldx int) {
	if rows == 0 {
		return
	}
	_, _ = y[(rows-1)*ldy+width-1], x[(rows-1)*ldx+width-1]
	addRowsVec(&y[0], &x[0], rows, width, 4*ldy, 4*ldx, lanes(width%8))
}

func maskRowsAVX2(y, x, a []float32, rows, width, ldy, ldx int) {
	if rows == 0 {
		return
	}
	_, _, _ = y[(rows-1)*ldy+width-1], x[(rows-1)*ldx+width-1], a[(rows-1)*ldx+width-1]
	maskRowsVec(&y[0], &x[0], &a[0], rows, width, 4*ldy, 4*ldx, lanes(width%8))
}

func maskAddRowsAVX2(y, x, a []float32, rows, width, ldy, ldx int) {
	if rows == 0 {
		return
	}
	_, _, _ = y[(rows-1)*ldy+width-1], x[(rows-1)*ldx+width-1], a[(rows-1)*ldx+width-1]
	maskAddRowsVec(&y[0], &x[0], &a[0], rows, width, 4*ldy, 4*ldx, lanes(width%8))
}
