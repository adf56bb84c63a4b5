package nn_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"nasnet/nas/nn"
	"nasnet/nas/rng"
)

// checked is a network built both ways with the same random numbers.
type checked struct {
	g     *nn.Graph
	gb    *graphBuilder
	p     *nn.Program
	loss  nn.Node
	ref   *refBuilder
	build func(b builder) any
}

func newChecked(t testing.TB, seed uint64, batch int, build func(b builder) any) *checked {
	t.Helper()
	return newCheckedIn(t, nn.NewGraph(batch), seed, build)
}

func newCheckedIn(t testing.TB, g *nn.Graph, seed uint64, build func(b builder) any) *checked {
	t.Helper()
	c := &checked{g: g, build: build}
	c.gb = &graphBuilder{g: c.g, inputs: map[string]nn.Node{}}
	if err := nn.Try(func() { c.loss = build(c.gb).(nn.Node) }); err != nil {
		t.Fatal(err)
	}
	var err error
	if c.p, err = c.g.Compile(c.loss); err != nil {
		t.Fatal(err)
	}
	r := rng.Stream(seed, "nn test")
	c.g.InitParams(r)
	c.ref = &refBuilder{given: map[string]*array{}, moving: map[string][2][]float64{}, bn: c.g.BN,
		drop: map[int][]float64{}}
	for _, q := range c.p.Params() {
		if strings.HasSuffix(q.Name, "/gamma") {
			uniform(0.5)(r, q.Value, nil)
			for i := range q.Value {
				q.Value[i]++
			}
		} else if strings.HasSuffix(q.Name, "/beta") {
			uniform(0.3)(r, q.Value, nil)
		}
		c.ref.given[q.Name] = wide(q.Value, q.Shape)
	}
	for name, n := range c.gb.inputs {
		v := c.p.Value(n)
		uniform(1)(rng.Stream(seed, name), v, nil)
		c.ref.given[name] = wide(v, n.Shape())
	}
	for _, b := range c.p.Buffers() {
		name := b.Name[:strings.LastIndexByte(b.Name, '/')]
		mv := c.ref.moving[name]
		if strings.HasSuffix(b.Name, "/mean") {
			uniform(0.5)(r, b.Value, nil)
			mv[0] = wide(b.Value, nil).v
		} else {
			uniform(0.5)(r, b.Value, nil)
			for i := range b.Value {
				b.Value[i]++
			}
			mv[1] = wide(b.Value, nil).v
		}
		c.ref.moving[name] = mv
	}
	if c.gb.labels != nil {
		for i := range c.p.Labels(c.gb.labels) {
			c.p.Labels(c.gb.labels)[i] = int32(r.IntN(2))
		}
		c.ref.labels = c.p.Labels(c.gb.labels)
	}
	return c
}

func wide(v []float32, shape []int) *array {
	a := &array{shape, make([]float64, len(v))}
	for i, x := range v {
		a.v[i] = float64(x)
	}
	return a
}

// refLoss is the float64 loss; it does not move the moving statistics.
func (c *checked) refLoss() float64 {
	moving := c.ref.moving
	if !c.ref.eval {
		c.ref.moving = nil
	}
	defer func() { c.ref.moving = moving }()
	return c.build(c.ref).(*array).v[0]
}

// gradients runs Train and compares the loss and the gradient of every parameter. tol is relative to the largest entry
// of a gradient; kernels are float32, the differences float64 (step 1e-6, error of order 1e-9).
func (c *checked) gradients(t *testing.T, tol float64) {
	t.Helper()
	c.p.Train()
	want := c.refLoss()
	if d := math.Abs(c.p.Loss() - want); !(d <= 1e-6*(1+math.Abs(want))) {
		t.Errorf("loss %v, want %v", c.p.Loss(), want)
	}
	r := rng.Stream(7, "which")
	for _, q := range c.p.Params() {
		v := c.ref.given[q.Name].v
		probe := r.Perm(len(v))[:min(len(v), 40)]
		diff := make([]float64, len(probe))
		most := 0.01 // zero gradients are zero except for rounding
		for k, i := range probe {
			const h = 1e-6
			old := v[i]
			v[i] = old + h
			up := c.refLoss()
			v[i] = old - h
			down := c.refLoss()
			v[i] = old
			diff[k] = (up - down) / (2 * h)
			most = max(most, math.Abs(diff[k]))
		}
		for k, i := range probe {
			if e := math.Abs(float64(q.Grad[i])-diff[k]) / most; !(e <= tol) {
				t.Errorf("%s[%d]: gradient %v, by differences %v (error %.2g of the largest)", q.Name, i,
					q.Grad[i], diff[k], e)
			}
		}
	}
}

