package nn_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"nasnet/nas/nn"
	"nasnet/nas/rng"
)

// train does n steps of plain gradient descent and returns every resulting loss, gradient and value, bit for bit.
func train(c *checked, n int) []uint32 {
	var bits []uint32
	for range n {
		c.p.Train()
		bits = append(bits, math.Float32bits(float32(c.p.Loss())))
		for _, q := range c.p.Params() {
			for i, d := range q.Grad {
				bits = append(bits, math.Float32bits(d))
				q.Value[i] -= 0.05 * d
			}
		}
	}
	for _, b := range c.p.Buffers() {
		for _, v := range b.Value {
			bits = append(bits, math.Float32bits(v))
		}
	}
	return bits
}

// dropping enables one of two DropPath masks.
func dropping(c *checked) *checked {
	c.p.DrawDropPath(rng.Stream(9, "drop"), func(i int) float64 { return 1 - 0.4*float64(i) })
	return c
}

func TestPlannedMemoryGivesTheResultsOfSeparateMemory(t *testing.T) {
	for _, drop := range []bool{false, true} {
		var want []uint32
		var peak int64
		for _, keep := range []bool{true, false} {
			g := nn.NewGraph(3)
			g.Keep = keep
			c := newCheckedIn(t, g, 1, cell)
			if drop {
				dropping(c)
			}
			got := train(c, 5)
			if keep {
				want, peak = got, c.p.PlannedPeak()
				continue
			}
			if !slices.Equal(got, want) {
				t.Errorf("drop %v: results with and without reused memory differ", drop)
			}
			if p := c.p.PlannedPeak(); p*3 > peak*2 {
				t.Errorf("planned memory %d bytes, without reuse %d: the plan saves nothing", p, peak)
			}
		}
	}
}

func TestTheContentOfAnArenaDoesNotMatter(t *testing.T) {
	want := train(dropping(newChecked(t, 1, 3, cell)), 3)
	arena := new(nn.Arena)
	g := nn.NewGraph(3)
	g.Arena = arena
	poison := newCheckedIn(t, g, 1, cell)
	for _, q := range poison.p.Params() {
		for i := range q.Value {
			q.Value[i] = float32(math.NaN())
		}
	}
	poison.p.Train()
	g = nn.NewGraph(3)
	g.Arena = arena
	c := newCheckedIn(t, g, 1, cell)
	if got := train(dropping(c), 3); !slices.Equal(got, want) {
		t.Error("results depend on what the arena held before")
	}
	if arena.Bytes() != c.p.PlannedPeak() || c.p.ArenaBytes() != arena.Bytes() {
		t.Errorf("arena of %d bytes, planned %d", arena.Bytes(), c.p.PlannedPeak())
	}
	defer func() {
		if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "arena") {
			t.Errorf("running a program whose arena is taken: %v, want a panic about it", r)
		}
	}()
	poison.p.Train()
}

func TestArenaGrowsAndStaysForSmallerNetworks(t *testing.T) {
	arena := new(nn.Arena)
	compile := func(size int) *nn.Program {
		g := nn.NewGraph(1)
		g.Arena = arena
		x := g.Param("x", nn.Ones, 1, size, size, 2)
		loss := g.SoftmaxXent(g.GlobalAvgPool(g.MaxPool(g.AvgPool(x, 3, 1), 3, 1), false), g.Labels("y", 1), 0, 1)
		p, err := g.Compile(loss)
		if err != nil {
			t.Fatal(err)
		}
		g.InitParams(nil)
		p.Train()
		return p
	}
	small, large := compile(4), compile(40)
	if arena.Bytes() != large.PlannedPeak() || small.PlannedPeak() >= large.PlannedPeak() {
		t.Errorf("arena %d, planned %d and %d", arena.Bytes(), small.PlannedPeak(), large.PlannedPeak())
	}
	if again := compile(4); again.ArenaBytes() != large.PlannedPeak() {
		t.Errorf("the arena shrank to %d", again.ArenaBytes())
	}
}

