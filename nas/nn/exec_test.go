package nn_test

import (
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"nasnet/nas/nn"
	"nasnet/nas/rng"
)

// recurrent is a small recurrent policy of stock operations, as a controller uses them.
type recurrent struct {
	g     *gorgonia.ExprGraph
	ws    []gorgonia.Value
	nodes []nn.Node
	loss  nn.Node
	grads gorgonia.Nodes
	logp  []nn.Node
}

func must(n nn.Node, err error) nn.Node { return gorgonia.Must(n, err) }

func newRecurrent(t testing.TB, dt tensor.Dtype, steps int, salt string) *recurrent {
	r := &recurrent{g: gorgonia.NewGraph()}
	draw := rng.Stream(1, "exec test")
	param := func(name string, shape ...int) nn.Node {
		n := tensor.Shape(shape).TotalSize()
		var backing any
		f64, f32 := make([]float64, n), make([]float32, n)
		for i := range f64 {
			f64[i] = draw.NormFloat64() / 2
			f32[i] = float32(f64[i])
		}
		backing = f64
		if dt == tensor.Float32 {
			backing = f32
		}
		v := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(backing))
		node := gorgonia.NewTensor(r.g, dt, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name+salt),
			gorgonia.WithValue(v))
		r.ws, r.nodes = append(r.ws, v), append(r.nodes, node)
		return node
	}
	w, u := param("w", 4, 4), param("u", 4, 4)
	h := param("h", 3, 4)
	for i := range steps {
		in := must(gorgonia.Mul(h, w))
		// h is used three times
		h = must(
			gorgonia.Tanh(
				must(gorgonia.Add(in,
					must(gorgonia.HadamardProd(h, must(gorgonia.Sigmoid(must(gorgonia.Mul(h, u))))))))))
		head := param(fmt.Sprint("head", i), 4, 2+i)
		logits := must(gorgonia.Mul(h, head))
		bias := param(fmt.Sprint("bias", i), 1, 2+i)
		logits = must(gorgonia.BroadcastAdd(logits, bias, nil, []byte{0}))
		if i > 0 { // two of the rows, and the first one twice
			rows := must(gorgonia.Slice(logits, gorgonia.S(0, 2)))
			row := must(gorgonia.Reshape(must(gorgonia.Slice(logits, gorgonia.S(0))), tensor.Shape{1, 2 + i}))
			logits = must(gorgonia.Concat(0, rows, row))
		}
		p := must(gorgonia.SoftMax(logits, 1))
		logp := must(gorgonia.Log(p))
		r.logp = append(r.logp, logp)
		entropy := must(gorgonia.Neg(must(gorgonia.Mean(must(gorgonia.HadamardProd(p, logp))))))
		term := must(gorgonia.Add(must(gorgonia.Mean(logp)), must(gorgonia.Square(entropy))))
		if r.loss == nil {
			r.loss = term
		} else {
			r.loss = must(gorgonia.Add(r.loss, term))
		}
	}
	var err error
	if r.grads, err = gorgonia.Grad(r.loss, r.nodes...); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *recurrent) exec(t testing.TB) *nn.Exec {
	e, err := nn.NewExec(r.g, append(gorgonia.Nodes{r.loss}, r.grads...)...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func run(t testing.TB, e *nn.Exec, n nn.Node) float64 {
	t.Helper()
	if err := e.Run(); err != nil {
		t.Fatal(err)
	}
	switch v := e.Value(n).Data().(type) {
	case float64:
		return v
	case float32:
		return float64(v)
	default:
		t.Fatalf("%v is a %T, want one number", n, v)
	}
	return 0
}

func TestExecGivesGradientsOfStockOperations(t *testing.T) {
	r := newRecurrent(t, tensor.Float64, 4, "")
	e := r.exec(t)
	run(t, e, r.loss)
	var grads [][]float64
	for _, g := range r.grads {
		grads = append(grads, slices.Clone(e.Value(g).Data().([]float64)))
	}
	for i, w := range r.ws {
		v := w.Data().([]float64)
		for j := range v {
			const h = 1e-6
			old := v[j]
			v[j] = old + h
			up := run(t, e, r.loss)
			v[j] = old - h
			down := run(t, e, r.loss)
			v[j] = old
			if d := (up - down) / (2 * h); math.Abs(d-grads[i][j]) > 1e-7 {
				t.Fatalf("%v[%d]: gradient %v, by differences %v", r.nodes[i], j, grads[i][j], d)
			}
		}
	}
	// The same values give the same results, whatever ran in between and wherever the memory is.
	run(t, e, r.loss)
	for i, g := range r.grads {
		if !slices.Equal(grads[i], e.Value(g).Data().([]float64)) {
			t.Errorf("gradient of %v differs in another run", r.nodes[i])
		}
	}
}

func TestExecInFloat32AgreesWithFloat64(t *testing.T) {
	a, b := newRecurrent(t, tensor.Float64, 3, ""), newRecurrent(t, tensor.Float32, 3, "")
	ea, eb := a.exec(t), b.exec(t)
	if x, y := run(t, ea, a.loss), run(t, eb, b.loss); math.Abs(x-y) > 1e-5 {
		t.Errorf("loss %v and %v", x, y)
	}
	for i := range a.grads {
		x, y := ea.Value(a.grads[i]).Data().([]float64), eb.Value(b.grads[i]).Data().([]float32)
		for j := range x {
			if math.Abs(x[j]-float64(y[j])) > 1e-5 {
				t.Errorf("%v[%d]: %v and %v", a.nodes[i], j, x[j], y[j])
			}
		}
	}
}

func TestExecLeavesIntermediateValuesAlone(t *testing.T) {
	r := newRecurrent(t, tensor.Float64, 2, "")
	e, err := nn.NewExec(r.g, append(gorgonia.Nodes{r.loss, r.logp[0]}, r.grads...)...)
	if err != nil {
		t.Fatal(err)
	}
	run(t, e, r.loss)
	for _, row := range [][]float64{e.Value(r.logp[0]).Data().([]float64)[:2]} {
		if s := math.Exp(row[0]) + math.Exp(row[1]); math.Abs(s-1) > 1e-12 {
			t.Errorf("probabilities %v add up to %v", row, s)
		}
	}
}

func TestExecReadsInputsAnew(t *testing.T) {
	g := gorgonia.NewGraph()
	x := gorgonia.NewVector(g, tensor.Float64, gorgonia.WithShape(2), gorgonia.WithName("x"))
	s := must(gorgonia.Sum(must(gorgonia.Square(x))))
	e, err := nn.NewExec(g, s)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Run(); err == nil || !strings.Contains(err.Error(), "no value") {
		t.Errorf("without a value: error %v", err)
	}
	for _, v := range [][]float64{{1, 2}, {3, 4}} {
		if err := gorgonia.Let(x, tensor.New(tensor.WithShape(2), tensor.WithBacking(v))); err != nil {
			t.Fatal(err)
		}
		if got, want := run(t, e, s), v[0]*v[0]+v[1]*v[1]; got != want {
			t.Errorf("sum of squares of %v: %v, want %v", v, got, want)
		}
	}
}

func TestExecDoesNotWriteThroughViews(t *testing.T) {
	g := gorgonia.NewGraph()
	v := []float64{1, 2, 3, 4, 5, 6}
	x := gorgonia.NewMatrix(g, tensor.Float64, gorgonia.WithShape(2, 3), gorgonia.WithName("x"),
		gorgonia.WithValue(tensor.New(tensor.WithShape(2, 3), tensor.WithBacking(v))))
	row := must(gorgonia.Slice(x, gorgonia.S(1)))
	flat := must(gorgonia.Reshape(x, tensor.Shape{6}))
	s := must(gorgonia.Add(must(gorgonia.Sum(must(gorgonia.Tanh(row)))),
		must(gorgonia.Sum(must(gorgonia.Square(flat))))))
	e, err := nn.NewExec(g, s)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		want := 0.0
		for i, a := range v {
			want += a * a
			if i >= 3 {
				want += math.Tanh(a)
			}
		}
		if got := run(t, e, s); math.Abs(got-want) > 1e-12 {
			t.Errorf("%v, want %v", got, want)
		}
		if !slices.Equal(v, x.Value().Data().([]float64)) {
			t.Error("the input was written to")
		}
		v[4]++
	}
}

// passOp returns its input, although it could copy it into the memory it is given.
type passOp struct{ gorgonia.Iop }

func (passOp) UsePreallocDo(prealloc gorgonia.Value, vs ...gorgonia.Value) (gorgonia.Value, error) {
	copy(prealloc.Data().([]float64), vs[0].Data().([]float64))
	return prealloc, nil
}

func TestExecGivesNoOpItsOwnInputToWriteTo(t *testing.T) {
	g := gorgonia.NewGraph()
	first, second := []float64{1, 2}, []float64{3, 4}
	x := gorgonia.NewVector(g, tensor.Float64, gorgonia.WithShape(2), gorgonia.WithName("x"),
		gorgonia.WithValue(tensor.New(tensor.WithShape(2), tensor.WithBacking(first))))
	s := must(gorgonia.Sum(must(gorgonia.ApplyOp(passOp{}, x))))
	e, err := nn.NewExec(g, s)
	if err != nil {
		t.Fatal(err)
	}
	if got := run(t, e, s); got != 3 {
		t.Errorf("sum %v, want 3", got)
	}
	if err := gorgonia.Let(x, tensor.New(tensor.WithShape(2), tensor.WithBacking(second))); err != nil {
		t.Fatal(err)
	}
	if got := run(t, e, s); got != 7 || first[0] != 1 {
		t.Errorf("sum %v, want 7; the first input is now %v", got, first)
	}
}

func TestExecReusesTheMemoryOfThePreviousRun(t *testing.T) {
	r := newRecurrent(t, tensor.Float64, 3, "")
	e := r.exec(t)
	run(t, e, r.loss)
	at := make([]uintptr, len(r.grads))
	for i, g := range r.grads {
		at[i] = e.Value(g).Uintptr()
	}
	run(t, e, r.loss)
	same := 0
	for i, g := range r.grads {
		if e.Value(g).Uintptr() == at[i] {
			same++
		}
	}
	if same == 0 {
		t.Error("no gradient kept its memory")
	}
}

// collidingNames returns two names of scalar float64 inputs whose nodes have the same 32-bit hash.
func collidingNames(g *gorgonia.ExprGraph) (a, b string) {
	seen := map[uint32]string{}
	for i := 0; ; i++ {
		name := fmt.Sprint("x", i)
		h := fnv.New32a()
		fmt.Fprintf(h, "float64()%s\x00", name)
		if other, ok := seen[h.Sum32()]; ok {
			return other, name
		}
		seen[h.Sum32()] = name
	}
}

func TestExecKeepsInputsApartWhoseHashesCollide(t *testing.T) {
	g := gorgonia.NewGraph()
	na, nb := collidingNames(g)
	a := gorgonia.NewScalar(g, tensor.Float64, gorgonia.WithName(na), gorgonia.WithValue(5.0))
	b := gorgonia.NewScalar(g, tensor.Float64, gorgonia.WithName(nb), gorgonia.WithValue(3.0))
	if a.Hashcode() != b.Hashcode() {
		t.Fatalf("%s and %s do not collide: Gorgonia's hash has changed", na, nb)
	}
	d := must(gorgonia.Sub(a, b))
	e, err := nn.NewExec(g, d)
	if err != nil {
		t.Fatal(err)
	}
	if got := run(t, e, d); got != 2 {
		t.Errorf("5 - 3 = %v", got)
	}
}

func TestBuildDistinctRefusesGraphsThatLostANode(t *testing.T) {
	var salts []string
	build := func(lose int) func(salt string) (*gorgonia.ExprGraph, error) {
		salts = nil
		return func(salt string) (*gorgonia.ExprGraph, error) {
			salts = append(salts, salt)
			g := gorgonia.NewGraph()
			a := gorgonia.NewScalar(g, tensor.Float64, gorgonia.WithName("a"+salt))
			gorgonia.NewScalar(g, tensor.Float64, gorgonia.WithName("b"+salt))
			if len(salts) != lose {
				must(gorgonia.Exp(a))
			}
			return g, nil
		}
	}
	for lose, calls := range map[int]int{0: 2, 1: 3, 2: 3} {
		g, err := nn.BuildDistinct(build(lose))
		if err != nil || len(g.AllNodes()) != 3 || len(salts) != calls {
			t.Errorf("losing a node in call %d: error %v after %d calls", lose, err, len(salts))
		}
	}
	if _, err := nn.BuildDistinct(func(salt string) (*gorgonia.ExprGraph, error) {
		g := gorgonia.NewGraph()
		for i := range int(salt[1]) {
			gorgonia.NewScalar(g, tensor.Float64, gorgonia.WithName(fmt.Sprint(i)))
		}
		return g, nil
	}); err == nil {
		t.Error("a build that never repeats was accepted")
	}
}

func TestGraphsAreDifferentiatedInGoroutines(t *testing.T) {
	r := newRecurrent(t, tensor.Float64, 3, "")
	want := run(t, r.exec(t), r.loss)
	var wg sync.WaitGroup
	got := make([]float64, 4)
	for i := range got {
		wg.Add(1)
		go func() {
			defer wg.Done()
			r := newRecurrent(t, tensor.Float64, 3, "")
			got[i] = run(t, r.exec(t), r.loss)
		}()
	}
	wg.Wait()
	for _, v := range got {
		if v != want {
			t.Errorf("loss %v, want %v", v, want)
		}
	}
}

func BenchmarkExec(b *testing.B) {
	r := newRecurrent(b, tensor.Float64, 50, "")
	e := r.exec(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := e.Run(); err != nil {
			b.Fatal(err)
		}
	}
}
