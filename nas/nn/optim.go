package nn

import (
	"fmt"
	"math"

	"nasnet/nas/kernel"
)

// Optimizer moves parameters against their gradients. It keeps its moments by parameter name, so they can be stored and
// restored exactly. An optimizer serves one list of parameters.
//
// Weight decay moves only parameters with Decay set. It is never part of the norm that is clipped.
type Optimizer interface {
	// Step moves the parameters with learning rate lr. If the optimizer clips, it first scales the gradients so that
	// their global norm is at most the limit, and returns the norm from before; otherwise it returns 0. It does not
	// allocate after the first step. It panics if params differs from the first step's.
	Step(params []*Param, lr float64) (norm float64)
	// State returns the moments, named "moment/parameter"; there are none before the first step. They alias the
	// optimizer's memory.
	State() map[string][]float32
	// Restore copies moments that State returned; an empty state means before the first step.
	Restore(params []*Param, state map[string][]float32) error
}

// SGD is stochastic gradient descent with momentum, as torch.optim.SGD. The decay λ is coupled: it is added to the
// gradient before the momentum,
//
//	g' = g + λ w;  v = μ v + g';  w -= lr v          (Nesterov: w -= lr (g' + μ v))
//
// which, apart from clipping, equals adding λ/2 |w|² to the loss (slim's L2 regularizer).
type SGD struct {
	Momentum    float64 // μ; 0 is plain gradient descent
	Nesterov    bool
	WeightDecay float64 // λ
	Clip        float64 // largest global norm of the gradients; 0: do not clip

	v moment
}

// Step implements [Optimizer].
func (o *SGD) Step(params []*Param, lr float64) float64 {
	o.v.bind("momentum", 0, params)
	norm := clip(params, o.Clip)
	for i, p := range params {
		kernel.SGDStep(p.Value, p.Grad, o.v.values[i], float32(lr), float32(o.Momentum),
			decayOf(p, o.WeightDecay), o.Nesterov)
	}
	return norm
}

// State implements [Optimizer].
func (o *SGD) State() map[string][]float32 { return stateOf(&o.v) }

// Restore implements [Optimizer].
func (o *SGD) Restore(params []*Param, state map[string][]float32) error {
	o.v.reset("momentum", 0)
	return restore(params, state, &o.v)
}

// RMSProp is RMSProp with momentum as in TensorFlow's tf.train.RMSPropOptimizer, which NASNet uses on ImageNet: ε is
// inside the root, the mean square starts at one, and the momentum accumulates steps, so it keeps old learning rates.
// The decay λ is decoupled (arXiv 1711.05101): it enters no moment and shrinks the weights by lr λ per step. (slim's
// regularizer would add λ w to g, where the division by the root makes it almost useless for weights with large
// gradients.)
//
//	s = ρ s + (1-ρ) g²;  m = μ m + lr g / sqrt(s + ε);  w -= m + lr λ w
type RMSProp struct {
	Rho         float64 // ρ; NASNet 0.9
	Momentum    float64 // μ; NASNet 0.9
	Eps         float64 // ε; NASNet 1.0
	WeightDecay float64 // λ
	Clip        float64 // largest global norm of the gradients; 0: do not clip

	s, m moment
}

// Step implements [Optimizer].
func (o *RMSProp) Step(params []*Param, lr float64) float64 {
	o.s.bind("square", 1, params)
	o.m.bind("momentum", 0, params)
	norm := clip(params, o.Clip)
	for i, p := range params {
		kernel.RMSPropStep(p.Value, p.Grad, o.s.values[i], o.m.values[i], float32(lr), float32(o.Rho),
			float32(o.Momentum), float32(o.Eps),
			decayOf(p, o.WeightDecay))
	}
	return norm
}

// State implements [Optimizer].
func (o *RMSProp) State() map[string][]float32 { return stateOf(&o.s, &o.m) }

// Restore implements [Optimizer].
func (o *RMSProp) Restore(params []*Param, state map[string][]float32) error {
	o.s.reset("square", 1)
	o.m.reset("momentum", 0)
	return restore(params, state, &o.s, &o.m)
}

func decayOf(p *Param, decay float64) float32 {
	if p.Decay {
		return float32(decay)
	}
	return 0
}

// GlobalNorm returns the Euclidean norm of all gradients together, summed in float64.
func GlobalNorm(params []*Param) float64 {
	sum := 0.0
	for _, p := range params {
		sum += kernel.SumSquares(p.Grad)
	}
	return math.Sqrt(sum)
}

// clip scales the gradients so that their global norm is at most limit (Pascanu et al., arXiv 1211.5063) and returns
// the norm from before. If the norm is NaN or infinite, the gradients stay as they are and the caller must notice.
func clip(params []*Param, limit float64) float64 {
	if limit <= 0 {
		return 0
	}
	norm := GlobalNorm(params)
	if norm > limit && !math.IsInf(norm, 0) {
		for _, p := range params {
			kernel.Scale(p.Grad, float32(limit/norm))
		}
	}
	return norm
}

// moment is one running array per parameter.
type moment struct {
	name   string
	start  float32 // value before the first step
	params []string
	values [][]float32
}

func (m *moment) reset(name string, start float32) { *m = moment{name: name, start: start} }

// bind makes the arrays at the first step; later it checks that they belong to these parameters.
func (m *moment) bind(name string, start float32, params []*Param) {
	if m.params == nil {
		m.reset(name, start)
		total := 0
		for _, p := range params {
			total += len(p.Value)
		}
		flat := make([]float32, total)
		fill(flat, start)
		m.params = make([]string, len(params))
		m.values = make([][]float32, len(params))
		for i, p := range params {
			n := len(p.Value)
			m.params[i], m.values[i], flat = p.Name, flat[:n:n], flat[n:]
		}
		return
	}
	if len(params) != len(m.params) {
		panic(fmt.Sprintf("nn: optimizer got %d parameters, want %d", len(params), len(m.params)))
	}
	for i, p := range params {
		if p.Name != m.params[i] {
			panic(fmt.Sprintf("nn: optimizer got parameter %d %s, want %s", i, p.Name, m.params[i]))
		}
	}
}

func stateOf(ms ...*moment) map[string][]float32 {
	state := map[string][]float32{}
	for _, m := range ms {
		for i, name := range m.params {
			state[m.name+"/"+name] = m.values[i]
		}
	}
	return state
}

// restore fills the moments, which are fresh, from a state. If it returns an error, they are still fresh.
func restore(params []*Param, state map[string][]float32, ms ...*moment) error {
	if len(state) == 0 {
		return nil
	}
	for _, m := range ms {
		for _, p := range params {
			key := m.name + "/" + p.Name
			if v, ok := state[key]; !ok {
				return fmt.Errorf("nn: optimizer state: %s is missing", key)
			} else if len(v) != p.Size() {
				return fmt.Errorf("nn: optimizer state: %s has %d elements, want %d", key, len(v), p.Size())
			}
		}
	}
	if want := len(ms) * len(params); len(state) != want {
		return fmt.Errorf("nn: optimizer state: %d arrays, want %d: from another optimizer or network?",
			len(state), want)
	}
	for _, m := range ms {
		m.bind(m.name, m.start, params)
		for i, p := range params {
			copy(m.values[i], state[m.name+"/"+p.Name])
		}
	}
	return nil
}