func TestStepsAllocateNothing(t *testing.T) {
	c := dropping(newChecked(t, 1, 3, cell))
	r := rng.Stream(1, "drop")
	keep := func(int) float64 { return 0.5 }
	for name, f := range map[string]func(){
		"Train":                c.p.Train,
		"Forward in training":  func() { c.p.Forward(true) },
		"Forward":              func() { c.p.Forward(false) },
		"DrawDropPath, Train":  func() { c.p.DrawDropPath(r, keep); c.p.Train() },
		"Loss, Hits and Value": func() { _ = c.p.Loss() + float64(len(c.p.Value(c.gb.inputs["image"]))) },
	} {
		if n := testing.AllocsPerRun(20, f); n > 0 {
			t.Errorf("%s: %v allocations per run", name, n)
		}
	}
}

func TestGoroutinesTrainAsOneDoes(t *testing.T) {
	want := [2][]uint32{train(newChecked(t, 1, 3, cell), 10), train(dropping(newChecked(t, 2, 3, cell)), 10)}
	for range 3 {
		var got [2][]uint32
		var wg sync.WaitGroup
		for i := range got {
			wg.Add(1)
			go func() {
				defer wg.Done()
				c := newChecked(t, uint64(i)+1, 3, cell)
				if i == 1 {
					dropping(c)
				}
				got[i] = train(c, 10)
			}()
		}
		wg.Wait()
		for i := range got {
			if !slices.Equal(got[i], want[i]) {
				t.Errorf("network %d gives other results when trained beside another", i)
			}
		}
	}
}

func TestGorgoniasTapeMachineGivesTheSameGradients(t *testing.T) {
	c := newChecked(t, 1, 3, cell)
	c.p.Train()
	for _, q := range c.p.Params() {
		n := c.g.Expr().ByName(q.Name)[0]
		if err := gorgonia.Let(n, tensor.New(tensor.WithShape(q.Shape...),
			tensor.WithBacking(slices.Clone(q.Value)))); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range c.g.Expr().Inputs() {
		var backing any
		switch {
		case n.Value() != nil:
			continue
		case n.Dtype() == tensor.Int32:
			backing = slices.Clone(c.p.Labels(n))
		case strings.HasPrefix(n.Name(), "droppath"):
			ones := slices.Clone(c.p.Value(n))
			for i := range ones {
				ones[i] = 1
			}
			backing = ones
		default:
			backing = slices.Clone(c.p.Value(n))
		}
		if err := gorgonia.Let(n, tensor.New(tensor.WithShape(n.Shape()...), tensor.WithBacking(backing))); err != nil {
			t.Fatal(err)
		}
	}
	m := gorgonia.NewTapeMachine(c.g.Expr())
	defer m.Close()
	if err := m.RunAll(); err != nil {
		t.Fatal(err)
	}
	for _, q := range c.p.Params() {
		n := c.g.Expr().ByName(q.Name)[0]
		v, err := n.Grad()
		if err != nil {
			t.Fatal(err)
		}
		for i, d := range v.Data().([]float32) {
			if math.Abs(float64(d-q.Grad[i])) > 1e-6 {
				t.Fatalf("%s[%d]: %v on the tape machine, %v here", q.Name, i, d, q.Grad[i])
			}
		}
	}
}

func TestForwardLeavesOutTheBackwardPart(t *testing.T) {
	c := newChecked(t, 1, 3, cell)
	if f, b := c.p.Steps(false), c.p.Steps(true); f*2 >= b {
		t.Errorf("%d steps forward, %d with backward", f, b)
	}
	g := nn.NewGraph(1)
	x := g.Input("x", 1, 4, 4, 2)
	y := g.Conv(x, g.Param("w", nn.FanOut, 1, 1, 2, 2), nn.ConvOpts{})
	other := g.Relu(x)
	p, err := g.Compile(nil, y)
	if err != nil {
		t.Fatal(err)
	}
	if p.Steps(false) != 1 {
		t.Errorf("%d steps, want 1", p.Steps(false))
	}
	p.Forward(false)
	mustPanic(t, "neither", func() { p.Value(other) })
	mustPanic(t, "without a loss", p.Train)
}

func mustPanic(t *testing.T, with string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), with) {
			t.Errorf("panic %v, want one with %q", r, with)
		}
	}()
	f()
}

