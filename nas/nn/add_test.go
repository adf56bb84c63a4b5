package nn

import (
	"math"
	"math/rand/v2"
	"testing"
)

// withoutAdding compiles a network whose ops never add to existing values.
func withoutAdding(t *testing.T, g *Graph, loss Node) *Program {
	t.Helper()
	if err := g.differentiate(loss); err != nil {
		t.Fatal(err)
	}
	for _, n := range g.expr.AllNodes() {
		if b, ok := n.Op().(*op); ok {
			b.adds = nil
		}
	}
	p, err := g.Compile(loss)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAddingOpsGiveTheGradientsOfSums(t *testing.T) {
	added, inPlace := 0, 0
	for seed := range uint64(40) {
		var grads [2][][]float32
		var sums [2]int
		for k := range 2 {
			r := rand.New(rand.NewPCG(seed, 5))
			g, loss := randomNet(r)
			var p *Program
			if k == 0 {
				p = withoutAdding(t, g, loss)
			} else {
				var err error
				if p, err = g.Compile(loss); err != nil {
					t.Fatal(err)
				}
			}
			for i := range p.train.steps {
				st := &p.train.steps[i]
				if st.kind == stepAdd {
					sums[k]++
				}
				for j, v := range st.base {
					if v != nil {
						added++
						if st.result(j).buf == v.buf {
							inPlace++
						}
					}
				}
			}
			g.InitParams(r)
			for _, in := range g.inputs {
				for i := range p.given[in.node].mem {
					p.given[in.node].mem[i] = float32(r.NormFloat64())
				}
			}
			p.Train()
			for _, q := range p.Params() {
				grads[k] = append(grads[k], q.Grad)
			}
		}
		if sums[1] > sums[0] {
			t.Errorf("seed %d: %d additions of gradients, %d without ops that add", seed, sums[1], sums[0])
		}
		for i, want := range grads[0] {
			scale := 0.0
			for _, v := range want {
				scale = max(scale, math.Abs(float64(v)))
			}
			for j, v := range grads[1][i] {
				if math.Abs(float64(v-want[j])) > 2e-5*(1e-3+scale) {
					t.Fatalf("seed %d: gradient %d[%d] is %v, want %v", seed, i, j, v, want[j])
				}
			}
		}
	}
	if inPlace < 10 || added-inPlace < 5 {
		t.Errorf("%d results were added to something, %d in place: the networks do not cover both ways", added, inPlace)
	}
}

func TestResultIsAddedInPlaceOnlyWhereItIsSafe(t *testing.T) {
	for name, c := range map[string]struct {
		change func(st *step, v *value)
		want   bool
	}{
		"read for the last time": {func(*step, *value) {}, true},
		"read again later":       {func(_ *step, v *value) { v.last = 1 }, false},
		"also an input":          {func(st *step, v *value) { st.in[0] = v }, false},
		"also read as a side":    {func(st *step, v *value) { st.side = append(st.side, v) }, false},
		"also added to before":   {func(st *step, v *value) { st.base[0] = v }, false},
		"not planned":            {func(_ *step, v *value) { v.buf = nil }, false},
		"the result is kept":     {func(st *step, _ *value) { st.side[0].ext = &slot{} }, false},
	} {
		v := &value{n: 16, buf: &buffer{}}
		st := &step{kind: stepOp, op: &op{adds: []int{0, 1}, writes: []*side{{n: 16}}}, in: []*value{{n: 16}},
			out:  &value{n: 16},
			side: []*value{{n: 16}}, base: []*value{nil, v}}
		c.change(st, v)
		if got := st.canAddIn(v, 1, 0); got != c.want {
			t.Errorf("a sum %s: added to in place %v, want %v", name, got, c.want)
		}
	}
}
