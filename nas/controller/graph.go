package controller

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"nasnet/nas/nn"
)

// objective names the loss of a graph. A is the advantage, r the ratio of the policy's probability to the proposing
// policy's, H the entropy of the distribution at decision d, N the number of samples:
//
//	clipped, per decision  -1/N Σ_i Σ_d min(r A, clamp(r, 1-ε, 1+ε) A)      - β/N Σ_i Σ_d H
//	clipped, joint         -1/N Σ_i     min(r A, clamp(r, 1-ε, 1+ε) A)      - β/N Σ_i Σ_d H     r: product over d
//	plain                  -1/N Σ_i Σ_d A log p                             - β/N Σ_i Σ_d H
//
// The clipped ones are PPO's (arXiv 1707.06347, eq. 7). The paper does not say which ratio it uses; the ratio of each
// decision learns faster and tolerates samples that are one or two policies old.
type objective struct {
	clipped bool
	joint   bool    // only with clipped
	clip    float64 // ε
	entropy float64 // β
}

// graph is the loss of a network over a batch with a fixed number of rows, and its gradient. It is built once from
// Gorgonia's stock operations and run many times: its inputs alias the network's weights and the slices that load
// fills.
type graph[F real] struct {
	net  *network[F]
	obj  objective
	rows int

	choice [][]F // [d] (rows, A): one-hot
	old    []F   // log-probabilities under the proposing policy: (D*rows), decision by decision; (rows) if joint
	adv    []F   // advantage / rows, in the layout of old; for the plain loss (D*rows)
	lo, hi []F   // bounds of each ratio, see load

	logpNodes []*G.Node // [d] (rows, A)
	lossNode  *G.Node
	gradNodes []*G.Node // of net.params
	full      *nn.Exec  // loss and gradients
	forward   *nn.Exec  // log-probabilities only

	grads [][]F
	logp  [][]F
}

// maxLogRatio keeps exp finite: a ratio above e^20 is clipped or, if its advantage is negative, is not pushed down any
// harder.
const maxLogRatio = 20

func dtype[F real]() tensor.Dtype {
	if _, ok := any(F(0)).(float32); ok {
		return tensor.Float32
	}
	return tensor.Float64
}

// newGraph builds the graph. rows must be at least 2, because Gorgonia treats matrices of one row as vectors. It
// returns an error if Gorgonia refuses a part.
func newGraph[F real](net *network[F], obj objective, rows int) (*graph[F], error) {
	var gr *graph[F]
	var g *G.ExprGraph
	// Build with several sets of names, because Gorgonia silently merges different nodes whose 32-bit hashes are equal.
	_, err := nn.BuildDistinct(func(salt string) (*G.ExprGraph, error) {
		gr = &graph[F]{net: net, obj: obj, rows: rows}
		b := builder[F]{g: G.NewGraph(), salt: salt}
		g = b.g
		return g, gr.build(b)
	})
	if err != nil {
		return nil, fmt.Errorf("controller: graph: %w", err)
	}
	outputs := append([]*G.Node{gr.lossNode}, gr.logpNodes...)
	for _, n := range gr.gradNodes {
		if n != nil {
			outputs = append(outputs, n)
		}
	}
	if gr.full, err = nn.NewExec(g, outputs...); err != nil {
		return nil, err
	}
	if gr.forward, err = nn.NewExec(g, gr.logpNodes...); err != nil {
		return nil, err
	}
	gr.logp = make([][]F, len(net.arities))
	for _, p := range net.params {
		gr.grads = append(gr.grads, make([]F, len(p.value)))
	}
	return gr, nil
}

// build describes the loss and its gradient.
func (gr *graph[F]) build(b builder[F]) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	b.params = map[string]*G.Node{}
	for _, p := range gr.net.params {
		shape := p.shape
		if len(shape) == 1 {
			shape = []int{1, shape[0]}
		}
		b.params[p.name] = b.input(p.name, p.value, shape...)
	}
	b.ones = b.input("ones", filled[F](gr.rows, 1), gr.rows, 1)
	picked, plogp := gr.unroll(b)
	gr.lossNode = gr.loss(b, picked, plogp)

	// With one decision the loss does not depend on the recurrent weights, and Grad refuses those.
	reach := reaches(b.g, gr.lossNode)
	var wrt []*G.Node
	for _, p := range gr.net.params {
		if n := b.params[p.name]; reach[n] {
			wrt = append(wrt, n)
		}
	}
	grads, err := G.Grad(gr.lossNode, wrt...)
	if err != nil {
		return err
	}
	gr.gradNodes = make([]*G.Node, len(gr.net.params))
	for i, p := range gr.net.params {
		if reach[b.params[p.name]] {
			gr.gradNodes[i], grads = grads[0], grads[1:]
		}
	}
	return nil
}