func TestNoGradientForTheImageIsComputed(t *testing.T) {
	steps := func(asParam bool) int {
		g := nn.NewGraph(1)
		var x nn.Node
		if asParam {
			x = g.Param("x", nn.Ones, 1, 4, 4, 2)
		} else {
			x = g.Input("x", 1, 4, 4, 2)
		}
		y := g.Conv(g.AvgPool(x, 3, 1), g.Param("w", nn.FanOut, 1, 1, 2, 2), nn.ConvOpts{})
		p, err := g.Plan(g.SoftmaxXent(g.GlobalAvgPool(y, false), g.Labels("y", 1), 0, 1))
		if err != nil {
			t.Fatal(err)
		}
		return p.Steps(true)
	}
	if with, without := steps(true), steps(false); without != with-2 {
		t.Errorf("%d steps with a gradient for x, %d without: want two fewer (convolution, pool)", with, without)
	}
}

func TestDisabledDropPathCostsNothing(t *testing.T) {
	steps := func(drop bool) int {
		g := nn.NewGraph(2)
		x := g.Param("x", nn.Ones, 2, 4, 4, 2)
		h := g.AvgPool(x, 3, 1)
		if drop {
			h = g.DropPath(h, 0)
		}
		p, err := g.Plan(g.SoftmaxXent(g.GlobalAvgPool(g.Add(h, x), false), g.Labels("y", 2), 0, 1))
		if err != nil {
			t.Fatal(err)
		}
		return p.Steps(true)
	}
	if a, b := steps(false), steps(true); a != b {
		t.Errorf("%d steps without a drop path, %d with one that is disabled", a, b)
	}
}

func TestDisablingOnePathLeavesTheOthers(t *testing.T) {
	g := nn.NewGraph(1)
	x := g.Input("x", 1, 2)
	a, b := g.DropPath(g.Relu(x), 0), g.DropPath(g.Relu(x), 1)
	p, err := g.Compile(nil, a, b)
	if err != nil {
		t.Fatal(err)
	}
	fillWith(p.Value(x), 3)
	for _, c := range []struct {
		scale0, scale1 []float32
		want0, want1   float32
	}{
		{nil, nil, 3, 3}, {[]float32{0}, []float32{2}, 0, 6}, {nil, []float32{3}, 3, 9}, {[]float32{2}, nil, 6, 3},
		{nil, nil, 3, 3},
	} {
		drop(p, map[int][]float32{0: c.scale0, 1: c.scale1})
		p.Forward(true)
		if p.Value(a)[1] != c.want0 || p.Value(b)[1] != c.want1 {
			t.Errorf("scales %v and %v: %v and %v, want %v and %v", c.scale0, c.scale1, p.Value(a)[1], p.Value(b)[1],
				c.want0, c.want1)
		}
	}
}

func TestOpsOfAGraphHaveDifferentHashes(t *testing.T) {
	seen := map[uint32]nn.Node{}
	for _, n := range newChecked(t, 1, 3, cell).g.Expr().AllNodes() {
		if op := n.Op(); op != nil && strings.Contains(fmt.Sprintf("%T", op), "nn.") {
			if o, ok := seen[op.Hashcode()]; ok {
				t.Errorf("%v and %v have the same hash: if their nodes' hashes collide, Gorgonia merges them", o, n)
			}
			seen[op.Hashcode()] = n
		}
	}
	if len(seen) < 100 {
		t.Errorf("only %d ops", len(seen))
	}
}

func TestDropPathKeepsWithItsProbabilityAndScales(t *testing.T) {
	g := nn.NewGraph(500)
	x := g.Input("x", 500, 2)
	y := g.DropPath(x, 7)
	p, err := g.Compile(nil, y)
	if err != nil {
		t.Fatal(err)
	}
	fillWith(p.Value(x), 3)
	r := rng.Stream(1, "drop path")
	var sum float64
	for range 40 {
		p.DrawDropPath(r, func(i int) float64 {
			if i != 7 {
				t.Errorf("keep was asked for path %d", i)
			}
			return 0.6
		})
		p.Forward(true)
		for i, v := range p.Value(y) {
			if v != 0 && math.Abs(float64(v)-5) > 1e-5 || p.Value(y)[i&^1] != v {
				t.Fatalf("element %d is %v, want 0 or 5, the same in an example", i, v)
			}
			sum += float64(v) / 1000 / 40
		}
	}
	// 20,000 draws of 5 with probability 0.6: standard deviation of the mean 0.017.
	if math.Abs(sum-3) > 0.08 {
		t.Errorf("mean %v, want the input's 3", sum)
	}
	for name, off := range map[string]func(){
		"evaluation":    func() { p.Forward(false) },
		"a keep of one": func() { p.DrawDropPath(r, func(int) float64 { return 1 }); p.Forward(true) },
	} {
		drop(p, map[int][]float32{7: make([]float32, 500)})
		off()
		if v := p.Value(y)[0]; v != 3 {
			t.Errorf("%s: %v, want the input unchanged", name, v)
		}
	}
}

