package nn

import "math"

// AdamStep is one step of Adam (arXiv 1412.6980, algorithm 1) on one parameter, for networks that are not described by
// a [Graph], such as the controller's:
//
//	m = β1 m + (1-β1) g;  v = β2 v + (1-β2) g²;  w -= lr (m / (1-β1^t)) / (sqrt(v / (1-β2^t)) + ε)
//
// All slices have the same length. m and v start at zero, t counts from 1. There is no weight decay. It does not
// allocate.
func AdamStep[F float32 | float64](w, g, m, v []F, t int, lr, beta1, beta2, eps float64) {
	if len(g) != len(w) || len(m) != len(w) || len(v) != len(w) || t < 1 {
		panic("nn: AdamStep: slices of different lengths, or a step below 1")
	}
	c1, c2 := 1-math.Pow(beta1, float64(t)), 1-math.Pow(beta2, float64(t))
	for i, x := range g {
		d := float64(x)
		mi := beta1*float64(m[i]) + (1-beta1)*d
		vi := beta2*float64(v[i]) + (1-beta2)*d*d
		m[i], v[i] = F(mi), F(vi)
		w[i] -= F(lr * (mi / c1) / (math.Sqrt(vi/c2) + eps))
	}
}
