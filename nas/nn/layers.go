package nn

import (
	"fmt"

	"nasnet/nas/kernel"
)

// LayerKind names what a [Layer] computes.
type LayerKind string

// The kinds of layers. All work on (n, h, w, c), or on (n, c) after GlobalAverageLayer.
const (
	InputLayer         LayerKind = "input"
	ConvLayer          LayerKind = "conv"      // convolution without bias; Weight is (kh, kw, in, out)
	DepthwiseLayer     LayerKind = "depthwise" // the same for each channel separately; Weight is (kh, kw, 1, channels)
	NormLayer          LayerKind = "norm"      // batch normalisation with moving statistics
	ReluLayer          LayerKind = "relu"
	AddLayer           LayerKind = "add"
	ConcatLayer        LayerKind = "concat"  // along channels
	AveragePoolLayer   LayerKind = "avgpool" // padding does not count
	MaxPoolLayer       LayerKind = "maxpool"
	GlobalAverageLayer LayerKind = "gap"    // over all pixels: (n, h, w, c) gives (n, c)
	LinearLayer        LayerKind = "linear" // (n, in) times Weight (in, out) plus Bias (out)
)

// Layer is one step of a network's evaluation, in terms that other programs share: a fused operation of this package is
// several layers.
type Layer struct {
	Kind   LayerKind
	Part   string // of the network, see [Graph.Part]
	In     []int  // the layers it reads, as indices into the list
	Shape  []int  // of the result, batch first
	Window Window
	Weight *Param // of ConvLayer, DepthwiseLayer, LinearLayer
	Bias   *Param // of LinearLayer

	Gamma, Beta    *Param // of NormLayer, as are the following
	Mean, Variance *Buffer
	Eps            float32 // added to Variance
}

// Params returns the trainable numbers of the layer.
func (l Layer) Params() (n int64) {
	for _, p := range []*Param{l.Weight, l.Bias, l.Gamma, l.Beta} {
		if p != nil {
			n += int64(p.Size())
		}
	}
	return n
}

// MAdds returns the layer's multiply-adds for one image.
func (l Layer) MAdds() int64 {
	if l.Weight == nil {
		return 0
	}
	n := int64(l.Weight.Size())
	for _, d := range l.Shape[1 : len(l.Shape)-1] { // pixels
		n *= int64(d)
	}
	return n
}

// Window is where a convolution or a pool reads. Result (y, x) reads rows y*SH-Top+i*Dilation for i below KH, columns
// likewise, and zeros in the padding. Padding may be negative: Top and Left -1 start at row 1, column 1.
type Window struct {
	KH, KW, SH, SW, Dilation int
	Top, Left, Bottom, Right int
}

// Layers lists how [Program.Forward] without training computes an output: every layer comes after those it reads, the
// output last. DropPath and Dropout are omitted. Parameters have their values once the graph has memory.
func (g *Graph) Layers(output Node) (layers []Layer, err error) {
	defer recoverBuild(&err)
	l := &layering{g: g, at: map[Node]int{}, relus: map[int]int{}}
	l.of(output)
	return l.layers, nil
}

// layering builds the list. An op adds its layers with the closure passed to apply.
type layering struct {
	g      *Graph
	layers []Layer
	at     map[Node]int
	part   string      // of the node whose layers are added
	relus  map[int]int // max(x, 0) of a layer, added once
}

// of returns the index of a node's value, after adding the layers it needs.
func (l *layering) of(n Node) int {
	if i, ok := l.at[n]; ok {
		return i
	}
	i, outer := -1, l.part
	switch b, ok := n.Op().(*op); {
	case !ok:
		l.part = ""
		i = l.add(Layer{Kind: InputLayer, Shape: n.Shape()})
	case b.layer == nil:
		fail("layers", "%s is not part of an evaluation", b.name)
	default:
		l.part = b.part
		i = b.layer(l)
	}
	l.part = outer
	l.at[n] = i
	return i
}

func (l *layering) add(y Layer) int {
	y.Part = l.part
	l.layers = append(l.layers, y)
	return len(l.layers) - 1
}

func (l *layering) all(xs []Node) (places []int) {
	for _, x := range xs {
		places = append(places, l.of(x))
	}
	return places
}

// param returns the parameter of a parameter's node.
func (l *layering) param(n Node) *Param {
	p := l.g.byName[n.Name()]
	if p == nil {
		panic(fmt.Sprintf("nn: layers: %s is not a parameter", n.Name()))
	}
	return p
}

// simple adds a layer that has only a kind.
func (l *layering) simple(kind LayerKind, shape []int, in ...int) int {
	return l.add(Layer{Kind: kind, In: in, Shape: shape})
}

func (l *layering) relu(x int) int {
	if i, ok := l.relus[x]; ok {
		return i
	}
	i := l.simple(ReluLayer, l.layers[x].Shape, x)
	l.relus[x] = i
	return i
}

func (l *layering) concat(xs []int) int {
	if len(xs) == 1 {
		return xs[0]
	}
	shape := append([]int(nil), l.layers[xs[0]].Shape...)
	for _, x := range xs[1:] {
		s := l.layers[x].Shape
		shape[len(shape)-1] += s[len(s)-1]
	}
	return l.simple(ConcatLayer, shape, xs...)
}

// conv adds the convolution that d describes, and its activation.
func (l *layering) conv(kind LayerKind, x int, w Node, d kernel.Conv) int {
	if d.Relu {
		x = l.relu(x)
	}
	return l.add(Layer{Kind: kind, In: []int{x}, Shape: []int{d.N, d.OH, d.OW, d.Cout}, Weight: l.param(w),
		Window: Window{
			KH: d.KH, KW: d.KW, SH: d.StrideH, SW: d.StrideW, Dilation: d.Dilation, Top: d.PadTop, Left: d.PadLeft,
			Bottom: padAfter(d.H, d.OH, d.KH, d.StrideH, d.Dilation, d.PadTop),
			Right:  padAfter(d.W, d.OW, d.KW, d.StrideW, d.Dilation, d.PadLeft)}})
}

func (l *layering) norm(x int, n *Norm) int {
	return l.add(Layer{Kind: NormLayer, In: []int{x}, Shape: l.layers[x].Shape, Gamma: l.param(n.gamma),
		Beta: l.param(n.beta), Mean: n.mean, Variance: n.variance,
		Eps: n.eps})
}

func (l *layering) pool(kind LayerKind, x int, p kernel.Pool) int {
	return l.add(Layer{Kind: kind, In: []int{x}, Shape: []int{p.N, p.OH, p.OW, p.C}, Window: Window{
		KH: p.K, KW: p.K, SH: p.Stride, SW: p.Stride, Dilation: 1, Top: p.PadTop, Left: p.PadLeft,
		Bottom: padAfter(p.H, p.OH, p.K, p.Stride, 1, p.PadTop),
		Right:  padAfter(p.W, p.OW, p.K, p.Stride, 1, p.PadLeft)}})
}

// padAfter returns the padding after the last of size elements that out windows read, or 0 if they do not reach the
// end.
func padAfter(size, out, k, stride, dilation, before int) int {
	return max((out-1)*stride-before+(k-1)*dilation+1-size, 0)
}
