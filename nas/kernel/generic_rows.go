package kernel

import "math"

// reluRowsGeneric computes y[i*ldy+j] = max(x[i*ldx+j], 0) for i < rows, j < width,
// and keeps NaN.
func reluRowsGeneric(y, x []float32, rows, width, ldy, ldx int) {
	for i := range rows {
		reluGeneric(y[i*ldy:][:width], x[i*ldx:][:width])
	}
}

// addRowsGeneric computes y[i*ldy+j] += x[i*ldx+j] for i < rows, j < width.
func addRowsGeneric(y, x []float32, rows, width, ldy, ldx int) {
	for i := range rows {
		out := y[i*ldy:][:width]
		addGeneric(out, out, x[i*ldx:])
	}
}

// maskRowsGeneric computes y[i*ldy+j] = x[i*ldx+j] where a[i*ldx+j] > 0, else 0, for
// i < rows, j < width.
func maskRowsGeneric(y, x, a []float32, rows, width, ldy, ldx int) {
	for i := range rows {
		reluBackwardGeneric(y[i*ldy:][:width], x[i*ldx:], a[i*ldx:][:width])
	}
}

// maskAddRowsGeneric computes y[i*ldy+j] += x[i*ldx+j] where a[i*ldx+j] > 0, for
// i < rows, j < width.
func maskAddRowsGeneric(y, x, a []float32, rows, width, ldy, ldx int) {
	for i := range rows {
		out, in := y[i*ldy:][:width], x[i*ldx:][:width]
		for j, v := range a[i*ldx:][:width] {
			g := math.Float32bits(in[j])
			if int32(math.Float32bits(v)) <= 0 {
				g = 0
			}
			out[j] += math.Float32frombits(g)
		}
	}
}
