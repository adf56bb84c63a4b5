package kernel

// The portable products add multiples of rows to a row. That beats tiles of C
// in registers: Go's compiler neither folds nor schedules the products of a tile
// without spilling, while here each is a load, a multiplication and an addition.

// gemmGeneric computes, for m rows of A that lie as l says,
//
//	for i, j: C[i*ldc+j] (+)= Σ_s,p A[row(i) + s*seg + p] * B[(s*k+p)*ldb + j]
//
// with += when acc is set.
func gemmGeneric(c, a, b []float32, m, n, ldc, ldb int, l lines, acc bool) {
	for i := range m {
		row := c[i*ldc:][:n]
		if !acc {
			clear(row)
		}
		from := i/l.width*l.line + i%l.width*l.pixel
		q := 0
		for s := range l.segs {
			v := a[from+s*l.seg:][:l.k]
			for ; len(v) >= 4; v = v[4:] {
				addRows4(row, b[q:], b[q+ldb:], b[q+2*ldb:], b[q+3*ldb:], v[0], v[1], v[2], v[3])
				q += 4 * ldb
			}
			for _, f := range v {
				addRow(row, b[q:], f)
				q += ldb
			}
		}
	}
}

// gemmTNGeneric computes, for m rows of A that lie as l says (one segment),
//
//	for p, j: C[p*ldc+j] += Σ_i A[row(i) + p] * D[i*ldd+j]
func gemmTNGeneric(c, a, d []float32, m, n, ldc, ldd int, l lines) {
	for i := 0; i < m; {
		// Four rows of one line at once.
		from, rows := i/l.width*l.line+i%l.width*l.pixel, 1
		if i%l.width+4 <= l.width && i+4 <= m {
			rows = 4
		}
		v, q := a[from:], i*ldd
		for p := range l.k {
			row := c[p*ldc:][:n]
			if rows == 4 {
				addRows4(row, d[q:], d[q+ldd:], d[q+2*ldd:], d[q+3*ldd:], v[p], v[p+l.pixel], v[p+2*l.pixel], v[p+3*l.pixel])
			} else {
				addRow(row, d[q:], v[p])
			}
		}
		i += rows
	}
}

// addRows4 computes y[j] += v0*b0[j] + v1*b1[j] + v2*b2[j] + v3*b3[j].
func addRows4(y, b0, b1, b2, b3 []float32, v0, v1, v2, v3 float32) {
	b0, b1, b2, b3 = b0[:len(y)], b1[:len(y)], b2[:len(y)], b3[:len(y)]
	for j := range y {
		y[j] += v0*b0[j] + v1*b1[j] + v2*b2[j] + v3*b3[j]
	}
}

// addRow computes y[j] += v*b[j].
func addRow(y, b []float32, v float32) {
	b = b[:len(y)]
	for j := range y {
		y[j] += v * b[j]
	}
}
