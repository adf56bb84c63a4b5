package nn

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
)

// From expression graph to steps. A step computes a new value from earlier ones and never changes one: whether it works
// in place is decided by where values are kept, see plan.go. What is computed:
//
//	forward   the nodes that the wanted nodes need, in the order in which the network was described
//	backward  the nodes that the parameters' gradients need, in the order in which Gorgonia made them; additions to a
//	          gradient of several summands follow at once
//
// Gorgonia's own additions never appear: a backward op names the node whose gradient it reads, and op.SymDiff recorded
// the summands.

// slot is memory outside the plan, allocated with the program's memory.
type slot struct {
	size int
	mem  []float32
	ints []int32
}

// value is one array of a schedule.
type value struct {
	n    int      // float32s
	ext  *slot    // memory outside the plan: an input, a parameter or its gradient, an output
	s    *float64 // of scalars, which have no other memory
	made int      // step that computes it; -1: given
	last int      // last step that reads it
	buf  *buffer  // planned memory
	own  bool     // only the gradient that it is pushed to reads it
}

type stepKind uint8

const (
	stepOp   stepKind = iota
	stepAdd           // out = in[0] + in[1]
	stepCopy          // out = in[0]
)

type step struct {
	kind    stepKind
	op      *op
	node    Node
	out     *value
	in      []*value // nil for children that only order
	side    []*value
	scratch *value
	base    []*value // what results are added to, numbered as op.adds; nil: nothing
}

// result is a result of the step, numbered as op.adds.
func (st *step) result(k int) *value {
	if k == 0 {
		return st.out
	}
	return st.side[k-1]
}

// gradient is the sum of the summands of a node's gradient while it grows.
type gradient struct {
	left int
	sum  *value
}

// lowering builds one schedule.
type lowering struct {
	p     *Program
	drop  bool // DropPath and Dropout are enabled
	steps []step
	vals  map[Node]*value
	sides map[*side]*value
	grads map[Node]*gradient
	// the nodes that wait for a node or a gradient
	byNode map[Node][]Node
	byGrad map[Node][]Node
}

func newLowering(p *Program, drop bool) *lowering {
	l := &lowering{p: p, drop: drop, vals: map[Node]*value{}, sides: map[*side]*value{}, grads: map[Node]*gradient{},
		byNode: map[Node][]Node{}, byGrad: map[Node][]Node{}}
	for n, s := range p.given {
		l.vals[n] = &value{n: s.size, ext: s, made: -1}
	}
	return l
}

// forward adds the steps that the wanted nodes need.
func (l *lowering) forward(want []Node) error {
	seen := map[Node]bool{}
	var nodes []Node
	var visit func(n Node) error
	visit = func(n Node) error {
		if seen[n] || l.vals[n] != nil {
			return nil
		}
		seen[n] = true
		b, ok := n.Op().(*op)
		if !ok {
			return fmt.Errorf("nn: node %v: %w", n, errNotOurs)
		}
		for _, x := range b.xs {
			if err := visit(x); err != nil {
				return err
			}
		}
		nodes = append(nodes, n)
		return nil
	}
	for _, n := range want {
		if err := visit(n); err != nil {
			return err
		}
	}
	byID(nodes)
	for _, n := range nodes {
		l.compute(n)
	}
	return nil
}

// backward adds the steps that the gradients of the parameters need; the loss and its inputs are already computed.
func (l *lowering) backward(loss Node, params []*Param) {
	var nodes []Node
	seen := map[Node]bool{}
	var need func(x Node)
	var needNode func(n Node)
	need = func(x Node) { // the gradient of x
		if l.grads[x] != nil {
			return
		}
		ts := l.p.g.terms[x]
		gr := &gradient{left: len(ts)}
		l.grads[x] = gr
		if x == loss {
			one := 1.0
			gr.sum, gr.left = &value{s: &one, made: -1}, 0
			return
		}
		for _, t := range ts {
			if t.of != nil {
				l.byGrad[t.of] = append(l.byGrad[t.of], x)
				need(t.of)
			} else {
				l.byNode[t.node] = append(l.byNode[t.node], x)
				needNode(t.node)
			}
		}
	}
	needNode = func(n Node) {
		b, ok := n.Op().(*op)
		if !ok || b.of == nil || seen[n] {
			return // forward
		}
		seen[n] = true
		for i, x := range b.xs {
			if b.dy&(1<<i) != 0 {
				need(b.of)
			} else {
				needNode(x)
			}
		}
		nodes = append(nodes, n)
	}
	for _, p := range params {
		if len(l.p.g.terms[p.node]) > 0 {
			need(p.node)
		}
	}
	if l.grads[loss] != nil {
		l.complete(loss)
	}
	byID(nodes)
	for _, n := range nodes {
		l.compute(n)
		l.vals[n].own = len(l.byNode[n]) == 1
		for _, x := range l.byNode[n] {
			l.push(x, l.vals[n])
		}
	}
}

