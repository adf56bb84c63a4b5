package nn_test

import (
	"math"
	"math/rand/v2"

	"nasnet/nas/nn"
)

// A network is described once and built twice: with nn, and with the plain float64 loops below, which share no code
// with the package. Gradients are compared with central differences of the float64 loss.
type builder interface {
	Input(name string, shape ...int) any
	Param(name string, shape ...int) any
	Conv(x, w any, o nn.ConvOpts) any
	Depthwise(x, w any, o nn.ConvOpts) any
	BatchNorm(name string, x any) any
	SepPair(x any, k, channels, filters int, o nn.ConvOpts) any
	PointUnit(name string, xs, paths []any, o nn.ConvOpts) any
	AvgPool(x any, k, stride int, valid bool) any
	MaxPool(x any, k, stride int) any
	Add(a, b any) any
	Relu(x any) any
	Concat(xs ...any) any
	DropPath(x any, index int) any
	Dropout(x any, keep float64) any
	GlobalAvgPool(x any, relu bool) any
	Linear(x, w, b any) any
	Xent(logits any, smoothing, weight float32) any
}

// graphBuilder builds with nn.
type graphBuilder struct {
	g      *nn.Graph
	inputs map[string]nn.Node
	labels nn.Node
}

func (b *graphBuilder) Input(name string, shape ...int) any {
	n := b.g.Input(name, shape...)
	b.inputs[name] = n
	return n
}
func (b *graphBuilder) Param(name string, shape ...int) any {
	return b.g.Param(name, uniform(1), shape...)
}
func (b *graphBuilder) Conv(x, w any, o nn.ConvOpts) any {
	return b.g.Conv(x.(nn.Node), w.(nn.Node), o)
}
func (b *graphBuilder) Depthwise(x, w any, o nn.ConvOpts) any {
	return b.g.Depthwise(x.(nn.Node), w.(nn.Node), o)
}
func (b *graphBuilder) SepPair(x any, k, channels, filters int, o nn.ConvOpts) any {
	unit := func(n string, channels int) nn.Sep {
		return nn.Sep{Depth: b.Param("dw"+n+"/w", k, k, 1, channels).(nn.Node),
			Point: b.Param("pw"+n+"/w", 1, 1, channels, filters).(nn.Node),
			Norm:  b.g.Norm("bn"+n, filters), Opts: o}
	}
	first := unit("1", channels)
	return b.g.SepPair(x.(nn.Node), first, unit("2", filters))
}
func (b *graphBuilder) PointUnit(name string, xs, paths []any, o nn.ConvOpts) any {
	var weights []nn.Node
	filters := 0
	for _, w := range paths {
		weights = append(weights, w.(nn.Node))
		filters += w.(nn.Node).Shape()[3]
	}
	var parts []nn.Node
	for _, x := range xs {
		parts = append(parts, x.(nn.Node))
	}
	return b.g.PointUnit(parts, weights, b.g.Norm(name, filters), o)
}
func (b *graphBuilder) BatchNorm(name string, x any) any { return b.g.BatchNorm(name, x.(nn.Node)) }
func (b *graphBuilder) AvgPool(x any, k, stride int, valid bool) any {
	if valid {
		return b.g.AvgPoolValid(x.(nn.Node), k, stride)
	}
	return b.g.AvgPool(x.(nn.Node), k, stride)
}
func (b *graphBuilder) MaxPool(x any, k, stride int) any {
	return b.g.MaxPool(x.(nn.Node), k, stride)
}
func (b *graphBuilder) Add(x, y any) any { return b.g.Add(x.(nn.Node), y.(nn.Node)) }
func (b *graphBuilder) Relu(x any) any   { return b.g.Relu(x.(nn.Node)) }
func (b *graphBuilder) Concat(xs ...any) any {
	var ns []nn.Node
	for _, x := range xs {
		ns = append(ns, x.(nn.Node))
	}
	return b.g.Concat(ns...)
}
func (b *graphBuilder) DropPath(x any, index int) any { return b.g.DropPath(x.(nn.Node), index) }
func (b *graphBuilder) Dropout(x any, keep float64) any {
	return b.g.Dropout(x.(nn.Node), keep)
}
func (b *graphBuilder) GlobalAvgPool(x any, relu bool) any {
	return b.g.GlobalAvgPool(x.(nn.Node), relu)
}
func (b *graphBuilder) Linear(x, w, c any) any {
	return b.g.Linear(x.(nn.Node), w.(nn.Node), c.(nn.Node))
}
func (b *graphBuilder) Xent(logits any, smoothing, weight float32) any {
	if b.labels == nil {
		b.labels = b.g.Labels("labels", logits.(nn.Node).Shape()[0])
	}
	return b.g.SoftmaxXent(logits.(nn.Node), b.labels, smoothing, weight)
}

// array is a float64 array; a loss has no shape.
type array struct {
	shape []int
	v     []float64
}

