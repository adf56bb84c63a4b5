package nn_test

import (
	"testing"

	"nasnet/nas/nn"
	"nasnet/nas/rng"
)

func TestSmoke(t *testing.T) {
	g := nn.NewGraph(4)
	x := g.Input("x", 4, 8, 8, 3)
	y := g.Labels("y", 4)
	h := g.Conv(x, g.Param("stem/conv/w", nn.FanOut, 3, 3, 3, 8), nn.ConvOpts{})
	h = g.BatchNorm("stem/bn", h)
	a := g.Depthwise(h, g.Param("a/dw/w", nn.FanOutDepthwise, 3, 3, 1, 8), nn.ConvOpts{Relu: true})
	b := g.MaxPool(h, 3, 1)
	c := g.DropPath(g.AvgPool(h, 3, 1), 0)
	s := g.Concat(g.Add(a, b), g.Add(c, h), g.Add(h, h))
	l := g.Linear(g.GlobalAvgPool(s, true), g.Param("fc/w", nn.FanOut, 24, 10), g.Param("fc/b", nn.Zeros, 10))
	loss := g.SoftmaxXent(l, y, 0.1, 1)
	p, err := g.Compile(loss, l)
	if err != nil {
		t.Fatal(err)
	}
	r := rng.Stream(1, "init")
	g.InitParams(r)
	for i := range p.Value(x) {
		p.Value(x)[i] = float32(r.NormFloat64())
	}
	for i := range p.Labels(y) {
		p.Labels(y)[i] = int32(i)
	}
	for i := range 30 {
		p.Train()
		if i%5 == 0 {
			t.Log(p.Loss(), p.Hits(loss), p.Steps(true), p.PlannedPeak(), p.LivePeak())
		}
		for _, q := range p.Params() {
			for j := range q.Value {
				q.Value[j] -= 0.1 * q.Grad[j]
			}
		}
	}
	p.Forward(false)
	t.Log(p.Loss())
}
