package kernel

import "math"

// reluGeneric computes y[i] = max(x[i], 0) and keeps NaN.
func reluGeneric(y, x []float32) {
	y = y[:len(x)]
	for i, v := range x {
		// True for the bits of -0 to -Inf, and of no NaN. An integer comparison
		// becomes a conditional move, a float comparison a branch that the data
		// makes unpredictable.
		b := math.Float32bits(v)
		if b-1<<31 <= 0x7f800000 {
			b = 0
		}
		y[i] = math.Float32frombits(b)
	}
}

// reluBackwardGeneric computes dx[i] = dy[i] where x[i] > 0, else 0.
func reluBackwardGeneric(dx, dy, x []float32) {
	dx, dy = dx[:len(x)], dy[:len(x)]
	for i, v := range x {
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
// kahanGeneric adds part to compensated sums: hi is the sum, lo what hi has gained
// too much.
func kahanGeneric(hi, lo, part []float32) {
	lo, part = lo[:len(hi)], part[:len(hi)]
	for i, v := range part {
		v -= lo[i]
		t := hi[i] + v
		lo[i] = (t - hi[i]) - v
		hi[i] = t
	}
}

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

// rmspropGeneric is the loop of [RMSPropStep].
func rmspropGeneric(w, g, ms, mom []float32, lr, rho, momentum, eps, decay float32) {
	g, ms, mom = g[:len(w)], ms[:len(w)], mom[:len(w)]
	for i, p := range w {
		d := g[i]
		s := rho*ms[i] + (1-rho)*d*d
		u := momentum*mom[i] + lr*d/float32(math.Sqrt(float64(s+eps)))
		ms[i], mom[i] = s, u
		w[i] = p - (u + lr*decay*p)
	}
}

// copyRowsGeneric computes y[i*ldy+j] = x[i*ldx+j] for i < rows, j < width.
func copyRowsGeneric(y, x []float32, rows, width, ldy, ldx int) {
	for i := range rows {
		copy(y[i*ldy:][:width], x[i*ldx:])
	}
}
