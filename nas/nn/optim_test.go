package nn_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"nasnet/nas/nn"
)

// network returns the parameters of a small network without a program: a kernel that decays, a gamma that does not,
// another kernel.
func network(t *testing.T) []*nn.Param {
	t.Helper()
	g := nn.NewGraph(1)
	g.Param("a/w", uniform(1), 3, 3, 2, 4)
	g.Param("a/gamma", nn.Ones, 5)
	g.Param("b/w", uniform(1), 7, 3)
	g.InitParams(rand.New(rand.NewPCG(1, 2)))
	ps := g.Params()
	for _, p := range ps {
		p.Grad = make([]float32, p.Size())
	}
	return ps
}

func setGrads(ps []*nn.Param, r *rand.Rand, scale float64) {
	for _, p := range ps {
		for i := range p.Grad {
			p.Grad[i] = float32(scale * r.NormFloat64())
		}
	}
}

// reference is one parameter in float64: its value and two moments.
type reference struct{ w, a, b []float64 }

// optimizers lists each optimizer with the plain loop it equals; step gets gradients that are already clipped.
var optimizers = []struct {
	name  string
	make  func() nn.Optimizer
	start float64 // first moment before the first step
	decay float64
	step  func(i int, r *reference, g, lr, decay float64)
}{
	{"gradient descent", func() nn.Optimizer { return &nn.SGD{} }, 0, 0, func(i int, r *reference, g, lr, _ float64) {
		r.w[i] -= lr * g
	}},
	{"momentum with coupled decay and clip", func() nn.Optimizer {
		return &nn.SGD{Momentum: 0.9, WeightDecay: 0.05, Clip: 3}
	}, 0, 0.05,
		func(i int, r *reference, g, lr, decay float64) {
			r.a[i] = 0.9*r.a[i] + g + decay*r.w[i]
			r.w[i] -= lr * r.a[i]
		}},
	{"Nesterov's momentum with coupled decay and clip",
		func() nn.Optimizer { return &nn.SGD{Momentum: 0.9, Nesterov: true, WeightDecay: 0.05, Clip: 3} }, 0, 0.05,
		func(i int, r *reference, g, lr, decay float64) {
			g += decay * r.w[i]
			r.a[i] = 0.9*r.a[i] + g
			r.w[i] -= lr * (g + 0.9*r.a[i])
		}},
	{"RMSProp with decoupled decay and clip", func() nn.Optimizer {
		return &nn.RMSProp{Rho: 0.9, Momentum: 0.8, Eps: 0.5, WeightDecay: 0.05, Clip: 3}
	}, 1, 0.05,
		func(i int, r *reference, g, lr, decay float64) {
			r.a[i] = 0.9*r.a[i] + 0.1*g*g
			r.b[i] = 0.8*r.b[i] + lr*g/math.Sqrt(r.a[i]+0.5)
			r.w[i] -= r.b[i] + lr*decay*r.w[i]
		}},
}

func TestOptimizersEqualThePlainLoop(t *testing.T) {
	for _, c := range optimizers {
		ps, o := network(t), c.make()
		var refs []*reference
		for _, p := range ps {
			r := &reference{w: make([]float64, p.Size()), a: make([]float64, p.Size()), b: make([]float64, p.Size())}
			for i, v := range p.Value {
				r.w[i], r.a[i] = float64(v), c.start
			}
			refs = append(refs, r)
		}
		random := rand.New(rand.NewPCG(3, 4))
		for n := range 6 {
			lr := 0.1 / float64(n+1)
			setGrads(ps, random, []float64{1, 0.01}[n%2]) // one gradient that is clipped, one that is not
			sum := 0.0
			for _, p := range ps {
				for _, g := range p.Grad {
					sum += float64(g) * float64(g)
				}
			}
			norm, scale := math.Sqrt(sum), 1.0
			if strings.Contains(c.name, "clip") && norm > 3 {
				scale = 3 / norm
			}
			for k, p := range ps {
				decay := 0.0
				if strings.HasSuffix(p.Name, "/w") {
					decay = c.decay
				}
				for i, g := range p.Grad {
					c.step(i, refs[k], scale*float64(g), lr, decay)
				}
			}
			got := o.Step(ps, lr)
			if want := norm; strings.Contains(c.name, "clip") && math.Abs(got-want) > 1e-6*want {
				t.Errorf("%s: norm %v, want %v", c.name, got, want)
			}
			for k, p := range ps {
				for i, v := range p.Value {
					if math.Abs(float64(v)-refs[k].w[i]) > 3e-6 {
						t.Fatalf("%s: step %d, %s[%d] is %v, want %v", c.name, n, p.Name, i, v, refs[k].w[i])
					}
				}
			}
		}
	}
}

func TestWeightDecayShrinksWeightsAndNothingElse(t *testing.T) {
	for _, c := range optimizers[1:] {
		ps, o := network(t), c.make()
		before := map[string][]float32{}
		for _, p := range ps {
			before[p.Name] = append([]float32(nil), p.Value...)
		}
		o.Step(ps, 0.1) // gradients are zero
		for _, p := range ps {
			want := 1.0
			if p.Name != "a/gamma" {
				want = 1 - 0.1*c.decay*map[bool]float64{true: 1.9, false: 1}[strings.HasPrefix(c.name, "Nesterov")]
			}
			for i, v := range p.Value {
				if w := float64(before[p.Name][i]) * want; math.Abs(float64(v)-w) > 1e-6 {
					t.Errorf("%s: %s[%d] went from %v to %v, want %v", c.name, p.Name, i, before[p.Name][i], v, w)
				}
			}
		}
	}
}

