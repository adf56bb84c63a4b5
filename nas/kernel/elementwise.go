package kernel

import (
	"fmt"
	"math"
)

// Relu computes y = max(x, 0); NaN stays NaN. y may be x.
//
//	for i := range x { y[i] = max(x[i], 0) }
func Relu(y, x []float32) {
	checkSame("Relu", len(x), len(y))
	relu(y, x)
}

// ReluBackward computes dx = dy where x > 0, else 0. dx may be dy.
func ReluBackward(dx, dy, x []float32) {
	checkSame("ReluBackward", len(x), len(dx), len(dy))
	reluBackward(dx, dy, x)
}

// Add computes y = a + b. y may be a or b.
func Add(y, a, b []float32) {
	checkSame("Add", len(y), len(a), len(b))
	add(y, a, b)
}

// AddTo computes y += a.
func AddTo(y, a []float32) {
	checkSame("AddTo", len(y), len(a))
	add(y, y, a)
}

// Scale computes x *= a.
func Scale(x []float32, a float32) {
	for i := range x {
		x[i] *= a
	}
}

// SumSquares is Σ x², added in float64.
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
// parts[0], parts[1] and so on, one after the other. Part p is
// (m, widths[p]), y is (m, Σ widths).
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
		part := parts[p]
		for i := range m {
			copy(y[i*total+offset:][:w], part[i*w:][:w])
		}
		offset += w
	}
}

// ConcatBackward takes the columns [offset, offset+width) of dy, which is
// (m, total), into part, which is (m, width).
func ConcatBackward(part, dy []float32, offset, width, total, m int) {
	checkSame("ConcatBackward", m*width, len(part))
	checkSame("ConcatBackward", m*total, len(dy))
	if offset < 0 || offset+width > total {
		panic(fmt.Sprintf("kernel: ConcatBackward: columns %d+%d of %d", offset, width, total))
	}
	for i := range m {
		copy(part[i*width:][:width], dy[i*total+offset:][:width])
	}
}

// DropPathForward multiplies each of the n examples of x, per floats long, by
// its own factor: y[i,:] = x[i,:]*scale[i]. A dropped example (factor 0) is
// zero whatever x holds. The gradient is the same call on dy. y may be x.
func DropPathForward(y, x, scale []float32, n, per int) {
	checkSame("DropPathForward", n*per, len(x), len(y))
	checkSame("DropPathForward", n, len(scale))
	for i, s := range scale {
		in, out := x[i*per:][:per], y[i*per:][:per]
		if s == 0 {
			clear(out)
			continue
		}
		for j, v := range in {
			out[j] = v * s
		}
	}
}

func checkSame(op string, lengths ...int) {
	for _, n := range lengths {
		if n != lengths[0] {
			panic(fmt.Sprintf("kernel: %s: lengths differ: %v", op, lengths))
		}
	}
}

func relu(y, x []float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = max(v, 0)
	}
}

func reluBackward(dx, dy, x []float32) {
	dx, dy = dx[:len(x)], dy[:len(x)]
	for i, v := range x {
		// By the sign of the bits: an integer comparison becomes a conditional
		// move, a float comparison a branch that data makes unpredictable.
		g := math.Float32bits(dy[i])
		if int32(math.Float32bits(v)) <= 0 {
			g = 0
		}
		dx[i] = math.Float32frombits(g)
	}
}

func add(y, a, b []float32) {
	y, b = y[:len(a)], b[:len(a)]
	for i, v := range a {
		y[i] = v + b[i]
	}
}
