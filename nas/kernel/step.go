package kernel

// SGDStep is one step of stochastic gradient descent with momentum; weight
// decay is added to the gradient:
//
//	g' = g + decay*w
//	v  = momentum*v + g'
//	w -= lr*v                    or, with Nesterov's momentum,
//	w -= lr*(g' + momentum*v)
func SGDStep(w, g, v []float32, lr, momentum, decay float32, nesterov bool) {
	checkSame("SGDStep", len(w), len(g), len(v))
	for len(w) > elementBlock {
		isa.sgd(w[:elementBlock], g[:elementBlock], v[:elementBlock], lr, momentum, decay, nesterov)
		w, g, v = w[elementBlock:], g[elementBlock:], v[elementBlock:]
	}
	isa.sgd(w, g, v, lr, momentum, decay, nesterov)
}

// RMSPropStep is one step of TensorFlow's RMSProp, with eps inside the root and
// decoupled weight decay, which shrinks w by lr*decay without entering ms and
// mom:
//
//	ms  = rho*ms + (1-rho)*g²
//	mom = momentum*mom + lr*g/sqrt(ms+eps)
//	w  -= mom + lr*decay*w
func RMSPropStep(w, g, ms, mom []float32, lr, rho, momentum, eps, decay float32) {
	checkSame("RMSPropStep", len(w), len(g), len(ms), len(mom))
	for len(w) > elementBlock {
		isa.rmsprop(w[:elementBlock], g[:elementBlock], ms[:elementBlock], mom[:elementBlock], lr, rho,
			momentum, eps, decay)
		w, g, ms, mom = w[elementBlock:], g[elementBlock:], ms[elementBlock:], mom[elementBlock:]
	}
	isa.rmsprop(w, g, ms, mom, lr, rho, momentum, eps, decay)
}
