package nn

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestClockCountsEveryStep(t *testing.T) {
	g := NewGraph(2)
	x, y := g.Input("x", 2, 4, 4, 3), g.Labels("y", 2)
	g.Part = "stem"
	h := g.BatchNorm("bn", g.Conv(x, g.Param("w", FanOut, 3, 3, 3, 5), ConvOpts{}))
	g.Part = ""
	loss := g.SoftmaxXent(g.Linear(g.GlobalAvgPool(h, true), g.Param("fc/w", FanOut, 5, 3), g.Param("fc/b", Zeros, 3)),
		y, 0, 1)
	p, err := g.Compile(loss)
	if err != nil {
		t.Fatal(err)
	}
	g.InitParams(rand.New(rand.NewPCG(1, 2)))
	var c Clock
	p.Measure(&c)
	began := time.Now()
	p.Train()
	p.Forward(false)
	most := time.Since(began)
	p.Measure(nil)
	p.Train() // not measured
	parts := c.Parts()
	calls, total := map[string]int{}, time.Duration(0)
	for i, o := range c.Times() {
		if i > 0 && o.Time > c.Times()[i-1].Time {
			t.Errorf("%v comes after %v", o, c.Times()[i-1])
		}
		calls[o.Kind] += o.Calls
		total += o.Time
	}
	sum := 0
	for _, n := range calls {
		sum += n
	}
	if want := p.Steps(true) + p.Steps(false); sum != want || calls["conv"] != 2 || calls["conv dw"] != 1 {
		t.Errorf("%d calls, want %d: %v", sum, want, calls)
	}
	if parts["stem"] <= 0 || parts[""] <= 0 || parts["stem"]+parts[""] > total || len(parts) != 2 {
		t.Errorf("by part %v of %v", parts, total)
	}
	if total > most || total <= 0 {
		t.Errorf("%v measured in runs of %v", total, most)
	}
}
