//go:build amd64 && !noasm

package kernel

func reluAVX512(y, x []float32) {
	y = y[:len(x)]
	reluVecZ(first(y), first(x), len(x))
}

func reluBackwardAVX512(dx, dy, x []float32) {
	dx, dy = dx[:len(x)], dy[:len(x)]
	reluBackwardVecZ(first(dx), first(dy), first(x), len(x))
}

func addAVX512(y, a, b []float32) {
	a, b = a[:len(y)], b[:len(y)]
	addVecZ(first(y), first(a), first(b), len(y))
}

func kahanAVX512(hi, lo, part []float32) {
	lo, part = lo[:len(hi)], part[:len(hi)]
	kahanVecZ(first(hi), first(lo), first(part), len(hi))
}

func scaleAVX512(y, x []float32, a float32) {
	y = y[:len(x)]
	scaleVecZ(first(y), first(x), len(x), a)
}

func sgdAVX512(w, g, v []float32, lr, momentum, decay float32, nesterov bool) {
	g, v = g[:len(w)], v[:len(w)]
	if nesterov {
		nesterovVecZ(first(w), first(v), first(g), len(w), lr, momentum, decay)
	} else {
		sgdVecZ(first(w), first(v), first(g), len(w), lr, momentum, decay)
	}
}

func rmspropAVX512(w, g, ms, mom []float32, lr, rho, momentum, eps, decay float32) {
	g, ms, mom = g[:len(w)], ms[:len(w)], mom[:len(w)]
	rmspropVecZ(first(w), first(ms), first(mom), first(g), len(w), lr, rho, 1-rho, momentum, eps, lr*decay)
}
