package controller_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"nasnet/nas/controller"
	"nasnet/nas/rng"
)

// cells returns the decisions of two cells of five blocks with 14 ops, 50 in all.
func cells() []int {
	var a []int
	for range 2 {
		for b := range 5 {
			a = append(a, 2+b, 2+b, 14, 14, 2)
		}
	}
	return a
}

func proposeN(c controller.Controller, seed uint64, n int) []controller.Sample {
	var batch []controller.Sample
	for i := range n {
		p := c.Propose(rng.Stream(seed, "propose", uint64(i)))
		batch = append(batch, controller.Sample{Choices: p.Choices, LogP: p.LogP, Reward: float64(i%5) / 5})
	}
	return batch
}

func TestTheFreshPaperControllerIsNearlyUniformAndNeverChanges(t *testing.T) {
	c, err := controller.New(cells(), controller.Config{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	st := update(t, c, nil)
	if ratio := st.Entropy / st.MaxEntropy; ratio < 0.99 || ratio > 1 {
		t.Errorf("entropy is %.4f of the maximum; want 0.99 to 1", ratio)
	}
	// A run's first policy depends on these weights, so later versions must not change them.
	const golden = "[1 0 12 3 0 0 0 11 9 1]"
	if got := fmt.Sprint(c.Propose(rng.Stream(1, "propose", 0)).Choices[:10]); got != golden {
		t.Errorf("first proposal is %s; want %s", got, golden)
	}
}

func TestOneStepOnThePolicyHasRatioOne(t *testing.T) {
	c, err := controller.New(cells(), controller.Config{Steps: 1, Normalize: true, Hidden: 20})
	if err != nil {
		t.Fatal(err)
	}
	batch := proposeN(c, 3, 10)
	st := update(t, c, batch)
	// If every ratio is 1, the gain is the sum of the advantages, which is zero once normalised; the entropy bonus of
	// 1e-5 remains.
	if want := -1e-5 * st.MaxEntropy; math.Abs(st.Loss-want) > 2e-5 {
		t.Errorf("loss is %v; want about %v", st.Loss, want)
	}
	if st.ClipFraction != 0 || st.GradNorm == 0 || st.KL <= 0 || st.KL > 0.1 {
		t.Errorf("clip fraction %v, gradient %v, KL %v; want 0, something, a little", st.ClipFraction,
			st.GradNorm, st.KL)
	}
}

func TestManyLargeStepsAreClipped(t *testing.T) {
	for _, joint := range []bool{false, true} {
		move := func(clip float64) controller.Stats {
			c, err := controller.New(arities, controller.Config{Steps: 12, LearningRate: 0.02, Normalize: true,
				Hidden: 12, Embedding: 6, Joint: joint, Clip: clip})
			if err != nil {
				t.Fatal(err)
			}
			return update(t, c, proposeN(c, 3, 10))
		}
		tight, wide := move(0.05), move(0.5)
		if tight.ClipFraction <= 0 || tight.ClipFraction >= 1 {
			t.Errorf("joint %v: clip fraction is %v", joint, tight.ClipFraction)
		}
		if tight.KL >= wide.KL {
			t.Errorf("joint %v: KL is %v at clip 0.05 and %v at 0.5; want it smaller", joint, tight.KL, wide.KL)
		}
	}
}

func TestLogPIsTheProbabilityOfProposing(t *testing.T) {
	c, err := controller.New([]int{2, 3, 2}, controller.Config{Hidden: 8, Embedding: 4, LearningRate: 0.03, Steps: 20,
		Normalize: true})
	if err != nil {
		t.Fatal(err)
	}
	for b := range 4 { // away from uniform
		update(t, c, proposeN(c, uint64(b), 12))
	}
	const n = 20000
	count, prob := map[string]int{}, map[string]float64{}
	r := rng.Stream(4, "test")
	for range n {
		p := c.Propose(r)
		key := fmt.Sprint(p.Choices)
		count[key]++
		prob[key] = math.Exp(p.LogP[0] + p.LogP[1] + p.LogP[2])
	}
	total, least, most := 0.0, 1.0, 0.0
	for key, p := range prob {
		total, least, most = total+p, min(least, p), max(most, p)
		if sd := math.Sqrt(p * (1 - p) / n); math.Abs(float64(count[key])/n-p) > 4.5*sd {
			t.Errorf("%s: frequency %.4f, probability %.4f", key, float64(count[key])/n, p)
		}
	}
	if len(prob) == 12 && math.Abs(total-1) > 1e-9 {
		t.Errorf("the probabilities of all 12 sequences sum to %v", total)
	}
	if most < 2*least {
		t.Errorf("probabilities from %v to %v: too uniform to tell anything", least, most)
	}
}

func TestProbabilitiesFollowTheGreedyPath(t *testing.T) {
	c := newController(t, config("ppo"))
	advance(t, c, 0, 12)
	probs := c.(controller.Explainer).Probabilities()
	if len(probs) != len(arities) {
		t.Fatalf("%d rows", len(probs))
	}
	var greedy []int
	for d, row := range probs {
		sum, best := 0.0, 0
		for k, p := range row {
			sum += p
			if p > row[best] {
				best = k
			}
		}
		if len(row) != arities[d] || math.Abs(sum-1) > 1e-9 {
			t.Errorf("decision %d of arity %d: %v", d, arities[d], row)
		}
		greedy = append(greedy, best)
	}
	for i := range 400 { // the greedy sequence itself comes up, with these probabilities
		p := c.Propose(rng.Stream(8, "test", uint64(i)))
		if !slices.Equal(p.Choices, greedy) {
			continue
		}
		for d, l := range p.LogP {
			if math.Abs(math.Exp(l)-probs[d][greedy[d]]) > 1e-12 {
				t.Errorf("decision %d: proposed with %v; shown as %v", d, math.Exp(l), probs[d][greedy[d]])
			}
		}
		return
	}
	t.Errorf("the greedy sequence %v was not proposed", greedy)
}

func TestImpossibleUpdatesAreRefused(t *testing.T) {
	for _, bad := range []struct {
		name, want string
		spoil      func(s *controller.Sample)
	}{
		{"no log-probabilities", "0 log-probabilities; want 7", func(s *controller.Sample) { s.LogP = nil }},
		{"log-probability NaN", "log-probability NaN at decision 2",
			func(s *controller.Sample) { s.LogP[2] = math.NaN() }},
		{"probability above one", "log-probability 0.5 at decision 2", func(s *controller.Sample) { s.LogP[2] = 0.5 }},
		{"a reward beyond float32", "loss is", func(s *controller.Sample) { s.Reward = 1e300 }},
	} {
		t.Run(bad.name, func(t *testing.T) {
			cfg := config("ppo")
			cfg.Normalize = false
			a, b := newController(t, cfg), newController(t, cfg)
			advance(t, a, 0, 2)
			advance(t, b, 0, 2)
			before := state(t, a)
			batch := draw(a, 5, 12)
			bad.spoil(&batch[4])
			if _, err := a.Update(batch); err == nil || !strings.Contains(err.Error(), bad.want) {
				t.Errorf("error is %v; want one with %q", err, bad.want)
			}
			if !bytes.Equal(before, state(t, a)) {
				t.Error("the state changed")
			}
			sameFuture(t, a, b)
		})
	}
}

func TestVeryStaleSamplesStayFinite(t *testing.T) {
	for _, joint := range []bool{false, true} {
		cfg := config("ppo")
		cfg.Joint = joint
		c := newController(t, cfg)
		batch := draw(c, 0, 12)
		for i := range batch {
			for d, a := range arities {
				if a > 1 {
					batch[i].LogP[d] = -1e4 // a very improbable proposal: the ratio overflows even float64
				}
			}
		}
		if st := update(t, c, batch); math.IsNaN(st.Loss) || st.ClipFraction != 1 {
			t.Errorf("joint %v: %+v", joint, st)
		}
	}
}

func TestNegligiblePoliciesStayFinite(t *testing.T) {
	cfg := config("ppo")
	cfg.LearningRate, cfg.Steps = 1, 30 // logits far beyond float32's exp
	c := newController(t, cfg)
	for b := range 6 {
		st := update(t, c, draw(c, b, 12))
		if st.Entropy < 0 || math.IsNaN(st.Entropy) {
			t.Fatalf("batch %d: %+v", b, st)
		}
	}
}

func TestReinforceContinuesAPolicyOfPPO(t *testing.T) {
	a, b := newController(t, config("ppo")), newController(t, config("reinforce"))
	advance(t, a, 0, 3)
	if err := b.Restore(state(t, a)); err != nil {
		t.Fatal(err)
	}
	x, y := draw(a, 9, 5), draw(b, 9, 5)
	for i := range x {
		if !slices.Equal(x[i].LogP, y[i].LogP) {
			t.Fatalf("proposal %d differs", i)
		}
	}
}

func TestImpossibleConfigsAreRefused(t *testing.T) {
	for _, c := range []struct {
		name    string
		arities []int
		config  controller.Config
		want    string
	}{
		{"an unknown strategy", arities, controller.Config{Strategy: "magic"},
			`"magic"; want one of ppo, reinforce, evolution, random`},
		{"no decisions", nil, controller.Config{}, "nothing to search"},
		{"no choices", []int{1, 1}, controller.Config{}, "nothing to search"},
		{"an arity of zero", []int{2, 0}, controller.Config{}, "decision 1 has arity 0"},
		{"a negative rate", arities, controller.Config{LearningRate: -1}, "learning_rate is -1"},
		{"a rate that is not a number", arities, controller.Config{LearningRate: math.NaN()}, "learning_rate is NaN"},
		{"steps below one", arities, controller.Config{Steps: -2}, "steps is -2"},
		{"a decay of one", arities, controller.Config{BaselineDecay: 1}, "baseline_decay is 1"},
		{"a negative clip", arities, controller.Config{Clip: -0.1}, "clip is -0.1"},
		{"a hidden size of one", arities, controller.Config{Hidden: 1}, "hidden is 1"},
		{"an embedding of one", arities, controller.Config{Embedding: 1}, "embedding is 1"},
		{"a tournament larger than the population", arities, controller.Config{Population: 5, Sample: 6},
			"sample is 6"},
		{"an infinite entropy weight", arities, controller.Config{Entropy: math.Inf(1)}, "entropy is +Inf"},
	} {
		if _, err := controller.New(c.arities, c.config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v; want one with %q", c.name, err, c.want)
		}
	}
}

func TestDefaultsAreThePapersAndComplete(t *testing.T) {
	c := controller.Config{}.WithDefaults()
	if c != c.WithDefaults() {
		t.Errorf("defaults of the defaults differ: %+v", c)
	}
	if c.Strategy != "ppo" || c.LearningRate != 3.5e-4 || c.Entropy != 1e-5 || c.BaselineDecay != 0.95 ||
		c.Hidden != 100 || c.Embedding != 32 || c.Clip != 0.2 {
		t.Errorf("%+v", c)
	}
	if p := controller.PaperConfig(); p.Steps != 1 || p.LearningRate != 3.5e-4 || p.Normalize {
		t.Errorf("paper: %+v", p)
	}
	for _, n := range []int{1, 100, 200, 201, 1000, 1001, 5000, 5001, 20000} {
		if err := controller.DefaultConfig(n).Validate(); err != nil {
			t.Errorf("%d children: %v", n, err)
		}
	}
	if c := (controller.Config{Entropy: -1}).WithDefaults(); c.Entropy != -1 {
		t.Errorf("an entropy bonus of none became %v", c.Entropy)
	}
}
