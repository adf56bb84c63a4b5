package search

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"nasnet/nas"
	"nasnet/nas/audit"
	"nasnet/nas/child"
	"nasnet/nas/fake"
	"nasnet/nas/local"
)

func TestTheRewardByCost(t *testing.T) {
	cost := child.Cost{Params: 1000, Trainable: 900, MAdds: 4e6}
	for _, x := range []struct {
		what     string
		term     nas.CostTerm
		accuracy float64
		latency  float64
		want     float64
	}{
		{"no term leaves the accuracy", nas.CostTerm{}, 0.8, 3, 0.8},
		{"at the target the reward is the accuracy", nas.CostTerm{By: nas.ByLatency, Target: 3, Weight: -0.5},
			0.8, 3, 0.8},
		{"half the target at exponent -1 doubles it", nas.CostTerm{By: nas.ByLatency, Target: 6, Weight: -1},
			0.8, 3, 1.6},
		{"four times the target at -1/2 halves it", nas.CostTerm{By: nas.ByMAdds, Target: 1e6, Weight: -0.5},
			0.8, 0, 0.4},
		{"params count all parameters", nas.CostTerm{By: nas.ByParams, Target: 250, Weight: -0.5},
			0.8, 0, 0.4},
		{"MnasNet: 5 % of accuracy for twice the latency",
			nas.CostTerm{By: nas.ByLatency, Target: 1.5, Weight: nas.DefaultCostWeight}, 0.8, 3, 0.8 * 0.952638},
	} {
		r, err := x.term.Reward(x.accuracy, cost, x.latency)
		if err != nil || math.Abs(r-x.want) > 1e-6 {
			t.Errorf("%s: %v, %v; want %v", x.what, r, err, x.want)
		}
	}
	if r, err := (nas.CostTerm{By: nas.ByLatency, Target: 3, Weight: -0.5}).Reward(0.8, cost, 0); err == nil {
		t.Errorf("a latency of 0 makes the reward %v", r)
	}
	c, o := costConfig(nas.CostTerm{By: nas.ByMAdds, Target: 1e6, Weight: -0.5}), nas.Outcome{Reward: 0.8, Cost: cost}
	for kind, want := range map[nas.Kind]float64{nas.Sampled: 0.4, nas.Random: 0.4, nas.Submitted: 0.4,
		nas.Retrained: 0.8} {
		if r, err := c.Reward(kind, o); err != nil || math.Abs(r-want) > 1e-9 {
			t.Errorf("a trial of kind %s has the reward %v, %v; want %v", kind, r, err, want)
		}
	}
	for want, term := range map[string]nas.CostTerm{
		`cost: by is "flops"; want one of latency, madds, params`: {By: "flops", Target: 1, Weight: -1},
		"cost: by is empty":    {By: "", Target: 1, Weight: -1},
		"cost: target is 0":    {By: nas.ByMAdds, Target: 0, Weight: -1},
		"cost: target is -2":   {By: nas.ByMAdds, Target: -2, Weight: -1},
		"cost: target is NaN":  {By: nas.ByMAdds, Target: math.NaN(), Weight: -1},
		"cost: target is +Inf": {By: nas.ByMAdds, Target: math.Inf(1), Weight: -1},
		"cost: weight is 0; want -10 or more and less than 0": {By: nas.ByMAdds, Target: 1, Weight: 0},
		"cost: weight is 0.07":                                {By: nas.ByMAdds, Target: 1, Weight: 0.07},
		"cost: weight is NaN":                                 {By: nas.ByMAdds, Target: 1, Weight: math.NaN()},
		"cost: weight is -11":                                 {By: nas.ByMAdds, Target: 1, Weight: -11},
	} {
		c := testConfig()
		c.Cost = term
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v; want %q", term, err, want)
		}
	}
}

// costly is a Fake whose children's costs depend on their cells, and whose latency differs on every measurement.
type costly struct{ measured *atomic.Int64 }

func (e costly) Evaluate(ctx context.Context, j nas.Job, report func(nas.Step) error) (nas.Outcome, error) {
	o, err := fake.Evaluator{Steps: 2}.Evaluate(ctx, j, report)
	n := int64(len(j.Genotype.Text()) % 7)
	o.Cost.Params, o.Cost.MAdds, o.Latency = 50_000+10_000*n, 2_000_000+1_000_000*n, 0
	if j.Latency {
		o.Latency = 1 + 0.125*float64(e.measured.Add(1))
	}
	return o, err
}

