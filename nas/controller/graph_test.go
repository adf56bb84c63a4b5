package controller

import (
	"fmt"
	"math"
	"testing"

	"nasnet/nas/rng"
)

// lossCase is a batch for a graph: samples drawn from the network itself, with log-probabilities moved so that some
// ratios are clipped.
func lossCase[F real](t *testing.T, arities []int, rows int, obj objective, spread float64) (*graph[F], [][]int,
	[][]float64, []float64) {
	t.Helper()
	net := newNetwork[F](arities, 7, 5, 3)
	r := rng.Stream(5, "test")
	for _, p := range net.params { // larger weights: the gradients of ±0.1 are too small to tell anything
		for i := range p.value {
			p.value[i] = F(r.NormFloat64() * 0.5)
		}
	}
	var choices [][]int
	var logp [][]float64
	var adv []float64
	for range rows {
		var c []int
		var l []float64
		net.walk(func(_ int, lp []float64) int {
			k := draw(r.Float64(), lp)
			c, l = append(c, k), append(l, math.Min(0, lp[k]+spread*r.NormFloat64()))
			return k
		})
		choices, logp, adv = append(choices, c), append(logp, l), append(adv, r.NormFloat64())
	}
	g, err := newGraph(net, obj, rows)
	if err != nil {
		t.Fatal(err)
	}
	g.load(choices, logp, adv)
	return g, choices, logp, adv
}

// plainLoss is the doc comment of objective in plain Go, using the network's own walk.
func plainLoss[F real](net *network[F], obj objective, choices [][]int, old [][]float64, adv []float64) float64 {
	loss := 0.0
	for i := range choices {
		term := func(logRatio float64) float64 {
			r := math.Exp(logRatio)
			return math.Min(r*adv[i], math.Min(math.Max(r, 1-obj.clip), 1+obj.clip)*adv[i])
		}
		joint, gain, entropy := 0.0, 0.0, 0.0
		net.walk(func(d int, lp []float64) int {
			k := choices[i][d]
			for _, l := range lp {
				entropy -= math.Exp(l) * l
			}
			joint += lp[k] - old[i][d]
			if !obj.clipped {
				gain += adv[i] * lp[k]
			} else if !obj.joint {
				gain += term(lp[k] - old[i][d])
			}
			return k
		})
		if obj.clipped && obj.joint {
			gain = term(joint)
		}
		loss -= (gain + obj.entropy*entropy) / float64(len(choices))
	}
	return loss
}

func TestLossAndGradientEqualFiniteDifferences(t *testing.T) {
	for _, c := range []struct {
		name    string
		arities []int
		rows    int
		obj     objective
		spread  float64
	}{
		{"per-decision ratios, some clipped", []int{3, 2, 4, 2}, 5,
			objective{clipped: true, clip: 0.2, entropy: 0.05}, 0.3},
		{"joint ratio, some clipped", []int{3, 2, 4}, 6,
			objective{clipped: true, joint: true, clip: 0.2, entropy: 0.05}, 0.1},
		{"on policy, every ratio 1", []int{3, 2, 4}, 4, objective{clipped: true, clip: 0.2, entropy: 0.05}, 0},
		{"plain policy gradient", []int{3, 2, 4}, 4, objective{entropy: 0.05}, 0.3},
		{"no entropy bonus", []int{2, 3}, 3, objective{clipped: true, clip: 0.2}, 0.3},
		{"one decision", []int{4}, 3, objective{clipped: true, clip: 0.2, entropy: 0.05}, 0.3},
		{"one decision, joint", []int{4}, 3, objective{clipped: true, joint: true, clip: 0.2, entropy: 0.05}, 0.3},
		{"two rows", []int{2, 2}, 2, objective{clipped: true, clip: 0.2, entropy: 0.05}, 0.3},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, choices, old, adv := lossCase[float64](t, c.arities, c.rows, c.obj, c.spread)
			for run := range 3 { // the later runs reuse the buffers of the first
				loss, err := g.run()
				if err != nil {
					t.Fatal(err)
				}
				if want := plainLoss(g.net, c.obj, choices, old, adv); math.Abs(loss-want) > 1e-12 {
					t.Fatalf("run %d: loss is %v, in plain Go %v", run, loss, want)
				}
			}
			worst, at, largest := 0.0, "", 0.0
			const eps = 1e-6
			for i, p := range g.net.params {
				for j := range p.value {
					keep := p.value[j]
					p.value[j] = keep + eps
					up := plainLoss(g.net, c.obj, choices, old, adv)
					p.value[j] = keep - eps
					down := plainLoss(g.net, c.obj, choices, old, adv)
					p.value[j] = keep
					want := (up - down) / (2 * eps)
					largest = math.Max(largest, math.Abs(want))
					if d := math.Abs(g.grads[i][j] - want); d > worst {
						worst, at = d, fmt.Sprintf("%s[%d] is %v, want %v", p.name, j, g.grads[i][j], want)
					}
				}
			}
			// If every ratio is 1, no clip boundary is near; otherwise a difference across one would show as an error
			// of the order of the gradient.
			if worst > 1e-8 {
				t.Errorf("largest error %.3g: %s", worst, at)
			}
			if largest < 1e-2 {
				t.Errorf("the largest gradient is %.3g: the test sees nothing", largest)
			}
		})
	}
}

func TestTheSamplerAgreesWithTheGraph(t *testing.T) {
	arities := []int{2, 2, 14, 14, 2, 3, 3, 14, 14, 2, 4, 4, 14, 14, 2}
	g, choices, _, _ := lossCase[float32](t, arities, 6, objective{clipped: true, clip: 0.2}, 0)
	if err := g.evaluate(); err != nil {
		t.Fatal(err)
	}
	worst := 0.0
	for i := range choices {
		g.net.walk(func(d int, lp []float64) int {
			for k, l := range lp {
				worst = math.Max(worst, math.Abs(l-float64(g.logp[d][i*arities[d]+k])))
			}
			return choices[i][d]
		})
	}
	if worst > 1e-5 || worst == 0 {
		t.Errorf("log-probabilities differ by up to %.3g; want above 0 and at most 1e-5", worst)
	}
}

// Gorgonia's LogSoftMax assumes that a row's maximum is at least the first element of the matrix: without the clamp it
// is infinite here.
func TestTheSamplerAgreesWithTheGraphOnCertainPolicies(t *testing.T) {
	arities := []int{3, 2, 14, 2}
	g, choices, _, _ := lossCase[float32](t, arities, 8, objective{clipped: true, clip: 0.2, entropy: 0.01}, 0)
	for d := range g.net.heads {
		for i := range g.net.heads[d].w {
			g.net.heads[d].w[i] *= 300
		}
	}
	if loss, err := g.run(); err != nil || !finite(loss) {
		t.Fatalf("loss %v, %v", loss, err)
	}
	worst, least := 0.0, 0.0
	for i := range choices {
		g.net.walk(func(d int, lp []float64) int {
			for k, l := range lp {
				worst = math.Max(worst, math.Abs(l-float64(g.logp[d][i*arities[d]+k])))
				least = math.Min(least, l)
			}
			return choices[i][d]
		})
	}
	if !(worst <= 1e-4) || least > -70 { // of numbers around 80
		t.Errorf("log-probabilities down to %v differ by up to %.3g", least, worst)
	}
	for i, grad := range g.grads {
		for j, x := range grad {
			if !finite(float64(x)) {
				t.Fatalf("gradient of %s[%d] is %v", g.net.params[i].name, j, x)
			}
		}
	}
}
