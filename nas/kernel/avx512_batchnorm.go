//go:build amd64 && !noasm

package kernel

func bnSumsAVX512(sum, square, x, shift []float32, rows int) {
	w := len(shift)
	if rows == 0 {
		return
	}
	x, sum, square = x[:rows*w], sum[:w], square[:w]
	bnSumsVecZ(&sum[0], &square[0], &x[0], &shift[0], rows, 4*w)
}

func bnGradSumsAVX512(sum, product, dy, x, mean []float32, rows int) {
	w := len(mean)
	if rows == 0 {
		return
	}
	x, dy, sum, product = x[:rows*w], dy[:rows*w], sum[:w], product[:w]
	bnGradSumsVecZ(&sum[0], &product[0], &dy[0], &x[0], &mean[0], rows, 4*w)
}

func bnApplyAVX512(y, x, mean, scale, beta []float32, rows int) {
	w := len(mean)
	if rows == 0 {
		return
	}
	y, x, scale, beta = y[:rows*w], x[:rows*w], scale[:w], beta[:w]
	bnApplyVecZ(&y[0], &x[0], &mean[0], &scale[0], &beta[0], rows, 4*w)
}

func bnGradAVX512(dx, dy, x, mean, a, b, d []float32, rows int) {
	w := len(mean)
	if rows == 0 {
		return
	}
	dx, dy, x, a, b, d = dx[:rows*w], dy[:rows*w], x[:rows*w], a[:w], b[:w], d[:w]
	bnGradVecZ(&dx[0], &dy[0], &x[0], &mean[0], &a[0], &b[0], &d[0], rows, 4*w)
}

func bnInferAVX512(y, x, gamma, beta, mean, variance []float32, rows int, eps float32) {
	c := len(gamma)
	if rows == 0 {
		return
	}
	y, x, beta, mean, variance = y[:rows*c], x[:rows*c], beta[:c], mean[:c], variance[:c]
	bnInferVecZ(&y[0], &x[0], &gamma[0], &beta[0], &mean[0], &variance[0], rows, c, eps)
}

// bnRowsAVX512 is bnRowsGeneric; only the last bits differ.
func bnRowsAVX512(y, x, mean, scale, beta []float32, rows, width, ldy, ldx int, floor float32) {
	p := len(mean)
	if rows == 0 || width == 0 {
		return
	}
	scale, beta = scale[:p], beta[:p]
	_, _ = y[(rows-1)*ldy+width-1], x[(rows-1)*ldx+width-1]
	bnRowsVecZ(&y[0], &x[0], &mean[0], &scale[0], &beta[0], rows, 4*width, 4*ldy, 4*ldx, 4*p, floor)
}