// head turns any node into a loss that depends on each of its elements.
func head(b builder, x any, features int) any {
	return b.Xent(b.Linear(x, b.Param("head/w", features, 3), b.Param("head/b", 3)), 0, 1)
}

func TestGradientOf(t *testing.T) {
	conv := func(h, w, cin, kh, kw, cout, oh, ow int, o nn.ConvOpts) func(b builder) any {
		return func(b builder) any {
			x := b.Param("x", 2, h, w, cin)
			return head(b, b.Conv(x, b.Param("k/w", kh, kw, cin, cout), o), oh*ow*cout)
		}
	}
	depthwise := func(h, w, ch, kh, kw, oh, ow int, o nn.ConvOpts) func(b builder) any {
		return func(b builder) any {
			x := b.Param("x", 2, h, w, ch)
			return head(b, b.Depthwise(x, b.Param("k/w", kh, kw, 1, ch), o), oh*ow*ch)
		}
	}
	onX := func(f func(b builder, x any) any, features int) func(b builder) any {
		return func(b builder) any { return head(b, f(b, b.Param("x", 2, 5, 6, 3)), features) }
	}
	for name, build := range map[string]func(b builder) any{
		"a 3x3 convolution":                          conv(5, 6, 3, 3, 3, 4, 5, 6, nn.ConvOpts{}),
		"a 3x3 convolution with fused relu":          conv(5, 6, 3, 3, 3, 4, 5, 6, nn.ConvOpts{Relu: true}),
		"a 3x3 convolution with stride 2, even size": conv(6, 4, 3, 3, 3, 2, 3, 2, nn.ConvOpts{Stride: 2}),
		"a 3x3 convolution with stride 2, odd size": conv(5, 7, 3, 3, 3, 2, 3, 4,
			nn.ConvOpts{Stride: 2, Relu: true}),
		"a dilated 3x3 convolution": conv(6, 5, 2, 3, 3, 3, 6, 5, nn.ConvOpts{Dilation: 2}),
		"a dilated 3x3 convolution with stride 2": conv(6, 7, 2, 3, 3, 3, 3, 4,
			nn.ConvOpts{Dilation: 2, Stride: 2, Relu: true}),
		"a 1x1 convolution":                 conv(4, 5, 5, 1, 1, 3, 4, 5, nn.ConvOpts{}),
		"a 1x1 convolution with fused relu": conv(4, 5, 5, 1, 1, 3, 4, 5, nn.ConvOpts{Relu: true}),
		"a 1x1 convolution with stride 2":   conv(5, 6, 3, 1, 1, 4, 3, 3, nn.ConvOpts{Stride: 2}),
		"a 1x7 convolution with stride 1x2": conv(4, 9, 2, 1, 7, 3, 4, 5,
			nn.ConvOpts{SH: 1, SW: 2, Relu: true}),
		"a 3x1 convolution with stride 2x1": conv(5, 4, 2, 3, 1, 3, 3, 4, nn.ConvOpts{SH: 2, SW: 1}),
		"a 3x3 convolution without padding, stride 2": conv(7, 6, 3, 3, 3, 2, 3, 2,
			nn.ConvOpts{Stride: 2, Valid: true}),
		"a convolution as large as the image": conv(3, 4, 3, 3, 4, 5, 1, 1,
			nn.ConvOpts{Valid: true, Relu: true}),
		"a convolution of one pixel":                  conv(1, 1, 1, 3, 3, 1, 1, 1, nn.ConvOpts{}),
		"a 3x3 depthwise convolution":                 depthwise(5, 6, 3, 3, 3, 5, 6, nn.ConvOpts{}),
		"a 5x5 depthwise convolution with fused relu": depthwise(6, 5, 4, 5, 5, 6, 5, nn.ConvOpts{Relu: true}),
		"a 7x7 depthwise convolution, stride 2, relu": depthwise(7, 8, 2, 7, 7, 4, 4,
			nn.ConvOpts{Relu: true, Stride: 2}),
		"a 3x3 average pool": onX(func(b builder, x any) any {
			return b.AvgPool(x, 3, 1, false)
		}, 90),
		"a 3x3 average pool with stride 2": onX(func(b builder, x any) any {
			return b.AvgPool(x, 3, 2, false)
		}, 27),
		"a 5x5 average pool without padding": onX(func(b builder, x any) any {
			return b.AvgPool(x, 5, 3, true)
		}, 3),
		"a 3x3 max pool": onX(func(b builder, x any) any { return b.MaxPool(x, 3, 1) },
			90),
		"a 5x5 max pool with stride 2": onX(func(b builder, x any) any { return b.MaxPool(x, 5, 2) },
			27),
		"a 7x7 max pool larger than the image": onX(func(b builder, x any) any { return b.MaxPool(x, 7, 1) },
			90),
		"a 2x2 max pool with stride 2": onX(func(b builder, x any) any { return b.MaxPool(x, 2, 2) },
			27),
		"relu": onX(func(b builder, x any) any { return b.Relu(x) }, 90),
		"an addition": onX(func(b builder, x any) any { return b.Add(x, b.Relu(x)) },
			90),
		"x + x": onX(func(b builder, x any) any { return b.Add(x, x) }, 90),
		"(x + x) + (x + x), where all inputs are shared": onX(func(b builder, x any) any {
			s := b.Add(x, x)
			return b.Add(s, s)
		}, 90),
		"a concatenation of x, relu x and x": onX(func(b builder, x any) any {
			return b.Concat(x, b.Relu(x), x)
		}, 270),
		"a concatenation of different widths": onX(func(b builder, x any) any {
			return b.Concat(b.Conv(x, b.Param("a/w", 1, 1, 3, 1), nn.ConvOpts{}), x,
				b.Conv(x, b.Param("b/w", 1, 1, 3, 4), nn.ConvOpts{}))
		}, 240),
		"a pair of 3x3 separable units": onX(func(b builder, x any) any { return b.SepPair(x, 3, 3, 4, nn.ConvOpts{}) },
			120),
		"a pair of 7x7 separable units with relu": onX(func(b builder, x any) any {
			return b.SepPair(x, 7, 3, 2, nn.ConvOpts{Relu: true})
		}, 60),
		"a pair of separable units whose input is used twice": onX(func(b builder, x any) any {
			return b.Add(x, b.SepPair(x, 3, 3, 3, nn.ConvOpts{Relu: true}))
		}, 90),
		"a pair of 5x5 separable units with stride 2": onX(func(b builder, x any) any {
			return b.SepPair(x, 5, 3, 4, nn.ConvOpts{Relu: true, Stride: 2})
		}, 16),
		"a 1x1 unit without relu": onX(func(b builder, x any) any { return point(b, []any{x}, 3, 4, nn.ConvOpts{}) },
			120),
		"a 1x1 unit of x, relu x and x": onX(func(b builder, x any) any {
			return point(b, []any{x, b.Relu(x), x}, 9, 3, nn.ConvOpts{Relu: true})
		}, 90),
		"a 1x1 unit with stride 2 whose input was used before": onX(func(b builder, x any) any {
			y := point(b, []any{x}, 3, 3, nn.ConvOpts{Relu: true, Stride: 2})
			return b.Add(b.MaxPool(x, 3, 2), y)
		}, 27),
		"1x1 units in a row and beside each other": onX(func(b builder, x any) any {
			y := point(b, []any{x, b.BatchNorm("y/bn", x)}, 6, 2, nn.ConvOpts{Relu: true})
			z := b.PointUnit("z/bn", []any{y, x}, []any{b.Param("z/w", 1, 1, 5, 4)}, nn.ConvOpts{Relu: true})
			return b.PointUnit("v/bn", []any{z, y, x}, []any{b.Param("v/w", 1, 1, 9, 3)}, nn.ConvOpts{})
		}, 90),
		"a factorized reduction of two parts": onX(func(b builder, x any) any {
			y := b.BatchNorm("y/bn", b.Conv(x, b.Param("y/w", 1, 1, 3, 4), nn.ConvOpts{}))
			return point(b, []any{x, y}, 7, 5, nn.ConvOpts{Relu: true, Stride: 2})
		}, 45),
		"batch normalisation":          onX(func(b builder, x any) any { return b.BatchNorm("bn", x) }, 90),
		"batch normalisation and relu": onX(func(b builder, x any) any { return b.Relu(b.BatchNorm("bn", x)) }, 90),
		"batch normalisation of a dense layer": func(b builder) any {
			x := b.Linear(b.Param("x", 6, 4), b.Param("l/w", 4, 5), b.Param("l/b", 5))
			return head(b, b.BatchNorm("bn", x), 5)
		},
		"global average pooling":         onX(func(b builder, x any) any { return b.GlobalAvgPool(x, false) }, 3),
		"global average pooling of relu": onX(func(b builder, x any) any { return b.GlobalAvgPool(x, true) }, 3),
		"drop path and dropout, disabled": onX(func(b builder, x any) any {
			return b.Dropout(b.DropPath(b.Relu(x), 3), 0.5)
		}, 90),
		"a smoothed, weighted loss": func(b builder) any {
			return b.Xent(b.Linear(b.Param("x", 3, 4), b.Param("w", 4, 5), b.Param("b", 5)), 0.1, 0.4)
		},
		"the sum of two losses, one counted twice": func(b builder) any {
			x := b.Param("x", 3, 4)
			main := b.Xent(b.Linear(x, b.Param("m/w", 4, 5), b.Param("m/b", 5)), 0, 1)
			aux := b.Xent(b.Linear(x, b.Param("a/w", 4, 5), b.Param("a/b", 5)), 0.2, 0.4)
			return b.Add(b.Add(main, aux), aux)
		},
		"a parameter that is used twice": func(b builder) any {
			w, x := b.Param("w", 3, 3, 2, 2), b.Param("x", 2, 4, 4, 2)
			return head(b, b.Conv(b.Conv(x, w, nn.ConvOpts{}), w, nn.ConvOpts{Relu: true}), 32)
		},
		"parameters whose gradient is another node's, unchanged": func(b builder) any {
			a, c := b.Param("a", 2, 3), b.Param("c", 2, 3)
			return b.Xent(b.Add(b.Add(a, c), a), 0, 1)
		},
		"arrays of one element with fan-out": func(b builder) any {
			x := b.Param("x", 1, 1, 1, 1)
			return head(b, b.Add(b.Add(b.Relu(x), x), b.MaxPool(x, 3, 1)), 1)
		},
		"a cell": cell,
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			newChecked(t, 1, 2, build).gradients(t, 5e-5)
		})
	}
}

