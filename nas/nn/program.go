package nn

import (
	"fmt"
	"runtime"

	"nasnet/nas/kernel"
)

// Program runs a network: forward, and backward to the gradients of its parameters. Everything is planned when it is
// made; a run allocates nothing and stays on the calling goroutine. A Program belongs to one goroutine.
type Program struct {
	g       *Graph
	loss    Node
	outputs []Node

	given   map[Node]*slot // inputs and parameters
	outs    map[Node]*slot // outputs
	grads   map[*Param]*slot
	scalars map[Node]*float64
	hits    map[Node]*int

	train, trainDrop     *schedule // nil without a loss
	forward, forwardDrop *schedule // those with drop are nil if the graph has no DropPath or Dropout

	need, live int // float32s
	arena      *Arena
	ready      bool
	mode       mode
	dropping   dropping
	values     map[Node][]float32
	clock      *Clock
}

// Compile differentiates the loss, plans the memory, and allocates it (in g.Arena, if set). The loss is a scalar, or
// nil for a network that only runs forward. Value can read the outputs. A graph can be compiled several times, but with
// only one loss.
func (g *Graph) Compile(loss Node, outputs ...Node) (*Program, error) {
	p, err := g.Plan(loss, outputs...)
	if err != nil {
		return nil, err
	}
	p.Alloc()
	return p, nil
}