// unroll runs the network over the sequence for all rows, each continuing with its own choices. It returns the
// log-probability of the choice at each decision, [d] (rows), and the sum of p log p over rows and decisions, a scalar.
func (gr *graph[F]) unroll(b builder[F]) (picked []*G.Node, plogp *G.Node) {
	type constants struct{ ones, min, max *G.Node } // (A), (rows, A), (rows, A)
	byArity := map[int]constants{}
	for _, a := range gr.net.arities {
		if byArity[a].ones == nil {
			byArity[a] = constants{
				ones: b.input(fmt.Sprintf("ones/%d", a), filled[F](a, 1), a),
				min:  b.input(fmt.Sprintf("min/%d", a), filled[F](gr.rows*a, -maxLogit), gr.rows, a),
				max:  b.input(fmt.Sprintf("max/%d", a), filled[F](gr.rows*a, maxLogit), gr.rows, a),
			}
		}
	}
	var bias [4]*G.Node // (rows, H)
	for g, name := range gateNames {
		bias[g] = b.spread("lstm/" + name + "/b")
	}
	var h, c *G.Node
	x := b.spread("start")
	for d, a := range gr.net.arities {
		var z [4]*G.Node
		for g, name := range gateNames {
			z[g] = G.Must(G.Add(b.times(x, "lstm/"+name+"/wx"), bias[g]))
			if h != nil {
				z[g] = G.Must(G.Add(z[g], b.times(h, "lstm/"+name+"/wh")))
			}
		}
		in := G.Must(G.HadamardProd(G.Must(G.Sigmoid(z[0])), G.Must(G.Tanh(z[2]))))
		if c == nil { // the forget gate has nothing to forget yet
			c = in
		} else {
			c = G.Must(G.Add(G.Must(G.HadamardProd(G.Must(G.Sigmoid(z[1])), c)), in))
		}
		h = G.Must(G.HadamardProd(G.Must(G.Sigmoid(z[3])), G.Must(G.Tanh(c))))

		head := fmt.Sprintf("head/%d/", d)
		logits := G.Must(G.Add(b.times(h, head+"w"), b.spread(head+"b")))
		logits = G.Must(G.MinBetween(G.Must(G.MaxBetween(logits, byArity[a].min)), byArity[a].max))
		logp := G.Must(G.LogSoftMax(logits, 1))
		gr.logpNodes = append(gr.logpNodes, logp)

		gr.choice = append(gr.choice, make([]F, gr.rows*a))
		choice := b.input(fmt.Sprintf("choice/%d", d), gr.choice[d], gr.rows, a)
		picked = append(picked, G.Must(G.Mul(G.Must(G.HadamardProd(choice, logp)), byArity[a].ones)))
		s := G.Must(G.Sum(G.Must(G.HadamardProd(G.Must(G.Exp(logp)), logp))))
		if d == 0 {
			plogp = s
		} else {
			plogp = G.Must(G.Add(plogp, s))
		}
		if d < len(gr.net.embed) {
			x = b.times(choice, fmt.Sprintf("embed/%d", d))
		}
	}
	return picked, plogp
}

// loss builds the objective. The mean over rows is already in the advantages that load sets.
func (gr *graph[F]) loss(b builder[F], picked []*G.Node, plogp *G.Node) *G.Node {
	lp := picked[0] // (rows) if joint, else (D*rows)
	switch {
	case gr.obj.joint:
		for _, p := range picked[1:] {
			lp = G.Must(G.Add(lp, p))
		}
	case len(picked) > 1:
		lp = G.Must(G.Concat(0, picked...))
	}
	size := lp.Shape().TotalSize()
	gr.adv = make([]F, size)
	adv := b.input("advantage", gr.adv, size)
	gain := lp
	if gr.obj.clipped {
		gr.old, gr.lo, gr.hi = make([]F, size), make([]F, size), make([]F, size)
		diff := G.Must(G.Sub(lp, b.input("old", gr.old, size)))
		ratio := G.Must(G.Exp(G.Must(G.MinBetween(diff, b.input("max-log-ratio", filled[F](size, maxLogRatio), size)))))
		gain = G.Must(G.MinBetween(G.Must(G.MaxBetween(ratio, b.input("lo", gr.lo, size))), b.input("hi", gr.hi, size)))
	}
	gain = G.Must(G.Sum(G.Must(G.HadamardProd(gain, adv))))
	if gr.obj.entropy == 0 {
		return G.Must(G.Neg(gain))
	}
	beta := G.NewConstant(F(gr.obj.entropy/float64(gr.rows)), G.WithName("entropy-weight"))
	return G.Must(G.Sub(G.Must(G.Mul(beta, plogp)), gain))
}