func newArray(shape ...int) *array {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return &array{shape, make([]float64, n)}
}

// at returns pixel (n, y, x), channel c; zero outside.
func (a *array) at(n, y, x, c int) float64 {
	if y < 0 || y >= a.shape[1] || x < 0 || x >= a.shape[2] {
		return 0
	}
	return a.v[((n*a.shape[1]+y)*a.shape[2]+x)*a.shape[3]+c]
}

// refBuilder computes while building.
type refBuilder struct {
	given  map[string]*array // inputs and parameters
	labels []int32
	moving map[string][2][]float64 // mean and variance, for evaluation
	eval   bool
	bn     nn.BN
	drop   map[int][]float64
	mask   []float64
}

func (b *refBuilder) Input(name string, _ ...int) any { return b.given[name] }
func (b *refBuilder) Param(name string, _ ...int) any { return b.given[name] }

func refPad(size, k, stride, dil int, valid bool) (out, before int) {
	if valid {
		return (size-dil*(k-1)-1)/stride + 1, 0
	}
	out = (size + stride - 1) / stride
	return out, max((out-1)*stride+dil*(k-1)+1-size, 0) / 2
}

func one(v, w int) int {
	if v != 0 {
		return v
	}
	if w != 0 {
		return w
	}
	return 1
}

func (b *refBuilder) conv(xa, wa any, o nn.ConvOpts, shift int, depthwise bool) any {
	x, w := xa.(*array), wa.(*array)
	if o.Relu {
		x = b.Relu(x).(*array)
	}
	kh, kw, cout := w.shape[0], w.shape[1], w.shape[3]
	sh, sw, dil := one(o.SH, o.Stride), one(o.SW, o.Stride), one(o.Dilation, 1)
	oh, top := refPad(x.shape[1], kh, sh, dil, o.Valid)
	ow, left := refPad(x.shape[2], kw, sw, dil, o.Valid)
	top, left = top-shift, left-shift
	y := newArray(x.shape[0], oh, ow, cout)
	i := 0
	for n := range x.shape[0] {
		for oy := range oh {
			for ox := range ow {
				for co := range cout {
					s := 0.0
					for ky := range kh {
						for kx := range kw {
							py, px := oy*sh-top+ky*dil, ox*sw-left+kx*dil
							if depthwise {
								s += x.at(n, py, px, co) * w.v[(ky*kw+kx)*cout+co]
								continue
							}
							for ci := range x.shape[3] {
								s += x.at(n, py, px, ci) * w.v[((ky*kw+kx)*x.shape[3]+ci)*cout+co]
							}
						}
					}
					y.v[i] = s
					i++
				}
			}
		}
	}
	return y
}

func (b *refBuilder) Conv(x, w any, o nn.ConvOpts) any      { return b.conv(x, w, o, 0, false) }
func (b *refBuilder) Depthwise(x, w any, o nn.ConvOpts) any { return b.conv(x, w, o, 0, true) }

func (b *refBuilder) PointUnit(name string, xs, paths []any, o nn.ConvOpts) any {
	x := b.Concat(xs...)
	var ys []any
	for i, w := range paths {
		ys = append(ys, b.conv(x, w, o, i, false))
	}
	return b.BatchNorm(name, b.Concat(ys...))
}

func (b *refBuilder) SepPair(x any, k, channels, filters int, o nn.ConvOpts) any {
	return sepParts(b, x, k, channels, filters, o)
}

// sepParts is a SepPair built from its six operations.
func sepParts(b builder, x any, k, channels, filters int, o nn.ConvOpts) any {
	for _, n := range []string{"1", "2"} {
		d := b.Depthwise(x, b.Param("dw"+n+"/w", k, k, 1, channels), o)
		x = b.BatchNorm("bn"+n, b.Conv(d, b.Param("pw"+n+"/w", 1, 1, channels, filters), nn.ConvOpts{}))
		channels = filters
	}
	return x
}

func (b *refBuilder) BatchNorm(name string, xa any) any {
	x := xa.(*array)
	ch := x.shape[len(x.shape)-1]
	gamma, beta := b.given[name+"/gamma"].v, b.given[name+"/beta"].v
	y := newArray(x.shape...)
	m := float64(len(x.v) / ch)
	for c := range ch {
		var mean, q float64
		for i := c; i < len(x.v); i += ch {
			mean += x.v[i] / m
		}
		for i := c; i < len(x.v); i += ch {
			q += (x.v[i] - mean) * (x.v[i] - mean) / m
		}
		if b.eval {
			mean, q = b.moving[name][0][c], b.moving[name][1][c]
		} else if mv, ok := b.moving[name]; ok {
			d := float64(b.bn.Decay)
			mv[0][c] = d*mv[0][c] + (1-d)*mean
			mv[1][c] = d*mv[1][c] + (1-d)*q*m/(m-1)
		}
		for i := c; i < len(x.v); i += ch {
			y.v[i] = (x.v[i]-mean)/math.Sqrt(q+float64(b.bn.Eps))*gamma[c] + beta[c]
		}
	}
	return y
}

