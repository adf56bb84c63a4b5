package nn

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// When Gorgonia's Grad first runs for a type, it writes to constants that all graphs share (their lazily computed
// hashes). Doing that once before anything else lets several goroutines differentiate graphs.
func init() {
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		g := gorgonia.NewGraph()
		x := gorgonia.NewScalar(g, dt, gorgonia.WithName("x"))
		if _, err := gorgonia.Grad(gorgonia.Must(gorgonia.Square(x)), x); err != nil {
			panic("nn: gorgonia.Grad: " + err.Error())
		}
	}
}

// Exec runs an expression graph of any Gorgonia operations, float32 or float64, as a controller needs. It avoids the
// faults of Gorgonia's own machines: it reads inputs anew at each run, keeps the values of intermediate nodes, never
// merges nodes by hash, writes results into the memory of the previous run, and needs no reset between runs. [Program]
// is better for networks of this package's operations.
//
// Some stock operations do not write their result into memory they are given: the gradient of Slice adds to what is
// there, others may return their input. So the second run computes each result both ways, and an operation with
// differing results allocates from then on. An operation with a state of its own (stock BatchNorm) therefore advances
// twice in that run.
//
// An Exec belongs to one goroutine.
type Exec struct {
	steps  []execStep
	slots  []gorgonia.Value
	inputs []execInput
	index  map[Node]int
}

type execStep struct {
	node Node
	op   gorgonia.Op
	pre  gorgonia.UsePreallocDoer // nil if the op cannot write into memory it is given
	in   []int
	args []gorgonia.Value
	out  int
	runs int // 0, 1, or more
}

type execInput struct {
	node Node
	slot int
}

// NewExec prepares to compute the outputs (losses, gradients from gorgonia.Grad, statements like gorgonia.Read) and
// everything they need.
func NewExec(g *gorgonia.ExprGraph, outputs ...Node) (*Exec, error) {
	if len(outputs) == 0 {
		return nil, fmt.Errorf("nn: exec: no outputs")
	}
	e := &Exec{index: map[Node]int{}}
	children := map[Node][]Node{}
	var nodes []Node
	stack := slices.Clone(outputs)
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if n.Graph() != g && n.Graph() != nil {
			return nil, fmt.Errorf("nn: exec: %v belongs to another graph", n)
		}
		if _, ok := children[n]; ok {
			continue
		}
		children[n] = nil
		for it := g.From(n.ID()); it != nil && it.Next(); {
			c := it.Node().(Node)
			children[n] = append(children[n], c)
			stack = append(stack, c)
		}
		nodes = append(nodes, n)
	}
	// A graph adds a node after its children, so the ids are in topological order.
	slices.SortFunc(nodes, func(a, b Node) int { return cmp.Compare(a.ID(), b.ID()) })
	for i, n := range nodes {
		e.index[n] = i
		op := n.Op()
		if op == nil {
			e.inputs = append(e.inputs, execInput{n, i})
			continue
		}
		st := execStep{node: n, op: op, out: i}
		st.pre, _ = op.(gorgonia.UsePreallocDoer)
		for _, c := range children[n] {
			k, ok := e.index[c]
			if !ok || k >= i {
				return nil, fmt.Errorf("nn: exec: %v comes before its child %v", n, c)
			}
			st.in = append(st.in, k)
		}
		st.args = make([]gorgonia.Value, len(st.in))
		e.steps = append(e.steps, st)
	}
	e.slots = make([]gorgonia.Value, len(nodes))
	return e, nil
}

// Run computes the outputs from the current values of the inputs.
func (e *Exec) Run() error {
	for _, in := range e.inputs {
		v := in.node.Value()
		if v == nil {
			return fmt.Errorf("nn: exec: input %s has no value", in.node.Name())
		}
		e.slots[in.slot] = v
	}
	for i := range e.steps {
		st := &e.steps[i]
		for k, s := range st.in {
			st.args[k] = e.slots[s]
		}
		v, err := st.run(e.slots[st.out])
		if err != nil {
			return fmt.Errorf("nn: exec: %v: %w", st.node, err)
		}
		e.slots[st.out] = v
	}
	return nil
}

// run computes the step; old is its result in the previous run.
func (st *execStep) run(old gorgonia.Value) (gorgonia.Value, error) {
	if st.pre == nil {
		return st.op.Do(st.args...)
	}
	switch st.runs {
	case 0:
		st.runs++
		v, err := st.op.Do(st.args...)
		if err == nil && sharesMemory(v, st.args) {
			st.pre = nil // a view of its input, not a result: never write to it
		}
		return v, err
	case 1:
		st.runs++
		v, err := st.op.Do(st.args...)
		if err != nil {
			return nil, err
		}
		if spoil(old) {
			if w, err := st.pre.UsePreallocDo(old, st.args...); err == nil && w == old && equal(v, w) {
				return w, nil
			}
		}
		st.pre = nil
		return v, nil
	}
	return st.pre.UsePreallocDo(old, st.args...)
}

// spoil overwrites a value with numbers that no result is likely to have.
func spoil(v gorgonia.Value) bool {
	switch d := v.Data().(type) {
	case []float64:
		for i := range d {
			d[i] = -3.7e5
		}
	case []float32:
		fill(d, -3.7e5)
	default:
		return false // a scalar: nothing to gain
	}
	return true
}

// equal reports whether two results of the same computation agree except for rounding.
func equal(a, b gorgonia.Value) bool {
	switch x := a.Data().(type) {
	case []float64:
		y, ok := b.Data().([]float64)
		return ok && slices.EqualFunc(x, y, func(a, b float64) bool { return near(a, b, 1e-12) })
	case []float32:
		y, ok := b.Data().([]float32)
		return ok && slices.EqualFunc(x, y, func(a, b float32) bool { return near(float64(a), float64(b), 1e-5) })
	}
	return false
}

func near(a, b, tol float64) bool {
	return a == b || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= tol*(1+math.Abs(a))
}

func sharesMemory(v gorgonia.Value, args []gorgonia.Value) bool {
	if v == nil {
		return true
	}
	at := v.Uintptr()
	for _, a := range args {
		if a != nil && a.MemSize() > 0 && at >= a.Uintptr() && at < a.Uintptr()+a.MemSize() {
			return true
		}
	}
	return false
}

// Value returns what the last Run computed for a node that an output needs, or nil. The next Run overwrites it.
func (e *Exec) Value(n Node) gorgonia.Value {
	i, ok := e.index[n]
	if !ok {
		return nil
	}
	return e.slots[i]
}

// BuildDistinct calls build until two calls with different salts make equally many nodes, and returns the last result.
// Gorgonia merges stock operations of one kind if their 32-bit hashes are equal, even if their operands differ: about
// once in 400 graphs of 3,000 nodes something collides, and then the graph is silently wrong and has one node fewer.
// Names of inputs enter the hash, so build must put salt into the name of every input.
//
// It cannot find collisions that do not depend on names: to Gorgonia, Slices of one node are the same if their bounds
// differ by multiples of 256, and so are constants that print alike.
func BuildDistinct(build func(salt string) (*gorgonia.ExprGraph, error)) (*gorgonia.ExprGraph, error) {
	most := -1
	for try := range 8 {
		g, err := build(fmt.Sprintf("~%d", try))
		if err != nil {
			return nil, err
		}
		n := len(g.AllNodes())
		if n == most {
			return g, nil
		}
		most = max(most, n)
	}
	return nil, fmt.Errorf("nn: no two of 8 salts gave graphs of equal size; want a build that is repeatable")
}