// point adds a 1x1 unit; with a stride, a factorized reduction in two paths.
func point(b builder, xs []any, channels, filters int, o nn.ConvOpts) any {
	if o.Stride < 2 {
		return b.PointUnit("p/bn", xs, []any{b.Param("p/w", 1, 1, channels, filters)}, o)
	}
	paths := []any{b.Param("p/path1/w", 1, 1, channels, filters/2),
		b.Param("p/path2/w", 1, 1, channels, filters-filters/2)}
	return b.PointUnit("p/bn", xs, paths, o)
}

// cell has everything that a NASNet cell has: two inputs, states with fan-out, every kind of op, concatenation,
// reduction, DropPath.
func cell(b builder) any {
	x := b.Input("image", 3, 6, 6, 2)
	prev := b.BatchNorm("stem/bn", b.Conv(x, b.Param("stem/w", 3, 3, 2, 4), nn.ConvOpts{}))
	h := b.BatchNorm("h/bn", b.Conv(prev, b.Param("h/w", 1, 1, 4, 4), nn.ConvOpts{Relu: true}))
	sep := prev
	for i := range 2 {
		n := fmt.Sprint("b0/op2/", i)
		dw, pw := b.Param(n+"/dw/w", 3, 3, 1, 4), b.Param(n+"/pw/w", 1, 1, 4, 4)
		sep = b.BatchNorm(n+"/bn", b.Conv(b.Depthwise(sep, dw, nn.ConvOpts{Relu: true}), pw, nn.ConvOpts{}))
	}
	s2 := b.Add(b.DropPath(b.SepPair(h, 5, 4, 4, nn.ConvOpts{Relu: true}), 0), b.DropPath(sep, 1))
	s3 := b.Add(b.DropPath(b.AvgPool(h, 3, 1, false), 0), prev)
	s4 := b.Add(b.MaxPool(s2, 3, 1), b.AvgPool(s2, 3, 1, false))
	s5 := b.BatchNorm("b3/bn", b.Conv(b.Concat(s3, h), b.Param("b3/w", 1, 1, 8, 4), nn.ConvOpts{Relu: true}))
	out := b.Concat(prev, s3, s4, s5)
	half := b.PointUnit("f/bn", []any{prev, s3, s4, s5},
		[]any{b.Param("f/path1/w", 1, 1, 16, 3), b.Param("f/path2/w", 1, 1, 16, 3)},
		nn.ConvOpts{Stride: 2, Relu: true})
	logits := b.Linear(b.GlobalAvgPool(half, true), b.Param("fc/w", 6, 3), b.Param("fc/b", 3))
	aux := b.Linear(b.AvgPool(out, 5, 3, true), b.Param("aux/w", 16, 3), b.Param("aux/b", 3))
	return b.Add(b.Xent(logits, 0.1, 1), b.Xent(aux, 0, 0.4))
}

