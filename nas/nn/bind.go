package nn

import (
	"maps"

	"nasnet/nas/kernel"
)

// schedule is one list of steps, in two forms: as planned and as run.
type schedule struct {
	steps  []step
	ops    []bound
	values map[Node][]float32 // of all nodes, if the graph keeps them
	vals   map[Node]*value
}

// bound is a step with its memory.
type bound struct {
	run  func(*call)
	call call
	seed []seed
}

// seed is copied to a result before a step adds to it.
type seed struct{ to, from []float32 }

func (b *bound) do() {
	for _, s := range b.seed {
		copy(s.to, s.from)
	}
	b.run(&b.call)
}

// Alloc allocates the planned memory. A second call does nothing.
func (p *Program) Alloc() {
	if p.ready {
		return
	}
	p.ready = true
	g := p.g
	g.alloc()
	n := 0
	for _, in := range g.inputs {
		if !in.ints {
			n += in.size
		}
	}
	for _, s := range p.outs {
		n += s.size
	}
	flat := make([]float32, n)
	carve := func(s *slot) {
		s.mem, flat = flat[:s.size:s.size], flat[s.size:]
	}
	for _, in := range g.inputs {
		if s := p.given[in.node]; in.ints {
			s.ints = make([]int32, in.size)
		} else {
			carve(s)
		}
	}
	for _, o := range p.outputs {
		if s := p.outs[o]; s != nil && s.mem == nil {
			carve(s)
		}
	}
	if p.loss != nil {
		g.allocGrads()
	}
	for _, q := range g.params {
		p.given[q.node].mem = q.Value
		if s := p.grads[q]; s != nil {
			s.mem = q.Grad
		}
	}
	p.arena = g.Arena
	if p.arena == nil {
		p.arena = new(Arena)
	}
	mem := p.arena.take(p, p.need)
	p.values = map[Node][]float32{}
	for n, s := range p.given {
		p.values[n] = s.mem
	}
	for n, s := range p.outs {
		p.values[n] = s.mem
	}
	for _, s := range []*schedule{p.train, p.trainDrop, p.forward, p.forwardDrop} {
		if s != nil {
			p.bind(s, mem)
		}
	}
}

// bind gives the steps of a schedule their memory.
func (p *Program) bind(s *schedule, mem []float32) {
	view := func(v *value) []float32 {
		switch {
		case v == nil || v.s != nil:
			return nil
		case v.ext != nil:
			return v.ext.mem
		}
		return mem[v.buf.at : v.buf.at+v.n : v.buf.at+v.n]
	}
	s.ops = make([]bound, len(s.steps))
	for i := range s.steps {
		st, b := &s.steps[i], &s.ops[i]
		c := &b.call
		c.mode = &p.mode
		c.out, c.loss, c.scratch = view(st.out), st.out.s, view(st.scratch)
		c.in, c.s = make([][]float32, len(st.in)), make([]*float64, len(st.in))
		for k, v := range st.in {
			if v == nil {
				continue
			}
			c.in[k], c.s[k] = view(v), v.s
			if v.ext != nil && v.ext.ints != nil {
				c.labels = v.ext.ints
			}
		}
		for _, v := range st.side {
			c.side = append(c.side, view(v))
		}
		switch st.kind {
		case stepOp:
			b.run, c.n, c.hits = st.op.run, st.op.n, p.hits[st.node]
			c.add = make([]bool, 1+len(st.op.writes))
			for k, v := range st.base {
				if v == nil {
					continue
				}
				c.add[k] = true
				if r := st.result(k); r.buf == nil || r.buf != v.buf {
					b.seed = append(b.seed, seed{to: view(r), from: view(v)})
				}
			}
		case stepCopy:
			b.run = runCopy
		case stepAdd:
			switch {
			case st.out.s != nil:
				b.run = runAddScalar
			case st.out.buf == nil || st.out.buf != st.in[0].buf && st.out.buf != st.in[1].buf:
				b.run = runAdd
			case st.out.buf == st.in[0].buf:
				b.run = runAddTo
			default:
				b.run = runAddTo
				c.in[0], c.in[1] = c.in[1], c.in[0]
			}
		}
	}
	if s.vals != nil {
		s.values = maps.Clone(p.values)
		for n, v := range s.vals {
			if s.values[n] == nil {
				s.values[n] = view(v)
			}
		}
	}
}

func runCopy(c *call) {
	if c.s[0] != nil {
		c.out[0] = float32(*c.s[0])
		return
	}
	copy(c.out, c.in[0])
}
func runAdd(c *call)       { kernel.Add(c.out, c.in[0], c.in[1]) }
func runAddTo(c *call)     { kernel.AddTo(c.out, c.in[1]) }
func runAddScalar(c *call) { *c.loss = *c.s[0] + *c.s[1] }
