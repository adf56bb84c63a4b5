//go:build amd64 && !noasm

package kernel

// highMasks lists masks for the lanes of a last vector that the one before
// lacks: the mask of the upper n lanes begins at n.
var highMasks = [16]int32{8: -1, -1, -1, -1, -1, -1, -1, -1}

// vectorised reports whether the assembly has these taps, for at least some
// channels.
func (t taps) vectorised(channels int) bool {
	return t.c >= channels && t.kh == t.kw && (t.kh == 3 || t.kh == 5 || t.kh == 7) && t.dilation == 1 && t.stride <= 2
}

// ofSize chooses one of the functions for 3x3, 5x5 and 7x7 taps at strides 1
// and 2.
func ofSize[F any](t taps, f3s1, f3s2, f5s1, f5s2, f7s1, f7s2 F) F {
	switch [2]int{t.kh, t.stride} {
	case [2]int{3, 2}:
		return f3s2
	case [2]int{5, 1}:
		return f5s1
	case [2]int{5, 2}:
		return f5s2
	case [2]int{7, 1}:
		return f7s1
	case [2]int{7, 2}:
		return f7s2
	default:
		return f3s1
	}
}

// reach is the number of floats from the first tap of the first of some rows to
// the end of the last.
func (t taps) reach(rows int) int {
	return (rows-1)*t.line + (t.kh-1)*t.tap + ((t.ow-1)*t.stride+t.kw)*t.c
}

// dwForwardAVX2 is dwForwardGeneric; only the last bits differ.
func dwForwardAVX2(y, x, w []float32, rows int, t taps, m mask, spread []float32) {
	if !t.vectorised(8) || rows == 0 {
		dwForwardGeneric(y, x, w, rows, t, m, spread)
		return
	}
	y, x, w = y[:rows*t.ow*t.c], x[:t.reach(rows)], w[:t.kh*t.kw*t.c]
	if m.x != nil {
		m.x = m.x[:(rows-1)*m.line+t.ow*t.c]
	}
	forward := ofSize(t, dwForward3s1, dwForward3s2, dwForward5s1, dwForward5s2, dwForward7s1, dwForward7s2)
	forward(&y[0], &x[0], &w[0], first(m.x), rows, t.ow, 4*t.c, 4*t.line, 4*t.tap, 4*m.line)
}

// dwGatherAVX2 is dwGatherGeneric; only the last bits differ.
func dwGatherAVX2(dx, dy, w []float32, at, row, count, pairs, c, kw, lead int) {
	if c < 8 || kw != 3 && kw != 5 && kw != 7 {
		dwGatherGeneric(dx, dy, w, at, row, count, pairs, c, kw, lead)
		return
	}
	_, _ = dy[at-(count-1)*row], dy[at+(lead+pairs)*c-1]
	_, _ = dx[2*pairs*c-1], w[2*(count-1)*kw*c+kw*c-1]
	gather := dwGather3
	switch kw {
	case 5:
		gather = dwGather5
	case 7:
		gather = dwGather7
	}
	gather(&dx[0], &dy[at], &w[0], 4*row, count, pairs, 4*c)
}

// dwWeightAVX2 is dwWeightGeneric; only the last bits differ.
func dwWeightAVX2(dw, x, dy []float32, rows int, t taps) {
	if !t.vectorised(8) || rows == 0 {
		dwWeightGeneric(dw, x, dy, rows, t)
		return
	}
	dy, x, dw = dy[:rows*t.ow*t.c], x[:t.reach(rows)], dw[:t.kh*t.kw*t.c]
	weight := ofSize(t, dwWeight3s1, dwWeight3s2, dwWeight5s1, dwWeight5s2, dwWeight7s1, dwWeight7s2)
	high := (t.c+7)%8 + 1 // lanes of the last vector that the others lack
	weight(&dw[0], &x[0], &dy[0], rows, t.ow, 4*t.c, 4*t.line, 4*t.tap, &highMasks[high])
}
