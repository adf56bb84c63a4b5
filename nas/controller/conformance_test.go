package controller_test

import (
	"bytes"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"nasnet/nas/controller"
	"nasnet/nas/rng"
)

// arities is the space of the conformance test: small, of mixed sizes, with a decision that has only one choice.
var arities = []int{3, 1, 2, 5, 4, 2, 3}

// target[d] is the best choice at decision d; the reward is the fraction of decisions (with a choice) that hit it.
var target = []int{2, 0, 0, 3, 1, 1, 0}

func reward(choices []int) float64 {
	hit, open := 0.0, 0.0
	for d, a := range arities {
		if a > 1 {
			open++
			if choices[d] == target[d] {
				hit++
			}
		}
	}
	return hit / open
}

// config is small for speed; a population of 10 fills up in the first batch.
func config(strategy string) controller.Config {
	return controller.Config{Strategy: strategy, Seed: 1, LearningRate: 0.02, Steps: 4, Normalize: true, Hidden: 12,
		Embedding: 6, Population: 10, Sample: 4}
}

func newController(t *testing.T, c controller.Config) controller.Controller {
	t.Helper()
	x, err := controller.New(arities, c)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// draw proposes n samples of batch b.
func draw(c controller.Controller, b, n int) []controller.Sample {
	var batch []controller.Sample
	for i := range n {
		p := c.Propose(rng.Stream(9, "propose", uint64(b), uint64(i)))
		batch = append(batch, controller.Sample{Choices: p.Choices, LogP: p.LogP, Reward: reward(p.Choices)})
	}
	return batch
}

func update(t *testing.T, c controller.Controller, batch []controller.Sample) controller.Stats {
	t.Helper()
	st, err := c.Update(batch)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func state(t *testing.T, c controller.Controller) []byte {
	t.Helper()
	b, err := c.State()
	if err != nil {
		t.Fatal(err)
	}
	if len(b) == 0 {
		t.Fatal("the state is empty")
	}
	return b
}

// advance runs batches first..last-1: even ones have 12 samples, odd ones 5.
func advance(t *testing.T, c controller.Controller, first, last int) {
	t.Helper()
	for b := first; b < last; b++ {
		update(t, c, draw(c, b, 12-7*(b%2)))
	}
}

func sameFuture(t *testing.T, a, b controller.Controller) {
	t.Helper()
	for i := range 3 {
		x, y := draw(a, 100+i, 12), draw(b, 100+i, 12)
		for j := range x {
			if !slices.Equal(x[j].Choices, y[j].Choices) || !slices.Equal(x[j].LogP, y[j].LogP) {
				t.Fatalf("batch %d, proposal %d: %v %v and %v %v", i, j, x[j].Choices, x[j].LogP,
					y[j].Choices, y[j].LogP)
			}
		}
		u, v := update(t, a, x), update(t, b, y)
		if u.Loss != v.Loss || u.KL != v.KL || u.Entropy != v.Entropy || u.Baseline != v.Baseline ||
			u.GradNorm != v.GradNorm {
			t.Fatalf("update %d: %+v and %+v", i, u, v)
		}
	}
	if !bytes.Equal(state(t, a), state(t, b)) {
		t.Fatal("the states differ afterwards")
	}
}

func TestEveryStrategy(t *testing.T) {
	for _, s := range controller.Strategies {
		t.Run(s.Name, func(t *testing.T) { conform(t, s.Name) })
	}
}

// conform tests the contract of Controller.
func conform(t *testing.T, strategy string) {
	cfg := config(strategy)

	t.Run("proposals are points of the space with possible log-probabilities", func(t *testing.T) {
		c := newController(t, cfg)
		for b := range 4 {
			batch := draw(c, b, 30)
			for _, s := range batch {
				if len(s.Choices) != len(arities) || len(s.LogP) != len(arities) {
					t.Fatalf("%d choices and %d log-probabilities; want %d", len(s.Choices), len(s.LogP), len(arities))
				}
				for d, k := range s.Choices {
					if k < 0 || k >= arities[d] {
						t.Fatalf("choice %d at decision %d of arity %d", k, d, arities[d])
					}
					if !(s.LogP[d] <= 0) || math.IsInf(s.LogP[d], 0) {
						t.Fatalf("log-probability %v", s.LogP[d])
					}
				}
			}
			update(t, c, batch)
		}
	})

	t.Run("every choice is proposed by a fresh controller", func(t *testing.T) {
		seen := make([]map[int]bool, len(arities))
		for d := range seen {
			seen[d] = map[int]bool{}
		}
		for _, s := range draw(newController(t, cfg), 0, 200) {
			for d, k := range s.Choices {
				seen[d][k] = true
			}
		}
		for d, a := range arities {
			if len(seen[d]) != a {
				t.Errorf("decision %d of arity %d: only %v in 200 proposals", d, a, seen[d])
			}
		}
	})

	t.Run("propose does not change the controller, and depends only on the generator", func(t *testing.T) {
		c := newController(t, cfg)
		advance(t, c, 0, 3)
		before := state(t, c)
		first := draw(c, 50, 10)
		draw(c, 51, 10)
		again := draw(c, 50, 10)
		for i := range first {
			if !slices.Equal(first[i].Choices, again[i].Choices) {
				t.Fatalf("proposal %d was %v and is %v", i, first[i].Choices, again[i].Choices)
			}
		}
		if !bytes.Equal(before, state(t, c)) {
			t.Error("the state changed")
		}
	})

	t.Run("a proposal's slices are the caller's", func(t *testing.T) {
		a, b := newController(t, cfg), newController(t, cfg)
		for i := range 2 {
			batch := draw(a, i, 12)
			update(t, a, batch)
			update(t, b, draw(b, i, 12))
			for _, s := range batch {
				s.Choices[0], s.LogP[0] = -1, math.NaN()
			}
		}
		sameFuture(t, a, b)
	})

	t.Run("equal seeds have equal futures at any GOMAXPROCS", func(t *testing.T) {
		a, b := newController(t, cfg), newController(t, cfg)
		procs := runtime.GOMAXPROCS(1)
		advance(t, a, 0, 3)
		runtime.GOMAXPROCS(4)
		advance(t, b, 0, 3)
		runtime.GOMAXPROCS(procs)
		sameFuture(t, a, b)
	})

	t.Run("a restored controller has the same future", func(t *testing.T) {
		for _, at := range []int{0, 3} {
			a := newController(t, cfg)
			advance(t, a, 0, at)
			s := state(t, a)
			other := cfg
			other.Seed = 77
			b := newController(t, other)
			advance(t, b, 20, 22) // a past of its own, which must leave no trace
			if err := b.Restore(s); err != nil {
				t.Fatal(err)
			}
			clear(s) // the bytes still belong to the caller
			if !bytes.Equal(state(t, a), state(t, b)) {
				t.Fatalf("after %d updates: the state did not survive", at)
			}
			sameFuture(t, a, b)
		}
	})

	t.Run("an update changes the state", func(t *testing.T) {
		c := newController(t, cfg)
		before := state(t, c)
		advance(t, c, 0, 1)
		if bytes.Equal(before, state(t, c)) {
			t.Error("the state is the same")
		}
	})

	t.Run("a batch with an invalid sample is refused and changes nothing", func(t *testing.T) {
		c := newController(t, cfg)
		advance(t, c, 0, 2)
		before := state(t, c)
		for _, bad := range []struct {
			name, want string
			spoil      func(s *controller.Sample)
		}{
			{"reward NaN", "sample 3 of 6: reward is NaN", func(s *controller.Sample) { s.Reward = math.NaN() }},
			{"reward infinite", "reward is +Inf", func(s *controller.Sample) { s.Reward = math.Inf(1) }},
			{"choice too large", "choice 5 at decision 3", func(s *controller.Sample) { s.Choices[3] = 5 }},
			{"choice negative", "choice -1 at decision 0", func(s *controller.Sample) { s.Choices[0] = -1 }},
			{"too few choices", "6 choices; want 7", func(s *controller.Sample) { s.Choices = s.Choices[:6] }},
		} {
			batch := draw(c, 30, 6)
			bad.spoil(&batch[3])
			_, err := c.Update(batch)
			if err == nil || !strings.Contains(err.Error(), bad.want) {
				t.Errorf("%s: error is %v; want one with %q", bad.name, err, bad.want)
			}
			if !bytes.Equal(before, state(t, c)) {
				t.Fatalf("%s: the state changed", bad.name)
			}
		}
	})

	t.Run("an empty batch changes nothing", func(t *testing.T) {
		c := newController(t, cfg)
		for at := range 2 {
			before := state(t, c)
			st := update(t, c, nil)
			if !bytes.Equal(before, state(t, c)) {
				t.Error("the state changed")
			}
			if st.Samples != 0 || st.MeanReward != 0 || st.Entropy <= 0 || st.Entropy > st.MaxEntropy+1e-9 {
				t.Errorf("after %d updates: %+v", at, st)
			}
			advance(t, c, at, at+1)
		}
	})

	t.Run("a batch of one sample is a batch", func(t *testing.T) {
		c := newController(t, cfg)
		advance(t, c, 0, 1)
		if st := update(t, c, draw(c, 1, 1)); st.Samples != 1 {
			t.Errorf("samples: %d", st.Samples)
		}
	})

	t.Run("statistics describe the batch", func(t *testing.T) {
		c := newController(t, cfg)
		batch := draw(c, 0, 4)
		for i, r := range []float64{-3, -1, -2, -2} {
			batch[i].Reward = r
		}
		st := update(t, c, batch)
		max := 0.0
		for _, a := range arities {
			max += math.Log(float64(a))
		}
		// The baseline starts at the mean, -2, and then moves by the rewards in order.
		b := -2.0
		for _, s := range batch {
			b = 0.95*b + 0.05*s.Reward
		}
		if st.Samples != 4 || st.MeanReward != -2 || st.MaxReward != -1 || math.Abs(st.MaxEntropy-max) > 1e-12 ||
			math.Abs(st.Baseline-b) > 1e-12 {
			t.Errorf("%+v; want 4 samples, mean -2, maximum -1, maximum entropy %v, baseline %v", st, max, b)
		}
		sum := 0.0
		for _, e := range st.DecisionEntropy {
			sum += e
		}
		if len(st.DecisionEntropy) != len(arities) || math.Abs(sum-st.Entropy) > 1e-9 || st.DecisionEntropy[1] != 0 {
			t.Errorf("entropy %v, per decision %v", st.Entropy, st.DecisionEntropy)
		}
	})

	t.Run("a bad state is refused and changes nothing", func(t *testing.T) {
		c := newController(t, cfg)
		advance(t, c, 0, 2)
		good := state(t, c)
		refuse := func(name string, b []byte) {
			t.Helper()
			if err := c.Restore(b); err == nil {
				t.Fatalf("%s: no error", name)
			}
			if !bytes.Equal(good, state(t, c)) {
				t.Fatalf("%s: the state changed", name)
			}
		}
		refuse("nothing", nil)
		for n := 0; n < len(good); n += 1 + len(good)/40 {
			refuse("truncated", good[:n])
		}
		refuse("bytes added", append(bytes.Clone(good), '!'))
		refuse("noise", bytes.Repeat([]byte{0xff}, 300))
		small, err := controller.New([]int{2, 3}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		refuse("another space", state(t, small))
		for _, s := range controller.Strategies {
			network := map[string]bool{"ppo": true, "reinforce": true} // these two share their state
			if s.Name != strategy && !(network[s.Name] && network[strategy]) {
				refuse("the state of "+s.Name, state(t, newController(t, config(s.Name))))
			}
		}
	})

	t.Run("a flipped bit never panics", func(t *testing.T) {
		c := newController(t, cfg)
		advance(t, c, 0, 1)
		good := state(t, c)
		for i := 0; i < len(good); i += 1 + len(good)/150 {
			b := bytes.Clone(good)
			b[i] ^= 1 << (i % 8)
			if c.Restore(b) == nil {
				c.Propose(rng.Stream(1, "propose")) // a number may have changed; the controller must still work
				if err := c.Restore(good); err != nil {
					t.Fatal(err)
				}
			}
		}
	})

	t.Run("it beats chance on an additive space", func(t *testing.T) {
		chance := 0.0
		for _, a := range arities {
			if a > 1 {
				chance += 1 / float64(a) / float64(len(arities)-1)
			}
		}
		c := newController(t, cfg)
		mean := 0.0
		const batches, tail = 25, 5
		for b := range batches {
			st := update(t, c, draw(c, b, 20))
			if b >= batches-tail {
				mean += st.MeanReward / tail
			}
		}
		switch learns := strategy != "random"; {
		case learns && mean < chance+0.15:
			t.Errorf("mean reward %.3f after %d batches; chance gives %.3f", mean, batches, chance)
		case !learns && math.Abs(mean-chance) > 0.08:
			t.Errorf("mean reward %.3f; chance gives %.3f", mean, chance)
		}
	})
}
