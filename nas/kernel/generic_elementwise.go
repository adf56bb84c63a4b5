package kernel

import "math"

// reluGeneric computes y[i] = max(x[i], 0) and keeps NaN.
func reluGeneric(y, x []float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = max(v, 0)
	}
}

// reluBackwardGeneric computes dx[i] = dy[i] where x[i] > 0, else 0.
func reluBackwardGeneric(dx, dy, x []float32) {
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

// addGeneric computes y[i] = a[i] + b[i] over the length of y.
func addGeneric(y, a, b []float32) {
	a, b = a[:len(y)], b[:len(y)]
	for i := range y {
		y[i] = a[i] + b[i]
	}
}

// scaleGeneric computes y[i] = x[i] * a.
func scaleGeneric(y, x []float32, a float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = v * a
	}
}

// sgdGeneric is the loop of [SGDStep].
func sgdGeneric(w, g, v []float32, lr, momentum, decay float32, nesterov bool) {
	g, v = g[:len(w)], v[:len(w)]
	if nesterov {
		for i, p := range w {
			d := g[i] + decay*p
			u := momentum*v[i] + d
			v[i] = u
			w[i] = p - lr*(d+momentum*u)
		}
		return
	}
	for i, p := range w {
		u := momentum*v[i] + (g[i] + decay*p)
		v[i] = u
		w[i] = p - lr*u
	}
}
