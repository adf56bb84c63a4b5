package onnx

import (
	"fmt"
	"math"
	"strings"

	"nasnet/nas/nn"
)

// node is an operator with the names of its operands.
type node struct {
	op, name string
	in       []string
	attrs    []attr
}

// attr is an attribute: a list of integers, one integer, or, without integers, a number.
type attr struct {
	name  string
	ints  []int
	float float32
}

// tensor is a constant: float32 computed while it is written, or int64.
type tensor struct {
	name   string
	dims   []int
	floats func() []float32
	ints   []int64
}

// graph turns layers into operators. Layers are NHWC and their kernels HWIO; ONNX has NCHW and OIHW.
//
//	conv       Conv; for the negative padding of a shifted path, Pad first
//	depthwise  Conv with a group for each channel
//	norm       BatchNormalization, or part of the Conv
//	gap        GlobalAveragePool, Flatten
//	linear     Gemm
type graph struct {
	layers  []nn.Layer
	names   []string      // of the values of layers
	users   []int         // how many layers read a layer
	folds   map[int]scale // by convolution layer: the normalisation that follows it
	nodes   []node
	tensors []tensor
}

// scale is the part of a normalisation that applies to one convolution: its channels from the given one on.
type scale struct {
	norm *nn.Layer
	from int
}

// of returns the effect of the normalisation on channel c of the convolution: y = x*factor + shift.
func (s scale) of(c int) (factor, shift float64) {
	c += s.from
	factor = float64(s.norm.Gamma.Value[c]) / math.Sqrt(float64(s.norm.Variance.Value[c])+float64(s.norm.Eps))
	return factor, float64(s.norm.Beta.Value[c]) - float64(s.norm.Mean.Value[c])*factor
}

func newGraph(layers []nn.Layer, fold bool) *graph {
	g := &graph{layers: layers, names: make([]string, len(layers)), users: make([]int, len(layers)),
		folds: map[int]scale{}}
	for i, l := range layers {
		for _, in := range l.In {
			g.users[in]++
		}
		g.names[i] = nameOf(i, l)
	}
	g.names[0] = inputName
	g.names[len(layers)-1] = outputName
	if fold {
		for i := range layers {
			g.fold(i)
		}
	}
	return g
}

// nameOf names a value after where it comes from; parameters are named by their place in the network.
func nameOf(i int, l nn.Layer) string {
	switch {
	case l.Weight != nil:
		return strings.TrimSuffix(l.Weight.Name, "/w")
	case l.Gamma != nil:
		return strings.TrimSuffix(l.Gamma.Name, "/gamma")
	}
	return fmt.Sprintf("%s_%d", l.Kind, i)
}

// fold merges layer i, if it is a normalisation, into the convolutions before it, if nothing else reads their results,
// concatenated or not.
func (g *graph) fold(i int) {
	l := &g.layers[i]
	if l.Kind != nn.NormLayer {
		return
	}
	parts := l.In
	if x := g.layers[l.In[0]]; x.Kind == nn.ConcatLayer && g.users[l.In[0]] == 1 {
		parts = x.In
	}
	for _, p := range parts {
		if k := g.layers[p].Kind; (k != nn.ConvLayer && k != nn.DepthwiseLayer) || g.users[p] != 1 {
			return
		}
	}
	from := 0
	for _, p := range parts {
		g.folds[p] = scale{l, from}
		from += g.layers[p].Shape[3]
	}
	g.names[i] = g.names[l.In[0]]
}

// normalise adds the normalisation of pixels before the first layer.
func (g *graph) normalise(mean, std []float32) {
	per := func(f func(mean, std float64) float64) func() []float32 {
		return func() []float32 {
			v := make([]float32, len(mean))
			for c := range v {
				v[c] = float32(f(float64(mean[c]), float64(std[c])))
			}
			return v
		}
	}
	dims := []int{1, len(mean), 1, 1}
	scale := g.floats("input/scale", dims, per(func(_, std float64) float64 { return 1 / (255 * std) }))
	shift := g.floats("input/shift", dims, per(func(mean, std float64) float64 { return -mean / std }))
	g.names[0] = "input/normalised"
	g.add("Mul", "input/scaled", []string{inputName, scale})
	g.add("Add", g.names[0], []string{"input/scaled", shift})
}

// add adds an operator, gives its result the same name, and returns it.
func (g *graph) add(op, name string, in []string, attrs ...attr) string {
	g.nodes = append(g.nodes, node{op, name, in, attrs})
	return name
}

func (g *graph) floats(name string, dims []int, make func() []float32) string {
	g.tensors = append(g.tensors, tensor{name: name, dims: dims, floats: make})
	return name
}

// param adds a parameter as a tensor, unchanged.
func (g *graph) param(name string, v []float32) string {
	return g.floats(name, []int{len(v)}, func() []float32 { return v })
}