func TestGradientsWithDropPathAndDropoutEnabled(t *testing.T) {
	c := newChecked(t, 2, 3, cell)
	scale := []float32{0, 1 / 0.75, 1 / 0.75}
	drop(c.p, map[int][]float32{1: scale})
	c.ref.drop[1] = wide(scale, nil).v
	c.gradients(t, 5e-5)

	c = newChecked(t, 3, 2, func(b builder) any {
		x := b.Conv(b.Param("x", 2, 3, 3, 2), b.Param("k/w", 3, 3, 2, 2), nn.ConvOpts{})
		return head(b, b.Dropout(b.DropPath(b.Add(x, b.Relu(x)), 0), 0.5), 18)
	})
	c.p.DrawDropout(rng.Stream(3, "mask"))
	mask := c.g.Expr().ByName("dropout/1")[0]
	c.ref.mask = wide(c.p.Value(mask), nil).v
	c.gradients(t, 5e-5)
}

func TestEvaluationUsesMovingStatisticsAndDropsNothing(t *testing.T) {
	c := newChecked(t, 4, 3, cell)
	drop(c.p, map[int][]float32{0: {0, 0, 0}})
	c.p.Forward(false)
	c.ref.eval = true
	if want := c.refLoss(); !(math.Abs(c.p.Loss()-want) <= 1e-6) {
		t.Errorf("loss %v, want %v", c.p.Loss(), want)
	}
}

