package nn

import (
	"gorgonia.org/tensor"

	"nasnet/nas/kernel"
)

// Sep is one of the two units of [Graph.SepPair]: a depthwise convolution with Depth (kh, kw, 1, c) and Opts, a
// pointwise one with Point (1, 1, c, filters), and a batch normalisation of filters channels.
type Sep struct {
	Depth, Point Node
	Norm         *Norm
	Opts         ConvOpts
}

// SepPair adds two units, each equal to
//
//	g.BatchNorm(name, g.Conv(g.Depthwise(x, Depth, Opts), Point, ConvOpts{}))
//
// with the normalisation of that name, the same statistics and, up to rounding, the same results. It is one operation,
// which never stores the value between the units.
func (g *Graph) SepPair(x Node, first, second Sep) Node {
	xs := x.Shape()
	u := sepUnit(xs, first.Depth, first.Point, first.Opts)
	v := sepUnit(tensor.Shape{u.N, u.OH, u.OW, u.Filters}, second.Depth, second.Point, second.Opts)
	n1, n2 := first.Norm, second.Norm
	if n1.channels != u.Filters || n2.channels != v.Filters {
		fail("seppair", "normalisations of %d and %d channels for %d and %d filters", n1.channels, n2.channels,
			u.Filters, v.Filters)
	}
	weights := []Node{first.Depth, first.Point, n1.gamma, n1.beta, second.Depth, second.Point, n2.gamma, n2.beta}
	pixels1, pixels2 := u.OH*u.OW, v.OH*v.OW
	saved := []*side{
		{n: u.N * pixels1 * u.Filters}, {n: u.Saved()}, {n: u.Filters}, {n: u.Filters},
		{n: v.N * pixels2 * v.Filters}, {n: v.Saved()}, {n: v.Filters}, {n: v.Filters},
	}
	of := func(c *call) (p kernel.SepPair) {
		p = kernel.SepPair{First: u, Second: v}
		p.First.N, p.Second.N = c.n, c.n
		return p
	}
	unpack := func(p kernel.SepPair, s [][]float32) (s1, s2 kernel.SepSaved) {
		z1, z2 := sepSize(p.First), sepSize(p.Second)
		return kernel.SepSaved{Z: s[0][:z1], D: s[1][:p.First.Saved()], Mean: s[2], Invstd: s[3]},
			kernel.SepSaved{Z: s[4][:z2], D: s[5][:p.Second.Saved()], Mean: s[6], Invstd: s[7]}
	}
	scratch := kernel.SepPair{First: u, Second: v}.Scratch()
	var madds int64
	wrt := []bool{true}
	for i, w := range weights {
		wrt = append(wrt, true)
		if i < 2 {
			madds += int64(pixels1) * int64(w.Shape().TotalSize())
		} else if i == 4 || i == 5 {
			madds += int64(pixels2) * int64(w.Shape().TotalSize())
		}
	}
	return g.apply(&op{
		name: "seppair", n: u.N, shape: tensor.Shape{v.N, v.OH, v.OW, v.Filters}, wrt: wrt, writes: saved,
		scratch: scratch, madds: madds,
		run: func(c *call) {
			p := of(c)
			w1, w2 := sepWeights(c.in[1:]), sepWeights(c.in[5:])
			if !c.mode.train {
				kernel.SepPairInfer(c.out, c.in[0], w1, w2, n1.sepMoving(), n2.sepMoving(), p, n1.eps, c.scratch)
				return
			}
			s1, s2 := unpack(p, c.side)
			kernel.SepPairForward(c.out, c.in[0], w1, w2, s1, s2, p, n1.eps, c.scratch)
			n1.move(s1.Mean, s1.Invstd, c.n*pixels1)
			n2.move(s2.Mean, s2.Invstd, c.n*pixels2)
		},
		// One kernel computes all nine gradients: dx is its node, the others are sides that eight more nodes represent.
		grad: func(out, dy Node) []Node {
			var made []*side
			for _, w := range weights {
				made = append(made, &side{n: w.Shape().TotalSize()})
			}
			dx := g.apply(&op{
				name: "seppair dx", n: u.N, shape: xs, inplace: []int{0}, adds: []int{0}, order: []int{10},
				scratch: scratch, writes: made, reads: saved,
				run: func(c *call) {
					p := of(c)
					s1, s2 := unpack(p, c.side[8:])
					kernel.SepPairBackward(c.out, sepWeights(c.side), sepWeights(c.side[4:]), c.in[0], c.in[1],
						sepWeights(c.in[2:]), sepWeights(c.in[6:]), s1, s2, p, c.scratch, c.add[0])
				},
			}, append(append([]Node{dy, x}, weights...), out)...)
			ds := []Node{dx}
			for i, w := range weights {
				ds = append(ds, g.project("seppair dw", dx, made[i], w.Shape()...))
			}
			return ds
		},
		layer: func(l *layering) int { return l.sep(l.sep(l.of(x), first, u), second, v) },
	}, append([]Node{x}, weights...)...)
}

// sep adds the layers of a unit.
func (l *layering) sep(x int, s Sep, u kernel.SepUnit) int {
	x = l.conv(DepthwiseLayer, x, s.Depth, u.Conv)
	x = l.conv(ConvLayer, x, s.Point, kernel.Same(u.N, u.OH, u.OW, u.Cin, u.Filters, 1, 1, 1, 1, 1))
	return l.norm(x, s.Norm)
}

func sepWeights(v [][]float32) kernel.SepWeights {
	return kernel.SepWeights{Depth: v[0], Point: v[1], Gamma: v[2], Beta: v[3]}
}

func (n *Norm) sepMoving() kernel.SepMoving {
	return kernel.SepMoving{Mean: n.mean.Value, Variance: n.variance.Value}
}

// sepSize is the number of floats in a unit's result.
func sepSize(u kernel.SepUnit) int { return u.N * u.OH * u.OW * u.Filters }

// sepUnit checks a unit and describes it to the kernels.
func sepUnit(xs tensor.Shape, wDepth, wPoint Node, o ConvOpts) kernel.SepUnit {
	d := o.descriptor("depthwise of "+wDepth.Name(), xs, wDepth.Shape(), true)
	ps := wPoint.Shape()
	if len(ps) != 4 || ps[0] != 1 || ps[1] != 1 || ps[2] != d.Cin {
		fail("conv of "+wPoint.Name(), "kernel %v for %d channels, want (1, 1, %d, filters)", ps, d.Cin, d.Cin)
	}
	return kernel.SepUnit{Conv: d, Filters: ps[3]}
}
