package nn_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"nasnet/nas/nn"
)

// runLayers computes a list of layers in float64, from the fields of each layer and nothing else.
func runLayers(t *testing.T, layers []nn.Layer, input *array) *array {
	values := make([]*array, len(layers))
	for i, l := range layers {
		y := newArray(l.Shape...)
		var x *array
		if len(l.In) > 0 {
			x = values[l.In[0]]
		}
		last := l.Shape[len(l.Shape)-1]
		w := l.Window
		// window calls f for the pixels that result (n, oy, ox) reads.
		window := func(oy, ox int, f func(ky, kx, iy, ix int)) {
			for ky := range w.KH {
				for kx := range w.KW {
					iy, ix := oy*w.SH-w.Top+ky*w.Dilation, ox*w.SW-w.Left+kx*w.Dilation
					if iy >= x.shape[1]+w.Bottom || ix >= x.shape[2]+w.Right {
						t.Fatalf("layer %d, %s of %v, reads (%d, %d), beyond its padding: %+v", i, l.Kind,
							x.shape, iy, ix, w)
					}
					if iy >= 0 && iy < x.shape[1] && ix >= 0 && ix < x.shape[2] {
						f(ky, kx, iy, ix)
					}
				}
			}
		}
		for j := range y.v {
			c := j % last
			n, oy, ox := 0, 0, 0
			if len(l.Shape) == 4 {
				ox, oy, n = j/last%l.Shape[2], j/last/l.Shape[2]%l.Shape[1], j/last/l.Shape[2]/l.Shape[1]
			}
			switch l.Kind {
			case nn.InputLayer:
				y.v[j] = input.v[j]
			case nn.ConvLayer:
				window(oy, ox, func(ky, kx, iy, ix int) {
					for k := range x.shape[3] {
						y.v[j] += x.at(n, iy, ix, k) * float64(l.Weight.Value[((ky*w.KW+kx)*x.shape[3]+k)*last+c])
					}
				})
			case nn.DepthwiseLayer:
				window(oy, ox, func(ky, kx, iy, ix int) {
					y.v[j] += x.at(n, iy, ix, c) * float64(l.Weight.Value[(ky*w.KW+kx)*last+c])
				})
			case nn.NormLayer:
				y.v[j] = (x.v[j]-float64(l.Mean.Value[c]))/math.Sqrt(float64(l.Variance.Value[c]+l.Eps))*float64(
					l.Gamma.Value[c]) + float64(l.Beta.Value[c])
			case nn.ReluLayer:
				y.v[j] = max(x.v[j], 0)
			case nn.AddLayer:
				y.v[j] = x.v[j] + values[l.In[1]].v[j]
			case nn.ConcatLayer:
				k, row := c, j/last
				for _, in := range l.In {
					s := values[in].shape
					if part := s[len(s)-1]; k >= part {
						k -= part
					} else {
						y.v[j] = values[in].v[row*part+k]
						break
					}
				}
			case nn.AveragePoolLayer:
				count := 0.0
				window(oy, ox, func(_, _, iy, ix int) { y.v[j] += x.at(n, iy, ix, c); count++ })
				y.v[j] /= count
			case nn.MaxPoolLayer:
				y.v[j] = math.Inf(-1)
				window(oy, ox, func(_, _, iy, ix int) { y.v[j] = max(y.v[j], x.at(n, iy, ix, c)) })
			case nn.GlobalAverageLayer:
				pixels := x.shape[1] * x.shape[2]
				for p := range pixels {
					y.v[j] += x.v[(j/last*pixels+p)*last+c] / float64(pixels)
				}
			case nn.LinearLayer:
				y.v[j] = float64(l.Bias.Value[c])
				for k := range x.shape[1] {
					y.v[j] += x.v[j/last*x.shape[1]+k] * float64(l.Weight.Value[k*last+c])
				}
			}
		}
		values[i] = y
	}
	return values[len(values)-1]
}