// drop sets the scales of DropPath masks by index, as if a draw had come out so. Nonzero scales of a mask must be
// equal; nil: nothing of it is dropped.
func drop(p *nn.Program, scales map[int][]float32) {
	var d draws
	p.DrawDropPath(rand.New(&d), func(index int) float64 {
		keep := 1.0
		if scales[index] != nil {
			keep = 0.5
		}
		for _, s := range scales[index] {
			if s != 0 {
				keep = 1 / float64(s)
			}
			d = append(d, s != 0)
		}
		return keep
	})
}

// draws is a random source: each number is so small that an example keeps its path, or so large that it does not.
type draws []bool

func (d *draws) Uint64() uint64 {
	keep := (*d)[0]
	*d = (*d)[1:]
	if keep {
		return 0
	}
	return math.MaxUint64
}

func fillWith(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}

func TestPaddingTheLastBatchOfAnEvaluationIsExact(t *testing.T) {
	g := nn.NewGraph(4)
	x, y := g.Input("x", 4, 5, 5, 2), g.Labels("y", 4)
	h := g.BatchNorm("bn", g.Conv(x, g.Param("k/w", nn.FanOut, 3, 3, 2, 6), nn.ConvOpts{}))
	l := g.Linear(g.GlobalAvgPool(h, true), g.Param("fc/w", nn.FanOut, 6, 3), g.Param("fc/b", nn.Zeros, 3))
	loss := g.SoftmaxXent(l, y, 0, 1)
	p, err := g.Compile(loss, l)
	if err != nil {
		t.Fatal(err)
	}
	g.InitParams(rng.Stream(1, "init"))
	uniform(1)(rng.Stream(1, "x"), p.Value(x), nil)
	copy(p.Labels(y), []int32{0, 1, 2, 1})
	p.Train() // moves the statistics

	small := nn.NewSharing(g, 3)
	sx, sy := small.Input("x", 3, 5, 5, 2), small.Labels("y", 3)
	h = small.BatchNorm("bn", small.Conv(sx, small.Param("k/w", nn.FanOut, 3, 3, 2, 6), nn.ConvOpts{}))
	sl := small.Linear(small.GlobalAvgPool(h, true), small.Param("fc/w", nn.FanOut, 6, 3),
		small.Param("fc/b", nn.Zeros, 3))
	sloss := small.SoftmaxXent(sl, sy, 0, 1)
	q, err := small.Compile(nil, sloss, sl)
	if err != nil {
		t.Fatal(err)
	}
	copy(q.Value(sx), p.Value(x))
	copy(q.Labels(sy), p.Labels(y))
	q.Forward(false)

	pad := p.Value(x)[3*50:]
	p.Labels(y)[3] = -1
	var want []float32
	for _, v := range []float32{0, 1e6, float32(math.NaN())} {
		fillWith(pad, v)
		p.Forward(false)
		if want == nil {
			want = slices.Clone(p.Value(l)[:9])
		}
		if !slices.Equal(p.Value(l)[:9], want) {
			t.Errorf("logits %v when padded with %v, %v with 0", p.Value(l)[:9], v, want)
		}
	}
	close := func(a, b float64) bool { return math.Abs(a-b) < 1e-6 }
	if !slices.EqualFunc(want, q.Value(sl), func(a, b float32) bool { return close(float64(a), float64(b)) }) {
		t.Errorf("logits %v of a padded batch, %v of a batch of three", want, q.Value(sl))
	}
	if !close(p.Loss(), q.Scalar(sloss)) || p.Hits(loss) != q.Hits(sloss) {
		t.Errorf("loss %v, %d right of a padded batch; %v, %d of a batch of three", p.Loss(), p.Hits(loss),
			q.Scalar(sloss), q.Hits(sloss))
	}
	got, hits := nn.SoftmaxXent(p.Value(l), p.Labels(y)[:3], 3, 0)
	if got != p.Loss() || hits != p.Hits(loss) {
		t.Errorf("SoftmaxXent: %v, %d right; want %v, %d", got, hits, p.Loss(), p.Hits(loss))
	}
	q.Params()[0].Value[0]++
	if p.Params()[0].Value[0] != q.Params()[0].Value[0] {
		t.Error("the graphs do not share parameters")
	}
}

