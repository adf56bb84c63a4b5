package nn

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// checkPlan checks every step of a plan: no value is overwritten while it is needed.
func checkPlan(t *testing.T, p *Program, s *schedule) {
	t.Helper()
	owner := make([]*value, p.need) // of each float32 of the arena
	end := 0
	for i := range s.steps {
		st := &s.steps[i]
		for k, vs := range [][]*value{st.in, st.side, st.base} {
			for _, v := range vs {
				if v == nil || v.buf == nil || v.made == i {
					continue
				}
				for _, o := range owner[v.buf.at : v.buf.at+v.n] {
					if o != v {
						t.Fatalf("step %d (%v): input %d of kind %d was overwritten", i, st.op, v.made, k)
					}
				}
			}
		}
		for k, v := range append([]*value{st.out, st.scratch}, st.side...) {
			if v == nil || v.buf == nil || v.made != i {
				continue
			}
			end = max(end, v.buf.at+v.buf.n)
			if v.buf.at%align != 0 {
				t.Fatalf("step %d (%v): place %d is not aligned", i, st.op, v.buf.at)
			}
			for j, o := range owner[v.buf.at : v.buf.at+v.n] {
				if o == nil || o.last < i || o.last == i && o.buf == v.buf && (k == 0 || slices.Contains(st.base, o)) {
					owner[v.buf.at+j] = v
				} else {
					t.Fatalf("step %d (%v): result %d overwrites the value of step %d, needed until %d", i, st.op, k,
						o.made, o.last)
				}
			}
		}
	}
	if end > p.need {
		t.Errorf("steps write up to %d, planned %d", end, p.need)
	}
}

// randomNet makes a network that looks like a random cell, or is messier.
func randomNet(r *rand.Rand) (*Graph, Node) {
	g := NewGraph(2)
	x := g.Input("x", 2, 6, 6, 4)
	states := []Node{x, g.Conv(x, g.Param("w", FanOut, 3, 3, 4, 4), ConvOpts{})}
	for i := range 5 + r.IntN(20) {
		a, b := states[r.IntN(len(states))], states[r.IntN(len(states))]
		name := "n" + string(rune('a'+i))
		var n Node
		switch r.IntN(11) {
		case 0:
			n = g.Add(a, b)
		case 1:
			n = g.Conv(g.Concat(a, b, a), g.Param(name, FanOut, 1, 1, 12, 4), ConvOpts{Relu: true})
		case 2:
			n = g.MaxPool(a, 3, 1)
		case 3:
			n = g.AvgPool(a, 3, 1)
		case 4:
			n = g.BatchNorm(name, a)
		case 5:
			n = g.DropPath(a, r.IntN(3))
		case 6:
			n = g.Relu(a)
		case 7:
			n = g.Depthwise(a, g.Param(name, FanOutDepthwise, 5, 5, 1, 4), ConvOpts{Relu: r.IntN(2) == 0})
		case 8:
			n = g.Add(g.Add(a, a), b)
		case 9:
			n = g.Add(a, g.AvgPool(a, 3, 1))
		case 10:
			n = g.PointUnit([]Node{a, b, states[0]}, []Node{g.Param(name+"/w", FanOut, 1, 1, 12, 4)}, g.Norm(name, 4),
				ConvOpts{Relu: true})
		}
		states = append(states, n)
	}
	l := g.Linear(g.GlobalAvgPool(g.Concat(states[len(states)-3:]...), true), g.Param("fc/w", FanOut, 12, 3),
		g.Param("fc/b", Zeros, 3))
	loss := g.SoftmaxXent(l, g.Labels("y", 2), 0, 1)
	if r.IntN(2) == 0 {
		aux := g.Linear(g.AvgPoolValid(states[len(states)/2], 5, 3), g.Param("aux/w", FanOut, 4, 3),
			g.Param("aux/b", Zeros, 3))
		loss = g.Add(loss, g.SoftmaxXent(aux, g.Labels("ya", 2), 0, 0.4))
	}
	return g, loss
}

func TestPlanOverwritesNothingThatIsNeeded(t *testing.T) {
	var need, live int
	for seed := range uint64(60) {
		g, loss := randomNet(rand.New(rand.NewPCG(seed, 1)))
		p, err := g.Plan(loss, loss)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []*schedule{p.train, p.forward, p.trainDrop, p.forwardDrop} {
			if s != nil {
				checkPlan(t, p, s)
			}
		}
		if p.need < p.live {
			t.Errorf("seed %d: %d planned, %d live", seed, p.need, p.live)
		}
		need, live = need+p.need, live+p.live
	}
	if float64(need) > 1.05*float64(live) {
		t.Errorf("plans need %.3f times what is alive at one time", float64(need)/float64(live))
	}
}

func TestBuildingTwiceMakesTheSameSteps(t *testing.T) {
	for seed := range uint64(10) {
		var want []step
		for range 3 {
			g, loss := randomNet(rand.New(rand.NewPCG(seed, 1)))
			p, err := g.Plan(loss)
			if err != nil {
				t.Fatal(err)
			}
			got := p.train.steps
			if want == nil {
				want = got
			}
			if len(got) != len(want) {
				t.Fatalf("seed %d: %d steps, then %d", seed, len(want), len(got))
			}
			for i := range got {
				a, b := &got[i], &want[i]
				same := a.kind == b.kind && (a.op == nil || a.op.id == b.op.id && a.op.name == b.op.name)
				if same && a.out.buf != nil {
					same = b.out.buf != nil && a.out.buf.at == b.out.buf.at
				}
				if !same {
					t.Fatalf("seed %d: step %d is %v, then %v", seed, i, b.op, a.op)
				}
			}
		}
	}
}

