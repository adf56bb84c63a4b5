package controller

import "nasnet/nas/nn"

// adam is the state of Adam (Kingma and Ba 2015), with the usual constants. The moments of parameter p are m[p] and
// v[p], each as long as its value.
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

// apply moves the parameters against the gradients.
func (a *adam[F]) apply(params []param[F], grads [][]F, lr float64) {
	const beta1, beta2, eps = 0.9, 0.999, 1e-8
	a.step++
	for p := range params {
		nn.AdamStep(params[p].value, grads[p], a.m[p], a.v[p], a.step, lr, beta1, beta2, eps)
	}
}
