package kernel

import "fmt"

// Gemm computes C = A·B, or C += A·B when acc is set, for row-major matrices
// with leading dimensions: C is (m, n) with rows ldc apart, A is (m, k) with
// rows lda apart, B is (k, n) with rows ldb apart. Rows of A may overlap.
func Gemm(c, a, b []float32, m, n, k, ldc, lda, ldb int, acc bool) {
	checkMatrix("Gemm", "C", c, m, n, ldc)
	checkMatrix("Gemm", "A", a, m, k, lda)
	checkMatrix("Gemm", "B", b, k, n, ldb)
	gemm(c, a, b, m, n, ldc, ldb, dense(m, k, lda), acc)
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
	gemmTN(c, a, d, m, n, ldc, ldd, dense(m, k, lda))
}

func checkMatrix(op, name string, s []float32, rows, cols, ld int) {
	if rows < 0 || cols < 0 || ld < 0 || rows > 0 && cols > 0 && len(s) < (rows-1)*ld+cols {
		panic(fmt.Sprintf("kernel: %s: %s has %d floats for %d rows of %d, %d apart", op, name, len(s), rows, cols, ld))
	}
}

// lines says where the rows of the left matrix of a product are in an image, so
// that a convolution is a product without copying its windows (im2col). Row i
// begins at
//
//	(i/width)*line + (i%width)*pixel
//
// and consists of segs segments of k neighbouring floats, seg apart. For a 3x3
// convolution of a padded image of W columns and C channels a row is one output
// pixel: pixel = C, line = W*C, segs = 3, k = 3*C, seg = W*C.
//
//	x  ....[k floats]...........   segment 0: tap row 0, three pixels
//	   ....[k floats]...........   segment 1: tap row 1
//	   ....[k floats]...........   segment 2: tap row 2
type lines struct{ width, pixel, line, segs, k, seg int }

// dense is m rows of k floats, ld apart.
func dense(m, k, ld int) lines { return lines{width: m, pixel: ld, segs: 1, k: k} }

// joined returns l with its lines joined to one of m rows, if they follow each
// other at the distance of pixels.
func (l lines) joined(m int) lines {
	if l.line == l.width*l.pixel || m <= l.width {
		l.width, l.line = m, 0
	}
	return l
}

// Block sizes in floats for rows that stay in the first cache: of the left
// matrix and the result of a product, which are read once for each panel of
// columns, and of both factors of a weight gradient.
const (
	blockNN = 8 << 10
	blockTN = 5 << 10
)

// gemm computes C (+)= A·B in blocks of rows. l says where the rows of A are; B
// is (segs*k, n).
func gemm(c, a, b []float32, m, n, ldc, ldb int, l lines, acc bool) {
	if m == 0 || n == 0 {
		return
	}
	k := l.segs * l.k
	if k == 0 {
		if !acc {
			for i := range m {
				clear(c[i*ldc:][:n])
			}
		}
		return
	}
	l = l.joined(m)
	if l.width < m {
		isa.gemm(c, a, b, m, n, ldc, ldb, l, acc)
		return
	}
	block := max(blockNN/(k+n)/12*12, 24)
	for i := 0; i < m; i += block {
		isa.gemm(c[i*ldc:], a[i*l.pixel:], b, min(block, m-i), n, ldc, ldb, l, acc)
	}
}

// gemmTN computes C += Aᵀ·D in blocks of rows. l says where the rows of A are,
// with one segment.
func gemmTN(c, a, d []float32, m, n, ldc, ldd int, l lines) {
	if m == 0 || n == 0 || l.k == 0 {
		return
	}
	l = l.joined(m)
	if l.width < m {
		isa.gemmTN(c, a, d, m, n, ldc, ldd, l)
		return
	}
	block := max(blockTN/(l.k+n), 64)
	for i := 0; i < m; i += block {
		rows := min(block, m-i)
		l.width = rows
		isa.gemmTN(c, a[i*l.pixel:], d[i*ldd:], rows, n, ldc, ldd, l)
	}
}
