package kernel

import (
	"fmt"
	"slices"
)

// elementBlock is the most floats that one inner loop takes: assembly cannot be
// interrupted, and the garbage collector waits for it.
const elementBlock = 32 << 10

// Relu computes y = max(x, 0); NaN stays NaN. y may be x.
//
//	for i := range x { y[i] = max(x[i], 0) }
func Relu(y, x []float32) {
	checkSame("Relu", len(x), len(y))
	for len(x) > elementBlock {
		isa.relu(y[:elementBlock], x[:elementBlock])
		y, x = y[elementBlock:], x[elementBlock:]
	}
	isa.relu(y, x)
}

// ReluBackward computes dx = dy where x > 0, else 0. dx may be dy.
func ReluBackward(dx, dy, x []float32) {
	checkSame("ReluBackward", len(x), len(dx), len(dy))
	for len(x) > elementBlock {
		isa.reluBackward(dx[:elementBlock], dy[:elementBlock], x[:elementBlock])
		dx, dy, x = dx[elementBlock:], dy[elementBlock:], x[elementBlock:]
	}
	isa.reluBackward(dx, dy, x)
}

// Add computes y = a + b. y may be a or b.
func Add(y, a, b []float32) {
	checkSame("Add", len(y), len(a), len(b))
	for len(y) > elementBlock {
		isa.add(y[:elementBlock], a[:elementBlock], b[:elementBlock])
		y, a, b = y[elementBlock:], a[elementBlock:], b[elementBlock:]
	}
	isa.add(y, a, b)
}

// AddTo computes y += a.
func AddTo(y, a []float32) {
	checkSame("AddTo", len(y), len(a))
	Add(y, y, a)
}

// Scale computes x *= a.
func Scale(x []float32, a float32) {
	for len(x) > elementBlock {
		isa.scale(x[:elementBlock], x[:elementBlock], a)
		x = x[elementBlock:]
	}
	isa.scale(x, x, a)
}

// SumSquares returns Σ x², added in float64.
func SumSquares(x []float32) float64 {
	var s0, s1, s2, s3 float64
	for len(x) >= 4 {
		a, b, c, d := float64(x[0]), float64(x[1]), float64(x[2]), float64(x[3])
		s0, s1, s2, s3 = s0+a*a, s1+b*b, s2+c*c, s3+d*d
		x = x[4:]
	}
	for _, v := range x {
		s0 += float64(v) * float64(v)
	}
	return (s0 + s1) + (s2 + s3)
}

// ConcatForward joins parts along the channel axis: row i of y is row i of
// parts[0], parts[1] and so on. Part p is (m, widths[p]), y is (m, Σ widths).
func ConcatForward(y []float32, parts [][]float32, widths []int, m int) {
	checkSame("ConcatForward", len(parts), len(widths))
	total := 0
	for p, w := range widths {
		checkSame("ConcatForward", m*w, len(parts[p]))
		total += w
	}
	checkSame("ConcatForward", m*total, len(y))
	offset := 0
	for p, w := range widths {
		if m > 0 && w > 0 {
			copyColumns(y[offset:], parts[p], m, w, total, w)
		}
		offset += w
	}
}

// ConcatBackward copies the columns [offset, offset+width) of dy, which is (m,
// total), to part, which is (m, width).
func ConcatBackward(part, dy []float32, offset, width, total, m int) {
	checkSame("ConcatBackward", m*width, len(part))
	checkSame("ConcatBackward", m*total, len(dy))
	if offset < 0 || offset+width > total {
		panic(fmt.Sprintf("kernel: ConcatBackward: columns %d+%d of %d", offset, width, total))
	}
	if m > 0 && width > 0 {
		copyColumns(part, dy[offset:], m, width, width, total)
	}
}

// copyColumns copies m rows of width floats in blocks.
func copyColumns(y, x []float32, m, width, ldy, ldx int) {
	block := max(elementBlock/width, 1)
	for i := 0; i < m; i += block {
		isa.copyRows(y[i*ldy:], x[i*ldx:], min(block, m-i), width, ldy, ldx)
	}
}

// DropPathForward multiplies each of the n examples of x, each per floats long,
// by its own factor: y[i,:] = x[i,:]*scale[i]. A dropped example (factor 0) is
// zero whatever x is. The gradient is the same call on dy. y may be x.
func DropPathForward(y, x, scale []float32, n, per int) {
	checkSame("DropPathForward", n*per, len(x), len(y))
	checkSame("DropPathForward", n, len(scale))
	for i, s := range scale {
		in, out := x[i*per:][:per], y[i*per:][:per]
		if s == 0 {
			clear(out)
			continue
		}
		isa.scale(out, in, s)
	}
}

func checkSame(op string, lengths ...int) {
	for _, n := range lengths {
		if n != lengths[0] {
			// fmt gets a clone, so that the slice of every call stays on the
			// stack.
			panic(fmt.Sprintf("kernel: %s: lengths differ: %v", op, slices.Clone(lengths)))
		}
	}
}
