//go:build amd64 && !noasm

package kernel

// panels512 cuts n columns into panels of 1 to 4 vectors: it calls f(j, vecs,
// tail) with the first column of each, its vectors, and the columns of the last
// vector if it is partial. Tiles of three and four vectors load the left matrix
// least often; four need no mask.
func panels512(n int, f func(j, vecs, tail int)) {
	j := 0
	for left := (n + 15) / 16; left > 0; {
		v := min(left, 3)
		switch {
		case left >= 7 || left == 4 && n%16 == 0:
			v = 4
		case left == 4:
			v = 2
		}
		left -= v
		if left > 0 {
			f(j, v, 0)
		} else {
			f(j, v, n%16)
		}
		j += 16 * v
	}
}

// gemmAVX512 is gemmGeneric; only the last bits differ.
func gemmAVX512(c, a, b []float32, m, n, ldc, ldb int, l lines, acc bool) {
	_ = a[(m-1)/l.width*l.line+(m-1)%l.width*l.pixel+(l.segs-1)*l.seg+l.k-1]
	_ = b[(l.segs*l.k-1)*ldb+n-1]
	_ = c[(m-1)*ldc+n-1]
	skip := 4 * (l.line - l.width*l.pixel)
	pa := &a[0]
	panels512(n, func(j, vecs, tail int) {
		pc, pb := &c[j], &b[j]
		switch {
		case vecs == 1 && tail > 0:
			gemmPanel1mZ(pc, pa, pb, m, 4*ldc, 4*ldb, l.width, 4*l.pixel, skip, l.segs, 4*l.k, 4*l.seg, acc, tail)
		case vecs == 2 && tail > 0:
			gemmPanel2mZ(pc, pa, pb, m, 4*ldc, 4*ldb, l.width, 4*l.pixel, skip, l.segs, 4*l.k, 4*l.seg, acc, tail)
		case vecs == 3 && tail > 0:
			gemmPanel3mZ(pc, pa, pb, m, 4*ldc, 4*ldb, l.width, 4*l.pixel, skip, l.segs, 4*l.k, 4*l.seg, acc, tail)
		case vecs == 1:
			gemmPanel1Z(pc, pa, pb, m, 4*ldc, 4*ldb, l.width, 4*l.pixel, skip, l.segs, 4*l.k, 4*l.seg, acc)
		case vecs == 2:
			gemmPanel2Z(pc, pa, pb, m, 4*ldc, 4*ldb, l.width, 4*l.pixel, skip, l.segs, 4*l.k, 4*l.seg, acc)
		case vecs == 3:
			gemmPanel3Z(pc, pa, pb, m, 4*ldc, 4*ldb, l.width, 4*l.pixel, skip, l.segs, 4*l.k, 4*l.seg, acc)
		default:
			gemmPanel4Z(pc, pa, pb, m, 4*ldc, 4*ldb, l.width, 4*l.pixel, skip, l.segs, 4*l.k, 4*l.seg, acc)
		}
	})
}

// gemmTNAVX512 is gemmTNGeneric; only the last bits differ.
func gemmTNAVX512(c, a, d []float32, m, n, ldc, ldd int, l lines) {
	_ = a[(m-1)/l.width*l.line+(m-1)%l.width*l.pixel+l.k-1]
	_ = c[(l.k-1)*ldc+n-1]
	_ = d[(m-1)*ldd+n-1]
	if m%l.width != 0 { // a last, incomplete line
		whole := m / l.width * l.width
		rest := l
		rest.width = m - whole
		gemmTNAVX512(c, a[whole/l.width*l.line:], d[whole*ldd:], rest.width, n, ldc, ldd, rest)
		m = whole
		if m == 0 {
			return
		}
	}
	count, skip := m/l.width, 4*(l.line-l.width*l.pixel)
	pa := &a[0]
	panels512(n, func(j, vecs, tail int) {
		pc, pd := &c[j], &d[j]
		switch {
		case vecs == 1 && tail > 0:
			gemmTNPanel1mZ(pc, pa, pd, l.k, 4*ldc, 4*ldd, count, l.width, 4*l.pixel, skip, tail)
		case vecs == 2 && tail > 0:
			gemmTNPanel2mZ(pc, pa, pd, l.k, 4*ldc, 4*ldd, count, l.width, 4*l.pixel, skip, tail)
		case vecs == 3 && tail > 0:
			gemmTNPanel3mZ(pc, pa, pd, l.k, 4*ldc, 4*ldd, count, l.width, 4*l.pixel, skip, tail)
		case vecs == 1:
			gemmTNPanel1Z(pc, pa, pd, l.k, 4*ldc, 4*ldd, count, l.width, 4*l.pixel, skip)
		case vecs == 2:
			gemmTNPanel2Z(pc, pa, pd, l.k, 4*ldc, 4*ldd, count, l.width, 4*l.pixel, skip)
		case vecs == 3:
			gemmTNPanel3Z(pc, pa, pd, l.k, 4*ldc, 4*ldd, count, l.width, 4*l.pixel, skip)
		default:
			gemmTNPanel4Z(pc, pa, pd, l.k, 4*ldc, 4*ldd, count, l.width, 4*l.pixel, skip)
		}
	})
}
