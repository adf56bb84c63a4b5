//go:build amd64 && !noasm

package kernel

// paired reports whether two neighbouring pixels fill a vector and are equally
// far apart in input and output.
func (t taps) paired() bool { return t.c == 8 && t.stride == 1 && t.ow >= 2 }

// dwForwardAVX512 is dwForwardGeneric; only the last bits differ.
func dwForwardAVX512(y, x, w []float32, rows int, t taps, m mask, spread []float32) {
	if !t.vectorised(1) || rows == 0 {
		dwForwardGeneric(y, x, w, rows, t, m, spread)
		return
	}
	y, x, w = y[:rows*t.ow*t.c], x[:t.reach(rows)], w[:t.kh*t.kw*t.c]
	if m.x != nil {
		m.x = m.x[:(rows-1)*m.line+t.ow*t.c]
	}
	if t.paired() {
		forward := ofSize(t, dwForward3pairsZ, nil, dwForward5pairsZ, nil, dwForward7pairsZ, nil)
		pair := func(at, pairs int) {
			positive := m.x
			if positive != nil {
				positive = positive[at:]
			}
			forward(&y[at], &x[at], &w[0], first(positive), rows, pairs, 4*t.ow*t.c, 4*t.line, 4*t.tap, 4*m.line)
		}
		pair(0, t.ow/2)
		if t.ow%2 != 0 { // the last pixel, and the one before once more
			pair((t.ow-2)*t.c, 1)
		}
		return
	}
	forward := ofSize(t, dwForward3s1Z, dwForward3s2Z, dwForward5s1Z, dwForward5s2Z, dwForward7s1Z, dwForward7s2Z)
	forward(&y[0], &x[0], &w[0], first(m.x), rows, t.ow, 4*t.c, 4*t.line, 4*t.tap, 4*m.line)
}

// dwGatherAVX512 is dwGatherGeneric; only the last bits differ.
func dwGatherAVX512(dx, dy, w []float32, at, row, count, pairs, c, kw, lead int) {
	_, _ = dy[at-(count-1)*row], dy[at+(lead+pairs)*c-1]
	_, _ = dx[2*pairs*c-1], w[2*(count-1)*kw*c+kw*c-1]
	switch kw {
	case 3:
		dwGather3Z(&dx[0], &dy[at], &w[0], 4*row, count, pairs, 4*c)
	case 5:
		dwGather5Z(&dx[0], &dy[at], &w[0], 4*row, count, pairs, 4*c)
	case 7:
		dwGather7Z(&dx[0], &dy[at], &w[0], 4*row, count, pairs, 4*c)
	default:
		dwGatherGeneric(dx, dy, w, at, row, count, pairs, c, kw, lead)
	}
}

// dwWeightAVX512 is dwWeightGeneric; only the last bits differ.
func dwWeightAVX512(dw, x, dy []float32, rows int, t taps) {
	if !t.vectorised(1) || rows == 0 {
		dwWeightGeneric(dw, x, dy, rows, t)
		return
	}
	dy, x, dw = dy[:rows*t.ow*t.c], x[:t.reach(rows)], dw[:t.kh*t.kw*t.c]
	if t.paired() {
		weight := ofSize(t, dwWeight3pairsZ, nil, dwWeight5pairsZ, nil, dwWeight7pairsZ, nil)
		weight(&dw[0], &x[0], &dy[0], rows, t.ow, 4*t.line, 4*t.tap)
		return
	}
	weight := ofSize(t, dwWeight3s1Z, dwWeight3s2Z, dwWeight5s1Z, dwWeight5s2Z, dwWeight7s1Z, dwWeight7s2Z)
	weight(&dw[0], &x[0], &dy[0], rows, t.ow, 4*t.c, 4*t.line, 4*t.tap)
}