func TestTrainingMovesTheMovingStatistics(t *testing.T) {
	c := newChecked(t, 5, 3, cell)
	for range 3 {
		c.p.Train()
		c.build(c.ref)
	}
	c.p.Forward(true)
	c.build(c.ref)
	for _, b := range c.p.Buffers() {
		i := strings.LastIndexByte(b.Name, '/')
		want := c.ref.moving[b.Name[:i]][0]
		if b.Name[i:] == "/var" {
			want = c.ref.moving[b.Name[:i]][1]
		}
		for j, v := range b.Value {
			if !(math.Abs(float64(v)-want[j]) <= 1e-5) {
				t.Errorf("%s[%d] = %v, want %v", b.Name, j, v, want[j])
			}
		}
	}
}

func TestFusedReluEqualsReluThenConvolution(t *testing.T) {
	for name, o := range map[string]nn.ConvOpts{
		"plain": {}, "stride 2": {Stride: 2}, "dilated": {Dilation: 2}, "valid": {Valid: true},
	} {
		for _, depthwise := range []bool{false, true} {
			run := func(fused bool) *checked {
				c := newChecked(t, 6, 2, func(b builder) any {
					x, o := b.Param("x", 2, 6, 7, 4), o
					if fused {
						o.Relu = true
					} else {
						x = b.Relu(x)
					}
					const k = 3
					var y any
					if depthwise {
						y = b.Depthwise(x, b.Param("k/w", k, k, 1, 4), o)
					} else {
						y = b.Conv(x, b.Param("k/w", k, k, 4, 4), o)
					}
					return b.Xent(b.Linear(b.GlobalAvgPool(y, false), b.Param("head/w", 4, 3), b.Param("head/b", 3)), 0,
						1)
				})
				c.p.Train()
				return c
			}
			a, b := run(true), run(false)
			if !(math.Abs(a.p.Loss()-b.p.Loss()) <= 1e-6) {
				t.Errorf("%s: loss %v fused, %v composed", name, a.p.Loss(), b.p.Loss())
			}
			for i, q := range a.p.Params() {
				for j, v := range b.p.Params()[i].Grad {
					if !(math.Abs(float64(q.Grad[j]-v)) <= 1e-6) {
						t.Errorf("%s: %s[%d]: gradient %v fused, %v composed", name, q.Name, j, q.Grad[j], v)
						break
					}
				}
			}
		}
	}
}

