//go:build amd64 && !noasm

package kernel

import "unsafe"

// first is the address of a slice that may be empty.
func first[T any](s []T) *T { return unsafe.SliceData(s) }

func reluAVX2(y, x []float32) {
	y = y[:len(x)]
	reluVec(first(y), first(x), len(x), lanes(len(x)%8))
}

func reluBackwardAVX2(dx, dy, x []float32) {
	dx, dy = dx[:len(x)], dy[:len(x)]
	reluBackwardVec(first(dx), first(dy), first(x), len(x), lanes(len(x)%8))
}

func addAVX2(y, a, b []float32) {
	a, b = a[:len(y)], b[:len(y)]
	addVec(first(y), first(a), first(b), len(y), lanes(len(y)%8))
}

func kahanAVX2(hi, lo, part []float32) {
	lo, part = lo[:len(hi)], part[:len(hi)]
	kahanVec(first(hi), first(lo), first(part), len(hi), lanes(len(hi)%8))
}

func scaleAVX2(y, x []float32, a float32) {
	y = y[:len(x)]
	scaleVec(first(y), first(x), len(x), lanes(len(x)%8), a)
}

func sgdAVX2(w, g, v []float32, lr, momentum, decay float32, nesterov bool) {
	g, v = g[:len(w)], v[:len(w)]
	if nesterov {
		nesterovVec(first(w), first(v), first(g), len(w), lanes(len(w)%8), lr, momentum, decay)
	} else {
		sgdVec(first(w), first(v), first(g), len(w), lanes(len(w)%8), lr, momentum, decay)
	}
}

func rmspropAVX2(w, g, ms, mom []float32, lr, rho, momentum, eps, decay float32) {
	g, ms, mom = g[:len(w)], ms[:len(w)], mom[:len(w)]
	rmspropVec(first(w), first(ms), first(mom), first(g), len(w), lanes(len(w)%8), lr, rho, 1-rho, momentum,
		eps, lr*decay)
}