// rewards lists what each reward is made of, one trial per line.
func rewards(ts []nas.TrialView) (s string) {
	for _, t := range ts {
		s += fmt.Sprintln(t.ID, t.Reward, t.Accuracy(), t.Params, t.MAdds, t.Latency)
	}
	return s
}

func costConfig(term nas.CostTerm) nas.Config {
	c := testConfig()
	c.Children, c.RandomEvery, c.Cost = 20, 4, term
	return c
}

func TestASearchWithACostIsRepeatable(t *testing.T) {
	for _, term := range []nas.CostTerm{{By: nas.ByMAdds, Target: 3.1e6, Weight: -0.3},
		{By: nas.ByParams, Target: 71_000, Weight: -0.07}, {By: nas.ByLatency, Target: 2.05, Weight: -0.2}} {
		t.Run(term.By, func(t *testing.T) {
			c := costConfig(term)
			hashes := map[string]bool{}
			var dir string
			for _, workers := range []int{1, 3} {
				dir = filepath.Join(t.TempDir(), fmt.Sprint("run", workers))
				var told string
				s := create(t, dir, c, Options{Workers: workers, Evaluator: costly{new(atomic.Int64)},
					OnEvent: func(e nas.Event) {
						if e.Kind == nas.RewardByCost {
							told = fmt.Sprint(e.Data)
						}
					}})
				hashes[finish(t, s)] = true
				if !strings.Contains(told, "by:"+term.By) ||
					strings.Contains(told, "finds other rewards") != (term.By == nas.ByLatency) {
					t.Errorf("the log says %q", told)
				}
				live := s.Snapshot()
				for _, v := range live.Top {
					want, err := term.Reward(v.Accuracy(), child.Cost{Params: v.Params, MAdds: v.MAdds}, v.Latency)
					if err != nil || v.Reward != want || v.Reward == v.Accuracy() ||
						(v.Latency > 0) != (term.By == nas.ByLatency) {
						t.Errorf("child %d: reward %v, accuracy %v, latency %v; want %v, %v", v.ID, v.Reward,
							v.Accuracy(), v.Latency, want, err)
					}
				}
				s, err := Open(dir, Options{Evaluator: fake.Evaluator{}})
				if err != nil {
					t.Fatal(err)
				}
				if read := s.Snapshot(); rewards(read.Top) != rewards(live.Top) ||
					fmt.Sprint(read.Verdict) != fmt.Sprint(live.Verdict) {
					t.Errorf("read back:\n%s\nlive:\n%s", rewards(read.Top), rewards(live.Top))
				}
				s.Close()
			}
			c.Cost = nas.CostTerm{}
			if plain := finish(t, create(t, filepath.Join(t.TempDir(), "plain"), c,
				Options{Workers: 1, Evaluator: costly{}})); hashes[plain] {
				t.Error("the cost changed nothing")
			}
			if term.By != nas.ByLatency && len(hashes) != 1 {
				t.Errorf("%d different searches with one seed", len(hashes))
			}
			verify := func() audit.Report {
				t.Helper()
				v, err := audit.Verify(t.Context(), dir)
				if err != nil {
					t.Fatal(err)
				}
				if err := v.Retrain(t.Context(), dir, costly{new(atomic.Int64)}, 5, nil, nil); err != nil {
					t.Fatal(err)
				}
				return v
			}
			if v := verify(); !v.OK || v.Updates == 0 || v.Retrained != 5 {
				t.Errorf("an intact run: %+v", v)
			}
			column := map[string]string{nas.ByMAdds: "madds", nas.ByParams: "params",
				nas.ByLatency: "latency_ms"}[term.By]
			if _, err := openSQL(t, dir).Exec("UPDATE trial SET " + column + " = " + column +
				" * 2 WHERE id = 0"); err != nil {
				t.Fatal(err)
			}
			if v := verify(); v.OK || !strings.Contains(strings.Join(v.Problems, "\n"), "trial 0: its reward is 0.") {
				t.Errorf("twice the cost: %+v", v.Problems)
			}
		})
	}
}