// manyOps is a network with every operation, at sizes that pad unevenly, stop before the end of the image, and shift
// paths. Its program is for evaluation; its parameters and statistics are random.
func manyOps(t *testing.T, size int, keep bool) (g *nn.Graph, p *nn.Program, x, logits nn.Node) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, uint64(size)))
	g = nn.NewGraph(2)
	g.Keep = keep
	x = g.Input("x", 2, size, size, 3)
	conv := func(name string, x nn.Node, kh, kw, filters int, o nn.ConvOpts) nn.Node {
		return g.BatchNorm(name, g.Conv(x, g.Param(name+"/w", nn.FanOut, kh, kw, x.Shape()[3], filters), o))
	}
	sep := func(name string, in, k, stride int) nn.Sep {
		return nn.Sep{Depth: g.Param(name+"/dw", nn.FanOutDepthwise, k, k, 1, in),
			Point: g.Param(name+"/pw", nn.FanOut, 1, 1, in, 4), Norm: g.Norm(name, 4),
			Opts: nn.ConvOpts{Stride: stride, Relu: true}}
	}
	a := conv("stem", x, 3, 3, 4, nn.ConvOpts{})
	b := conv("row", a, 1, 7, 4, nn.ConvOpts{SW: 2, Relu: true})
	b = conv("column", b, 7, 1, 4, nn.ConvOpts{SH: 2, Relu: true})
	c := conv("dilated", a, 3, 3, 4, nn.ConvOpts{Stride: 2, Dilation: 2})
	g.Part = "pair"
	d := g.DropPath(g.SepPair(a, sep("one", 4, 5, 2), sep("two", 4, 5, 1)), 0)
	g.Part = ""
	e := g.PointUnit([]nn.Node{a, a}, []nn.Node{g.Param("p0", nn.FanOut, 1, 1, 8, 1),
		g.Param("p1", nn.FanOut, 1, 1, 8, 3)}, g.Norm("half", 4),
		nn.ConvOpts{Stride: 2, Relu: true})
	f := g.Add(g.AvgPool(a, 5, 2), g.MaxPool(a, 7, 2))
	h := conv("depth", g.Relu(g.Depthwise(f, g.Param("dw", nn.FanOutDepthwise, 3, 3, 1, 4), nn.ConvOpts{})), 2, 2, 4,
		nn.ConvOpts{Stride: 2, Valid: true})
	h = g.Concat(h, g.AvgPoolValid(g.MaxPool(g.Add(b, c), 3, 1), 2, 2), g.AvgPoolValid(g.Add(d, e), 2, 2))
	y := g.Dropout(g.Concat(g.GlobalAvgPool(h, false), g.GlobalAvgPool(a, true)), 0.5)
	logits = g.Linear(y, g.Param("fc/w", nn.FanOut, 16, 5), g.Param("fc/b", nn.Zeros, 5))
	p, err := g.Compile(nil, logits)
	if err != nil {
		t.Fatal(err)
	}
	g.InitParams(r)
	for _, q := range g.Params() {
		if !strings.HasSuffix(q.Name, "w") {
			for i := range q.Value {
				q.Value[i] += float32(r.NormFloat64()) / 2
			}
		}
	}
	for _, s := range g.Buffers() {
		for i := range s.Value {
			s.Value[i] = 0.5 + r.Float32()
			if strings.HasSuffix(s.Name, "mean") {
				s.Value[i] -= 1
			}
		}
	}
	for i := range p.Value(x) {
		p.Value(x)[i] = float32(r.NormFloat64())
	}
	return g, p, x, logits
}

func TestLayersComputeWhatTheProgramDoes(t *testing.T) {
	for _, size := range []int{8, 9} {
		g, p, x, logits := manyOps(t, size, false)
		in := newArray(2, size, size, 3)
		for i := range in.v {
			in.v[i] = float64(p.Value(x)[i])
		}
		p.Forward(false)
		layers, err := g.Layers(logits)
		if err != nil {
			t.Fatal(err)
		}
		kinds, inPair := map[nn.LayerKind]int{}, 0
		for i, l := range layers {
			kinds[l.Kind]++
			if l.Part == "pair" {
				inPair++
			}
			for _, from := range l.In {
				if from >= i {
					t.Errorf("%d px: layer %d, %s, reads layer %d", size, i, l.Kind, from)
				}
			}
		}
		// The activation of the first unit was already added for another reader of its input.
		if len(kinds) != 11 || inPair != 7 {
			t.Errorf("%d px: kinds %v, want all 11; %d layers of the separable pair, want 7", size, kinds, inPair)
		}
		for i, want := range runLayers(t, layers, in).v {
			if got := float64(p.Value(logits)[i]); !(math.Abs(got-want) <= 1e-5) {
				t.Errorf("%d px: logit %d is %v, by the layers %v", size, i, got, want)
			}
		}
	}
}

func TestALossHasNoLayers(t *testing.T) {
	g := nn.NewGraph(2)
	logits := g.Linear(g.Input("x", 2, 3), g.Param("w", nn.FanOut, 3, 4), g.Param("b", nn.Zeros, 4))
	if _, err := g.Layers(g.SoftmaxXent(logits, g.Labels("y", 2), 0, 1)); err == nil ||
		!strings.Contains(err.Error(), "not part of an evaluation") {
		t.Errorf("error %v", err)
	}
}
