package search

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/fake"
	"nasnet/nas/local"
	"nasnet/nas/space"
)

// sized is a Fake whose children need memory. It records the most bytes and the most children at a time.
type sized struct {
	memory       *local.Memory
	bytes        func(trial int) int64
	taken, now   atomic.Int64
	most, mostOf atomic.Int64
}

func (e *sized) Reserve(ctx context.Context, j nas.Job, waits func(nas.Shortage)) (release func(), err error) {
	return e.memory.Hold(ctx, e.bytes(j.Trial), waits)
}

func (e *sized) Fits(context.Context, nas.Job) error              { return nil }
func (e *sized) FitsUnread(space.Genotype, nas.RetrainSpec) error { return nil }

func (e *sized) Evaluate(ctx context.Context, j nas.Job, report func(nas.Step) error) (nas.Outcome, error) {
	n := e.bytes(j.Trial)
	raise(&e.most, e.taken.Add(n))
	raise(&e.mostOf, e.now.Add(1))
	defer e.now.Add(-1)
	defer e.taken.Add(-n)
	return fake.Evaluator{Steps: 2, Pace: time.Second}.Evaluate(ctx, j, report)
}

func raise(max *atomic.Int64, v int64) {
	for old := max.Load(); v > old && !max.CompareAndSwap(old, v); old = max.Load() {
	}
}

func TestChildrenTrainOnlyWhileTheirMemoryFits(t *testing.T) {
	c := testConfig()
	c.Children, c.Batch, c.Repeats = 24, 12, "retrain"
	c.Train.Epochs = 2
	want := finish(t, create(t, filepath.Join(t.TempDir(), "run"), c, Options{Workers: 4}))
	dir := filepath.Join(t.TempDir(), "run")
	synctest.Test(t, func(t *testing.T) {
		e := &sized{memory: local.NewMemory(100), bytes: func(trial int) int64 {
			return []int64{60, 20, 30, 40, 100, 10}[trial%6]
		}}
		waited := map[int]bool{}
		s := create(t, dir, c, Options{Workers: 4, Evaluator: e, OnEvent: func(e nas.Event) {
			if e.Kind == nas.TrialWaits {
				waited[e.Trial] = true
				if e.Data["limit"] != int64(100) || e.Data["bytes"].(int64) < 1 {
					t.Errorf("the event says %v", e.Data)
				}
			}
		}})
		if got := finish(t, s); got != want {
			t.Error("the end differs from that without a limit")
		}
		if e.most.Load() > 100 || e.mostOf.Load() < 2 {
			t.Errorf("children used up to %d bytes of 100, %d children at a time", e.most.Load(), e.mostOf.Load())
		}
		if !waited[4] || len(waited) == 24 {
			t.Errorf("who waited: %v", waited)
		}
		if n := e.memory.Free(); n != 100 {
			t.Errorf("%d bytes are free after the end", n)
		}
	})
}

func TestAChildThatCanNeverFitFailsAndSaysWhy(t *testing.T) {
	c := testConfig()
	c.Repeats = "retrain"
	e := &sized{memory: local.NewMemory(2 << 30), bytes: func(trial int) int64 {
		if trial == 2 {
			return 3 << 30
		}
		return 1 << 20
	}}
	s := create(t, filepath.Join(t.TempDir(), "run"), c, Options{Workers: 2, Evaluator: instant{e}})
	finish(t, s)
	x := s.owner.ledger.Trial(2)
	if want := "training needs 3 GiB of memory; all children together may use 2 GiB"; x.State != nas.Failed ||
		x.FailKind != "memory" || x.FailText != want {
		t.Errorf("%s, %s: %s; want %q", x.State, x.FailKind, x.FailText, want)
	}
	if v := s.Snapshot(); v.Finished != 12 || v.Failed != 1 {
		t.Errorf("%d finished, %d failed", v.Finished, v.Failed)
	}
}

// instant is a sized evaluator whose children take no time.
type instant struct{ *sized }

func (instant) Evaluate(ctx context.Context, j nas.Job, report func(nas.Step) error) (nas.Outcome, error) {
	return fake.Evaluator{Steps: 2}.Evaluate(ctx, j, report)
}

// A child that waits for memory can be stopped, and then gives way.
func TestAWaitingChildCanBeStopped(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	synctest.Test(t, func(t *testing.T) {
		c := testConfig()
		c.Children, c.Batch, c.Repeats = 4, 4, "retrain"
		m := local.NewMemory(100)
		e := &sized{memory: m, bytes: func(int) int64 { return 60 }}
		s := create(t, dir, c, Options{Workers: 2, Evaluator: e, Every: time.Millisecond})
		done := make(chan error)
		go func() { done <- s.Run(t.Context()) }()
		time.Sleep(100 * time.Millisecond)
		v := s.Snapshot()
		if len(v.Running) != 2 || v.Running[0].Waits+v.Running[1].Waits != 60 ||
			v.Running[0].Waits*v.Running[1].Waits != 0 {
			t.Errorf("running: %+v", v.Running)
		}
		waits := v.Running[0].ID
		if v.Running[1].Waits > 0 {
			waits = v.Running[1].ID
		}
		if _, err := s.Do(t.Context(), nas.Command{Do: nas.StopTrial, Trial: waits}); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if s.owner.ledger.Trial(waits).State != nas.Stopped || s.owner.ledger.Count(nas.Done) != 3 || m.Free() != 100 {
			t.Errorf("trial %d is %s, %d done, %d free", waits, s.owner.ledger.Trial(waits).State,
				s.owner.ledger.Count(nas.Done), m.Free())
		}
		s.Close()
	})
}

// A retrain that can never fit is refused at once, not when a worker gets to it, and leaves nothing in the run.
func TestARetrainThatCanNeverFitIsRefused(t *testing.T) {
	l, c := local.New(local.NewMemory(1<<30)), realConfig()
	c.Children, c.Batch, c.Lag, c.Train.Epochs = 1, 1, 0, 1
	if _, err := l.Prepare(t.Context(), &c); err != nil {
		t.Fatal(err)
	}
	s := create(t, filepath.Join(t.TempDir(), "run"), c, Options{Workers: 1, Evaluator: l, StayOpen: true})
	done := make(chan error)
	go func() { done <- s.Run(t.Context()) }()
	k, err := space.Lookup("nasnet-a")
	if err != nil {
		t.Fatal(err)
	}
	of := 0
	for name, cmd := range map[string]nas.Command{"a cell": {Cell: &k.Genotype}, "a trial's cell": {Parent: &of}} {
		spec := nas.RetrainSpec{Setup: child.Setup{Net: c.Net, Train: c.Train}, Data: c.DataSpec(), Seed: 1}
		spec.Net.Filters, spec.Net.N = 512, 6
		cmd.Do, cmd.Retrain = nas.Retrain, &spec
		var wanted *nas.MemoryError
		if _, err := s.Do(t.Context(), cmd); !errors.As(err, &wanted) || wanted.Allowed != 1<<30 {
			t.Errorf("%s: %v", name, err)
		}
		spec.Data.Name, spec.Data.Image = "cifar10", 1024
		if _, err := s.Do(t.Context(), cmd); err == nil ||
			!strings.Contains(err.Error(), "the images of cifar10 at 1024 px need") {
			t.Errorf("%s on large images: %v", name, err)
		}
	}
	if _, err := s.Do(t.Context(), nas.Command{Do: nas.Stop}); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil || len(s.owner.ledger.Manual()) != 0 {
		t.Errorf("%d trials made by hand, %v", len(s.owner.ledger.Manual()), err)
	}
}