// addLayers adds an operator for each layer.
func (g *graph) addLayers() error {
	for i, l := range g.layers {
		var in []string
		for _, j := range l.In {
			in = append(in, g.names[j])
		}
		name := g.names[i]
		switch l.Kind {
		case nn.InputLayer:
			if i != 0 {
				return fmt.Errorf("layer %d is a second input; want only one", i)
			}
		case nn.ConvLayer, nn.DepthwiseLayer:
			g.conv(i, name, in[0])
		case nn.NormLayer:
			if name != in[0] { // else it was folded into the layer before
				g.norm(l, name, in[0])
			}
		case nn.ReluLayer:
			g.add("Relu", name, in)
		case nn.AddLayer:
			g.add("Add", name, in)
		case nn.ConcatLayer:
			g.add("Concat", name, in, attr{name: "axis", ints: []int{1}})
		case nn.AveragePoolLayer:
			g.add("AveragePool", name, in, append(windowAttrs(l.Window),
				attr{name: "count_include_pad", ints: []int{0}})...)
		case nn.MaxPoolLayer:
			g.add("MaxPool", name, in, windowAttrs(l.Window)...)
		case nn.GlobalAverageLayer:
			g.add("GlobalAveragePool", name+"/mean", in)
			g.add("Flatten", name, []string{name + "/mean"}, attr{name: "axis", ints: []int{1}})
		case nn.LinearLayer:
			if err := g.linear(l, name, in[0]); err != nil {
				return err
			}
		default:
			return fmt.Errorf("layer %d is %q; want a kind that has an ONNX operator", i, l.Kind)
		}
	}
	return nil
}

// conv adds convolution i, and the normalisation folded into it.
func (g *graph) conv(i int, name, in string) {
	l := g.layers[i]
	w, out, each := l.Window, l.Shape[3], l.Weight.Shape[2] // each: channels that one filter reads
	if w.Top < 0 || w.Left < 0 {                            // Conv can only pad with zeros; Pad can also cut off
		pads := name + "/pads"
		g.tensors = append(g.tensors, tensor{name: pads, dims: []int{8},
			ints: []int64{0, 0, int64(w.Top), int64(w.Left), 0, 0, int64(w.Bottom), int64(w.Right)}})
		in = g.add("Pad", name+"/shifted", []string{in, pads})
		w.Top, w.Left, w.Bottom, w.Right = 0, 0, 0, 0
	}
	s, folded := g.folds[i]
	inputs := []string{in, g.floats(l.Weight.Name, []int{out, each, w.KH, w.KW}, func() []float32 {
		v := filterFirst(l.Weight.Value, w.KH*w.KW, each, out)
		if folded {
			s.multiply(v, out)
		}
		return v
	})}
	if folded {
		inputs = append(inputs, g.floats(name+"/b", []int{out}, func() []float32 { return s.shifts(out) }))
	}
	attrs := append(windowAttrs(w), attr{name: "dilations", ints: []int{w.Dilation, w.Dilation}})
	if l.Kind == nn.DepthwiseLayer {
		attrs = append(attrs, attr{name: "group", ints: []int{out}})
	}
	g.add("Conv", name, inputs, attrs...)
}

// filterFirst turns (taps, in, out) into (out, in, taps).
func filterFirst(w []float32, taps, in, out int) []float32 {
	v := make([]float32, len(w))
	for i, x := range w {
		o, k, t := i%out, i/out%in, i/out/in
		v[(o*in+k)*taps+t] = x
	}
	return v
}

// multiply scales the filters of v, which are stored one after another.
func (s scale) multiply(v []float32, filters int) {
	per := len(v) / filters
	for c := range filters {
		factor, _ := s.of(c)
		for i := range per {
			v[c*per+i] = float32(float64(v[c*per+i]) * factor)
		}
	}
}

func (s scale) shifts(filters int) []float32 {
	v := make([]float32, filters)
	for c := range v {
		_, shift := s.of(c)
		v[c] = float32(shift)
	}
	return v
}

func (g *graph) norm(l nn.Layer, name, in string) {
	g.add("BatchNormalization", name, []string{in, g.param(l.Gamma.Name, l.Gamma.Value),
		g.param(l.Beta.Name, l.Beta.Value),
		g.param(l.Mean.Name, l.Mean.Value), g.param(l.Variance.Name, l.Variance.Value)},
		attr{name: "epsilon", float: l.Eps})
}

func (g *graph) linear(l nn.Layer, name, in string) error {
	if s := g.layers[l.In[0]].Shape; len(s) != 2 {
		return fmt.Errorf("%s reads %v; want (batch, features)", name, s)
	}
	g.add("Gemm", name, []string{in, g.floats(l.Weight.Name, l.Weight.Shape,
		func() []float32 { return l.Weight.Value }), g.param(l.Bias.Name, l.Bias.Value)})
	return nil
}

// windowAttrs returns the attributes that convolutions and pools share.
func windowAttrs(w nn.Window) []attr {
	return []attr{{name: "kernel_shape", ints: []int{w.KH, w.KW}}, {name: "strides", ints: []int{w.SH, w.SW}},
		{name: "pads", ints: []int{w.Top, w.Left, w.Bottom, w.Right}}}
}
