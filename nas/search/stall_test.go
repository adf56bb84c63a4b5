package search

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/fake"
	"nasnet/nas/space"
)

// odd is a Fake in which some trials do something else.
type odd map[int]func(ctx context.Context, report func(nas.Step) error) (nas.Outcome, error)

func (o odd) Evaluate(ctx context.Context, j nas.Job, report func(nas.Step) error) (nas.Outcome, error) {
	if f := o[j.Trial]; f != nil {
		return f(ctx, report)
	}
	return fake.Evaluator{Steps: 2}.Evaluate(ctx, j, report)
}

func step(n, of int) nas.Step {
	return nas.Step{Progress: child.Progress{Epochs: 1, Step: n, Steps: of}}
}

// In a synctest bubble, time passes only while every goroutine waits, so minutes of patience take no time.
func TestAChildThatHangsIsCancelledAndTheSearchContinues(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	synctest.Test(t, func(t *testing.T) {
		c := testConfig()
		c.Repeats = "retrain"
		hang := make(chan struct{})
		var late error
		e := odd{
			3: func(ctx context.Context, report func(nas.Step) error) (nas.Outcome, error) { // it obeys a cancellation
				if err := report(step(1, 9)); err != nil {
					return nas.Outcome{}, err
				}
				<-ctx.Done()
				return nas.Outcome{}, context.Cause(ctx)
			},
			6: func(_ context.Context, report func(nas.Step) error) (nas.Outcome, error) { // it does not
				<-hang
				late = report(step(1, 9))
				return nas.Outcome{Reward: 0.99}, nil
			},
		}
		type told struct {
			kind  nas.EventKind
			trial int
		}
		seen := map[told]time.Duration{}
		began := time.Now()
		s := create(t, dir, c, Options{Workers: 2, Evaluator: e, OnEvent: func(e nas.Event) {
			if e.Trial == 3 || e.Trial == 6 {
				seen[told{e.Kind, e.Trial}] = time.Since(began)
			}
		}})
		if err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		close(hang)
		synctest.Wait()
		if !errors.Is(late, errStalled) {
			t.Errorf("the child that was left behind got %v when it reported again", late)
		}
		for id, says := range map[int]string{3: "no step for 10m0s", 6: "abandoned"} {
			if x := s.owner.ledger.Trial(id); x.State != nas.Failed || x.FailKind != "timeout" ||
				!strings.Contains(x.FailText, says) {
				t.Errorf("trial %d: %s, %s: %s; want it to say %q", id, x.State, x.FailKind, x.FailText, says)
			}
		}
		if v := s.Snapshot(); v.Finished != 12 || v.Failed != 2 || v.Policy.Version != 3 || v.State != nas.Done ||
			len(v.Running) != 0 {
			t.Errorf("%d finished, %d failed, %d updates, %s, %d running", v.Finished, v.Failed, v.Policy.Version,
				v.State, len(v.Running))
		}
		if a := seen[told{nas.TrialFailed, 3}]; a < 10*time.Minute || a > 13*time.Minute {
			t.Errorf("trial 3 was cancelled after %v", a)
		}
		if a, b := seen[told{nas.TrialStalled, 6}], seen[told{nas.TrialFailed, 6}]; b-a != 150*time.Second {
			t.Errorf("trial 6 was cancelled after %v and left behind after %v", a, b)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	st, err := checkpoints.OpenReadOnly(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if x, err := st.Trial(6); err != nil || x.State != "failed" || x.FailKind != "timeout" || x.HasReward {
		t.Errorf("in the store: %+v, %v", x, err)
	}
}

// Slow children are not dead: one that steps rarely, one that validates for long, one that is paused, one whose search
// is paused.
func TestASlowChildIsNotCancelled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	synctest.Test(t, func(t *testing.T) {
		c := testConfig()
		c.Children, c.Batch, c.Repeats = 3, 3, "retrain"
		wait := func(ctx context.Context, d time.Duration) error {
			select {
			case <-time.After(d):
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		e := odd{
			0: func(ctx context.Context, report func(nas.Step) error) (nas.Outcome, error) {
				for i := range 5 {
					if err := errors.Join(wait(ctx, 7*time.Minute), report(step(i+1, 5))); err != nil {
						return nas.Outcome{}, err
					}
				}
				return nas.Outcome{Reward: 0.5}, nil
			},
			1: func(ctx context.Context, report func(nas.Step) error) (nas.Outcome, error) { // batches of validation
				for range 10 {
					if err := errors.Join(wait(ctx, 7*time.Minute), ctx.Err()); err != nil {
						return nas.Outcome{}, err
					}
				}
				return nas.Outcome{Reward: 0.5}, nil
			},
			2: func(ctx context.Context, report func(nas.Step) error) (nas.Outcome, error) { // it will be paused
				if err := errors.Join(wait(ctx, time.Minute), report(step(1, 2)), wait(ctx, time.Minute),
					report(step(2, 2))); err != nil {
					return nas.Outcome{}, err
				}
				return nas.Outcome{Reward: 0.5}, nil
			},
		}
		s := create(t, dir, c, Options{Workers: 3, Evaluator: e})
		done := make(chan error)
		go func() { done <- s.Run(t.Context()) }()
		for _, x := range []struct {
			c     nas.Command
			after time.Duration
		}{{nas.Command{Do: nas.PauseTrial, Trial: 2}, 0}, {nas.Command{Do: nas.ResumeTrial, Trial: 2},
			90 * time.Minute}, {nas.Command{Do: nas.Pause}, 0}, {nas.Command{Do: nas.Resume}, 90 * time.Minute}} {
			time.Sleep(x.after)
			if _, err := s.Do(t.Context(), x.c); err != nil {
				t.Fatal(err)
			}
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		for _, x := range s.owner.ledger.Proposals() {
			if x.State != nas.Done {
				t.Errorf("trial %d: %s: %s", x.ID, x.State, x.FailText)
			}
		}
		s.Close()
	})
}

// slow is an evaluator that reads its data, file by file, when first asked how much memory a child needs.
type slow struct{ odd }

func (e slow) Reserve(ctx context.Context, _ nas.Job, _ func(nas.Shortage)) (release func(), err error) {
	for range 5 {
		time.Sleep(7 * time.Minute)
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
	}
	return func() {}, nil
}

func (slow) Fits(context.Context, nas.Job) error              { return nil }
func (slow) FitsUnread(space.Genotype, nas.RetrainSpec) error { return nil }

func TestReadingDataCountsAsProgress(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	synctest.Test(t, func(t *testing.T) {
		c := testConfig()
		c.Children, c.Batch = 1, 1
		s := create(t, dir, c, Options{Workers: 1, Evaluator: slow{}})
		finish(t, s)
		if x := s.owner.ledger.Proposals()[0]; x.State != nas.Done {
			t.Errorf("%s: %s", x.State, x.FailText)
		}
	})
}

func TestTheLeastPatienceIsValid(t *testing.T) {
	c := testConfig()
	c.Children, c.Batch = 2, 2
	finish(t, create(t, filepath.Join(t.TempDir(), "run"), c, Options{Workers: 1, Patience: 1})) // nanosecond
}

func TestASearchEndsWithoutAChildThatIgnoresCancellation(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	c := testConfig()
	c.Repeats = "retrain"
	want := finish(t, create(t, filepath.Join(t.TempDir(), "run"), c, Options{Workers: 1}))
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		e := odd{5: func(context.Context, func(nas.Step) error) (nas.Outcome, error) {
			<-hang
			return nas.Outcome{Reward: 0.5}, nil
		}}
		s := create(t, dir, c, Options{Workers: 1, Evaluator: e})
		done := make(chan error)
		go func() { done <- s.Run(t.Context()) }()
		synctest.Wait()
		began := time.Now()
		if _, err := s.Do(t.Context(), nas.Command{Do: nas.Stop}); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if d := time.Since(began); d > partingTime {
			t.Errorf("it ended after %v", d)
		}
		if v := s.Snapshot(); v.State != nas.Stopped || v.Finished != 5 || len(v.Running) != 0 {
			t.Errorf("%s, %d finished, %d running", v.State, v.Finished, len(v.Running))
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		close(hang)
	})
	s, err := Open(dir, Options{Workers: 1, Evaluator: fake.Evaluator{Steps: 2}})
	if err != nil {
		t.Fatal(err)
	}
	if got := finish(t, s); got != want {
		t.Error("resumed, its end differs")
	}
}

func TestAChildCannotTakeMoreStepsThanItsTrainingHas(t *testing.T) {
	c := testConfig()
	c.Repeats = "retrain"
	e := odd{4: func(_ context.Context, report func(nas.Step) error) (nas.Outcome, error) {
		for i := 0; ; i++ { // forever
			if err := report(step(i+1, 10)); err != nil {
				return nas.Outcome{}, err
			}
		}
	}}
	s := create(t, filepath.Join(t.TempDir(), "run"), c, Options{Workers: 2, Evaluator: e})
	finish(t, s)
	if x := s.owner.ledger.Trial(4); x.State != nas.Failed || x.FailKind != "budget" ||
		x.FailText != "step 11 of 10: more steps than the training has" {
		t.Errorf("%s, %s: %s", x.State, x.FailKind, x.FailText)
	}
	if v := s.Snapshot(); v.Finished != 12 || v.Failed != 1 {
		t.Errorf("%d finished, %d failed", v.Finished, v.Failed)
	}
}

func TestADrainingSearchIsNotPausedByPanics(t *testing.T) {
	c := testConfig()
	begun, fall := make(chan struct{}), make(chan struct{})
	boom := func(context.Context, func(nas.Step) error) (nas.Outcome, error) {
		begun <- struct{}{}
		<-fall
		panic("boom")
	}
	s := create(t, filepath.Join(t.TempDir(), "run"), c,
		Options{Workers: 4, Evaluator: odd{0: boom, 1: boom, 2: boom, 3: boom}, StayOpen: true})
	done := make(chan error)
	go func() { done <- s.Run(t.Context()) }()
	for range 4 {
		<-begun
	}
	if _, err := s.Do(t.Context(), nas.Command{Do: nas.Drain}); err != nil {
		t.Fatal(err)
	}
	close(fall)
	select {
	case err := <-done:
		if v := s.Snapshot(); err != nil || v.State != nas.Stopped || v.Failed != 4 {
			t.Errorf("it ended %s with %d failed, %v", v.State, v.Failed, err)
		}
	case <-time.After(time.Minute):
		t.Fatalf("it did not end: it is %s, %s", s.Snapshot().State, s.Snapshot().Reason)
	}
}

func TestThreePanicsInARowPauseTheSearch(t *testing.T) {
	c := testConfig()
	c.Children, c.Batch, c.Repeats = 24, 12, "retrain"
	boom := func(context.Context, func(nas.Step) error) (nas.Outcome, error) {
		var values []float32
		return nas.Outcome{Reward: float64(values[7])}, nil
	}
	// Two in a row, a child that ends, three in a row.
	e := odd{1: boom, 2: boom, 4: boom, 5: boom, 6: boom}
	var mu sync.Mutex
	var stacks []string
	s := create(t, filepath.Join(t.TempDir(), "run"), c,
		Options{Workers: 1, Evaluator: e, StayOpen: true, Every: time.Millisecond, OnEvent: func(e nas.Event) {
			if text, ok := e.Data["stack"].(string); ok {
				mu.Lock()
				stacks = append(stacks, text)
				mu.Unlock()
			}
		}})
	until, do := live(t, s)
	until("it pauses", func(v *nas.Snapshot) bool { return v.State == nas.Paused })
	v := s.Snapshot()
	if v.Finished != 7 || !strings.Contains(v.Reason, "3 children in a row panicked") ||
		!strings.Contains(v.Reason, "index out of range [7]") {
		t.Errorf("paused after %d trials: %s", v.Finished, v.Reason)
	}
	mu.Lock()
	if len(stacks) != 5 || !slices.ContainsFunc(stacks,
		func(s string) bool { return strings.Contains(s, "stall_test.go") }) {
		t.Errorf("%d events have a stack: %.300q", len(stacks), stacks)
	}
	mu.Unlock()
	if _, err := do(nas.Command{Do: nas.Resume}); err != nil {
		t.Fatal(err)
	}
	until("it continues to the end", func(v *nas.Snapshot) bool { return v.State == nas.Done && v.Finished == 24 })
	script := create(t, filepath.Join(t.TempDir(), "run"), c, Options{Workers: 1, Evaluator: e})
	if err := script.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "3 children in a row panicked") {
		t.Errorf("without a person: %v", err)
	}
}
