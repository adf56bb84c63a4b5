package nn

import "nasnet/nas/kernel"

// Add adds two nodes of one shape, or two losses.
func (g *Graph) Add(a, b Node) Node {
	if isScalar(a) && isScalar(b) {
		return g.apply(&op{name: "add", n: 1, wrt: []bool{true, true}, run: runAddScalar,
			grad: func(_, dy Node) []Node { return []Node{dy, dy} }}, a, b)
	}
	as, bs := a.Shape(), b.Shape()
	if !as.Eq(bs) || isScalar(a) || isScalar(b) {
		fail("add", "shapes %v and %v", as, bs)
	}
	return g.apply(&op{
		name: "add", n: as[0], shape: as, wrt: []bool{true, true}, inplace: []int{0, 1},
		run:   runAdd,
		grad:  func(_, dy Node) []Node { return []Node{dy, dy} },
		layer: func(l *layering) int { return l.simple(AddLayer, as, l.of(a), l.of(b)) },
	}, a, b)
}

// Relu adds max(x, 0). Before a convolution or a pool over all pixels, their Relu option is faster.
func (g *Graph) Relu(x Node) Node {
	xs := x.Shape()
	return g.apply(&op{
		name: "relu", n: xs[0], shape: xs, wrt: []bool{true}, inplace: []int{0},
		run: func(c *call) { kernel.Relu(c.out, c.in[0]) },
		// The result is positive exactly where x is, so x can be freed.
		grad: func(out, dy Node) []Node {
			return []Node{g.apply(&op{name: "relu dx", n: xs[0], shape: xs, inplace: []int{0},
				run: func(c *call) { kernel.ReluBackward(c.out, c.in[0], c.in[1]) }}, dy, out)}
		},
		layer: func(l *layering) int { return l.relu(l.of(x)) },
	}, x)
}

// Concat adds the concatenation along the last axis.
func (g *Graph) Concat(xs ...Node) Node {
	if len(xs) == 0 || len(xs) > maxParts {
		fail("concat", "%d parts, want 1 to %d", len(xs), maxParts)
	}
	if len(xs) == 1 {
		return xs[0]
	}
	shape := xs[0].Shape()
	last := len(shape) - 1
	widths, offsets, wrt, total := make([]int, len(xs)), make([]int, len(xs)), make([]bool, len(xs)), 0
	for i, x := range xs {
		s := x.Shape()
		if len(s) != len(shape) || last < 1 || !s[:last].Eq(shape[:last]) {
			fail("concat", "shapes %v and %v", shape, s)
		}
		widths[i], offsets[i], wrt[i] = s[last], total, true
		total += s[last]
	}
	shape[last] = total
	per := shape.TotalSize() / shape[0] / total
	parts := append([]Node(nil), xs...)
	return g.apply(&op{
		name: "concat", n: shape[0], shape: shape, wrt: wrt,
		run: func(c *call) { kernel.ConcatForward(c.out, c.in, widths, c.n*per) },
		grad: func(_, dy Node) []Node {
			ds := make([]Node, len(parts))
			for i, x := range parts {
				width, offset := widths[i], offsets[i]
				ds[i] = g.apply(&op{name: "concat dx", n: shape[0], shape: x.Shape(),
					run: func(c *call) { kernel.ConcatBackward(c.out, c.in[0], offset, width, total, c.n*per) }}, dy)
			}
			return ds
		},
		layer: func(l *layering) int { return l.concat(l.all(parts)) },
	}, xs...)
}
