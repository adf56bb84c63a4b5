//go:build amd64 && !noasm

package kernel

func reluRowsAVX512(y, x []float32, rows, width, ldy, ldx int) {
	if rows == 0 {
		return
	}
	_, _ = y[(rows-1)*ldy+width-1], x[(rows-1)*ldx+width-1]
	reluRowsVecZ(&y[0], &x[0], rows, width, 4*ldy, 4*ldx)
}

func addRowsAVX512(y, x []float32, rows, width, ldy, ldx int) {
	if rows == 0 {
		return
	}
	_, _ = y[(rows-1)*ldy+width-1], x[(rows-1)*ldx+width-1]
	addRowsVecZ(&y[0], &x[0], rows, width, 4*ldy, 4*ldx)
}

func maskRowsAVX512(y, x, a []float32, rows, width, ldy, ldx int) {
	if rows == 0 {
		return
	}
	_, _, _ = y[(rows-1)*ldy+width-1], x[(rows-1)*ldx+width-1], a[(rows-1)*ldx+width-1]
	maskRowsVecZ(&y[0], &x[0], &a[0], rows, width, 4*ldy, 4*ldx)
}

func maskAddRowsAVX512(y, x, a []float32, rows, width, ldy, ldx int) {
	if rows == 0 {
		return
	}
	_, _, _ = y[(rows-1)*ldy+width-1], x[(rows-1)*ldx+width-1], a[(rows-1)*ldx+width-1]
	maskAddRowsVecZ(&y[0], &x[0], &a[0], rows, width, 4*ldy, 4*ldx)
}