// Plan is Compile without allocating the memory, to find out how much it is; call Alloc before anything runs.
func (g *Graph) Plan(loss Node, outputs ...Node) (p *Program, err error) {
	defer recoverBuild(&err)
	p = &Program{g: g, loss: loss, outputs: outputs, given: map[Node]*slot{}, outs: map[Node]*slot{},
		grads:   map[*Param]*slot{},
		scalars: map[Node]*float64{}, hits: map[Node]*int{}}
	if loss != nil {
		if !isScalar(loss) {
			return nil, fmt.Errorf("nn: the loss has shape %v, want a scalar", loss.Shape())
		}
		if err := g.differentiate(loss); err != nil {
			return nil, err
		}
		for _, q := range g.params {
			p.grads[q] = &slot{size: q.Size()}
		}
	} else if len(outputs) == 0 {
		return nil, fmt.Errorf("nn: neither a loss nor an output")
	}
	for _, in := range g.inputs {
		p.given[in.node] = &slot{size: in.size}
	}
	for _, q := range g.params {
		p.given[q.node] = &slot{size: q.Size()}
	}
	for _, n := range outputs {
		if p.given[n] == nil && !isScalar(n) {
			p.outs[n] = &slot{size: n.Shape().TotalSize()}
		}
	}
	if loss != nil {
		if p.train, err = p.schedule(true, false); err != nil {
			return nil, err
		}
	}
	if p.forward, err = p.schedule(false, false); err != nil {
		return nil, err
	}
	if len(g.drops) > 0 {
		if loss != nil {
			if p.trainDrop, err = p.schedule(true, true); err != nil {
				return nil, err
			}
		}
		if p.forwardDrop, err = p.schedule(false, true); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// schedule lowers and plans one way to run the graph.
func (p *Program) schedule(backward, drop bool) (*schedule, error) {
	l := newLowering(p, drop)
	want := p.outputs
	if p.loss != nil {
		want = append([]Node{p.loss}, want...)
	}
	if err := l.forward(want); err != nil {
		return nil, err
	}
	for _, n := range p.outputs {
		if s := p.outs[n]; s != nil {
			l.keep(l.vals[n], s)
		}
	}
	if backward {
		l.backward(p.loss, p.g.params)
		for _, q := range p.g.params {
			if gr := l.grads[q.node]; gr != nil {
				l.keep(gr.sum, p.grads[q])
			}
		}
	}
	need, live := plan(l.steps, p.g.Keep)
	p.need, p.live = max(p.need, need), max(p.live, live)
	s := &schedule{steps: l.steps}
	if p.g.Keep {
		s.vals = l.vals
	}
	return s, nil
}

func (p *Program) scalar(n Node) *float64 {
	if p.scalars[n] == nil {
		p.scalars[n] = new(float64)
		p.hits[n] = new(int)
	}
	return p.scalars[n]
}

// Train runs the network forward in training mode and backward. Batch normalisations use the statistics of the batch
// and move the moving ones; DropPath and Dropout use what was drawn last. Then Loss, the outputs and the Grad of every
// parameter are valid.
func (p *Program) Train() {
	if p.train == nil {
		panic("nn: Train of a program without a loss")
	}
	p.mode.train = true
	if p.dropping.n > 0 {
		p.exec(p.trainDrop)
		return
	}
	p.exec(p.train)
}

// Forward runs only the forward part, in much less memory. With train it runs in training mode, like Train, and moves
// the moving statistics. Without, batch normalisations use the moving statistics and nothing is dropped; examples are
// then independent, so a short last batch can be padded with anything: its first rows do not depend on the padding.
func (p *Program) Forward(train bool) {
	p.mode.train = train
	if train && p.dropping.n > 0 {
		p.exec(p.forwardDrop)
		return
	}
	p.exec(p.forward)
}

func (p *Program) exec(s *schedule) {
	if !p.ready {
		panic("nn: program is planned but not allocated")
	}
	if p.arena.owner != p {
		panic("nn: the program's arena was given to another program")
	}
	if s.values != nil {
		p.values = s.values
	}
	runtime.LockOSThread() // treatment of denormals is a setting of the thread
	defer runtime.UnlockOSThread()
	defer kernel.FlushDenormals()()
	if p.clock != nil {
		p.clock.exec(s)
		return
	}
	for i := range s.ops {
		s.ops[i].do()
	}
}

// Loss returns the loss of the last run.
func (p *Program) Loss() float64 { return p.Scalar(p.loss) }

// Scalar returns the value, in the last run, of a loss that the program's loss or an output depends on.
func (p *Program) Scalar(n Node) float64 {
	s, ok := p.scalars[n]
	if !ok {
		panic(fmt.Sprintf("nn: the program does not compute %v", n))
	}
	return *s
}

// Hits returns, for a SoftmaxXent, in how many examples of the last run the label had the largest logit.
func (p *Program) Hits(n Node) int {
	h, ok := p.hits[n]
	if !ok {
		panic(fmt.Sprintf("nn: the program does not compute %v", n))
	}
	return *h
}

// Value returns the memory of an input (to fill), a parameter or an output; it is always the same memory. It panics for
// other nodes, whose memory is reused, unless Graph.Keep is set.
func (p *Program) Value(n Node) []float32 {
	v, ok := p.values[n]
	if !ok {
		panic(fmt.Sprintf("nn: %v is neither an input nor a parameter nor an output of the program", n))
	}
	return v
}

// Labels returns the memory of labels, to fill.
func (p *Program) Labels(n Node) []int32 {
	s := p.given[n]
	if s == nil || s.ints == nil {
		panic(fmt.Sprintf("nn: %v was not made by Labels", n))
	}
	return s.ints
}

// Params returns the parameters in the order in which they were added to the graph.
func (p *Program) Params() []*Param { return p.g.params }

// Buffers returns the moving statistics.
func (p *Program) Buffers() []*Buffer { return p.g.Buffers() }

// Batch returns the number of examples in a batch.
func (p *Program) Batch() int { return p.g.batch }

// PlannedPeak returns the bytes that all runs of the program need for values between inputs and outputs, without the
// gradients of the parameters. It is known before memory is allocated.
func (p *Program) PlannedPeak() int64 { return 4 * int64(p.need) }

// ArenaBytes returns the size of the arena that the program runs in: at least PlannedPeak, more if the arena has served
// a larger program.
func (p *Program) ArenaBytes() int64 {
	if p.arena == nil {
		return 0
	}
	return p.arena.Bytes()
}

// Steps returns the number of kernel calls in one Train or one Forward.
func (p *Program) Steps(train bool) int {
	if train {
		return len(p.train.steps)
	}
	return len(p.forward.steps)
}
