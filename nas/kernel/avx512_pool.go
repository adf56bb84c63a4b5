//go:build amd64 && !noasm

package kernel

// maxPoolAVX512 is maxPoolGeneric.
func maxPoolAVX512(y []float32, idx []uint8, x []float32, p Pool) { maxPoolVectors(y, idx, x, p, true) }

// maxPoolGradAVX512 is maxPoolGradGeneric; only the last bits differ.
func maxPoolGradAVX512(dx, dy []float32, idx []uint8, p Pool, acc bool) {
	if p.gathers() {
		maxPoolGather(dx, dy, idx, p, acc, true)
	} else {
		maxPoolGradGeneric(dx, dy, idx, p, acc)
	}
}

func copyRowsAVX512(y, x []float32, rows, width, ldy, ldx int) {
	if rows == 0 || width == 0 {
		return
	}
	_, _ = y[(rows-1)*ldy+width-1], x[(rows-1)*ldx+width-1]
	copyRowsVecZ(&y[0], &x[0], rows, 4*width, 4*ldy, 4*ldx)
}

// poolSumAVX512 is poolSumGeneric; only the last bits differ.
func poolSumAVX512(y, x, by []float32, s poolSums, f float32, acc bool) {
	if s.width == 0 || s.pixels == 0 {
		return
	}
	_, _ = y[(s.pixels-1)*s.ldy+s.width-1], x[(s.pixels-1)*s.ldx+(s.taps-1)*s.step+s.width-1]
	if by != nil {
		_ = by[(s.pixels-1)*s.ldby+s.width-1]
	}
	poolSumVecZ(&y[0], &x[0], first(by), s.pixels, 4*s.width, 4*s.ldy, 4*s.ldx, 4*s.ldby, s.taps, 4*s.step, f, acc)
}

// poolSumReluAVX512 is poolSumReluGeneric; only the last bits differ.
func poolSumReluAVX512(y, x []float32, taps int, f float32) {
	if len(y) == 0 || taps == 0 {
		poolSumReluGeneric(y, x, taps, f)
		return
	}
	_ = x[taps*len(y)-1]
	poolSumReluVecZ(&y[0], &x[0], nil, 1, 4*len(y), 0, 0, 0, taps, 4*len(y), f, false)
}
