package kernel

import "fmt"

// Gemm computes C = A·B, or C += A·B when acc is set, for row-major matrices
// with leading dimensions: C is (m, n) with rows ldc apart, A is (m, k) with
// rows lda apart, B is (k, n) with rows ldb apart.
func Gemm(c, a, b []float32, m, n, k, ldc, lda, ldb int, acc bool) {
	checkMatrix("Gemm", "C", c, m, n, ldc)
	checkMatrix("Gemm", "A", a, m, k, lda)
	checkMatrix("Gemm", "B", b, k, n, ldb)
	for i := range m {
		row := c[i*ldc:][:n]
		if !acc {
			clear(row)
		}
		for p := range k {
			v := a[i*lda+p]
			for j, bv := range b[p*ldb:][:n] {
				row[j] += v * bv
			}
		}
	}
}

// GemmTN computes C = Aᵀ·D, or C += Aᵀ·D when acc is set: C is (k, n) with
// rows ldc apart, A is (m, k) with rows lda apart, D is (m, n) with rows ldd
// apart.
func GemmTN(c, a, d []float32, m, n, k, ldc, lda, ldd int, acc bool) {
	checkMatrix("GemmTN", "C", c, k, n, ldc)
	checkMatrix("GemmTN", "A", a, m, k, lda)
	checkMatrix("GemmTN", "D", d, m, n, ldd)
	if !acc {
		for p := range k {
			clear(c[p*ldc:][:n])
		}
	}
	for i := range m {
		for p := range k {
			v, row := a[i*lda+p], c[p*ldc:][:n]
			for j, dv := range d[i*ldd:][:n] {
				row[j] += v * dv
			}
		}
	}
}

func checkMatrix(op, name string, s []float32, rows, cols, ld int) {
	if rows < 0 || cols < 0 || ld < 0 || rows > 0 && cols > 0 && len(s) < (rows-1)*ld+cols {
		panic(fmt.Sprintf("kernel: %s: %s has %d floats for %d rows of %d, %d apart", op, name, len(s), rows, cols, ld))
	}
}
