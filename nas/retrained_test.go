package nas

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nasnet/checkpoints"
	"nasnet/nas/child"
	"nasnet/nas/space"
)

func TestARetrainedSampleTellsWhereAStoredResultIsWrong(t *testing.T) {
	c := testConfig()
	c.Train.Epochs, c.Controller.Steps = 3, 1
	e := Fake{Steps: 2}
	for _, x := range []struct {
		what, sql string
		ids       []int
		e         Evaluator
		want      string // of a problem; empty: none
	}{
		{what: "nothing"},
		{what: "a reward", sql: "UPDATE trial SET reward = 0.25 WHERE id = 2", ids: []int{2}, want: "trial 2: trained again it has the reward 0."},
		{what: "a reward alone", sql: "UPDATE trial SET reward = 0.25 WHERE id = 2", ids: []int{2}, want: "the store says 0.25; all epochs are equal, so it is the reward alone that is wrong"},
		{what: "an epoch", sql: "UPDATE epoch SET val_loss = 9 WHERE trial = 3 AND epoch = 2", ids: []int{3}, want: "trial 3: trained again it has the same reward; they part in epoch 2: the validation loss is "},
		{what: "a lost epoch", sql: "DELETE FROM epoch WHERE trial = 3 AND epoch = 3", ids: []int{3}, want: "it has 3 epochs; the store has 2"},
		{what: "other weights at the start", ids: []int{1}, e: elsewhere{e}, want: "they part in epoch 1: the "},
		{what: "a child that fails now", ids: []int{1}, e: Fake{Steps: 2, Fail: func(int) error { return errors.New("no luck") }}, want: "trial 1: trained again it fails: no luck; its reward is 0."},
	} {
		dir := filepath.Join(t.TempDir(), "run")
		c.Repeats = "retrain"
		finish(t, create(t, dir, c, Options{Workers: 1, Evaluator: e}))
		if x.sql != "" {
			if _, err := openSQL(t, dir).Exec(x.sql); err != nil {
				t.Fatal(err)
			}
		}
		if x.e == nil {
			x.e = e
		}
		v, err := Verify(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		n := 4 - len(x.ids)
		if x.want != "" {
			n = 0
		}
		var told []int
		if err := v.Retrain(t.Context(), dir, x.e, n, x.ids, func(id int) { told = append(told, id) }); err != nil {
			t.Fatal(err)
		}
		found := strings.Join(v.Problems, "\n")
		if v.OK != (x.want == "") || !strings.Contains(found, x.want) || v.Retrained != n+len(x.ids) || len(told) != v.Retrained {
			t.Errorf("%s: ok %v, %d trained again (%v), problems %q; want %q", x.what, v.OK, v.Retrained, told, found, x.want)
		}
		if x.what != "nothing" {
			continue
		}
		again, err := Verify(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		var same []int
		if err := again.Retrain(t.Context(), dir, x.e, n, nil, func(id int) { same = append(same, id) }); err != nil || !slices.Equal(same, told) {
			t.Errorf("another sample of the same run: %v, %v, %v", same, told, err)
		}
		if err := v.Retrain(t.Context(), dir, x.e, 0, []int{77}, nil); err == nil || !strings.Contains(err.Error(), "there is no trial 77") {
			t.Errorf("a trial that is not there: %v", err)
		}
	}
}

// elsewhere is a Fake that trains another child than the one it is given.
type elsewhere struct{ Fake }

func (e elsewhere) Evaluate(ctx context.Context, j Job, report func(Step) error) (Outcome, error) {
	j.Seed++
	return e.Fake.Evaluate(ctx, j, report)
}

func TestARepeatIsComparedWithTheChildWhoseRewardItShares(t *testing.T) {
	c := testConfig()
	c.Blocks, c.Ops, c.Children, c.Batch = 1, "identity,max3x3", 24, 12
	dir := filepath.Join(t.TempDir(), "run")
	s := create(t, dir, c, Options{Workers: 1})
	finish(t, s)
	i := slices.IndexFunc(s.samples, func(x *trial) bool { return x.CachedOf >= 0 })
	if i < 0 {
		t.Fatal("no repeats")
	}
	for _, sql := range []string{"", fmt.Sprintf("UPDATE trial SET reward = 0.125 WHERE id = %d", i)} {
		if _, err := openSQL(t, dir).Exec(sql); err != nil {
			t.Fatal(err)
		}
		v := VerifyReport{StateHash: strings.Repeat("0", 64)}
		if err := v.Retrain(t.Context(), dir, Fake{Steps: 2}, 0, []int{i}, nil); err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("trial %d: it repeats the cell of trial %d, whose reward is", i, s.samples[i].CachedOf); v.OK != (sql == "") || !v.OK && !strings.Contains(v.Problems[0], want) {
			t.Errorf("%q: %v", sql, v.Problems)
		}
	}
	r, err := ForkRun(dir, 1, "fork", func(c *Config, _ *string) error { c.Seed, c.Children = 77, 96; return nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(r.Dir, Options{Workers: 1, Evaluator: Fake{Steps: 2}})
	if err != nil {
		t.Fatal(err)
	}
	finish(t, f)
	if i = slices.IndexFunc(f.samples, func(x *trial) bool { return x.ID >= c.Batch && x.CachedOf >= 0 && x.CachedOf < c.Batch }); i < 0 {
		t.Fatal("no repeats of what the fork took over")
	}
	v := VerifyReport{StateHash: strings.Repeat("0", 64)}
	if err := v.Retrain(t.Context(), r.Dir, Fake{Steps: 2}, 0, []int{i}, nil); err != nil || !v.OK || v.Retrained != 0 {
		t.Errorf("a repeat of a child that another run trained: %v, %v, %d trained", err, v.Problems, v.Retrained)
	}
}

// With the real engine: what was trained beside others and in another process comes out the same to the bit.
func TestRealChildrenTrainAgainToTheBit(t *testing.T) {
	l, c := NewLocal(), realConfig()
	c.Children, c.Batch, c.Lag, c.Train.Epochs = 3, 3, 0, 2
	if _, err := l.Prepare(t.Context(), &c); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	finish(t, create(t, dir, c, Options{Workers: 2, Evaluator: l}))
	v, err := Verify(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Retrain(t.Context(), dir, NewLocal(), 3, nil, nil); err != nil || !v.OK || v.Retrained != 3 {
		t.Errorf("%+v, %v", v, err)
	}
}

// A fork may have other data, settings or another seed: what was trained before its beginning is compared in the run that trained it.
func TestWhatAForkTookOverIsTrainedAgainInItsParentAlone(t *testing.T) {
	root := t.TempDir()
	c := testConfig()
	c.Repeats, c.Controller.Steps = "retrain", 1
	dir := filepath.Join(root, "parent")
	s := create(t, dir, c, Options{Workers: 1, StayOpen: true})
	until, do := live(t, s)
	until("it is done", func(v *Snapshot) bool { return v.State == Done })
	made, again := 0, 1
	for _, x := range []Command{{Do: Submit, Parent: &made}, {Do: Retrain, Parent: &again, Retrain: &RetrainSpec{Data: s.config.dataSpec(), Net: c.Net, Train: c.Train, Seed: 5}}} {
		if _, err := do(x); err != nil {
			t.Fatal(err)
		}
	}
	until("its children made by hand are done", func(v *Snapshot) bool { return len(v.Retrains) == 1 && v.Retrains[0].State == Done && v.State == Done })
	r, err := ForkRun(dir, 2, "fork", func(c *Config, _ *string) error { c.Seed, c.Children = 77, 12; return nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(r.Dir, Options{Workers: 1, Evaluator: Fake{Steps: 2}})
	if err != nil {
		t.Fatal(err)
	}
	finish(t, f)
	v, err := Verify(t.Context(), r.Dir)
	if err != nil {
		t.Fatal(err)
	}
	var told []int
	if err := v.Retrain(t.Context(), r.Dir, Fake{Steps: 2}, 99, nil, func(id int) { told = append(told, id) }); err != nil {
		t.Fatal(err)
	}
	slices.Sort(told)
	if want := []int{8, 9, 10, 11, FirstManual + 1}; !v.OK || !slices.Equal(told, want) {
		t.Errorf("trained again are %v; want %v; %v", told, want, v.Problems)
	}
	for _, id := range []int{0, FirstManual} {
		if err := v.Retrain(t.Context(), r.Dir, Fake{Steps: 2}, 0, []int{id}, nil); err == nil || !strings.Contains(err.Error(), "before this run was forked") {
			t.Errorf("trial %s: %v", TrialLabel(id), err)
		}
	}
}

// A retrain depends on its settings and its seed, whatever its number, and is what nasnet train gives.
func TestARetrainIsWhatTrainGives(t *testing.T) {
	spec := RetrainSpec{Data: DataSpec{Name: "synthetic", Image: 8, TrainImages: 64, ValImages: 32, Seed: 1}, Net: child.NetConfig{N: 1, Filters: 2, Image: 8},
		Train: child.TrainConfig{Epochs: 2, Batch: 16, LR: 0.05, Momentum: 0.9, DropPath: child.DropPath{Mode: "linear", Prob: 0.3}, Augment: child.Augment{Pad: 1}}, Seed: 5}
	known, err := space.Lookup("nasnet-a")
	if err != nil {
		t.Fatal(err)
	}
	g := known.Genotype
	local := NewLocal()
	views, d, err := local.Views(t.Context(), spec.Data)
	if err != nil {
		t.Fatal(err)
	}
	trainer, err := child.NewTrainer(g, netFor(spec.Net, d), spec.Train, views, spec.Seed)
	if err != nil {
		t.Fatal(err)
	}
	want, err := trainer.Run(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []int{FirstManual, FirstManual + 7} {
		var got []checkpoints.Epoch
		o, err := local.Evaluate(t.Context(), spec.job(id, g), func(s Step) error {
			if s.EpochEnd != nil {
				got = append(got, storedEpoch(id, 1, *s.EpochEnd))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var trained []checkpoints.Epoch
		for _, e := range want.Epochs {
			trained = append(trained, storedEpoch(id, 1, e))
		}
		if where := firstDifference(trained, got); where != "" || o.Reward != want.Reward {
			t.Errorf("retrain %s gives %v, nasnet train %v: %s", TrialLabel(id), o.Reward, want.Reward, where)
		}
	}
}
