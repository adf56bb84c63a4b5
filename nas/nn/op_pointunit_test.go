package nn

import "testing"

// The two cells after a cell read its states: adding up the units' gradients must take no extra steps.
func TestUnitsOverTheSamePartsAddTheirGradients(t *testing.T) {
	g := NewGraph(2)
	x := g.Input("x", 2, 6, 6, 4)
	var states []Node
	for _, name := range []string{"a", "b", "c"} {
		states = append(states, g.BatchNorm(name, g.Conv(x, g.Param(name+"/w", FanOut, 3, 3, 4, 4), ConvOpts{})))
	}
	unit := func(name string, o ConvOpts, paths ...string) Node {
		var weights []Node
		for _, path := range paths {
			weights = append(weights, g.Param(path, FanOut, 1, 1, 12, 2))
		}
		return g.GlobalAvgPool(g.PointUnit(states, weights, g.Norm(name, 2*len(paths)), o), false)
	}
	y := g.Concat(unit("cur", ConvOpts{Relu: true}, "cur/w"), unit("prev", ConvOpts{Relu: true}, "prev/w"),
		unit("half", ConvOpts{Relu: true, Stride: 2}, "path1/w", "path2/w"))
	loss := g.SoftmaxXent(g.Linear(y, g.Param("fc/w", FanOut, 8, 3), g.Param("fc/b", Zeros, 3)), g.Labels("y", 2), 0, 1)
	p, err := g.Plan(loss)
	if err != nil {
		t.Fatal(err)
	}
	added := 0
	for _, st := range p.train.steps {
		if st.kind == stepAdd {
			t.Errorf("a step adds gradients of %v", st.node)
		}
		for _, v := range st.base {
			if v != nil {
				added++
			}
		}
	}
	if want := 2 * len(states); added != want {
		t.Errorf("%d gradients are added to others, want %d", added, want)
	}
}
