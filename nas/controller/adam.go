package controller

import "math"

// adam is Adam (Kingma and Ba 2015) with its usual constants. The moments of parameter p are m[p] and v[p], as long as its value.
type adam[F real] struct {
	step int
	m, v [][]F
}

func newAdam[F real](params []param[F]) *adam[F] {
	a := &adam[F]{}
	for _, p := range params {
		a.m = append(a.m, make([]F, len(p.value)))
		a.v = append(a.v, make([]F, len(p.value)))
	}
	return a
}

// apply moves the parameters against the gradients: w -= lr m̂ / (sqrt(v̂) + eps).
func (a *adam[F]) apply(params []param[F], grads [][]F, lr float64) {
	const beta1, beta2, eps = 0.9, 0.999, 1e-8
	a.step++
	rate := F(lr * math.Sqrt(1-math.Pow(beta2, float64(a.step))) / (1 - math.Pow(beta1, float64(a.step))))
	floor := F(eps * math.Sqrt(1-math.Pow(beta2, float64(a.step))))
	for p := range params {
		w, m, v := params[p].value, a.m[p], a.v[p]
		for i, g := range grads[p] {
			m[i] = beta1*m[i] + (1-beta1)*g
			v[i] = beta2*v[i] + (1-beta2)*g*g
			w[i] -= rate * m[i] / (F(math.Sqrt(float64(v[i]))) + floor)
		}
	}
}
