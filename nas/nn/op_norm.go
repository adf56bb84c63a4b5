package nn

import "nasnet/nas/kernel"

// Norm groups the parameters and statistics of a batch normalisation.
type Norm struct {
	gamma, beta    Node
	mean, variance *Buffer // moving
	channels       int
	eps, decay     float32
}

// Norm adds the parameters NAME/gamma and NAME/beta and the moving statistics NAME/mean and NAME/var of a batch
// normalisation that is part of another operation.
func (g *Graph) Norm(name string, channels int) *Norm {
	return &Norm{
		gamma: g.Param(name+"/gamma", Ones, channels), beta: g.Param(name+"/beta", Zeros, channels),
		mean: g.buffer(name+"/mean", channels, 0), variance: g.buffer(name+"/var", channels, 1),
		channels: channels, eps: g.BN.Eps, decay: g.BN.Decay,
	}
}

// move moves the moving statistics towards the statistics of m rows.
func (n *Norm) move(mean, invstd []float32, m int) {
	kernel.BNUpdateMoving(n.mean.Value, n.variance.Value, mean, invstd, m, n.eps, n.decay)
}

// BatchNorm adds a batch normalisation over the last axis of x, with parameters NAME/gamma and NAME/beta and moving
// statistics NAME/mean and NAME/var. Training uses the mean and the (biased) variance of the batch, and moves the
// moving statistics with decay g.BN.Decay; evaluation uses the moving statistics. g.BN.Eps is added to the variance.
func (g *Graph) BatchNorm(name string, x Node) Node {
	xs := x.Shape()
	if len(xs) < 2 {
		fail("batchnorm "+name, "input %v, want two dimensions or more", xs)
	}
	ch := xs[len(xs)-1]
	per := xs.TotalSize() / xs[0] / ch // rows per example
	n := g.Norm(name, ch)
	saved := []*side{{n: ch}, {n: ch}} // the batch's mean and 1/sqrt(variance+eps)
	scratch := kernel.BNScratch(ch)
	return g.apply(&op{
		name: "batchnorm", n: xs[0], shape: xs, wrt: []bool{true, true, true}, inplace: []int{0}, writes: saved,
		scratch: scratch,
		run: func(c *call) {
			m := c.n * per
			if !c.mode.train {
				kernel.BNInferForward(c.out, c.in[0], c.in[1], c.in[2], n.mean.Value, n.variance.Value, m, ch, n.eps)
				return
			}
			kernel.BNTrainForward(c.out, c.in[0], c.in[1], c.in[2], c.side[0], c.side[1], m, ch, n.eps, c.scratch)
			n.move(c.side[0], c.side[1], m)
		},
		// One kernel computes all three gradients: dx is its node, the others are sides that two more nodes represent.
		grad: func(out, dy Node) []Node {
			dGamma, dBeta := &side{n: ch}, &side{n: ch}
			dx := g.apply(&op{
				name: "batchnorm dx", n: xs[0], shape: xs, inplace: []int{0}, order: []int{3}, scratch: scratch,
				writes: []*side{dGamma, dBeta}, reads: saved,
				run: func(c *call) {
					kernel.BNBackward(c.out, c.side[0], c.side[1], c.in[0], c.in[1], c.in[2], c.side[2], c.side[3],
						c.n*per, ch, c.scratch)
				},
			}, dy, x, n.gamma, out)
			return []Node{dx, g.project("batchnorm dgamma", dx, dGamma, ch),
				g.project("batchnorm dbeta", dx, dBeta, ch)}
		},
		layer: func(l *layering) int { return l.norm(l.of(x), n) },
	}, x, n.gamma, n.beta)
}

// project makes a node of the given shape for a side that the node from writes.
func (g *Graph) project(name string, from Node, s *side, shape ...int) Node {
	return g.apply(&op{name: name, n: 1, shape: shape, order: []int{0}, proj: s}, from)
}
