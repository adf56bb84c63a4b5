package nn

import (
	"fmt"
	"math/rand/v2"

	"nasnet/nas/kernel"
)

// drop is a set of scales that DropPath or Dropout nodes multiply by.
type drop struct {
	index   int // of DropPath
	dropout bool
	keep    float64 // of Dropout
	size    int
	node    Node
}

// DropPath adds y[i] = x[i]*scale[i] for example i of the batch. The scales are an input of the graph, shared by all
// nodes of that index; see [Program.DrawDropPath]. It is the identity in evaluation and until scales are drawn.
func (g *Graph) DropPath(x Node, index int) Node {
	var d *drop
	for _, e := range g.drops {
		if !e.dropout && e.index == index {
			d = e
		}
	}
	if d == nil {
		n := x.Shape()[0]
		d = &drop{index: index, size: n, node: g.Input(fmt.Sprintf("droppath/%d", index), n)}
		g.drops = append(g.drops, d)
	}
	return g.scaled("droppath", x, d)
}

// Dropout adds a mask that keeps each element with probability keep and scales it by 1/keep; see [Program.DrawDropout].
// It is the identity in evaluation and until masks are drawn. A keep of 1 or more adds no node.
func (g *Graph) Dropout(x Node, keep float64) Node {
	if keep >= 1 {
		return x
	}
	if !(keep > 0) {
		fail("dropout", "keep probability %v", keep)
	}
	n := x.Shape().TotalSize()
	d := &drop{dropout: true, keep: keep, size: n, node: g.Input(fmt.Sprintf("dropout/%d", len(g.drops)), n)}
	g.drops = append(g.drops, d)
	return g.scaled("dropout", x, d)
}

func (g *Graph) scaled(name string, x Node, d *drop) Node {
	xs := x.Shape()
	if d.size%xs[0] != 0 || xs.TotalSize()%d.size != 0 {
		fail(name, "%d scales for input %v", d.size, xs)
	}
	rows, per := d.size/xs[0], xs.TotalSize()/d.size // scales per example, elements per scale
	run := func(c *call) { kernel.DropPathForward(c.out, c.in[0], c.in[1], c.n*rows, per) }
	return g.apply(&op{
		name: name, n: xs[0], shape: xs, wrt: []bool{true, false}, inplace: []int{0}, skip: true, run: run,
		grad: func(_, dy Node) []Node {
			dx := g.apply(&op{name: name + " dx", n: xs[0], shape: xs, inplace: []int{0}, skip: true, run: run}, dy,
				d.node)
			return []Node{dx, nil}
		},
		layer: func(l *layering) int { return l.of(x) },
	}, x, d.node)
}

// dropping records which DropPath and Dropout masks of a program are enabled.
type dropping struct {
	on map[*drop]bool // nil until one is enabled
	n  int            // enabled ones
}

// DrawDropPath draws new scales for all paths, in the order in which they were added: with probability keep(i) an
// example keeps the path of index i, scaled by 1/keep(i). If keep(i) is 1 or more, the path is never dropped.
func (p *Program) DrawDropPath(r *rand.Rand, keep func(index int) float64) {
	for _, d := range p.g.drops {
		if !d.dropout {
			p.draw(d, r, keep(d.index))
		}
	}
}

// DrawDropout draws new masks for all Dropout nodes.
func (p *Program) DrawDropout(r *rand.Rand) {
	for _, d := range p.g.drops {
		if d.dropout {
			p.draw(d, r, d.keep)
		}
	}
}

func (p *Program) draw(d *drop, r *rand.Rand, keep float64) {
	p.setDrop(d, keep < 1)
	if keep >= 1 {
		return
	}
	v, scale := p.Value(d.node), float32(1/keep)
	for i := range v {
		v[i] = 0
		if r.Float64() < keep {
			v[i] = scale
		}
	}
}

// setDrop enables or disables a mask. The scales of a disabled one are 1, because others may be enabled.
func (p *Program) setDrop(d *drop, on bool) {
	if p.dropping.on == nil {
		p.dropping.on = map[*drop]bool{}
		for _, e := range p.g.drops {
			fill(p.Value(e.node), 1)
		}
	}
	if on == p.dropping.on[d] {
		return
	}
	p.dropping.on[d] = on
	if on {
		p.dropping.n++
		return
	}
	p.dropping.n--
	fill(p.Value(d.node), 1)
}