func byID(nodes []Node) {
	slices.SortFunc(nodes, func(a, b Node) int { return int(a.ID() - b.ID()) })
}

// compute adds the step of one node, whose children are already computed.
func (l *lowering) compute(n Node) {
	b := n.Op().(*op)
	in := make([]*value, len(b.xs))
	for i, x := range b.xs {
		switch {
		case slices.Contains(b.order, i):
		case b.dy&(1<<i) != 0:
			gr := l.grads[b.of]
			if gr == nil || gr.left != 0 {
				panic(fmt.Sprintf("nn: %v reads an unfinished gradient", b))
			}
			in[i] = gr.sum
		default:
			in[i] = l.vals[x]
		}
	}
	switch {
	case b.skip && !l.drop:
		l.vals[n] = in[0]
		return
	case b.proj != nil:
		l.vals[n] = l.sides[b.proj]
		return
	}
	st := step{kind: stepOp, op: b, node: n, in: in, out: l.newValue(n)}
	for _, s := range b.writes {
		v := &value{n: s.n, made: len(l.steps)}
		l.sides[s] = v
		st.side = append(st.side, v)
	}
	for _, s := range b.reads {
		st.side = append(st.side, l.sides[s])
	}
	if b.scratch > 0 {
		st.scratch = &value{n: b.scratch, made: len(l.steps)}
	}
	l.vals[n] = st.out
	l.add(st)
}

func (l *lowering) newValue(n Node) *value {
	v := &value{made: len(l.steps)}
	if isScalar(n) {
		v.s = l.p.scalar(n)
	} else {
		v.n = n.Shape().TotalSize()
	}
	return v
}

func (l *lowering) add(st step) {
	at := len(l.steps)
	for _, vs := range [][]*value{st.in, st.side, {st.out, st.scratch}} {
		for _, v := range vs {
			if v != nil {
				v.last = at
			}
		}
	}
	l.steps = append(l.steps, st)
}

// push adds v to the gradient of x.
func (l *lowering) push(x Node, v *value) {
	gr := l.grads[x]
	switch {
	case gr.sum == nil:
		gr.sum = v
	case l.addTo(gr.sum, v):
		gr.sum = v
	case l.addTo(v, gr.sum):
	default:
		sum := &value{n: v.n, made: len(l.steps)}
		if v.s != nil {
			sum.s = new(float64)
		}
		l.add(step{kind: stepAdd, node: x, in: []*value{gr.sum, v}, out: sum})
		gr.sum = sum
	}
	gr.left--
	if gr.left == 0 {
		l.complete(x)
	}
}

// addTo lets the step that computes v add it to an earlier value, if it can, so that v becomes the sum.
func (l *lowering) addTo(earlier, v *value) bool {
	if !v.own || v.made < 0 || v.last != v.made || earlier.made >= v.made || v.s != nil {
		return false
	}
	st := &l.steps[v.made]
	if st.kind != stepOp {
		return false
	}
	for _, k := range st.op.adds {
		if st.result(k) != v || st.base != nil && st.base[k] != nil {
			continue
		}
		if st.base == nil {
			st.base = make([]*value, 1+len(st.op.writes))
		}
		st.base[k] = earlier
		earlier.last = max(earlier.last, v.made)
		return true
	}
	return false
}

// complete hands the finished gradient of x to the nodes it is passed on to unchanged.
func (l *lowering) complete(x Node) {
	l.grads[x].sum.own = false // it is x's gradient, and perhaps other nodes' too
	for _, y := range l.byGrad[x] {
		l.push(y, l.grads[x].sum)
	}
}

// keep makes value v end up in memory s: it is computed there if possible, else copied.
func (l *lowering) keep(v *value, s *slot) {
	if v.ext == nil && v.made >= 0 && v.s == nil {
		v.ext = s
		return
	}
	if v.ext == s {
		return
	}
	l.add(step{kind: stepCopy, in: []*value{v}, out: &value{n: v.n, ext: s, made: len(l.steps)}})
}

// differentiate lets Gorgonia make the backward nodes. It works once.
func (g *Graph) differentiate(loss Node) error {
	if g.loss == loss {
		return nil
	}
	if g.loss != nil {
		return fmt.Errorf("nn: the graph is already compiled for another loss")
	}
	reached := map[Node]bool{}
	var visit func(n Node)
	visit = func(n Node) {
		if reached[n] {
			return
		}
		reached[n] = true
		if b, ok := n.Op().(*op); ok {
			for i, x := range b.xs {
				if b.wrt[i] {
					visit(x)
				}
			}
		}
	}
	visit(loss)
	var wrt gorgonia.Nodes
	for _, p := range g.params {
		if reached[p.node] {
			wrt = append(wrt, p.node)
		}
	}
	if len(wrt) == 0 {
		return fmt.Errorf("nn: the loss depends on no parameter")
	}
	if _, err := gorgonia.Grad(loss, wrt...); err != nil {
		return fmt.Errorf("nn: gradient: %w", err)
	}
	g.loss = loss
	return nil
}
