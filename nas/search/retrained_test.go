package search

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nasnet/nas"
	"nasnet/nas/audit"
	"nasnet/nas/child"
	"nasnet/nas/fake"
	"nasnet/nas/local"
)

func TestTrainingAgainShowsWhereAStoredResultIsWrong(t *testing.T) {
	c := testConfig()
	c.Train.Epochs, c.Controller.Steps = 3, 1
	e := fake.Evaluator{Steps: 2}
	for _, x := range []struct {
		what, sql string
		ids       []int
		e         nas.Evaluator
		want      string // the problem; empty: none
	}{
		{what: "nothing"},
		{what: "a reward", sql: "UPDATE trial SET reward = 0.25 WHERE id = 2", ids: []int{2},
			want: "trial 2: trained again, its reward is 0."},
		{what: "a reward alone", sql: "UPDATE trial SET reward = 0.25 WHERE id = 2", ids: []int{2},
			want: "the store has 0.25; all epochs are equal, so only the reward is wrong"},
		{what: "an epoch", sql: "UPDATE epoch SET val_loss = 9 WHERE trial = 3 AND epoch = 2", ids: []int{3},
			want: "trial 3: trained again, its reward is the same; first difference in epoch 2: the validation loss " +
				"is "},
		{what: "a lost epoch", sql: "DELETE FROM epoch WHERE trial = 3 AND epoch = 3", ids: []int{3},
			want: "it has 3 epochs; the store has 2"},
		{what: "other weights at the start", ids: []int{1}, e: elsewhere{e}, want: "first difference in epoch 1: the "},
		{what: "a child that fails now", ids: []int{1},
			e:    fake.Evaluator{Steps: 2, Fail: func(int) error { return errors.New("no luck") }},
			want: "trial 1: trained again, it fails: no luck; its reward is 0."},
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
		v, err := audit.Verify(t.Context(), dir)
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
		if v.OK != (x.want == "") || !strings.Contains(found, x.want) || v.Retrained != n+len(x.ids) ||
			len(told) != v.Retrained {
			t.Errorf("%s: ok %v, %d trained again (%v), problems %q; want %q", x.what, v.OK, v.Retrained, told,
				found, x.want)
		}
		if x.what != "nothing" {
			continue
		}
		again, err := audit.Verify(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		var same []int
		if err := again.Retrain(t.Context(), dir, x.e, n, nil, func(id int) { same = append(same, id) }); err != nil ||
			!slices.Equal(same, told) {
			t.Errorf("the sample of the same run differs: %v, %v, %v", same, told, err)
		}
		if err := v.Retrain(t.Context(), dir, x.e, 0, []int{77}, nil); err == nil ||
			!strings.Contains(err.Error(), "this run has no trial 77") {
			t.Errorf("a trial that does not exist: %v", err)
		}
	}
}

// elsewhere is a Fake that trains another child than it is given.
type elsewhere struct{ fake.Evaluator }

func (e elsewhere) Evaluate(ctx context.Context, j nas.Job, report func(nas.Step) error) (nas.Outcome, error) {
	j.Seed++
	return e.Evaluator.Evaluate(ctx, j, report)
}

func TestARepeatIsComparedWithTheChildWhoseRewardItShares(t *testing.T) {
	c := testConfig()
	c.Blocks, c.Ops, c.Children, c.Batch = 1, "identity,max3x3", 24, 12
	dir := filepath.Join(t.TempDir(), "run")
	s := create(t, dir, c, Options{Workers: 1})
	finish(t, s)
	i := slices.IndexFunc(s.owner.ledger.Proposals(), func(x *nas.Trial) bool { return x.CachedOf >= 0 })
	if i < 0 {
		t.Fatal("no repeats")
	}
	for _, sql := range []string{"", fmt.Sprintf("UPDATE trial SET reward = 0.125 WHERE id = %d", i)} {
		if _, err := openSQL(t, dir).Exec(sql); err != nil {
			t.Fatal(err)
		}
		v := audit.Report{StateHash: strings.Repeat("0", 64)}
		if err := v.Retrain(t.Context(), dir, fake.Evaluator{Steps: 2}, 0, []int{i}, nil); err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("trial %d: repeats the cell of trial %d with reward", i,
			s.owner.ledger.Proposals()[i].CachedOf); v.OK != (sql == "") ||
			!v.OK && !strings.Contains(v.Problems[0], want) {
			t.Errorf("%q: %v", sql, v.Problems)
		}
	}
	r, err := ForkRun(dir, 1, "fork", func(c *nas.Config, _ *string) error { c.Seed, c.Children = 77, 96; return nil },
		nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(r.Dir, Options{Workers: 1, Evaluator: fake.Evaluator{Steps: 2}})
	if err != nil {
		t.Fatal(err)
	}
	finish(t, f)
	if i = slices.IndexFunc(f.owner.ledger.Proposals(),
		func(x *nas.Trial) bool { return x.ID >= c.Batch && x.CachedOf >= 0 && x.CachedOf < c.Batch }); i < 0 {
		t.Fatal("no repeats of trials that the fork took over")
	}
	v := audit.Report{StateHash: strings.Repeat("0", 64)}
	if err := v.Retrain(t.Context(), r.Dir, fake.Evaluator{Steps: 2}, 0, []int{i}, nil); err != nil || !v.OK ||
		v.Retrained != 0 {
		t.Errorf("a repeat of a child that another run trained: %v, %v, %d trained", err, v.Problems, v.Retrained)
	}
}

// Real children trained beside others, in another process, come out the same bit for bit.
func TestRealChildrenTrainAgainExactly(t *testing.T) {
	l, c := local.New(nil), realConfig()
	c.Children, c.Batch, c.Lag, c.Train.Epochs = 3, 3, 0, 2
	if _, err := l.Prepare(t.Context(), &c); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	finish(t, create(t, dir, c, Options{Workers: 2, Evaluator: l}))
	v, err := audit.Verify(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Retrain(t.Context(), dir, local.New(nil), 3, nil, nil); err != nil || !v.OK || v.Retrained != 3 {
		t.Errorf("%+v, %v", v, err)
	}
}

// A fork may have other data, settings or another seed, so what was trained before it started can only be compared in
// the run that trained it.
func TestWhatAForkTookOverIsTrainedAgainOnlyInItsParent(t *testing.T) {
	root := t.TempDir()
	c := testConfig()
	c.Repeats, c.Controller.Steps = "retrain", 1
	dir := filepath.Join(root, "parent")
	s := create(t, dir, c, Options{Workers: 1, StayOpen: true})
	until, do := live(t, s)
	until("it is done", func(v *nas.Snapshot) bool { return v.State == nas.Done })
	made, again := 0, 1
	for _, x := range []nas.Command{{Do: nas.Submit, Parent: &made},
		{Do: nas.Retrain, Parent: &again, Retrain: &nas.RetrainSpec{Data: s.owner.run.Config.DataSpec(),
			Setup: child.Setup{Net: c.Net, Train: c.Train}, Seed: 5}}} {
		if _, err := do(x); err != nil {
			t.Fatal(err)
		}
	}
	until("its children made by hand are done", func(v *nas.Snapshot) bool {
		return len(v.Retrains) == 1 && v.Retrains[0].State == nas.Done && v.State == nas.Done
	})
	r, err := ForkRun(dir, 2, "fork", func(c *nas.Config, _ *string) error { c.Seed, c.Children = 77, 12; return nil },
		nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(r.Dir, Options{Workers: 1, Evaluator: fake.Evaluator{Steps: 2}})
	if err != nil {
		t.Fatal(err)
	}
	finish(t, f)
	v, err := audit.Verify(t.Context(), r.Dir)
	if err != nil {
		t.Fatal(err)
	}
	var told []int
	if err := v.Retrain(t.Context(), r.Dir, fake.Evaluator{Steps: 2}, 99, nil,
		func(id int) { told = append(told, id) }); err != nil {
		t.Fatal(err)
	}
	slices.Sort(told)
	if want := []int{8, 9, 10, 11, nas.FirstManual + 1}; !v.OK || !slices.Equal(told, want) {
		t.Errorf("trained again are %v; want %v; %v", told, want, v.Problems)
	}
	for _, id := range []int{0, nas.FirstManual} {
		if err := v.Retrain(t.Context(), r.Dir, fake.Evaluator{Steps: 2}, 0, []int{id}, nil); err == nil ||
			!strings.Contains(err.Error(), "before this run was forked") {
			t.Errorf("trial %s: %v", nas.TrialLabel(id), err)
		}
	}
}