func TestPlaceFillsGaps(t *testing.T) {
	//  time    0 1 2 3
	//  a (3)   x x
	//  b (2)     x x
	//  c (1)       x x
	//  d (3)       x x    takes a's place
	a, b := &buffer{n: 3, from: 0, to: 1}, &buffer{n: 2, from: 1, to: 2}
	c, d := &buffer{n: 1, from: 2, to: 3}, &buffer{n: 3, from: 2, to: 3}
	if need := place([]*buffer{a, b, c, d}, 6); need != 6 || a.at != 0 || d.at != 0 || b.at != 3 || c.at != 5 {
		t.Errorf("need %d, places %d %d %d %d", need, a.at, b.at, c.at, d.at)
	}
}

func TestResultTakesOverAnInputOnlyWhereItIsSafe(t *testing.T) {
	b := &op{inplace: []int{0}}
	for name, c := range map[string]struct {
		change func(st *step, v, w *value)
		want   bool
	}{
		"read for the last time":          {func(st *step, v, w *value) {}, true},
		"read again later":                {func(st *step, v, w *value) { v.last = 1 }, false},
		"also read where it must be kept": {func(st *step, v, w *value) { st.in[1] = v }, false},
		"of another size":                 {func(st *step, v, w *value) { v.n = 15 }, false},
		"not planned":                     {func(st *step, v, w *value) { v.buf = nil }, false},
		"not listed by the op":            {func(st *step, v, w *value) { st.op = &op{inplace: []int{2}} }, false},
		"the result is an output":         {func(st *step, v, w *value) { st.out.ext = &slot{} }, false},
		"a copy":                          {func(st *step, v, w *value) { st.kind = stepCopy }, false},
		"an addition to itself": {func(st *step, v, w *value) { st.kind, st.in = stepAdd, []*value{v, v} },
			true},
	} {
		v, w := &value{n: 16, buf: &buffer{}}, &value{n: 16, buf: &buffer{}, last: 1}
		steps := []step{{kind: stepOp, op: b, in: []*value{v, w, nil}, out: &value{n: 16}}}
		c.change(&steps[0], v, w)
		if got := takeOver(steps, 0) == v; got != c.want {
			t.Errorf("an input %s: taken over %v, want %v", name, got, c.want)
		}
	}
}

// BenchmarkOverhead runs a network of tiny arrays: it measures the cost of a step apart from its kernel.
func BenchmarkOverhead(b *testing.B) {
	g := NewGraph(1)
	x := g.Param("x", Ones, 1, 1, 1, 1)
	h := g.Relu(x)
	for range 300 {
		h = g.Add(g.Relu(h), h)
	}
	p, err := g.Compile(g.SoftmaxXent(g.GlobalAvgPool(h, false), g.Labels("y", 1), 0, 1))
	if err != nil {
		b.Fatal(err)
	}
	g.InitParams(nil)
	b.ReportAllocs()
	for b.Loop() {
		p.Train()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(p.Steps(true)), "ns/node")
}

// BenchmarkCompile describes, differentiates and plans a network about the size of a child with N = 2.
func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		g := NewGraph(64)
		x := g.Input("x", 64, 32, 32, 3)
		prev := g.Conv(x, g.Param("w", FanOut, 3, 3, 3, 16), ConvOpts{})
		h := prev
		for i := range 8 {
			c := string(rune('a' + i))
			states := []Node{h, prev}
			for k := range 5 {
				n := c + string(rune('0'+k))
				s := g.Depthwise(states[k], g.Param(n+"/dw1", FanOutDepthwise, 3, 3, 1, 16), ConvOpts{Relu: true})
				s = g.BatchNorm(n+"/bn1", g.Conv(s, g.Param(n+"/pw1", FanOut, 1, 1, 16, 16), ConvOpts{}))
				s = g.Depthwise(s, g.Param(n+"/dw2", FanOutDepthwise, 3, 3, 1, 16), ConvOpts{Relu: true})
				s = g.BatchNorm(n+"/bn2", g.Conv(s, g.Param(n+"/pw2", FanOut, 1, 1, 16, 16), ConvOpts{}))
				states = append(states, g.Add(g.DropPath(s, i), g.AvgPool(states[k+1], 3, 1)))
			}
			cat := g.Concat(states[1:]...)
			prev = h
			h = g.BatchNorm(c+"/bn", g.Conv(cat, g.Param(c+"/w", FanOut, 1, 1, 96, 16), ConvOpts{Relu: true}))
		}
		l := g.Linear(g.GlobalAvgPool(h, true), g.Param("fc/w", FanOut, 16, 10), g.Param("fc/b", Zeros, 10))
		p, err := g.Plan(g.SoftmaxXent(l, g.Labels("y", 64), 0, 1), l)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(p.Steps(true)), "steps")
		b.ReportMetric(float64(p.PlannedPeak())/(1<<20), "MB")
		b.ReportMetric(float64(p.need)/float64(p.live), "peak/live")
	}
}
