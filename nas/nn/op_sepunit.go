package nn

import (
	"gorgonia.org/tensor"

	"nasnet/nas/kernel"
)

// SepUnit adds a depthwise convolution of x with wDepth (kh, kw, 1, c) by the options o, a pointwise convolution with wPoint
// (1, 1, c, filters), and a batch normalisation of that name, as
//
//	g.BatchNorm(name, g.Conv(g.Depthwise(x, wDepth, o), wPoint, ConvOpts{}))
//
// does, with the same parameters, statistics and, up to rounding, results. It is one operation that goes through memory less often.
func (g *Graph) SepUnit(name string, x, wDepth, wPoint Node, o ConvOpts) Node {
	u := sepUnit(x.Shape(), wDepth, wPoint, o)
	d, xs, ds, ps := u.Conv, x.Shape(), wDepth.Shape(), wPoint.Shape()
	filters, pixels := u.Filters, d.OH*d.OW
	n := g.Norm(name, filters)
	// What is normalised, its mean and 1/sqrt(variance+eps), and what the unit may save between its convolutions.
	saved := []*side{{n: d.N * pixels * filters}, {n: filters}, {n: filters}, {n: u.Saved()}}
	of := func(c *call) kernel.SepUnit {
		v := u
		v.N = c.n
		return v
	}
	scratch := u.Scratch()
	return g.apply(&op{
		name: "sepunit", n: d.N, shape: tensor.Shape{d.N, d.OH, d.OW, filters}, wrt: []bool{true, true, true, true, true}, writes: saved,
		scratch: scratch, madds: int64(pixels) * int64(ds.TotalSize()+ps.TotalSize()),
		run: func(c *call) {
			in, s, v := c.in, c.side, of(c)
			if !c.mode.train {
				kernel.SepUnitInfer(c.out, in[0], in[1], in[2], in[3], in[4], n.mean.Value, n.variance.Value, v, n.eps, c.scratch)
				return
			}
			kernel.SepUnitForward(c.out, s[0][:len(c.out)], s[3][:v.Saved()], s[1], s[2], in[0], in[1], in[2], in[3], in[4], v, n.eps, c.scratch)
			n.move(s[1], s[2], c.n*pixels)
		},
		// One kernel makes all five gradients: dx is its node, the others are sides that four more nodes stand for.
		grad: func(out, dy Node) []Node {
			dDepth, dPoint, dGamma, dBeta := &side{n: ds.TotalSize()}, &side{n: ps.TotalSize()}, &side{n: filters}, &side{n: filters}
			dx := g.apply(&op{
				name: "sepunit dx", n: d.N, shape: xs, inplace: []int{0}, order: []int{5}, scratch: scratch,
				writes: []*side{dDepth, dPoint, dGamma, dBeta}, reads: saved,
				run: func(c *call) {
					in, s, v := c.in, c.side, of(c)
					kernel.SepUnitBackward(c.out, s[0], s[1], s[2], s[3], in[0], in[1], s[4][:len(in[0])], s[7][:v.Saved()], in[2], in[3], in[4],
						s[5], s[6], v, c.scratch)
				},
			}, dy, x, wDepth, wPoint, n.gamma, out)
			return []Node{dx, g.project("sepunit ddepth", dx, dDepth, ds...), g.project("sepunit dpoint", dx, dPoint, ps...),
				g.project("sepunit dgamma", dx, dGamma, filters), g.project("sepunit dbeta", dx, dBeta, filters)}
		},
	}, x, wDepth, wPoint, n.gamma, n.beta)
}

// sepUnit checks a unit and describes it to the kernels.
func sepUnit(xs tensor.Shape, wDepth, wPoint Node, o ConvOpts) kernel.SepUnit {
	d := o.descriptor("depthwise of "+wDepth.Name(), xs, wDepth.Shape(), true)
	ps := wPoint.Shape()
	if len(ps) != 4 || ps[0] != 1 || ps[1] != 1 || ps[2] != d.Cin {
		fail("conv of "+wPoint.Name(), "kernel %v for %d channels, want (1, 1, %d, filters)", ps, d.Cin, d.Cin)
	}
	return kernel.SepUnit{Conv: d, Filters: ps[3]}
}
