package controller

import (
	"fmt"
	"math"

	"nasnet/nas/rng"
)

// real is float32 in use; tests check gradients in float64.
type real interface{ float32 | float64 }

// param is one weight array, row major. Graph inputs alias value.
type param[F real] struct {
	name  string
	shape []int
	value []F
}

// network is the paper's controller: a one-layer LSTM that makes its decisions one after another. Step d reads the
// embedding of choice d-1 (a learned vector at step 0) and has its own softmax:
//
//	x = start | embed[d-1][choice d-1]                                    (E)
//	i, f, o = sigmoid(x Wx + h Wh + b)   g = tanh(x Wx + h Wh + b)        (H) each
//	c = f*c + i*g    h = o*tanh(c)                                        (H)
//	log p = log softmax(clamp(h head[d].w + head[d].b))                   (arity d)
//
// The clamp to ±maxLogit changes nothing unless a policy is already certain. It keeps exponentials finite in float32,
// also in the graph: Gorgonia's LogSoftMax shifts each row by at least the first element of the whole matrix, not by
// the row's own maximum.
//
// Only decisions with two or more choices are in the network.
type network[F real] struct {
	arities           []int
	hidden, embedding int

	params []param[F] // in the order of the fields below
	start  []F        // (E)
	gates  [4]struct {
		wx, wh, b []F // (E, H), (H, H), (H)
	} // i, f, g, o
	heads []struct{ w, b []F } // (H, A), (A)
	embed [][]F                // (A, E), for all decisions except the last
}

const maxLogit = 40

var gateNames = [4]string{"i", "f", "g", "o"}

// newNetwork makes a network with weights uniform in ±0.1 (paper, A.2) and biases 0. The weights depend only on the
// seed and the sizes.
func newNetwork[F real](arities []int, hidden, embedding int, seed uint64) *network[F] {
	n := &network[F]{arities: arities, hidden: hidden, embedding: embedding}
	r := rng.Stream(seed, "controller-init")
	weight := func(shape ...int) []F {
		v := make([]F, product(shape))
		for i := range v {
			v[i] = F(0.2*r.Float64() - 0.1)
		}
		return v
	}
	add := func(name string, value []F, shape ...int) []F {
		n.params = append(n.params, param[F]{name, shape, value})
		return value
	}
	n.start = add("start", weight(embedding), embedding)
	for g, name := range gateNames {
		n.gates[g].wx = add("lstm/"+name+"/wx", weight(embedding, hidden), embedding, hidden)
		n.gates[g].wh = add("lstm/"+name+"/wh", weight(hidden, hidden), hidden, hidden)
		n.gates[g].b = add("lstm/"+name+"/b", make([]F, hidden), hidden)
	}
	n.heads = make([]struct{ w, b []F }, len(arities))
	for d, a := range arities {
		n.heads[d].w = add(fmt.Sprintf("head/%d/w", d), weight(hidden, a), hidden, a)
		n.heads[d].b = add(fmt.Sprintf("head/%d/b", d), make([]F, a), a)
		if d < len(arities)-1 {
			n.embed = append(n.embed, add(fmt.Sprintf("embed/%d", d), weight(a, embedding), a, embedding))
		}
	}
	return n
}

func product(shape []int) int {
	p := 1
	for _, s := range shape {
		p *= s
	}
	return p
}

// walk runs the network over one sequence. At each decision it calls choose with the log-probabilities of the choices
// (valid during the call) and continues with the choice that it returns. It equals one row of the graph's forward pass,
// within float32 rounding.
func (n *network[F]) walk(choose func(d int, logp []float64) int) {
	H, E := n.hidden, n.embedding
	h, c := make([]F, H), make([]F, H)
	var z [4][]F
	for g := range z {
		z[g] = make([]F, H)
	}
	logits := make([]F, maxOf(n.arities))
	logp := make([]float64, len(logits))
	x := n.start
	for d, a := range n.arities {
		for g := range z {
			copy(z[g], n.gates[g].b)
			addVecMat(z[g], x, n.gates[g].wx)
			if d > 0 { // h is zero before
				addVecMat(z[g], h, n.gates[g].wh)
			}
		}
		for j := range h {
			c[j] = sigmoid(z[1][j])*c[j] + sigmoid(z[0][j])*F(math.Tanh(float64(z[2][j])))
			h[j] = sigmoid(z[3][j]) * F(math.Tanh(float64(c[j])))
		}
		copy(logits[:a], n.heads[d].b)
		addVecMat(logits[:a], h, n.heads[d].w)
		logSoftmax(logp[:a], logits[:a])
		k := choose(d, logp[:a])
		if d < len(n.embed) {
			x = n.embed[d][k*E : (k+1)*E]
		}
	}
}

// addVecMat adds x (len m) times w (m, n) to y (len n).
func addVecMat[F real](y, x, w []F) {
	n := len(y)
	for i, xi := range x {
		row := w[i*n : i*n+n]
		for j, wj := range row {
			y[j] += xi * wj
		}
	}
}

func sigmoid[F real](x F) F { return F(1 / (1 + math.Exp(-float64(x)))) }

// logSoftmax writes the log-probabilities of clamped logits.
func logSoftmax[F real](logp []float64, logits []F) {
	top := math.Inf(-1)
	for k, l := range logits {
		logp[k] = min(max(float64(l), -maxLogit), maxLogit)
		top = max(top, logp[k])
	}
	sum := 0.0
	for _, l := range logp {
		sum += math.Exp(l - top)
	}
	norm := top + math.Log(sum)
	for k := range logp {
		logp[k] -= norm
	}
}

func maxOf(a []int) int {
	m := 0
	for _, x := range a {
		m = max(m, x)
	}
	return m
}
