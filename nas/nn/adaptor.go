package nn

import (
	"encoding/binary"
	"fmt"
	"hash"
	"unsafe"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// op is the one adaptor between kernels and Gorgonia: every operation of this package is an op with closures. It
// implements gorgonia.Op and gorgonia.SDOp, so Gorgonia can check types, differentiate, and run it; our programs call
// run directly.
//
// An op belongs to one node. Except for sides, it has no state of its own, so one graph can have several programs.
type op struct {
	applied

	name  string
	n     int          // examples: the first dimension of what run works on
	shape tensor.Shape // of the result; nil for a scalar
	madds int64        // per example

	wrt     []bool  // children that have a gradient
	order   []int   // children that must be computed first; run does not see them
	inplace []int   // children whose memory the result may take over
	writes  []*side // other results
	reads   []*side // other results of ops that run earlier
	adds    []int   // results that run can add to existing values: 0 is the node's, 1+i is writes[i]
	scratch int     // float32s of scratch memory
	skip    bool    // without DropPath, the result is child 0 itself
	proj    *side   // the result is this side, written by child 0

	run   func(c *call)
	grad  func(out, dy Node) []Node // gradients for the children, nil where wrt is false
	layer func(l *layering) int     // adds the layers it computes in evaluation; nil for losses and gradients
}

// applied is what an op learns when it becomes a node.
type applied struct {
	g    *Graph
	id   uint32 // unique in the graph; also the hash, so that Gorgonia never merges two ops
	part string // Graph.Part at that time
	xs   []Node // children
	of   Node   // of an op made by grad: the node that was differentiated
	dy   uint32 // bit i: child i is the gradient of that node
}

// side is a result of an op in addition to its node: saved statistics, indices of maxima, the second gradient of one
// kernel. Programs plan its memory like any value's; own serves only Gorgonia's machines.
type side struct {
	n   int // float32s
	own []float32
}

// call is what an op's run works on: views into memory, for one batch. Closures read the number of examples from n, not
// from what they captured, so that a call may one day hold the views of part of a batch.
type call struct {
	n       int         // examples
	out     []float32   // result
	in      [][]float32 // children; nil for labels, scalars and children that only order
	side    [][]float32 // sides written, then sides read
	add     []bool      // results to add to existing values, numbered as op.adds
	scratch []float32
	labels  []int32    // the child that is labels
	loss    *float64   // result, if it is a scalar
	s       []*float64 // children that are scalars
	hits    *int       // correct predictions, for a loss
	mode    *mode
}

// mode is what the caller of a program switches; all its calls share it.
type mode struct {
	train bool // batch statistics are used, and move the moving ones
}

// term is one summand of a node's gradient: a node, or the whole gradient of another node passed on unchanged.
type term struct {
	node Node
	of   Node
}

// diffState is set while Gorgonia differentiates an op.
type diffState struct{ out, dy Node }

// apply makes the op a node.
func (g *Graph) apply(b *op, xs ...Node) Node {
	g.lastID++
	b.id, b.g, b.part, b.xs = g.lastID, g, g.Part, append([]Node(nil), xs...)
	if b.wrt == nil {
		b.wrt = make([]bool, len(xs))
	}
	if g.diff.out != nil {
		b.of = g.diff.out
		for i, x := range xs {
			if x == g.diff.dy {
				b.dy |= 1 << i
			}
		}
	}
	n, err := gorgonia.ApplyOp(b, append([]Node(nil), xs...)...)
	if err != nil {
		fail(b.name, "%w", err)
	}
	return n
}

// isScalar reports whether the node's value is a loss.
func isScalar(n Node) bool { return n.IsScalar() }

// Arity, Type, InferShape, Do, ReturnsPtr, CallsExtern, OverwritesInput, WriteHash, Hashcode and String implement
// gorgonia.Op.
func (b *op) Arity() int { return len(b.xs) }

// Type makes a new value each time: ApplyOp returns it to a pool.
func (b *op) Type() hm.Type {
	ts := make([]hm.Type, 0, len(b.xs)+1)
	for _, x := range b.xs {
		if x.Dtype() == tensor.Int32 {
			ts = append(ts, gorgonia.TensorType{Dims: 1, Of: tensor.Int32})
		} else {
			ts = append(ts, floatType(x.Dims(), isScalar(x)))
		}
	}
	return hm.NewFnType(append(ts, floatType(len(b.shape), b.shape == nil))...)
}

func floatType(dims int, scalar bool) hm.Type {
	if scalar {
		return hm.TypeVariable('a')
	}
	return gorgonia.TensorType{Dims: dims, Of: hm.TypeVariable('a')}
}

// InferShape returns the shape computed when the op was made for these same children.
func (b *op) InferShape(xs ...gorgonia.DimSizer) (tensor.Shape, error) {
	if len(xs) != len(b.xs) {
		return nil, fmt.Errorf("nn: %s: %d children, want %d", b.name, len(xs), len(b.xs))
	}
	if b.shape == nil {
		return tensor.ScalarShape(), nil
	}
	return b.shape.Clone(), nil
}

func (b *op) ReturnsPtr() bool      { return true }
func (b *op) CallsExtern() bool     { return false }
func (b *op) OverwritesInput() int  { return -1 }
func (b *op) Hashcode() uint32      { return b.id }
func (b *op) String() string        { return fmt.Sprintf("%s#%d", b.name, b.id) }
func (b *op) WriteHash(h hash.Hash) { _ = binary.Write(h, binary.LittleEndian, b.id) }

// DiffWRT implements gorgonia.SDOp.
func (b *op) DiffWRT(int) []bool { return b.wrt }

// SymDiff implements gorgonia.SDOp. It also records which gradient goes to which child: the executor adds them up
// itself and never looks at Gorgonia's additions.
func (b *op) SymDiff(_ gorgonia.Nodes, out, dy Node) (ns gorgonia.Nodes, err error) {
	defer recoverBuild(&err)
	if b.grad == nil {
		return nil, fmt.Errorf("nn: %s has no gradient", b.name)
	}
	g := b.g
	g.diff = diffState{out: out, dy: dy}
	defer func() { g.diff = diffState{} }()
	ns = b.grad(out, dy)
	for i, x := range b.xs {
		switch {
		case !b.wrt[i]:
		case ns[i] == dy:
			g.terms[x] = append(g.terms[x], term{of: out})
		default:
			g.terms[x] = append(g.terms[x], term{node: ns[i]})
		}
	}
	return ns, nil
}

// Do runs the op on Gorgonia's values in training mode, for Gorgonia's machines. It allocates its result.
func (b *op) Do(vs ...gorgonia.Value) (gorgonia.Value, error) {
	if len(vs) != len(b.xs) {
		return nil, fmt.Errorf("nn: %s: %d values, want %d", b.name, len(vs), len(b.xs))
	}
	c := call{n: b.n, in: make([][]float32, len(vs)), s: make([]*float64, len(vs)), add: make([]bool, 1+len(b.writes)),
		mode: &mode{train: true}, hits: new(int)}
	for i, v := range vs {
		switch d := v.Data().(type) {
		case []float32:
			c.in[i] = d
		case []int32:
			c.labels = d
		case float32:
			f := float64(d)
			c.s[i] = &f
		default:
			return nil, fmt.Errorf("nn: %s: value %d is a %T", b.name, i, d)
		}
	}
	for _, s := range append(append([]*side(nil), b.writes...), b.reads...) {
		if s.own == nil {
			s.own = make([]float32, s.n)
		}
		c.side = append(c.side, s.own)
	}
	c.scratch = make([]float32, b.scratch)
	if b.shape == nil {
		c.loss = new(float64)
		b.run(&c)
		return gorgonia.NewF32(float32(*c.loss)), nil
	}
	c.out = make([]float32, b.shape.TotalSize())
	if b.proj != nil {
		copy(c.out, b.proj.own)
	} else {
		b.run(&c)
	}
	return tensor.New(tensor.WithShape(b.shape...), tensor.WithBacking(c.out)), nil
}

// bytesOf views memory of float32s as n bytes. It holds no pointers and is written before it is read.
func bytesOf(x []float32, n int) []uint8 {
	if n > 4*len(x) {
		panic(fmt.Sprintf("nn: %d bytes in %d floats", n, len(x)))
	}
	return unsafe.Slice((*uint8)(unsafe.Pointer(unsafe.SliceData(x))), n)
}

// floatsFor returns how many float32s n bytes take.
func floatsFor(n int) int { return (n + 3) / 4 }
