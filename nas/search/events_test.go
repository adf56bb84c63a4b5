package search

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/fake"
)

// weighty returns weights with each result.
type weighty struct{ fake.Evaluator }

func (w weighty) Evaluate(ctx context.Context, j nas.Job, report func(nas.Step) error) (nas.Outcome, error) {
	out, err := w.Evaluator.Evaluate(ctx, j, report)
	out.Weights = []byte("weights")
	return out, err
}

// If a run's blob folder cannot be read or written, results count without their weights.
func TestWeightsThatCannotBeStoredAreReported(t *testing.T) {
	dir, c := filepath.Join(t.TempDir(), "run"), testConfig()
	c.Children, c.Batch = 2, 2
	var events []nas.Event
	s := create(t, dir, c, Options{Workers: 1, Evaluator: weighty{},
		OnEvent: func(e nas.Event) { events = append(events, e) }})
	blobs := filepath.Join(dir, "blobs")
	if err := os.RemoveAll(blobs); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(blobs, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "blob") {
		t.Errorf("the update, whose policy is a blob, ended with %v", err)
	}
	for kind, want := range map[nas.EventKind]string{
		nas.SweepFailed: "cannot remove the files of a killed process: ",
		nas.WeightsLost: "child 0: cannot store its weights: "} {
		i := slices.IndexFunc(events, func(e nas.Event) bool { return e.Kind == kind })
		if i < 0 {
			t.Errorf("no event %s", kind)
		} else if got := events[i].Sentence(); !strings.HasPrefix(got[0], want) {
			t.Errorf("%s says %q", kind, got)
		}
	}
	for _, x := range s.owner.ledger.Proposals() {
		if !x.HasReward {
			t.Errorf("trial %d has no reward", x.ID)
		}
	}
}

// Whatever another build wrote into the log, the run opens and shows it.
func TestEventsOfOtherBuildsAreShown(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	s := create(t, dir, testConfig(), Options{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	st, err := checkpoints.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, x := range []struct{ level, kind, body, want string }{
		{"info", "new_kind", `{"message":"hello"}`, "new_kind: hello"},
		{"grave", "new_kind", `[1]`, "new_kind"},
		{"warn", "trial_failed", `{"error":"the loss is NaN","fail_kind":7}`, "trial_failed: the loss is NaN"},
		{"info", "trial_finished", `null`, "trial_finished"},
		{"info", "user", `"text"`, "user"},
		{"info", "run_started", ``, "search started"},
	} {
		var body []byte
		if x.body != "" {
			body = []byte(x.body)
		}
		if err := st.AddEvent(checkpoints.Event{Level: x.level, Kind: x.kind, Trial: 3, Body: body}); err != nil {
			t.Fatal(err)
		}
		want = append(want, x.want)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(dir, Options{}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var got []string
	for _, e := range s.Snapshot().Events {
		if _, err := e.MarshalJSON(); err != nil {
			t.Error(err)
		}
		got = append(got, strings.Join(e.Sentence(), " | "))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// weighed returns a cost with each result.
type weighed struct{ fake.Evaluator }

func (w weighed) Evaluate(ctx context.Context, j nas.Job, report func(nas.Step) error) (nas.Outcome, error) {
	out, err := w.Evaluator.Evaluate(ctx, j, report)
	out.Cost.Params, out.Cost.MAdds = 50_000, 2_000_000
	return out, err
}

// The events of a search have every field that their sentences use.
func TestEveryEventOfASearchFillsItsSentence(t *testing.T) {
	root, c := t.TempDir(), testConfig()
	c.RandomEvery, c.Cost = 3, nas.CostTerm{By: nas.ByMAdds, Target: 2e6, Weight: nas.DefaultCostWeight}
	kinds := map[nas.EventKind]bool{}
	told := func(e nas.Event) {
		kinds[e.Kind] = true
		if s := e.Sentence()[0]; strings.HasPrefix(s, string(e.Kind)) {
			t.Errorf("%s with %v says %q", e.Kind, e.Data, s)
		}
	}
	fails := func(trial int) error {
		if trial%3 == 1 {
			return context.DeadlineExceeded
		}
		return nil
	}
	s := create(t, filepath.Join(root, "run"), c, Options{Workers: 2,
		Evaluator: weighed{fake.Evaluator{Steps: 2, Fail: fails}}, OnEvent: told})
	finish(t, s)
	r, err := ForkRun(filepath.Join(root, "run"), 1, "fork", func(*nas.Config, *string) error { return nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(r.Dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, e := range f.Snapshot().Events {
		told(e)
	}
	for _, kind := range []nas.EventKind{nas.RunStarted, nas.RewardByCost, nas.TrialProposed, nas.TrialStarted,
		nas.EpochEnded, nas.TrialFinished,
		nas.TrialFailed, nas.ControllerUpdate, nas.RunFinished, nas.RunForked} {
		if !kinds[kind] {
			t.Errorf("no event %s", kind)
		}
	}
}