func TestLatencyIsMeasuredIfTheConfigAsksForIt(t *testing.T) {
	var n atomic.Int64
	c := testConfig()
	c.Latency, c.Blocks, c.Ops, c.Children = true, 1, "identity,max3x3", 40
	s := create(t, filepath.Join(t.TempDir(), "run"), c, Options{Workers: 2, Evaluator: costly{&n}})
	hash := finish(t, s)
	v := s.Snapshot()
	if v.Cached == 0 || int(n.Load()) != v.Finished-v.Cached {
		t.Errorf("measured %d of %d children, %d of them repeats", n.Load(), v.Finished, v.Cached)
	}
	for _, x := range v.Recent {
		if !(x.Latency > 0) || x.Reward != x.Accuracy() {
			t.Errorf("child %d: latency %v, reward %v, accuracy %v", x.ID, x.Latency, x.Reward, x.Accuracy())
		}
	}
	c.Latency = false
	if without := finish(t, create(t, filepath.Join(t.TempDir(), "run"), c,
		Options{Workers: 2, Evaluator: costly{}})); without != hash {
		t.Error("measuring changed the search")
	}
}

func TestRewardsUnderAnotherCostAreNotComparedWithTheParents(t *testing.T) {
	root := t.TempDir()
	term := nas.CostTerm{By: nas.ByMAdds, Target: 3e6, Weight: -0.3}
	c := costConfig(term)
	c.Repeats = "retrain"
	dir := filepath.Join(root, "parent")
	finish(t, create(t, dir, c, Options{Workers: 1, Evaluator: costly{}}))
	run := func(name string, change func(c *nas.Config)) (v *nas.Snapshot, shared int) {
		t.Helper()
		r, err := ForkRun(dir, 1, name, func(c *nas.Config, _ *string) error { change(c); return nil }, nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Open(r.Dir, Options{Workers: 1, Evaluator: costly{new(atomic.Int64)}, OnEvent: func(e nas.Event) {
			if e.Data["shared_from"] != nil {
				shared++
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		finish(t, s)
		if v, err := audit.Verify(t.Context(), r.Dir); err != nil || !v.OK {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
		return s.Snapshot(), shared
	}
	v, shared := run("same", func(*nas.Config) {})
	if v.Config.Inherited != 0 || shared == 0 || shared != 20-5 {
		t.Errorf("the same term: %d inherited, %d shared", v.Config.Inherited, shared)
	}
	v, shared = run("heavier", func(c *nas.Config) { c.Cost.Weight = -0.6 })
	if v.Config.Inherited != 5 || shared == 0 {
		t.Errorf("another weight: %d inherited, %d shared; want shared trainings, because they are the same",
			v.Config.Inherited, shared)
	}
	for _, x := range v.Top {
		if want, _ := v.Config.Cost.Reward(x.Accuracy(), child.Cost{MAdds: x.MAdds}, 0); x.ID < 5 || x.Reward != want {
			t.Errorf("another weight: child %d has the reward %v; want %v", x.ID, x.Reward, want)
		}
	}
	if v, shared = run("measured", func(c *nas.Config) {
		c.Cost = nas.CostTerm{By: nas.ByLatency, Target: 2,
			Weight: -0.3}
	}); v.Config.Inherited != 5 || shared != 0 || v.Failed != 0 {
		t.Errorf("by latency: %d inherited, %d shared, %d failed; want none shared, because the parent measured no "+
			"latency",
			v.Config.Inherited, shared, v.Failed)
	}
}

func TestTheLocalEvaluatorMeasuresLatency(t *testing.T) {
	c := testConfig()
	c.Data, c.TrainImages, c.ValImages, c.Train.Epochs = "synthetic", 64, 32, 1
	l := local.New(nil)
	if _, err := l.Prepare(t.Context(), &c); err != nil {
		t.Fatal(err)
	}
	sp, err := c.Space()
	if err != nil {
		t.Fatal(err)
	}
	choices := make([]int, len(sp.Arities()))
	g, err := sp.Decode(choices)
	if err != nil {
		t.Fatal(err)
	}
	none := func(nas.Step) error { return nil }
	was, err := l.Evaluate(t.Context(), c.Job(0, g), none)
	if err != nil || was.Latency != 0 {
		t.Fatalf("%+v, %v", was, err)
	}
	c.Cost = nas.CostTerm{By: nas.ByLatency, Target: 1, Weight: -0.1}
	o, err := l.Evaluate(t.Context(), c.Job(0, g), none)
	if err != nil || !(o.Latency > 0) || o.Reward != was.Reward {
		t.Errorf("%+v, %v; want a latency and the reward %v", o, err, was.Reward)
	}
	t.Logf("%.3f ms", o.Latency)
}