func (b *refBuilder) pool(xa any, k, stride int, valid, avg bool) any {
	x := xa.(*array)
	oh, top := refPad(x.shape[1], k, stride, 1, valid)
	ow, left := refPad(x.shape[2], k, stride, 1, valid)
	y := newArray(x.shape[0], oh, ow, x.shape[3])
	i := 0
	for n := range x.shape[0] {
		for oy := range oh {
			for ox := range ow {
				for c := range x.shape[3] {
					sum, count, most := 0.0, 0.0, math.Inf(-1)
					for py := oy*stride - top; py < oy*stride-top+k; py++ {
						for px := ox*stride - left; px < ox*stride-left+k; px++ {
							if py < 0 || py >= x.shape[1] || px < 0 || px >= x.shape[2] {
								continue
							}
							v := x.at(n, py, px, c)
							sum, count, most = sum+v, count+1, max(most, v)
						}
					}
					y.v[i] = most
					if avg {
						y.v[i] = sum / count
					}
					i++
				}
			}
		}
	}
	return y
}

func (b *refBuilder) AvgPool(x any, k, stride int, valid bool) any {
	return b.pool(x, k, stride, valid, true)
}
func (b *refBuilder) MaxPool(x any, k, stride int) any {
	return b.pool(x, k, stride, false, false)
}

func (b *refBuilder) Add(xa, ya any) any {
	x, y := xa.(*array), ya.(*array)
	z := newArray(x.shape...)
	for i := range z.v {
		z.v[i] = x.v[i] + y.v[i]
	}
	return z
}

func (b *refBuilder) Relu(xa any) any {
	x := xa.(*array)
	y := newArray(x.shape...)
	for i, v := range x.v {
		y.v[i] = max(v, 0)
	}
	return y
}

func (b *refBuilder) Concat(xs ...any) any {
	shape := append([]int(nil), xs[0].(*array).shape...)
	last := len(shape) - 1
	rows := len(xs[0].(*array).v) / shape[last]
	shape[last] = 0
	for _, x := range xs {
		shape[last] += x.(*array).shape[last]
	}
	y := newArray(shape...)
	i := 0
	for r := range rows {
		for _, x := range xs {
			a := x.(*array)
			i += copy(y.v[i:], a.v[r*a.shape[last]:(r+1)*a.shape[last]])
		}
	}
	return y
}

func (b *refBuilder) DropPath(xa any, index int) any {
	return b.scaled(xa.(*array), b.drop[index])
}
func (b *refBuilder) Dropout(xa any, _ float64) any { return b.scaled(xa.(*array), b.mask) }

func (b *refBuilder) scaled(x *array, scale []float64) any {
	if scale == nil || b.eval {
		return x
	}
	y := newArray(x.shape...)
	per := len(x.v) / len(scale)
	for i := range y.v {
		y.v[i] = x.v[i] * scale[i/per]
	}
	return y
}

func (b *refBuilder) GlobalAvgPool(xa any, relu bool) any {
	x := xa.(*array)
	if relu {
		x = b.Relu(x).(*array)
	}
	n, ch, hw := x.shape[0], x.shape[3], x.shape[1]*x.shape[2]
	y := newArray(n, ch)
	for i, v := range x.v {
		y.v[i/(hw*ch)*ch+i%ch] += v / float64(hw)
	}
	return y
}

func (b *refBuilder) Linear(xa, wa, ca any) any {
	x, w, c := xa.(*array), wa.(*array), ca.(*array)
	in, out := w.shape[0], w.shape[1]
	y := newArray(x.shape[0], out)
	for i := range x.shape[0] {
		for j := range out {
			s := c.v[j]
			for k := range in {
				s += x.v[i*in+k] * w.v[k*out+j]
			}
			y.v[i*out+j] = s
		}
	}
	return y
}

func (b *refBuilder) Xent(la any, smoothing, weight float32) any {
	l := la.(*array)
	classes := l.shape[1]
	loss := newArray()
	for i, label := range b.labels {
		row := l.v[i*classes : (i+1)*classes]
		z := 0.0
		for _, v := range row {
			z += math.Exp(v)
		}
		for j, v := range row {
			t := float64(smoothing) / float64(classes)
			if j == int(label) {
				t += 1 - float64(smoothing)
			}
			loss.v[0] -= t * (v - math.Log(z)) * float64(weight) / float64(len(b.labels))
		}
	}
	return loss
}

// uniform is an initialiser that draws from [-a, a).
func uniform(a float64) nn.Init {
	return func(r *rand.Rand, v []float32, _ []int) {
		for i := range v {
			v[i] = float32((2*r.Float64() - 1) * a)
		}
	}
}
