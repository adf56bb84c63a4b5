package nn

import (
	"gorgonia.org/tensor"

	"nasnet/nas/kernel"
)

// maxParts is the largest number of parts of an input.
const maxParts = 30

// PointUnit adds 1x1 convolutions of the concatenation of parts, at most o.Stride of them, and a batch normalisation of
// their results. It equals
//
//	x := g.Concat(parts...)
//	g.BatchNorm(name, g.Concat(g.Conv(x, paths[0], o), g.Conv(x shifted up and left by one pixel, paths[1], o), ...))
//
// with the same parameters and statistics and, up to rounding, the same results: two paths with stride 2 are a
// factorized reduction. It is one operation, and never joins the parts in memory. Each path is (1, 1, channels of all
// parts, filters), norm has as many channels as all paths have filters; of o only Stride and Relu may be set.
func (g *Graph) PointUnit(parts, paths []Node, norm *Norm, o ConvOpts) Node {
	u := pointUnit(parts, paths, norm, o)
	oh, ow := u.Out()
	pixels, filters := oh*ow, norm.channels
	saved := []*side{{n: u.N * pixels * filters}, {n: filters}, {n: filters}}
	of := func(c *call) kernel.PointUnit {
		v := u
		v.N = c.n
		return v
	}
	weights := append(append([]Node(nil), paths...), norm.gamma, norm.beta)
	var wrt []bool
	var madds int64
	for range parts {
		wrt = append(wrt, true)
	}
	for i, w := range weights {
		wrt = append(wrt, true)
		if i < len(paths) {
			madds += int64(pixels) * int64(w.Shape().TotalSize())
		}
	}
	scratch := u.Scratch()
	xs := append([]Node(nil), parts...)
	return g.apply(&op{
		name: "pointunit", n: u.N, shape: tensor.Shape{u.N, oh, ow, filters}, wrt: wrt, writes: saved, scratch: scratch,
		madds: madds,
		run: func(c *call) {
			in, w := c.in[:len(xs)], pointWeights(c.in[len(xs):], len(paths))
			if !c.mode.train {
				kernel.PointUnitInfer(c.out, in, w, norm.mean.Value, norm.variance.Value, of(c), norm.eps, c.scratch)
				return
			}
			s := pointSaved(c.side, len(c.out))
			kernel.PointUnitForward(c.out, in, w, s, of(c), norm.eps, c.scratch)
			norm.move(s.Mean, s.Invstd, c.n*pixels)
		},
		// One kernel computes all gradients: the first part's is its node, the others are sides that more nodes
		// represent.
		grad: func(out, dy Node) []Node {
			children := append(append([]Node(nil), xs...), weights...)
			b := &op{name: "pointunit dx", n: u.N, shape: xs[0].Shape(), order: []int{len(children) + 1},
				scratch: scratch, reads: saved}
			for i, x := range children {
				if i < len(xs) {
					b.adds = append(b.adds, i)
				}
				if i > 0 {
					b.writes = append(b.writes, &side{n: x.Shape().TotalSize()})
				}
			}
			if u.Stride == 1 {
				b.inplace = []int{0}
			}
			made := len(b.writes)
			b.run = func(c *call) {
				var dxs [maxParts][]float32
				dx := dxs[:len(xs)]
				dx[0] = c.out
				copy(dx[1:], c.side)
				kernel.PointUnitBackward(dx, c.add[:len(xs)], pointWeights(c.side[len(xs)-1:], len(paths)), c.in[0],
					c.in[1:][:len(xs)],
					pointWeights(c.in[1+len(xs):], len(paths)), pointSaved(c.side[made:], len(c.in[0])),
					of(c), c.scratch)
			}
			dx := g.apply(b, append(append([]Node{dy}, children...), out)...)
			ds := []Node{dx}
			for i, x := range children[1:] {
				ds = append(ds, g.project("pointunit dx", dx, b.writes[i], x.Shape()...))
			}
			return ds
		},
		layer: func(l *layering) int { return l.norm(l.paths(l.concat(l.all(xs)), paths, u), norm) },
	}, append(xs, weights...)...)
}

// paths adds the convolutions of a unit. Path i starts at pixel i in both directions.
func (l *layering) paths(x int, paths []Node, u kernel.PointUnit) int {
	var ys []int
	for i, w := range paths {
		d := kernel.Same(u.N, u.H, u.W, w.Shape()[2], u.Filters[i], 1, 1, u.Stride, u.Stride, 1)
		d.PadTop, d.PadLeft, d.Relu = -i, -i, u.Relu
		ys = append(ys, l.conv(ConvLayer, x, w, d))
	}
	return l.concat(ys)
}

// pointWeights splits v into the given number of paths, gamma and beta.
func pointWeights(v [][]float32, paths int) kernel.PointWeights {
	return kernel.PointWeights{Paths: v[:paths], Gamma: v[paths], Beta: v[paths+1]}
}

// pointSaved splits v into what a unit with the given number of results saves.
func pointSaved(v [][]float32, results int) kernel.PointSaved {
	return kernel.PointSaved{Z: v[0][:results], Mean: v[1], Invstd: v[2]}
}

// pointUnit checks a unit and describes it to the kernels.
func pointUnit(parts, paths []Node, norm *Norm, o ConvOpts) kernel.PointUnit {
	const what = "pointunit"
	if o != (ConvOpts{Stride: o.Stride, Relu: o.Relu}) {
		fail(what, "options %+v, want only Stride and Relu", o)
	}
	if len(parts) == 0 || len(parts) > maxParts {
		fail(what, "%d parts, want 1 to %d", len(parts), maxParts)
	}
	s := parts[0].Shape()
	u := kernel.PointUnit{Stride: or(o.Stride, 1), Relu: o.Relu}
	channels, filters := 0, 0
	for _, x := range parts {
		xs := x.Shape()
		if len(xs) != 4 || !xs[:3].Eq(s[:3]) {
			fail(what, "parts %v and %v", s, xs)
		}
		u.Channels = append(u.Channels, xs[3])
		channels += xs[3]
	}
	u.N, u.H, u.W = s[0], s[1], s[2]
	for _, w := range paths {
		ws := w.Shape()
		if len(ws) != 4 || ws[0] != 1 || ws[1] != 1 || ws[2] != channels {
			fail(what+" of "+w.Name(), "kernel %v for %d channels, want (1, 1, %d, filters)", ws, channels, channels)
		}
		u.Filters = append(u.Filters, ws[3])
		filters += ws[3]
	}
	if len(paths) == 0 || len(paths) > u.Stride {
		fail(what, "%d paths with stride %d, want 1 to the stride", len(paths), u.Stride)
	}
	if filters != norm.channels {
		fail(what, "a normalisation of %d channels for %d filters", norm.channels, filters)
	}
	return u
}
