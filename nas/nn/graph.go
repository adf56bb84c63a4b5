package nn

import (
	"errors"
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Node is one value of a network's expression graph.
type Node = *gorgonia.Node

// BN holds the constants of batch normalisation.
type BN struct {
	Decay float32 // of the moving statistics: moving = Decay*moving + (1-Decay)*batch
	Eps   float32 // added to the variance
}

// Graph is one network being described: the expression graph, its parameters and its moving statistics. Shapes are
// static; images are (batch, height, width, channels). The methods that add a node panic with a [*BuildError] when
// shapes do not fit; [Try] turns that into an error. A Graph and its programs belong to one goroutine; different graphs
// are independent.
type Graph struct {
	BN    BN     // set before the first BatchNorm; NewGraph gives the CIFAR values of NASNet, decay 0.9 and eps 1e-5
	Arena *Arena // where programs put their values; nil: every program has its own
	Part  string // the part of the network that nodes are added to from now on, for Clock.Parts and Layer.Part
	// give every value memory of its own, so that Program.Value knows all of them; for looking inside, and slow
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

// BuildError says which node could not be added to a graph, and why.
type BuildError struct {
	Op  string // what was being added
	Err error
}

func (e *BuildError) Error() string { return "nn: " + e.Op + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e *BuildError) Unwrap() error { return e.Err }

// Try runs build, which describes a network, and returns as an error what its nodes complained about.
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

// Expr returns the expression graph, for drawing it or running it on another of Gorgonia's machines.
func (g *Graph) Expr() *gorgonia.ExprGraph { return g.expr }

// Input adds float32 data of the given shape, which starts with the batch. [Program.Value] gives the memory to fill.
func (g *Graph) Input(name string, shape ...int) Node {
	return g.addInput(name, tensor.Float32, shape, false)
}

// Labels adds n class numbers. [Program.Labels] gives the memory to fill.
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

// claim refuses a name that is taken: Gorgonia would silently make the two nodes one.
func (g *Graph) claim(what, name string) {
	if name == "" {
		fail(what, "no name")
	}
	if _, ok := g.named[name]; ok {
		fail(what+" "+name, "the name is taken by an input")
	}
	if _, ok := g.byName[name]; ok {
		fail(what+" "+name, "the name is taken by a parameter")
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

// MAdds returns the multiply-adds per example of the convolutions and linear layers that the given nodes are computed
// from.
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

// errNotOurs is returned for a graph with nodes that were not made by the methods of Graph.
var errNotOurs = errors.New("not an operation of this package")