// builder makes the inputs of a graph, each with the salt in its name. Gorgonia merges inputs of the same name, type
// and shape, so each name is used once.
type builder[F real] struct {
	g      *G.ExprGraph
	salt   string
	params map[string]*G.Node
	ones   *G.Node // (rows, 1)
}

func (b builder[F]) input(name string, value []F, shape ...int) *G.Node {
	t := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(value))
	return G.NewTensor(b.g, dtype[F](), len(shape), G.WithName(name+b.salt), G.WithShape(shape...), G.WithValue(t))
}

// times returns x (rows, m) times a parameter (m, n).
func (b builder[F]) times(x *G.Node, param string) *G.Node { return G.Must(G.Mul(x, b.params[param])) }

// spread returns a parameter of n elements in every row, (rows, n). It is a product, because the gradient of Gorgonia's
// OuterProd swaps its two results.
func (b builder[F]) spread(param string) *G.Node { return b.times(b.ones, param) }

func filled[F real](n int, v F) []F {
	s := make([]F, n)
	for i := range s {
		s[i] = v
	}
	return s
}

func reaches(g *G.ExprGraph, from *G.Node) map[*G.Node]bool {
	seen := map[*G.Node]bool{from: true}
	for todo := []*G.Node{from}; len(todo) > 0; {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for it := g.From(n.ID()); it.Next(); {
			if c := it.Node().(*G.Node); !seen[c] {
				seen[c] = true
				todo = append(todo, c)
			}
		}
	}
	return seen
}

// load sets the batch: row i has choices[i][d], log-probabilities logp[i][d] under the proposing policy, and advantage
// adv[i].
//
// min(r A, clamp(r) A) is A times r, with an upper bound if A > 0 and a lower bound if A < 0. In this form it has no
// ties at r = 1, where a minimum of two equal terms has no gradient of its own.
func (gr *graph[F]) load(choices [][]int, logp [][]float64, adv []float64) {
	free := math.Exp(maxLogRatio + 1) // above every ratio
	for d, a := range gr.net.arities {
		clear(gr.choice[d])
		for i := range gr.rows {
			gr.choice[d][i*a+choices[i][d]] = 1
		}
	}
	set := func(j int, old, adv float64) {
		gr.adv[j] = F(adv / float64(gr.rows))
		if !gr.obj.clipped {
			return
		}
		gr.old[j], gr.lo[j], gr.hi[j] = F(old), -1, F(free)
		if adv > 0 {
			gr.hi[j] = F(1 + gr.obj.clip)
		} else {
			gr.lo[j] = F(1 - gr.obj.clip)
		}
	}
	for i := range gr.rows {
		sum := 0.0
		for d := range gr.net.arities {
			if !gr.obj.joint {
				set(d*gr.rows+i, logp[i][d], adv[i])
			}
			sum += logp[i][d]
		}
		if gr.obj.joint {
			set(i, sum, adv[i])
		}
	}
}

// run computes loss, grads and logp with the current weights.
func (gr *graph[F]) run() (loss float64, err error) {
	if err := gr.full.Run(); err != nil {
		return 0, err
	}
	for i, n := range gr.gradNodes {
		if n != nil {
			gr.grads[i] = values[F](gr.full.Value(n))
		}
	}
	gr.read(gr.full)
	return float64(values[F](gr.full.Value(gr.lossNode))[0]), nil
}

// evaluate computes only logp.
func (gr *graph[F]) evaluate() error {
	if err := gr.forward.Run(); err != nil {
		return err
	}
	gr.read(gr.forward)
	return nil
}

func (gr *graph[F]) read(e *nn.Exec) {
	for d, n := range gr.logpNodes {
		gr.logp[d] = values[F](e.Value(n))
	}
}

func values[F real](v G.Value) []F {
	switch x := v.Data().(type) {
	case []F:
		return x
	case F:
		return []F{x}
	}
	panic(fmt.Sprintf("controller: graph value of type %T", v.Data()))
}
