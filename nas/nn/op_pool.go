package nn

import (
	"gorgonia.org/tensor"

	"nasnet/nas/kernel"
)

// AvgPool adds a k x k average pool with padding SAME; padding does not count. x is (n, h, w, c).
func (g *Graph) AvgPool(x Node, k, stride int) Node { return g.avgPool(x, k, stride, false) }

// AvgPoolValid is AvgPool without padding.
func (g *Graph) AvgPoolValid(x Node, k, stride int) Node { return g.avgPool(x, k, stride, true) }

func pool(name string, x Node, k, stride int, valid bool) (kernel.Pool, tensor.Shape) {
	xs := x.Shape()
	if len(xs) != 4 || k < 1 || k > 15 || stride < 1 || valid && (xs[1] < k || xs[2] < k) {
		fail(name, "size %d, stride %d on input %v", k, stride, xs)
	}
	if valid {
		return kernel.ValidPool(xs[0], xs[1], xs[2], xs[3], k, stride), xs
	}
	return kernel.SamePool(xs[0], xs[1], xs[2], xs[3], k, stride), xs
}

func (g *Graph) avgPool(x Node, k, stride int, valid bool) Node {
	d, xs := pool("avgpool", x, k, stride, valid)
	of := func(c *call) kernel.Pool {
		e := d
		e.N = c.n
		return e
	}
	return g.apply(&op{
		name: "avgpool", n: d.N, shape: tensor.Shape{d.N, d.OH, d.OW, d.C}, wrt: []bool{true}, scratch: d.Scratch(),
		run: func(c *call) { kernel.AvgPoolForward(c.out, c.in[0], of(c), c.scratch) },
		grad: func(_, dy Node) []Node {
			return []Node{g.apply(&op{name: "avgpool dx", n: d.N, shape: xs, adds: []int{0}, scratch: d.Scratch(),
				run: func(c *call) { kernel.AvgPoolBackward(c.out, c.in[0], of(c), c.scratch, c.add[0]) }}, dy)}
		},
		layer: func(l *layering) int { return l.pool(AveragePoolLayer, l.of(x), d) },
	}, x)
}

// MaxPool adds a k x k max pool with padding SAME. The first of equal maxima in a window receives the gradient.
func (g *Graph) MaxPool(x Node, k, stride int) Node {
	d, xs := pool("maxpool", x, k, stride, false)
	of := func(c *call) kernel.Pool {
		e := d
		e.N = c.n
		return e
	}
	per := d.OH * d.OW * d.C
	idx := []*side{{n: floatsFor(d.N * per)}} // one byte per maximum: where in the window
	return g.apply(&op{
		name: "maxpool", n: d.N, shape: tensor.Shape{d.N, d.OH, d.OW, d.C}, wrt: []bool{true}, writes: idx,
		run: func(c *call) { kernel.MaxPoolForward(c.out, bytesOf(c.side[0], c.n*per), c.in[0], of(c)) },
		grad: func(out, dy Node) []Node {
			return []Node{g.apply(&op{name: "maxpool dx", n: d.N, shape: xs, adds: []int{0}, reads: idx,
				order: []int{1},
				run: func(c *call) {
					kernel.MaxPoolBackward(c.out, c.in[0], bytesOf(c.side[0], c.n*per), of(c),
						c.add[0])
				}}, dy, out)}
		},
		layer: func(l *layering) int { return l.pool(MaxPoolLayer, l.of(x), d) },
	}, x)
}
