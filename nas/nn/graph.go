package nn

import (
	"errors"
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Node is one value of a network's expression graph.
type Node = *gorgonia.Node

// BN sets the constants of batch normalisation.
type BN struct {
	Decay float32 // of the moving statistics: moving = Decay*moving + (1-Decay)*batch
	Eps   float32 // added to the variance
}

// Graph is a network under description: the expression graph, its parameters and its moving statistics. Shapes are
// static; images are (batch, height, width, channels). Methods that add a node panic with a [*BuildError] if shapes do
// not fit; [Try] turns that into an error. A Graph and its programs belong to one goroutine; different graphs are
// independent.
type Graph struct {
	BN    BN     // set it before the first BatchNorm; NewGraph sets NASNet's CIFAR values, decay 0.9 and eps 1e-5
	Arena *Arena // where programs put their values; nil: each has its own memory
	Part  string // the part of the network that new nodes belong to, for Clock.Parts and Layer.Part
	// give every value its own memory, so that Program.Value knows all of them: for inspection, and slow
	Keep bool

	batch  int
	expr   *gorgonia.ExprGraph
	store  *store
	states *states
	params []*Param
	byName map[string]*Param
	inputs []*input
	named  map[string]*input
	drops  []*drop
	lastID uint32

	// made by gorgonia.Grad
	loss  Node
	diff  diffState
	terms map[Node][]term
}

// input is a node whose value the caller provides.
type input struct {
	name string
	node Node
	size int
	ints bool // labels: int32
	drop bool // scales of DropPath or Dropout
}

// BuildError names the node that could not be added to a graph, and the reason.
type BuildError struct {
	Op  string // the node
	Err error
}

func (e *BuildError) Error() string { return "nn: " + e.Op + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e *BuildError) Unwrap() error { return e.Err }

// Try runs build, which describes a network, and returns the BuildError of a node as an error.
func Try(build func()) (err error) {
	defer recoverBuild(&err)
	build()
	return nil
}

func recoverBuild(err *error) {
	if r := recover(); r != nil {
		e, ok := r.(*BuildError)
		if !ok {
			panic(r)
		}
		*err = e
	}
}

func fail(op, format string, args ...any) {
	panic(&BuildError{Op: op, Err: fmt.Errorf(format, args...)})
}

// NewGraph returns an empty network for batches of the given number of examples.
func NewGraph(batch int) *Graph {
	if batch < 1 {
		fail("graph", "batch of %d examples", batch)
	}
	return &Graph{
		BN:     BN{Decay: 0.9, Eps: 1e-5},
		batch:  batch,
		expr:   gorgonia.NewGraph(),
		store:  newStore(),
		states: newStates(),
		byName: map[string]*Param{},
		named:  map[string]*input{},
		terms:  map[Node][]term{},
	}
}

// NewSharing returns an empty network for another batch size that shares parameters and moving statistics with g: a
// parameter or BatchNorm of the same name has the same values in both, without a copy. Gradients are not shared.
// Programs of graphs that share must not run at the same time. Evaluation does not need it: see [Program.Forward].
func NewSharing(g *Graph, batch int) *Graph {
	s := NewGraph(batch)
	s.BN, s.store, s.states = g.BN, g.store, g.states
	return s
}

// Expr returns the expression graph, to draw it or run it on one of Gorgonia's machines.
func (g *Graph) Expr() *gorgonia.ExprGraph { return g.expr }

// Input adds float32 data of the given shape, whose first dimension is the batch. Fill the memory of [Program.Value].
func (g *Graph) Input(name string, shape ...int) Node {
	return g.addInput(name, tensor.Float32, shape, false)
}

// Labels adds n class numbers. Fill the memory of [Program.Labels].
func (g *Graph) Labels(name string, n int) Node {
	return g.addInput(name, tensor.Int32, []int{n}, false)
}

func (g *Graph) addInput(name string, dt tensor.Dtype, shape []int, drop bool) Node {
	g.claim("input", name)
	size := checkShape("input "+name, shape)
	n := gorgonia.NewTensor(g.expr, dt, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name))
	in := &input{name: name, node: n, size: size, ints: dt == tensor.Int32, drop: drop}
	g.inputs = append(g.inputs, in)
	g.named[name] = in
	return n
}

// claim refuses a name that is in use: Gorgonia would silently merge the two nodes.
func (g *Graph) claim(what, name string) {
	if name == "" {
		fail(what, "no name")
	}
	if _, ok := g.named[name]; ok {
		fail(what+" "+name, "the name is already used by an input")
	}
	if _, ok := g.byName[name]; ok {
		fail(what+" "+name, "the name is already used by a parameter")
	}
}

func checkShape(what string, shape []int) int {
	size := 1
	if len(shape) == 0 || len(shape) > 4 {
		fail(what, "shape %v, want one to four dimensions", shape)
	}
	for _, d := range shape {
		if d < 1 || size > (1<<40)/d {
			fail(what, "bad shape %v", shape)
		}
		size *= d
	}
	return size
}

// MAdds returns the multiply-adds per example of all convolutions and linear layers that the given nodes depend on.
func (g *Graph) MAdds(outputs ...Node) int64 {
	var sum int64
	seen := map[Node]bool{}
	var walk func(n Node)
	walk = func(n Node) {
		b, ok := n.Op().(*op)
		if !ok || seen[n] {
			return
		}
		seen[n] = true
		sum += b.madds
		for _, x := range b.xs {
			walk(x)
		}
	}
	for _, n := range outputs {
		walk(n)
	}
	return sum
}

// errNotOurs reports a node that was not made by a method of Graph.
var errNotOurs = errors.New("not an operation of this package")
