package kernel

// gemmGeneric computes, for m rows of A that lie as l says,
//
//	for i, j: C[i*ldc+j] (+)= Σ_s,p A[row(i) + s*seg + p] * B[(s*k+p)*ldb + j]
//
// with += when acc is set. It holds a tile of 2 rows and 4 columns of C.
func gemmGeneric(c, a, b []float32, m, n, ldc, ldb int, l lines, acc bool) {
	for i := 0; i < m; i += 2 {
		o0 := i/l.width*l.line + i%l.width*l.pixel
		i1 := min(i+1, m-1) // an odd last row is computed twice, to the same bits
		o1 := i1/l.width*l.line + i1%l.width*l.pixel
		j := 0
		for ; j+4 <= n; j += 4 {
			r0, r1 := c[i*ldc+j:][:4], c[i1*ldc+j:][:4]
			var c00, c01, c02, c03, c10, c11, c12, c13 float32
			q := j
			for s := range l.segs {
				a0, a1 := a[o0+s*l.seg:][:l.k], a[o1+s*l.seg:][:l.k]
				for p, v := range a0 {
					bb := b[q : q+4 : q+4]
					q += ldb
					b0, b1, b2, b3 := bb[0], bb[1], bb[2], bb[3]
					c00 += v * b0
					c01 += v * b1
					c02 += v * b2
					c03 += v * b3
					v = a1[p]
					c10 += v * b0
					c11 += v * b1
					c12 += v * b2
					c13 += v * b3
				}
			}
			if acc {
				c00, c01, c02, c03 = c00+r0[0], c01+r0[1], c02+r0[2], c03+r0[3]
				c10, c11, c12, c13 = c10+r1[0], c11+r1[1], c12+r1[2], c13+r1[3]
			}
			r1[0], r1[1], r1[2], r1[3] = c10, c11, c12, c13
			r0[0], r0[1], r0[2], r0[3] = c00, c01, c02, c03
		}
		for ; j < n; j++ {
			var s0, s1 float32
			q := j
			for s := range l.segs {
				a0, a1 := a[o0+s*l.seg:][:l.k], a[o1+s*l.seg:][:l.k]
				for p, v := range a0 {
					s0 += v * b[q]
					s1 += a1[p] * b[q]
					q += ldb
				}
			}
			if acc {
				s0, s1 = s0+c[i*ldc+j], s1+c[i1*ldc+j]
			}
			c[i1*ldc+j] = s1
			c[i*ldc+j] = s0
		}
	}
}

// gemmTNGeneric computes, for m rows of A that lie as l says (one segment),
//
//	for p, j: C[p*ldc+j] += Σ_i A[row(i) + p] * D[i*ldd+j]
//
// It holds a tile of 2 rows and 4 columns of C.
func gemmTNGeneric(c, a, d []float32, m, n, ldc, ldd int, l lines) {
	for p := 0; p < l.k; p += 2 {
		p1 := min(p+1, l.k-1) // an odd last row is computed twice
		j := 0
		for ; j+4 <= n; j += 4 {
			var c00, c01, c02, c03, c10, c11, c12, c13 float32
			q := j
			for i := 0; i < m; i += l.width {
				o := i / l.width * l.line
				for range min(l.width, m-i) {
					v, u := a[o+p], a[o+p1]
					o += l.pixel
					dd := d[q : q+4 : q+4]
					q += ldd
					d0, d1, d2, d3 := dd[0], dd[1], dd[2], dd[3]
					c00 += v * d0
					c01 += v * d1
					c02 += v * d2
					c03 += v * d3
					c10 += u * d0
					c11 += u * d1
					c12 += u * d2
					c13 += u * d3
				}
			}
			r := c[p*ldc+j:][:4]
			r[0], r[1], r[2], r[3] = r[0]+c00, r[1]+c01, r[2]+c02, r[3]+c03
			if p1 > p {
				r = c[p1*ldc+j:][:4]
				r[0], r[1], r[2], r[3] = r[0]+c10, r[1]+c11, r[2]+c12, r[3]+c13
			}
		}
		for ; j < n; j++ {
			var s0, s1 float32
			q := j
			for i := 0; i < m; i += l.width {
				o := i / l.width * l.line
				for range min(l.width, m-i) {
					s0 += a[o+p] * d[q]
					s1 += a[o+p1] * d[q]
					o += l.pixel
					q += ldd
				}
			}
			c[p*ldc+j] += s0
			if p1 > p {
				c[p1*ldc+j] += s1
			}
		}
	}
}