// parts builds a separable pair, or a 1x1 unit of one path, from its operations.
type parts struct{ *graphBuilder }

func (p parts) PointUnit(name string, xs, paths []any, o nn.ConvOpts) any {
	return p.BatchNorm(name, p.Conv(p.Concat(xs...), paths[0], o))
}

func (p parts) SepPair(x any, k, channels, filters int, o nn.ConvOpts) any {
	return sepParts(p, x, k, channels, filters, o)
}

func TestSeparablePairsAnd1x1UnitsEqualTheirOperations(t *testing.T) {
	for name, y := range map[string]func(b builder, x any) any{
		"pair":       func(b builder, x any) any { return b.SepPair(x, 3, 20, 12, nn.ConvOpts{}) },
		"pair, relu": func(b builder, x any) any { return b.SepPair(x, 3, 20, 12, nn.ConvOpts{Relu: true}) },
		"pair, stride 2": func(b builder, x any) any {
			return b.SepPair(x, 3, 20, 12, nn.ConvOpts{Relu: true, Stride: 2})
		},
		"pair, dilated": func(b builder, x any) any { return b.SepPair(x, 3, 20, 12, nn.ConvOpts{Dilation: 2}) },
		"pair, valid":   func(b builder, x any) any { return b.SepPair(x, 3, 20, 12, nn.ConvOpts{Valid: true}) },
		"1x1":           func(b builder, x any) any { return point(b, []any{x}, 20, 12, nn.ConvOpts{}) },
		"1x1, relu": func(b builder, x any) any {
			return point(b, []any{x, b.MaxPool(x, 3, 1)}, 40, 12, nn.ConvOpts{Relu: true})
		},
		"1x1, stride 2": func(b builder, x any) any {
			return b.PointUnit("p/bn", []any{x, x}, []any{b.Param("p/w", 1, 1, 40, 12)},
				nn.ConvOpts{Relu: true, Stride: 2})
		},
	} {
		run := func(as func(b *graphBuilder) builder) (*checked, int64) {
			var out nn.Node
			c := newChecked(t, 8, 3, func(b builder) any {
				gb, ok := b.(*graphBuilder)
				if ok {
					b = as(gb)
				}
				y := y(b, b.Param("x", 3, 12, 11, 20))
				if ok {
					out = y.(nn.Node)
				}
				return b.Xent(b.Linear(b.GlobalAvgPool(y, true), b.Param("head/w", 12, 3), b.Param("head/b", 3)), 0, 1)
			})
			c.p.Train()
			return c, c.g.MAdds(out)
		}
		got, madds := run(func(b *graphBuilder) builder { return b })
		want, wantMAdds := run(func(b *graphBuilder) builder { return parts{b} })
		if madds != wantMAdds || madds == 0 {
			t.Errorf("%s: %d multiply-adds, want %d", name, madds, wantMAdds)
		}
		losses := func(when string) {
			t.Helper()
			if !(math.Abs(got.p.Loss()-want.p.Loss()) <= 1e-6) {
				t.Errorf("%s: loss %v %s, want %v", name, got.p.Loss(), when, want.p.Loss())
			}
		}
		losses("in training")
		for i, q := range want.p.Params() {
			closeTo(t, name+": "+q.Name, got.p.Params()[i].Grad, q.Grad)
		}
		for i, q := range want.p.Buffers() {
			closeTo(t, name+": "+q.Name, got.p.Buffers()[i].Value, q.Value)
		}
		got.p.Forward(true)
		want.p.Forward(true)
		losses("forward only")
		got.p.Forward(false)
		want.p.Forward(false)
		losses("in evaluation")
	}
}

