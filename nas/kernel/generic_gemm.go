package kernel

// The portable products have two inner loops. One runs along a row of the
// result and adds multiples of four rows to it. If rows are short and many, the
// other runs down them with a block of the small matrix in registers: as much
// of it as fits into the 15 registers of an amd64 beside the products, all of
// which Go's compiler computes before it adds them.

// down reports whether the loop down the rows is faster for products of n
// columns. l says where the rows are. Its steps are pixels, so it needs some.
func (l lines) down(n int) bool { return l.width >= max(2*n, 24) && l.pixel > 0 }

// gemmGeneric computes, for m rows of A at the places in l,
//
//	for i, j: C[i*ldc+j] (+)= Σ_s,p A[row(i) + s*seg + p] * B[(s*k+p)*ldb + j]
//
// with += when acc is set.
func gemmGeneric(c, a, b []float32, m, n, ldc, ldb int, l lines, acc bool) {
	product := gemmAcross
	if l.down(n) {
		product = gemmDown
	}
	for i := 0; i < m; i += l.width {
		rows := min(l.width, m-i)
		if !acc {
			for r := range rows {
				clear(c[(i+r)*ldc:][:n])
			}
		}
		for s := range l.segs {
			product(c[i*ldc:], a[i/l.width*l.line+s*l.seg:], b[s*l.k*ldb:], rows, n, l.k, ldc, l.pixel, ldb)
		}
	}
}

// gemmAcross computes C += A·B along the rows of C, for m rows of A that are
// lda apart.
func gemmAcross(c, a, b []float32, m, n, k, ldc, lda, ldb int) {
	for i := range m {
		row, v := c[i*ldc:][:n], a[i*lda:][:k]
		q := 0
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

// gemmDown is gemmAcross down the rows, for blocks of B of four by two. A block
// that extends over an edge repeats a column, or a row with factor 0.
func gemmDown(c, a, b []float32, m, n, k, ldc, lda, ldb int) {
	for p := 0; p < k; p += 4 {
		k := min(4, k-p)
		for j := 0; j < n; j += 2 {
			n, q := min(2, n-j), p*ldb+j
			var w [4][2]float32
			for t := range k {
				w[t] = [2]float32{b[q], b[q+n-1]}
				q += ldb
			}
			addProducts(c[j:], a[p:], &w, m, k, n, ldc, lda)
		}
	}
}

// addProducts computes, for i < m, j < n, with k <= 4 and n <= 2,
//
//	C[i*ldc+j] += Σ_p<k A[i*lda+p] * w[p][j]
//
// It is a call of its own, as [sumProducts] is, so that the compiler has registers
// for all of the loop.
//
//go:noinline
func addProducts(c, a []float32, w *[4][2]float32, m, k, n, ldc, lda int) {
	a0 := a[:(m-1)*lda+1]
	a1, a2, a3 := a[min(1, k-1):][:len(a0)], a[min(2, k-1):][:len(a0)], a[k-1:][:len(a0)]
	c1 := c[n-1:]
	c0 := c[:len(c1)]
	w00, w01, w10, w11, w20, w21, w30, w31 := w[0][0], w[0][1], w[1][0], w[1][1], w[2][0], w[2][1], w[3][0], w[3][1]
	q := 0
	for i := 0; i < len(a0); i += lda {
		u0, u1, u2, u3 := a0[i], a1[i], a2[i], a3[i]
		s1, s0 := c1[q]+(u0*w01+u1*w11+u2*w21+u3*w31), c0[q]+(u0*w00+u1*w10+u2*w20+u3*w30)
		c1[q], c0[q] = s1, s0
		q += ldc
	}
}

// gemmTNGeneric computes, for m rows of A at the places in l (one segment),
//
//	for p, j: C[p*ldc+j] += Σ_i A[row(i) + p] * D[i*ldd+j]
func gemmTNGeneric(c, a, d []float32, m, n, ldc, ldd int, l lines) {
	product := gemmTNAcross
	if l.down(n) {
		product = gemmTNDown
	}
	for i := 0; i < m; i += l.width {
		product(c, a[i/l.width*l.line:], d[i*ldd:], min(l.width, m-i), n, l.k, ldc, l.pixel, ldd)
	}
}

// gemmTNAcross computes C += Aᵀ·D along the rows of C, for m rows of A that are
// lda apart.
func gemmTNAcross(c, a, d []float32, m, n, k, ldc, lda, ldd int) {
	for ; m >= 4; m -= 4 {
		for p := range k {
			addRows4(c[p*ldc:][:n], d, d[ldd:], d[2*ldd:], d[3*ldd:], a[p], a[p+lda], a[p+2*lda], a[p+3*lda])
		}
		if m > 4 {
			a, d = a[4*lda:], d[4*ldd:]
		}
	}
	for i := range m {
		for p := range k {
			addRow(c[p*ldc:][:n], d[i*ldd:], a[i*lda+p])
		}
	}
}

// gemmTNDown computes the same as gemmTNAcross, but sums down the rows of A and
// D for one 3x2 block of C at a time.
func gemmTNDown(c, a, d []float32, m, n, k, ldc, lda, ldd int) {
	for p := 0; p < k; p += 3 {
		k := min(3, k-p)
		for j := 0; j < n; j += 2 {
			n, o := min(2, n-j), c[p*ldc+j:]
			s00, s01, s10, s11, s20, s21 := sumProducts(a[p:], d[j:], m, k, n, lda, ldd)
			o[n-1], o[0] = o[n-1]+s01, o[0]+s00
			if k > 1 {
				o[ldc+n-1], o[ldc] = o[ldc+n-1]+s11, o[ldc]+s10
			}
			if k > 2 {
				o[2*ldc+n-1], o[2*ldc] = o[2*ldc+n-1]+s21, o[2*ldc]+s20
			}
		}
	}
}

// sumProducts computes, for p < k, j < n, with k <= 3 and n <= 2,
//
//	s_pj = Σ_i<m A[i*lda+p] * D[i*ldd+j]
//
//go:noinline
func sumProducts(a, d []float32, m, k, n, lda, ldd int) (s00, s01, s10, s11, s20, s21 float32) {
	a0 := a[:(m-1)*lda+1]
	a1, a2 := a[min(1, k-1):][:len(a0)], a[k-1:][:len(a0)]
	d1 := d[n-1:]
	d0 := d[:len(d1)]
	q := 0
	for i := 0; i < len(a0); i += lda {
		u0, u1, u2 := a0[i], a1[i], a2[i]
		w0, w1 := d0[q], d1[q]
		s00 += u0 * w0
		s01 += u0 * w1
		s10 += u1 * w0
		s11 += u1 * w1
		s20 += u2 * w0
		s21 += u2 * w1
		q += ldd
	}
	return s00, s01, s10, s11, s20, s21
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