func TestClippingLimitsTheNormOfAllGradientsTogether(t *testing.T) {
	for _, limit := range []float64{0, 0.5, 1e6} {
		ps := network(t)
		setGrads(ps, rand.New(rand.NewPCG(5, 6)), 1)
		before, first := nn.GlobalNorm(ps), ps[0].Grad[0]
		norm := (&nn.SGD{Clip: limit}).Step(ps, 0)
		want := before
		if limit == 0.5 {
			want = 0.5
		}
		if got := nn.GlobalNorm(ps); math.Abs(got-want) > 1e-5*want {
			t.Errorf("limit %v: norm %v after, want %v", limit, got, want)
		}
		if limit > 0 && norm != before || limit == 0 && norm != 0 {
			t.Errorf("limit %v: Step returned norm %v, want the norm before clipping, %v", limit, norm, before)
		}
		if got := float64(ps[0].Grad[0]) / float64(first); math.Abs(got-want/before) > 1e-5 {
			t.Errorf("limit %v: a gradient was scaled by %v, want %v", limit, got, want/before)
		}
	}
}

func TestAnInfiniteNormIsReported(t *testing.T) {
	ps := network(t)
	ps[1].Grad[0] = float32(math.Inf(1))
	if norm := (&nn.SGD{Clip: 5}).Step(ps, 0.1); !math.IsInf(norm, 1) {
		t.Errorf("norm %v, want +Inf", norm)
	}
	ps[1].Grad[0] = float32(math.NaN())
	if norm := (&nn.SGD{Clip: 5}).Step(ps, 0.1); !math.IsNaN(norm) {
		t.Errorf("norm %v, want NaN", norm)
	}
}

func TestOptimizersContinueExactlyFromTheirState(t *testing.T) {
	for _, c := range optimizers {
		straight, cut := network(t), network(t)
		a, b := c.make(), c.make()
		ra, rb := rand.New(rand.NewPCG(7, 8)), rand.New(rand.NewPCG(7, 8))
		for n := range 6 {
			if n == 0 || n == 3 {
				saved := map[string][]float32{}
				for k, v := range b.State() {
					saved[k] = append([]float32(nil), v...)
				}
				if n == 3 && len(saved) == 0 {
					t.Errorf("%s: no state after three steps", c.name)
				}
				b = c.make()
				if err := b.Restore(cut, saved); err != nil {
					t.Fatalf("%s: %v", c.name, err)
				}
			}
			setGrads(straight, ra, 1)
			setGrads(cut, rb, 1)
			a.Step(straight, 0.1)
			b.Step(cut, 0.1)
		}
		for k, p := range straight {
			for i, v := range p.Value {
				if v != cut[k].Value[i] {
					t.Fatalf("%s: %s[%d] is %v after a restore, want %v", c.name, p.Name, i, cut[k].Value[i], v)
				}
			}
		}
	}
}

func TestAForeignStateIsRefused(t *testing.T) {
	ps := network(t)
	o := &nn.RMSProp{Rho: 0.9}
	o.Step(ps, 0.1)
	good := o.State()
	for name, change := range map[string]func(map[string][]float32){
		"an array is missing":           func(s map[string][]float32) { delete(s, "square/b/w") },
		"an array is too short":         func(s map[string][]float32) { s["momentum/a/w"] = []float32{1} },
		"an array of another optimizer": func(s map[string][]float32) { s["velocity/a/w"] = []float32{1} },
	} {
		s := map[string][]float32{}
		for k, v := range good {
			s[k] = v
		}
		change(s)
		if err := (&nn.RMSProp{}).Restore(ps, s); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := (&nn.SGD{}).Restore(ps, good); err == nil {
		t.Error("SGD accepted the state of RMSProp")
	}
}

func TestAdamEqualsTheAlgorithm(t *testing.T) {
	adam(t, 1e-12, []float64{1, -2, 0.5})
	adam(t, 1e-6, []float32{1, -2, 0.5})
}

func adam[F float32 | float64](t *testing.T, tol float64, w []F) {
	t.Helper()
	n := len(w)
	g, m, v := make([]F, n), make([]F, n), make([]F, n)
	ref, rm, rv := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range w {
		ref[i] = float64(w[i])
	}
	r := rand.New(rand.NewPCG(9, 9))
	for step := 1; step <= 5; step++ {
		for i := range g {
			g[i] = F(r.NormFloat64())
			rm[i] = 0.9*rm[i] + 0.1*float64(g[i])
			rv[i] = 0.999*rv[i] + 0.001*float64(g[i])*float64(g[i])
			mh, vh := rm[i]/(1-math.Pow(0.9, float64(step))), rv[i]/(1-math.Pow(0.999, float64(step)))
			ref[i] -= 0.01 * mh / (math.Sqrt(vh) + 1e-8)
		}
		nn.AdamStep(w, g, m, v, step, 0.01, 0.9, 0.999, 1e-8)
	}
	for i := range w {
		if math.Abs(float64(w[i])-ref[i]) > tol {
			t.Errorf("%T: w[%d] is %v, want %v", w[i], i, w[i], ref[i])
		}
	}
}
