package search

import (
	"context"
	"fmt"
	"nasnet/nas"
	"nasnet/nas/audit"
	"nasnet/nas/child"
	"nasnet/nas/fake"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// gated is a Fake whose held children wait in the middle of their third epoch until the test releases them.
type gated struct {
	holds map[int]chan struct{} // by trial
	at    chan int              // trials that have reached their hold

	mu    sync.Mutex
	after map[int][]int // trial -> epochs in the states its trainings started from
}

func hold(trials ...int) *gated {
	g := &gated{holds: map[int]chan struct{}{}, at: make(chan int, 100), after: map[int][]int{}}
	for _, id := range trials {
		g.holds[id] = make(chan struct{})
	}
	return g
}

func (g *gated) release(trial int) { close(g.holds[trial]) }

func (g *gated) Evaluate(ctx context.Context, j nas.Job, report func(nas.Step) error) (nas.Outcome, error) {
	epochs, id := 0, 0
	if j.State != nil {
		if _, err := fmt.Sscanf(string(j.State), fakeState, &epochs, &id); err != nil {
			return nas.Outcome{}, err
		}
	}
	g.mu.Lock()
	g.after[j.Trial] = append(g.after[j.Trial], epochs)
	g.mu.Unlock()
	return fake.Evaluator{Steps: 2}.Evaluate(ctx, j, func(p nas.Step) error {
		if err := report(p); err != nil {
			return err
		}
		c := g.holds[j.Trial]
		if c == nil || p.Epoch != 2 || p.EpochEnd != nil {
			return nil
		}
		g.at <- j.Trial
		select {
		case <-c:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
}

func TestAnUndoneStopLeavesNoTrace(t *testing.T) {
	for _, r := range []struct {
		repeats string
		trial   int
	}{{"cached", 0}, {"retrain", 3}} { // the first of a batch, and the last, which an update waits for
		repeats, trial := r.repeats, r.trial
		c := fiveEpochs()
		c.Repeats = repeats
		want := finish(t, create(t, filepath.Join(t.TempDir(), "run"), c, Options{Workers: 1}))
		g := hold(trial)
		dir := filepath.Join(t.TempDir(), "run")
		s := create(t, dir, c, Options{Workers: 2, Checkpoint: 1, Evaluator: g, Every: time.Millisecond,
			UndoTime: time.Hour, StayOpen: true})
		until, do := live(t, s)
		<-g.at
		if _, err := do(nas.Command{Do: nas.StopTrial, Trial: trial}); err != nil {
			t.Fatal(err)
		}
		until("the child is stopped", func(v *nas.Snapshot) bool {
			return slices.ContainsFunc(v.Recent, func(x nas.TrialView) bool {
				return x.ID == trial && x.State == nas.Stopped
			})
		})
		until("everything that does not depend on it has ended",
			func(v *nas.Snapshot) bool { return len(v.Running) == 0 })
		if v := s.Snapshot(); v.Policy.Version > 0 {
			t.Fatalf("%s, trial %d: policy %d was made while the stop could be undone", repeats, trial,
				v.Policy.Version)
		}
		g.release(trial)
		r, err := do(nas.Command{Do: nas.UndoStop, Trial: trial, From: "a test"})
		if err != nil || r.Trial != trial {
			t.Fatalf("%s, trial %d: %+v, %v", repeats, trial, r, err)
		}
		until("the search is done", func(v *nas.Snapshot) bool { return v.State == nas.Done })
		if got, err := s.owner.run.Store.StateHash(); err != nil || got != want {
			t.Errorf("%s, trial %d: the search differs from that without the stop: %v", repeats, trial, err)
		}
		if got := g.after[trial]; !slices.Equal(got, []int{0, 2}) {
			t.Errorf("%s, trial %d: its trainings started after epochs %v; want 0 and 2", repeats, trial, got)
		}
		if x := s.owner.ledger.Trial(trial); len(x.Curve) != 5 || x.Attempt != 1 || x.FailKind != "" {
			t.Errorf("%s, trial %d: %d epochs, attempt %d, %q", repeats, trial, len(x.Curve), x.Attempt, x.FailKind)
		}
		if n := blobsOf(t, dir, "child"); n != 0 {
			t.Errorf("%s, trial %d: %d checkpoints are still stored after the end", repeats, trial, n)
		}
		if v, err := audit.Verify(t.Context(), dir); err != nil || !v.OK {
			t.Errorf("%s, trial %d: verify: %+v, %v", repeats, trial, v.Problems, err)
		}
	}
}

// repeated returns three proposals of one batch in order: one, another that is trained, and a repeat of the first.
func repeated(t *testing.T, s *Search) (first, other, again int) {
	t.Helper()
	for _, x := range s.owner.ledger.Proposals() {
		for o := x.CachedOf + 1; x.CachedOf >= 0 && o < x.ID; o++ {
			if s.owner.ledger.Trial(o).CachedOf < 0 && s.owner.ledger.Trial(x.CachedOf).Batch == x.Batch {
				return x.CachedOf, o, x.ID
			}
		}
	}
	t.Fatal("no batch proposes a cell twice with another cell in between")
	return
}

func TestRepeatsOfAStoppedChildWaitAndShareItsResultAfterAnUndo(t *testing.T) {
	c := fiveEpochs()
	c.Repeats, c.Blocks, c.Ops, c.Batch, c.Children = "cached", 1, "identity,sep3x3", 40, 40
	base := create(t, filepath.Join(t.TempDir(), "run"), c, Options{Workers: 1})
	want := finish(t, base)
	first, other, again := repeated(t, base)
	stop := func(g *gated, o Options) (s *Search, until func(string, func(*nas.Snapshot) bool),
		do func(nas.Command) (nas.Reply, error)) {
		o.Checkpoint, o.Evaluator, o.Every, o.StayOpen = 1, g, time.Millisecond, true
		s = create(t, filepath.Join(t.TempDir(), "run"), c, o)
		until, do = live(t, s)
		<-g.at
		if _, err := do(nas.Command{Do: nas.StopTrial, Trial: first}); err != nil {
			t.Fatal(err)
		}
		g.release(first)
		return s, until, do
	}
	isDone := func(v *nas.Snapshot) bool { return v.State == nas.Done }
	undone := func(what string, s *Search, until func(string, func(*nas.Snapshot) bool),
		do func(nas.Command) (nas.Reply, error)) {
		t.Helper()
		if _, err := do(nas.Command{Do: nas.UndoStop, Trial: first}); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		until("the search is done", isDone)
		if x := s.owner.ledger.Trial(again); x.CachedOf != first || x.Reward != s.owner.ledger.Trial(first).Reward {
			t.Errorf("%s: the repeat %d has the reward %v of %d; want %v of %d", what, again, x.Reward, x.CachedOf,
				s.owner.ledger.Trial(first).Reward, first)
		}
		if got, err := s.owner.run.Store.StateHash(); err != nil || got != want {
			t.Errorf("%s: the search differs from that without the stop: %v", what, err)
		}
	}

	s, until, do := stop(hold(first), Options{Workers: 2, UndoTime: time.Hour})
	until("the child is stopped", func(v *nas.Snapshot) bool {
		return slices.ContainsFunc(v.Recent, func(x nas.TrialView) bool {
			return x.ID == first && x.State == nas.Stopped
		})
	})
	undone("at once", s, until, do)

	g := hold(first, other)
	s, until, do = stop(g, Options{Workers: 1, UndoTime: 1})
	if id := <-g.at; id != other {
		t.Fatalf("child %d reached its hold; want %d", id, other)
	}
	g.release(other)
	undone("late, but before the repeat is trained", s, until, do)

	s, until, _ = stop(hold(first), Options{Workers: 2, UndoTime: 1})
	until("the search is done", isDone)
	if x := s.owner.ledger.Trial(again); x.CachedOf >= 0 || x.State != nas.Done {
		t.Errorf("the repeat %d of the stopped %d is %s, of %d; want it trained on its own", again, first,
			x.State, x.CachedOf)
	}
}

func TestAStopCannotBeUndoneOnceARepeatTrainsInItsPlace(t *testing.T) {
	c := fiveEpochs()
	c.Repeats, c.Blocks, c.Ops, c.Batch, c.Children = "cached", 1, "identity,sep3x3", 40, 40
	base := create(t, filepath.Join(t.TempDir(), "run"), c, Options{Workers: 1})
	finish(t, base)
	first, _, again := repeated(t, base)
	g := hold(first, again)
	s := create(t, filepath.Join(t.TempDir(), "run"), c,
		Options{Workers: 2, Evaluator: g, Every: time.Millisecond, UndoTime: 1, StayOpen: true})
	_, do := live(t, s)
	<-g.at
	if _, err := do(nas.Command{Do: nas.StopTrial, Trial: first}); err != nil {
		t.Fatal(err)
	}
	if id := <-g.at; id != again {
		t.Fatalf("child %d trains in place of %d; want %d", id, first, again)
	}
	if _, err := do(nas.Command{Do: nas.UndoStop, Trial: first}); err == nil ||
		!strings.Contains(err.Error(), fmt.Sprintf("child %d was trained in its place", again)) {
		t.Errorf("undo: %v", err)
	}
	g.release(again)
}

func TestAStopOnWhichSomethingDependsCannotBeUndone(t *testing.T) {
	c := fiveEpochs()
	g := hold(0)
	s := create(t, filepath.Join(t.TempDir(), "run"), c,
		Options{Workers: 2, Checkpoint: 1, Evaluator: g, Every: time.Millisecond, UndoTime: 1, StayOpen: true})
	until, do := live(t, s)
	<-g.at
	refused := func(trial int, want string) {
		t.Helper()
		if _, err := do(nas.Command{Do: nas.UndoStop, Trial: trial}); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("undo of trial %d: %v; want %q", trial, err, want)
		}
	}
	refused(0, "trial 0 is running, not stopped")
	refused(777, "this run has no trial 777")
	if _, err := do(nas.Command{Do: nas.StopTrial, Trial: 0}); err != nil {
		t.Fatal(err)
	}
	until("the search is done", func(v *nas.Snapshot) bool { return v.State == nas.Done })
	refused(0, "policy 1 was made without it")
	refused(1, "trial 1 is done, not stopped")
}

func TestAStoppedRetrainContinuesInAnotherSitting(t *testing.T) {
	c := fiveEpochs()
	dir := filepath.Join(t.TempDir(), "run")
	g := hold(nas.FirstManual)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := create(t, dir, c, Options{Workers: 2, Checkpoint: 1, Evaluator: g, Every: time.Millisecond, StayOpen: true})
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	spec := nas.RetrainSpec{Data: s.owner.run.Config.DataSpec(),
		Setup: child.Setup{Net: s.owner.run.Config.Net, Train: s.owner.run.Config.Train}, Seed: 9}
	if !await(s, func(v *nas.Snapshot) bool { return v.Proposed > 0 }) {
		t.Fatal("nothing is proposed")
	}
	if _, err := s.Do(ctx, nas.Command{Do: nas.Retrain, Parent: new(0), Retrain: &spec}); err != nil {
		t.Fatal(err)
	}
	<-g.at
	for _, do := range []nas.Action{nas.StopTrial, nas.Drain} {
		if _, err := s.Do(ctx, nas.Command{Do: do, Trial: nas.FirstManual}); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	s.Close()

	g = hold()
	s, err := Open(dir, Options{Workers: 2, Evaluator: g, Every: time.Millisecond, StayOpen: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	until, do := live(t, s)
	until("the search is done without it", func(v *nas.Snapshot) bool { return v.State == nas.Done })
	if x := s.Snapshot().Retrains[0]; x.State != nas.Stopped {
		t.Fatalf("the retrain is %s", x.State)
	}
	if _, err := do(nas.Command{Do: nas.UndoStop, Trial: nas.FirstManual}); err != nil {
		t.Fatal(err)
	}
	until("the retrain is done", func(v *nas.Snapshot) bool {
		return v.State == nas.Done &&
			v.Retrains[0].State == nas.Done
	})
	if x := s.Snapshot().Retrains[0]; len(x.Curve) != 5 || x.Epoch != 5 || x.Parent != 0 {
		t.Errorf("%d epochs of the curve, epoch %d, made from %d", len(x.Curve), x.Epoch, x.Parent)
	}
	if got := g.after[nas.FirstManual]; !slices.Equal(got, []int{2}) {
		t.Errorf("it continued after epochs %v; want 2", got)
	}
}

func TestTogglesAlternateHoweverQuicklyTheyCome(t *testing.T) {
	g := hold(0)
	s := create(t, filepath.Join(t.TempDir(), "run"), fiveEpochs(), Options{Workers: 1, Evaluator: g, Every: time.Hour})
	_, do := live(t, s)
	<-g.at
	for _, x := range []struct {
		do    nas.Action
		state func(*nas.Snapshot) nas.State
	}{
		{nas.Toggle, func(v *nas.Snapshot) nas.State { return v.State }},
		{nas.ToggleTrial, func(v *nas.Snapshot) nas.State { return v.Running[0].State }},
	} {
		for i, want := range []nas.State{nas.Paused, nas.Running, nas.Paused, nas.Running} {
			if _, err := do(nas.Command{Do: x.do}); err != nil {
				t.Fatalf("%s %d: %v", x.do, i, err)
			}
			if got := x.state(s.Snapshot()); got != want {
				t.Errorf("after %s %d: %s, want %s", x.do, i, got, want)
			}
		}
	}
	g.release(0)
}

func TestASubmittedCellNamesTheTrialItWasMadeFrom(t *testing.T) {
	g := hold(0)
	s := create(t, filepath.Join(t.TempDir(), "run"), fiveEpochs(), Options{Workers: 1, Evaluator: g})
	_, do := live(t, s)
	<-g.at
	cell := s.owner.ledger.Trial(1).Genotype
	for i, r := range []struct {
		c      nas.Command
		parent int
	}{
		{nas.Command{Do: nas.Submit, Parent: new(0), Cell: &cell}, 0},
		{nas.Command{Do: nas.Submit, Parent: new(1), Cell: &cell}, 1},
		{nas.Command{Do: nas.Submit, Cell: &cell}, -1},
		{nas.Command{Do: nas.Submit, Parent: new(0)}, 0},
	} {
		if _, err := do(r.c); err != nil {
			t.Fatal(err)
		}
		if got := s.owner.ledger.Trial(nas.FirstManual + i).Parent; got != r.parent {
			t.Errorf("command %d: made from %d, want %d", i, got, r.parent)
		}
	}
	for _, c := range []nas.Command{{Do: nas.Submit}, {Do: nas.Submit, Parent: new(5000)}} {
		if _, err := do(c); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
	g.release(0)
}
