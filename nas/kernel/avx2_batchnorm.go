//go:build amd64 && !noasm

package kernel

// The rows of batch normalisation are whole vectors, except for the last row of
// a matrix, which the portable loops take.

func bnSumsAVX2(sum, square, x, shift []float32, rows int) {
	w := len(shift)
	if w%8 != 0 || rows == 0 {
		bnSumsGeneric(sum, square, x, shift, rows)
		return
	}
	x, sum, square = x[:rows*w], sum[:w], square[:w]
	bnSumsVec(&sum[0], &square[0], &x[0], &shift[0], rows, 4*w)
}

func bnGradSumsAVX2(sum, product, dy, x, mean []float32, rows int) {
	w := len(mean)
	if w%8 != 0 || rows == 0 {
		bnGradSumsGeneric(sum, product, dy, x, mean, rows)
		return
	}
	x, dy, sum, product = x[:rows*w], dy[:rows*w], sum[:w], product[:w]
	bnGradSumsVec(&sum[0], &product[0], &dy[0], &x[0], &mean[0], rows, 4*w)
}

func bnApplyAVX2(y, x, mean, scale, beta []float32, rows int) {
	w := len(mean)
	if w%8 != 0 || rows == 0 {
		bnApplyGeneric(y, x, mean, scale, beta, rows)
		return
	}
	y, x, scale, beta = y[:rows*w], x[:rows*w], scale[:w], beta[:w]
	bnApplyVec(&y[0], &x[0], &mean[0], &scale[0], &beta[0], rows, 4*w)
}

func bnGradAVX2(dx, dy, x, mean, a, b, d []float32, rows int) {
	w := len(mean)
	if w%8 != 0 || rows == 0 {
		bnGradGeneric(dx, dy, x, mean, a, b, d, rows)
		return
	}
	dx, dy, x, a, b, d = dx[:rows*w], dy[:rows*w], x[:rows*w], a[:w], b[:w], d[:w]
	bnGradVec(&dx[0], &dy[0], &x[0], &mean[0], &a[0], &b[0], &d[0], rows, 4*w)
}

func bnInferAVX2(y, x, gamma, beta, mean, variance []float32, rows int, eps float32) {
	c := len(gamma)
	if rows == 0 {
		return
	}
	y, x, beta, mean, variance = y[:rows*c], x[:rows*c], beta[:c], mean[:c], variance[:c]
	bnInferVec(&y[0], &x[0], &gamma[0], &beta[0], &mean[0], &variance[0], rows, c, lanes(c%8), eps)
}

// bnRowsAVX2 is bnRowsGeneric; only the last bits differ.
func bnRowsAVX2(y, x, mean, scale, beta []float32, rows, width, ldy, ldx int, floor float32) {
	p, whole := len(mean), width/8*8
	if p%8 != 0 || rows == 0 {
		bnRowsGeneric(y, x, mean, scale, beta, rows, width, ldy, ldx, floor)
		return
	}
	scale, beta = scale[:p], beta[:p]
	_, _ = y[(rows-1)*ldy+width-1], x[(rows-1)*ldx+width-1]
	if whole > 0 {
		bnRowsVec(&y[0], &x[0], &mean[0], &scale[0], &beta[0], rows, 4*whole, 4*ldy, 4*ldx, 4*p, floor)
	}
	if k := whole % p; whole < width {
		bnRowsGeneric(y[whole:], x[whole:], mean[k:], scale[k:], beta[k:], rows, width-whole, ldy, ldx, floor)
	}
}
