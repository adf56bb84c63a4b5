//go:build amd64 && !noasm

package kernel

// masks lists the masks of a last, partial vector: the mask of n lanes begins
// at 8-n.
var masks = [16]int32{-1, -1, -1, -1, -1, -1, -1, -1}

func lanes(n int) *int32 { return &masks[8-n] }

// panels cuts n columns into panels: it calls f(j, vecs, tail) with the first
// column of each, its whole vectors, and, for the last, the columns beyond
// them. Three vectors load the left matrix least often; single ones wait for
// their own sums; a partial vector is combined with a whole one if there is
// one.
func panels(n int, f func(j, vecs, tail int)) {
	whole, tail, j := n/8, n%8, 0
	if tail > 0 && whole > 0 {
		whole--
	}
	for whole > 0 {
		v := min(whole, 3)
		if whole == 4 {
			v = 2
		}
		f(j, v, 0)
		j += 8 * v
		whole -= v
	}
	if tail > 0 {
		f(j, (n-j)/8, tail)
	}
}

// gemmAVX2 is gemmGeneric; only the last bits differ.
func gemmAVX2(c, a, b []float32, m, n, ldc, ldb int, l lines, acc bool) {
	_ = a[(m-1)/l.width*l.line+(m-1)%l.width*l.pixel+(l.segs-1)*l.seg+l.k-1]
	_ = b[(l.segs*l.k-1)*ldb+n-1]
	_ = c[(m-1)*ldc+n-1]
	skip := 4 * (l.line - l.width*l.pixel)
	pa := &a[0]
	panels(n, func(j, vecs, tail int) {
		pc, pb := &c[j], &b[j]
		switch {
		case tail > 0 && vecs == 0:
			gemmPanel1m(pc, pa, pb, m, 4*ldc, 4*ldb, l.width, 4*l.pixel, skip, l.segs, 4*l.k, 4*l.seg, acc,
				lanes(tail), tail)
		case tail > 0:
			gemmPanel2m(pc, pa, pb, m, 4*ldc, 4*ldb, l.width, 4*l.pixel, skip, l.segs, 4*l.k, 4*l.seg, acc,
				lanes(tail), tail)
		case vecs == 1:
			gemmPanel1(pc, pa, pb, m, 4*ldc, 4*ldb, l.width, 4*l.pixel, skip, l.segs, 4*l.k, 4*l.seg, acc)
		case vecs == 2:
			gemmPanel2(pc, pa, pb, m, 4*ldc, 4*ldb, l.width, 4*l.pixel, skip, l.segs, 4*l.k, 4*l.seg, acc)
		default:
			gemmPanel3(pc, pa, pb, m, 4*ldc, 4*ldb, l.width, 4*l.pixel, skip, l.segs, 4*l.k, 4*l.seg, acc)
		}
	})
}

// gemmTNAVX2 is gemmTNGeneric; only the last bits differ.
func gemmTNAVX2(c, a, d []float32, m, n, ldc, ldd int, l lines) {
	_ = a[(m-1)/l.width*l.line+(m-1)%l.width*l.pixel+l.k-1]
	_ = c[(l.k-1)*ldc+n-1]
	_ = d[(m-1)*ldd+n-1]
	if m%l.width != 0 { // a last, incomplete line
		whole := m / l.width * l.width
		rest := l
		rest.width = m - whole
		gemmTNAVX2(c, a[whole/l.width*l.line:], d[whole*ldd:], rest.width, n, ldc, ldd, rest)
		m = whole
		if m == 0 {
			return
		}
	}
	count, skip := m/l.width, 4*(l.line-l.width*l.pixel)
	pa := &a[0]
	panels(n, func(j, vecs, tail int) {
		pc, pd := &c[j], &d[j]
		switch {
		case tail > 0 && vecs == 0:
			gemmTNPanel1m(pc, pa, pd, l.k, 4*ldc, 4*ldd, count, l.width, 4*l.pixel, skip, lanes(tail))
		case tail > 0:
			gemmTNPanel2m(pc, pa, pd, l.k, 4*ldc, 4*ldd, count, l.width, 4*l.pixel, skip, lanes(tail))
		case vecs == 1:
			gemmTNPanel1(pc, pa, pd, l.k, 4*ldc, 4*ldd, count, l.width, 4*l.pixel, skip)
		case vecs == 2:
			gemmTNPanel2(pc, pa, pd, l.k, 4*ldc, 4*ldd, count, l.width, 4*l.pixel, skip)
		default:
			gemmTNPanel3(pc, pa, pd, l.k, 4*ldc, 4*ldd, count, l.width, 4*l.pixel, skip)
		}
	})
}