func TestParameterThatTheLossDoesNotNeedHasNoGradient(t *testing.T) {
	g := nn.NewGraph(1)
	x := g.Param("x", nn.Ones, 1, 3)
	g.Relu(g.Param("alone", nn.Ones, 1, 3))
	p, err := g.Compile(g.SoftmaxXent(x, g.Labels("y", 1), 0, 1))
	if err != nil {
		t.Fatal(err)
	}
	g.InitParams(nil)
	p.Train()
	if g := p.Params()[1].Grad; len(g) != 3 || g[0] != 0 {
		t.Errorf("gradient %v, want zeros", g)
	}
	if g := p.Params()[0].Grad; g[0] == 0 {
		t.Errorf("gradient %v, want some", g)
	}
}

func TestKeepShowsEveryValue(t *testing.T) {
	g := nn.NewGraph(1)
	g.Keep = true
	x := g.Input("x", 1, 2)
	a := g.Relu(x)
	d := g.DropPath(a, 0)
	b := g.Add(d, d)
	p, err := g.Compile(nil, b)
	if err != nil {
		t.Fatal(err)
	}
	copy(p.Value(x), []float32{-1, 2})
	for _, c := range []struct {
		scale []float32
		want  float32
	}{{nil, 2}, {[]float32{3}, 6}} {
		drop(p, map[int][]float32{0: c.scale})
		p.Forward(true)
		if p.Value(a)[1] != 2 || p.Value(d)[1] != c.want || p.Value(b)[1] != 2*c.want || p.Value(a)[0] != 0 {
			t.Errorf("scale %v: values %v %v %v", c.scale, p.Value(a), p.Value(d), p.Value(b))
		}
	}
}

func TestOutputsAreKept(t *testing.T) {
	g := nn.NewGraph(2)
	x := g.Input("x", 2, 4)
	a := g.Relu(x)
	b := g.DropPath(a, 0) // shares a's memory while disabled
	c := g.Relu(g.Add(b, b))
	p, err := g.Compile(nil, a, b, c, x, a)
	if err != nil {
		t.Fatal(err)
	}
	copy(p.Value(x), []float32{1, 2, 3, -4})
	for i, scale := range [][]float32{nil, {5, 0}} {
		drop(p, map[int][]float32{0: scale})
		p.Forward(true)
		want := []float32{2, 10}[i]
		if p.Value(a)[1] != 2 || p.Value(b)[1] != want || p.Value(c)[1] != 2*want || p.Value(x)[3] != -4 ||
			p.Value(a)[3] != 0 {
			t.Errorf("scale %v: %v %v %v %v", scale, p.Value(a), p.Value(b), p.Value(c), p.Value(x))
		}
	}
}

