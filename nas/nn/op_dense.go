package nn

import (
	"gorgonia.org/tensor"

	"nasnet/nas/kernel"
)

// GlobalAvgPool adds the average over all pixels, of max(x, 0) if relu: x (n, h, w, c) gives (n, c).
func (g *Graph) GlobalAvgPool(x Node, relu bool) Node {
	xs := x.Shape()
	if len(xs) != 4 {
		fail("global average pool", "input %v, want four dimensions", xs)
	}
	hw, ch := xs[1]*xs[2], xs[3]
	b := &op{name: "gap", n: xs[0], shape: tensor.Shape{xs[0], ch}, wrt: []bool{true},
		run: func(c *call) { kernel.GlobalAvgPool(c.out, c.in[0], c.n, hw, ch) }}
	b.layer = func(l *layering) int {
		i := l.of(x)
		if relu {
			i = l.relu(i)
		}
		return l.simple(GlobalAverageLayer, b.shape, i)
	}
	b.grad = func(_, dy Node) []Node {
		return []Node{g.apply(&op{name: "gap dx", n: xs[0], shape: xs,
			run: func(c *call) { kernel.GlobalAvgPoolBackward(c.out, c.in[0], c.n, hw, ch) }}, dy)}
	}
	if relu {
		b.run = func(c *call) { kernel.GlobalAvgPoolRelu(c.out, c.in[0], c.n, hw, ch) }
		b.grad = func(_, dy Node) []Node {
			return []Node{g.apply(&op{name: "gap dx", n: xs[0], shape: xs,
				run: func(c *call) { kernel.GlobalAvgPoolReluBackward(c.out, c.in[0], c.in[1], c.n, hw, ch) }}, dy, x)}
		}
	}
	return g.apply(b, x)
}

// Linear adds x*w + b: x (n, ...) is read as (n, in), w (in, out), b (out); gives (n, out).
func (g *Graph) Linear(x, w, b Node) Node {
	xs, ws, bs := x.Shape(), w.Shape(), b.Shape()
	if len(ws) != 2 || len(xs) < 2 || xs.TotalSize()/xs[0] != ws[0] || len(bs) != 1 || bs[0] != ws[1] {
		fail("linear of "+w.Name(), "input %v, w %v, b %v", xs, ws, bs)
	}
	in, out := ws[0], ws[1]
	return g.apply(&op{
		name: "linear", n: xs[0], shape: tensor.Shape{xs[0], out}, wrt: []bool{true, true, true},
		madds: int64(in) * int64(out),
		run:   func(c *call) { kernel.Linear(c.out, c.in[0], c.in[1], c.in[2], c.n, in, out) },
		grad: func(_, dy Node) []Node {
			dw, db := &side{n: in * out}, &side{n: out}
			dx := g.apply(&op{name: "linear dx", n: xs[0], shape: xs, writes: []*side{dw, db},
				run: func(c *call) {
					kernel.LinearBackward(c.out, c.side[0], c.side[1], c.in[0], c.in[1], c.in[2], c.n, in, out)
				}}, dy, x, w)
			return []Node{dx, g.project("linear dw", dx, dw, in, out), g.project("linear db", dx, db, out)}
		},
		layer: func(l *layering) int {
			return l.add(Layer{Kind: LinearLayer, In: []int{l.of(x)}, Shape: []int{xs[0], out}, Weight: l.param(w),
				Bias: l.param(b)})
		},
	}, x, w, b)
}