// closeTo checks that values agree to 1e-5 of the largest value or of 1e-3, whichever is more: zero gradients are zero
// only up to rounding.
func closeTo(t *testing.T, what string, got, want []float32) {
	t.Helper()
	scale := 1e-3
	for _, v := range want {
		scale = max(scale, math.Abs(float64(v)))
	}
	for i, v := range want {
		if d := math.Abs(float64(got[i] - v)); !(d <= 1e-5*scale) {
			t.Errorf("%s[%d] = %v, want %v", what, i, got[i], v)
			return
		}
	}
}

func TestASeparablePairRefusesWhatDoesNotFit(t *testing.T) {
	g := nn.NewGraph(2)
	x, d, p := g.Input("x", 2, 5, 5, 3), g.Param("d/w", nn.Zeros, 3, 3, 1, 3), g.Param("p/w", nn.Zeros, 1, 1, 3, 3)
	n, wide := g.Norm("n", 3), g.Norm("wide", 4)
	ok := nn.Sep{Depth: d, Point: p, Norm: n}
	for what, bad := range map[string]nn.Sep{
		"swapped weights":          {Depth: p, Point: d, Norm: n},
		"normalisations too wide":  {Depth: d, Point: p, Norm: wide},
		"filters of another shape": {Depth: x, Point: p, Norm: n},
	} {
		for _, pair := range [][2]nn.Sep{{bad, ok}, {ok, bad}} {
			if err := nn.Try(func() { g.SepPair(x, pair[0], pair[1]) }); err == nil {
				t.Errorf("%s: no error", what)
			}
		}
	}
}

func TestA1x1UnitRefusesWhatDoesNotFit(t *testing.T) {
	g := nn.NewGraph(2)
	x, y, small := g.Input("x", 2, 6, 6, 3), g.Input("y", 2, 6, 6, 2), g.Input("small", 2, 3, 3, 2)
	w, wide, flat := g.Param("w", nn.Zeros, 1, 1, 5, 4), g.Param("wide", nn.Zeros, 3, 3, 5, 4),
		g.Param("flat", nn.Zeros, 5, 4)
	n, two := g.Norm("n", 4), g.Norm("two", 8)
	for what, f := range map[string]func(){
		"":         func() { g.PointUnit([]nn.Node{x, y}, []nn.Node{w}, n, nn.ConvOpts{}) },
		"no parts": func() { g.PointUnit(nil, []nn.Node{w}, n, nn.ConvOpts{}) },
		"too many parts": func() {
			g.PointUnit(slices.Repeat([]nn.Node{x}, 31), []nn.Node{w}, n,
				nn.ConvOpts{})
		},
		"parts of different sizes":  func() { g.PointUnit([]nn.Node{x, small}, []nn.Node{w}, n, nn.ConvOpts{}) },
		"a part that is no image":   func() { g.PointUnit([]nn.Node{x, flat}, []nn.Node{w}, n, nn.ConvOpts{}) },
		"weights of other channels": func() { g.PointUnit([]nn.Node{x}, []nn.Node{w}, n, nn.ConvOpts{}) },
		"weights of 3x3":            func() { g.PointUnit([]nn.Node{x, y}, []nn.Node{wide}, n, nn.ConvOpts{}) },
		"weights of a matrix":       func() { g.PointUnit([]nn.Node{x, y}, []nn.Node{flat}, n, nn.ConvOpts{}) },
		"too wide a normalisation":  func() { g.PointUnit([]nn.Node{x, y}, []nn.Node{w}, two, nn.ConvOpts{}) },
		"no paths":                  func() { g.PointUnit([]nn.Node{x, y}, nil, n, nn.ConvOpts{}) },
		"two paths with stride 1":   func() { g.PointUnit([]nn.Node{x, y}, []nn.Node{w, w}, two, nn.ConvOpts{}) },
		"a dilation":                func() { g.PointUnit([]nn.Node{x, y}, []nn.Node{w}, n, nn.ConvOpts{Dilation: 2}) },
		"a negative stride":         func() { g.PointUnit([]nn.Node{x, y}, []nn.Node{w}, n, nn.ConvOpts{Stride: -1}) },
	} {
		if err := nn.Try(f); (err == nil) != (what == "") {
			t.Errorf("%s: error %v", what, err)
		}
	}
}
