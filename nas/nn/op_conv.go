package nn

import (
	"gorgonia.org/tensor"

	"nasnet/nas/kernel"
)

// ConvOpts are the options of convolutions. The zero value is stride 1, padding SAME, no dilation.
type ConvOpts struct {
	Stride   int  // both directions; 0: 1
	SH, SW   int  // vertical and horizontal stride; 0: Stride
	Dilation int  // 0: 1
	Relu     bool // convolve max(x, 0), in the same pass
	Valid    bool // no padding, instead of TensorFlow's SAME
}

// Conv adds a convolution: x (n, h, w, in), w (kh, kw, in, out) gives (n, h/sh, w/sw, out), rounded up for SAME.
func (g *Graph) Conv(x, w Node, o ConvOpts) Node { return g.conv("conv", x, w, o, false) }

// Depthwise adds a convolution of each channel separately: x (n, h, w, c), w (kh, kw, 1, c) gives (n, h/sh, w/sw, c).
func (g *Graph) Depthwise(x, w Node, o ConvOpts) Node { return g.conv("depthwise", x, w, o, true) }

// descriptor checks a convolution and describes it to the kernels.
func (o ConvOpts) descriptor(what string, xs, ws tensor.Shape, depthwise bool) kernel.Conv {
	if len(xs) != 4 || len(ws) != 4 {
		fail(what, "input %v and kernel %v, want four dimensions", xs, ws)
	}
	if depthwise {
		if ws[2] != 1 || ws[3] != xs[3] {
			fail(what, "kernel %v for %d channels, want (kh, kw, 1, %d)", ws, xs[3], xs[3])
		}
	} else if ws[2] != xs[3] {
		fail(what, "kernel %v for %d channels", ws, xs[3])
	}
	sh, sw, dil := or(o.SH, or(o.Stride, 1)), or(o.SW, or(o.Stride, 1)), or(o.Dilation, 1)
	if sh < 1 || sw < 1 || dil < 1 {
		fail(what, "stride %dx%d, dilation %d", sh, sw, dil)
	}
	make := kernel.Same
	if o.Valid {
		make = kernel.Valid
		if xs[1] < dil*(ws[0]-1)+1 || xs[2] < dil*(ws[1]-1)+1 {
			fail(what, "kernel %v without padding on input %v", ws, xs)
		}
	}
	d := make(xs[0], xs[1], xs[2], xs[3], ws[3], ws[0], ws[1], sh, sw, dil)
	d.Relu = o.Relu
	return d
}

func (g *Graph) conv(name string, x, w Node, o ConvOpts, depthwise bool) Node {
	xs, ws := x.Shape(), w.Shape()
	d := o.descriptor(name+" of "+w.Name(), xs, ws, depthwise)
	fwd, data, weight := kernel.ConvForward, kernel.ConvBackwardData, kernel.ConvBackwardWeight
	madds := int64(d.OH) * int64(d.OW) * int64(ws.TotalSize())
	kind := ConvLayer
	if depthwise {
		kind = DepthwiseLayer
		fwd, data, weight = kernel.DepthwiseForward, kernel.DepthwiseBackwardData, kernel.DepthwiseBackwardWeight
	}
	of := func(c *call) kernel.Conv {
		e := d
		e.N = c.n
		return e
	}
	scratch := d.Scratch()
	return g.apply(&op{
		name: name, n: d.N, shape: tensor.Shape{d.N, d.OH, d.OW, d.Cout}, wrt: []bool{true, true}, scratch: scratch,
		madds: madds,
		run:   func(c *call) { fwd(c.out, c.in[0], c.in[1], of(c), c.scratch) },
		grad: func(_, dy Node) []Node {
			// Without the fused activation the data gradient does not need x, so it must not keep x alive.
			bx := &op{name: name + " dx", n: d.N, shape: xs, scratch: scratch,
				run: func(c *call) { data(c.out, c.in[0], c.in[1], nil, of(c), c.scratch) }}
			children := []Node{dy, w}
			if d.Relu {
				bx.run = func(c *call) { data(c.out, c.in[0], c.in[1], c.in[2], of(c), c.scratch) }
				children = append(children, x)
			}
			dx := g.apply(bx, children...)
			dw := g.apply(&op{name: name + " dw", n: d.N, shape: ws, scratch: scratch,
				run: func(c *call) { weight(c.out, c.in[0], c.in[1], of(c), c.scratch) }}, x, dy)
			return []Node{dx, dw}
		},
		layer: func(l *layering) int { return l.conv(kind, l.of(x), w, d) },
	}, x, w)
}

// or returns v, or d if v is 0.
func or(v, d int) int {
	if v == 0 {
		return d
	}
	return v
}