func TestWrongNetworksAreErrors(t *testing.T) {
	for name, c := range map[string]struct {
		want  string
		build func(g *nn.Graph, x nn.Node)
	}{
		"a kernel for other channels": {"conv of k",
			func(g *nn.Graph, x nn.Node) { g.Conv(x, g.Param("k", nn.Ones, 3, 3, 4, 8), nn.ConvOpts{}) }},
		"a depthwise kernel with two outputs": {"want (kh, kw, 1, 3)",
			func(g *nn.Graph, x nn.Node) { g.Depthwise(x, g.Param("k", nn.Ones, 3, 3, 2, 3), nn.ConvOpts{}) }},
		"a kernel larger than the image": {"without padding", func(g *nn.Graph, x nn.Node) {
			g.Conv(x, g.Param("k", nn.Ones, 7, 7, 3, 8), nn.ConvOpts{Valid: true})
		}},
		"a pool larger than the image":  {"avgpool", func(g *nn.Graph, x nn.Node) { g.AvgPoolValid(x, 6, 1) }},
		"adding different shapes":       {"add", func(g *nn.Graph, x nn.Node) { g.Add(x, g.MaxPool(x, 3, 2)) }},
		"concatenating different sizes": {"concat", func(g *nn.Graph, x nn.Node) { g.Concat(x, g.MaxPool(x, 3, 2)) }},
		"concatenating nothing":         {"concat", func(g *nn.Graph, x nn.Node) { g.Concat() }},
		"a linear layer for another input": {"linear of w",
			func(g *nn.Graph, x nn.Node) { g.Linear(x, g.Param("w", nn.Ones, 3, 4), g.Param("b", nn.Ones, 4)) }},
		"labels for another batch": {"labels", func(g *nn.Graph, x nn.Node) {
			g.SoftmaxXent(g.GlobalAvgPool(x, false), g.Labels("y", 3), 0, 1)
		}},
		"two parameters with one name": {"already used", func(g *nn.Graph, x nn.Node) {
			g.Param("k", nn.Ones, 3)
			g.Param("k", nn.Ones, 3)
		}},
		"a parameter with an input's name": {"already used", func(g *nn.Graph, x nn.Node) { g.Param("x", nn.Ones, 3) }},
		"two batch normalisations with one name": {"already used", func(g *nn.Graph, x nn.Node) {
			g.BatchNorm("bn", g.BatchNorm("bn", x))
		}},
		"a shape with a zero": {"bad shape", func(g *nn.Graph, x nn.Node) { g.Param("k", nn.Ones, 3, 0) }},
		"a huge shape": {"bad shape",
			func(g *nn.Graph, x nn.Node) { g.Param("k", nn.Ones, 1<<30, 1<<30, 1<<30) }},
		"a dropout that keeps nothing": {"dropout", func(g *nn.Graph, x nn.Node) { g.Dropout(x, 0) }},
		"a DropPath of another batch": {"droppath",
			func(g *nn.Graph, x nn.Node) { g.DropPath(x, 0); g.DropPath(g.Input("z", 5, 2), 0) }},
		"another shape when shared": {"shares",
			func(g *nn.Graph, x nn.Node) { g.Param("k", nn.Ones, 3); nn.NewSharing(g, 2).Param("k", nn.Ones, 4) }},
		"a graph for no examples": {"batch", func(g *nn.Graph, x nn.Node) { nn.NewGraph(0) }},
		"a loss added to a node that is not one": {"add", func(g *nn.Graph, x nn.Node) {
			g.Add(x, g.SoftmaxXent(g.GlobalAvgPool(x, false), g.Labels("y", 2), 0, 1))
		}},
	} {
		g := nn.NewGraph(2)
		x := g.Input("x", 2, 5, 5, 3)
		err := nn.Try(func() { c.build(g, x) })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	g := nn.NewGraph(2)
	x, y := g.Input("x", 2, 3), g.Labels("y", 2)
	loss := g.SoftmaxXent(x, y, 0, 1)
	w := g.Param("w", nn.Ones, 2, 3)
	good := g.SoftmaxXent(g.Add(x, w), y, 0, 1)
	stock := gorgonia.Must(gorgonia.Sigmoid(w))
	for name, c := range map[string]struct {
		want string
		loss nn.Node
		outs []nn.Node
	}{
		"a loss without parameters":  {"no parameter", loss, nil},
		"a loss that is no scalar":   {"scalar", w, nil},
		"nothing to compute":         {"neither", nil, nil},
		"an operation of Gorgonia's": {"not an operation of this package", nil, []nn.Node{stock}},
	} {
		if _, err := g.Compile(c.loss, c.outs...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
	if _, err := g.Compile(good); err != nil {
		t.Error(err)
	}
	if _, err := g.Compile(good, w, x); err != nil {
		t.Errorf("the same loss with other outputs: %v", err)
	}
	if _, err := g.Compile(g.Add(good, good)); err == nil {
		t.Error("a second loss was accepted")
	}
}

func TestPlanAllocatesNothing(t *testing.T) {
	g := nn.NewGraph(1)
	x := g.Input("x", 1, 4)
	y := g.Linear(x, g.Param("w", nn.Ones, 4, 2), g.Param("b", nn.Ones, 2))
	p, err := g.Plan(g.SoftmaxXent(y, g.Labels("y", 1), 0, 1))
	if err != nil {
		t.Fatal(err)
	}
	if p.PlannedPeak() == 0 || p.ArenaBytes() != 0 || p.Params()[0].Value != nil {
		t.Errorf("planned %d, arena %d, params %v", p.PlannedPeak(), p.ArenaBytes(), p.Params()[0].Value)
	}
	mustPanic(t, "not allocated", p.Train)
	p.Alloc()
	p.Train()
}

func TestMAddsCountsWhatAnOutputNeeds(t *testing.T) {
	g := nn.NewGraph(3)
	x := g.Input("x", 3, 8, 8, 2)
	a := g.Conv(x, g.Param("a", nn.Ones, 3, 3, 2, 4), nn.ConvOpts{Stride: 2})   // 4*4*3*3*2*4
	b := g.Depthwise(a, g.Param("b", nn.Ones, 5, 5, 1, 4), nn.ConvOpts{})       // 4*4*5*5*4
	c := g.Linear(b, g.Param("w", nn.Ones, 64, 10), g.Param("v", nn.Zeros, 10)) // 640
	g.Conv(x, g.Param("unused", nn.Ones, 3, 3, 2, 4), nn.ConvOpts{})
	if got, want := g.MAdds(c, a), int64(16*72+16*100+640); got != want {
		t.Errorf("%d multiply-adds, want %d", got, want)
	}
}

func TestInitialisersHaveTheirVariance(t *testing.T) {
	for name, c := range map[string]struct {
		init  nn.Init
		shape []int
		std   float64
	}{
		"fan-out of a convolution":           {nn.FanOut, []int{3, 3, 40, 50}, math.Sqrt(2.0 / 450)},
		"fan-out of a linear layer":          {nn.FanOut, []int{2000, 10}, math.Sqrt(2.0 / 10)},
		"fan-out of a depthwise convolution": {nn.FanOutDepthwise, []int{5, 5, 1, 1000}, math.Sqrt(2.0 / 25)},
		"uniform":                            {uniform(0.1), []int{20000}, 0.1 / math.Sqrt(3)},
	} {
		n := 1
		for _, d := range c.shape {
			n *= d
		}
		v := make([]float32, n)
		c.init(rng.Stream(1, name), v, c.shape)
		var sum, sq, most float64
		for _, x := range v {
			sum += float64(x)
			sq += float64(x) * float64(x)
			most = max(most, math.Abs(float64(x)))
		}
		// slim's 1.3 makes up for the truncation up to 1 %; the sample adds another 1 %.
		if std := math.Sqrt(sq / float64(n)); math.Abs(std/c.std-1) > 0.025 || math.Abs(sum/float64(n)) > 0.03*c.std {
			t.Errorf("%s: mean %v, standard deviation %v, want %v", name, sum/float64(n), std, c.std)
		}
		if most > 2.3*c.std {
			t.Errorf("%s: largest %v, want truncation at two standard deviations", name, most)
		}
	}
}

func TestNetworkLearns(t *testing.T) {
	g := nn.NewGraph(16)
	x, y := g.Input("x", 16, 8, 8, 1), g.Labels("y", 16)
	h := g.BatchNorm("bn", g.Conv(x, g.Param("k/w", nn.FanOut, 3, 3, 1, 6), nn.ConvOpts{}))
	h = g.Depthwise(h, g.Param("dw/w", nn.FanOutDepthwise, 3, 3, 1, 6), nn.ConvOpts{Relu: true, Stride: 2})
	h = g.BatchNorm("bn2", g.Conv(h, g.Param("pw/w", nn.FanOut, 1, 1, 6, 8), nn.ConvOpts{}))
	l := g.Linear(g.GlobalAvgPool(h, true), g.Param("fc/w", nn.FanOut, 8, 2), g.Param("fc/b", nn.Zeros, 2))
	loss := g.SoftmaxXent(l, y, 0, 1)
	p, err := g.Compile(loss, l)
	if err != nil {
		t.Fatal(err)
	}
	r := rng.Stream(3, "learn")
	g.InitParams(r)
	batch := func() { // noisy horizontal or vertical stripes
		for i := range 16 {
			c := i % 2
			p.Labels(y)[i] = int32(c)
			for j := range 64 {
				stripe := [2]int{j / 8 % 2, j % 8 % 2}[c]
				p.Value(x)[i*64+j] = float32(stripe) + float32(r.NormFloat64())
			}
		}
	}
	opt := &nn.SGD{Momentum: 0.9}
	for range 60 {
		batch()
		p.Train()
		opt.Step(p.Params(), 0.05)
	}
	hits := 0
	for range 10 {
		batch()
		p.Forward(false)
		hits += p.Hits(loss)
	}
	if hits < 150 {
		t.Errorf("%d of 160 correct after training, want 150", hits)
	}
}
