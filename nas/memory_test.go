package nas

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"nasnet/nas/child"
	"nasnet/nas/space"
)

// sized is a Fake whose children take memory, and that knows the most that they took together and how many at a time.
type sized struct {
	bytes        func(trial int) int64
	taken, now   atomic.Int64
	most, mostOf atomic.Int64
}

func (e *sized) Bytes(_ context.Context, j Job) (int64, error) { return e.bytes(j.Trial), nil }

func (e *sized) Evaluate(ctx context.Context, j Job, report func(Step) error) (Outcome, error) {
	n := e.bytes(j.Trial)
	raise(&e.most, e.taken.Add(n))
	raise(&e.mostOf, e.now.Add(1))
	defer e.now.Add(-1)
	defer e.taken.Add(-n)
	return Fake{Steps: 2, Pace: time.Second}.Evaluate(ctx, j, report)
}

func raise(max *atomic.Int64, v int64) {
	for old := max.Load(); v > old && !max.CompareAndSwap(old, v); old = max.Load() {
	}
}

func TestChildrenTrainOnlyAsFarAsTheirMemoryGoes(t *testing.T) {
	c := testConfig()
	c.Children, c.Batch, c.Repeats = 24, 12, "retrain"
	c.Train.Epochs = 2
	want := finish(t, create(t, filepath.Join(t.TempDir(), "run"), c, Options{Workers: 4}))
	dir := filepath.Join(t.TempDir(), "run")
	synctest.Test(t, func(t *testing.T) {
		e := &sized{bytes: func(trial int) int64 { return []int64{60, 20, 30, 40, 100, 10}[trial%6] }}
		waited := map[int]bool{}
		s := create(t, dir, c, Options{Workers: 4, Evaluator: e, Memory: NewMemory(100), OnEvent: func(e Event) {
			if e.Kind == "trial_waits" {
				waited[e.Trial] = true
				if e.Data["limit"] != int64(100) || e.Data["bytes"].(int64) < 1 {
					t.Errorf("the event says %v", e.Data)
				}
			}
		}})
		if got := finish(t, s); got != want {
			t.Error("another end than with all the memory there is")
		}
		if e.most.Load() > 100 || e.mostOf.Load() < 2 {
			t.Errorf("children took up to %d bytes of 100, %d at a time", e.most.Load(), e.mostOf.Load())
		}
		if !waited[4] || len(waited) == 24 {
			t.Errorf("who waited: %v", waited)
		}
		if n := s.options.Memory.free(); n != 100 {
			t.Errorf("%d bytes are free after the end", n)
		}
	})
}

func TestAChildThatCanNeverFitFailsAndSaysWhy(t *testing.T) {
	c := testConfig()
	c.Repeats = "retrain"
	e := &sized{bytes: func(trial int) int64 {
		if trial == 2 {
			return 3 << 30
		}
		return 1 << 20
	}}
	s := create(t, filepath.Join(t.TempDir(), "run"), c, Options{Workers: 2, Evaluator: instant{e}, Memory: NewMemory(2 << 30)})
	finish(t, s)
	x := s.trials[2]
	if want := "its training takes 3 GiB of memory; all children together may take 2 GiB"; x.State != Failed || x.FailKind != "memory" || x.FailText != want {
		t.Errorf("%s, %s: %s; want %q", x.State, x.FailKind, x.FailText, want)
	}
	if v := s.Snapshot(); v.Finished != 12 || v.Failed != 1 {
		t.Errorf("%d finished, %d failed", v.Finished, v.Failed)
	}
}

// instant is a sized whose children take no time.
type instant struct{ *sized }

func (instant) Evaluate(ctx context.Context, j Job, report func(Step) error) (Outcome, error) {
	return Fake{Steps: 2}.Evaluate(ctx, j, report)
}

// A child that waits for memory can be stopped, and the one that is stopped gives way.
func TestAWaitingChildCanBeStopped(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	synctest.Test(t, func(t *testing.T) {
		c := testConfig()
		c.Children, c.Batch, c.Repeats = 4, 4, "retrain"
		e := &sized{bytes: func(int) int64 { return 60 }}
		m := NewMemory(100)
		s := create(t, dir, c, Options{Workers: 2, Evaluator: e, Memory: m, Every: time.Millisecond})
		done := make(chan error)
		go func() { done <- s.Run(t.Context()) }()
		time.Sleep(100 * time.Millisecond)
		v := s.Snapshot()
		if len(v.Running) != 2 || v.Running[0].Waits+v.Running[1].Waits != 60 || v.Running[0].Waits*v.Running[1].Waits != 0 {
			t.Errorf("running: %+v", v.Running)
		}
		waits := v.Running[0].ID
		if v.Running[1].Waits > 0 {
			waits = v.Running[1].ID
		}
		if _, err := s.Do(t.Context(), Command{Do: StopTrial, Trial: waits}); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if s.trials[waits].State != Stopped || s.count(Done) != 3 || m.free() != 100 || len(m.queue) != 0 {
			t.Errorf("trial %d is %s, %d done, %d free", waits, s.trials[waits].State, s.count(Done), m.free())
		}
		s.Close()
	})
}

// A network that would take more than the machine has is turned down before any of it is made.
func TestALocalChildIsMeasuredBeforeItIsBuilt(t *testing.T) {
	l, c := NewLocal(), realConfig()
	c.Children, c.Batch, c.Lag, c.Train.Epochs = 2, 2, 0, 1
	if _, err := l.Prepare(t.Context(), &c); err != nil {
		t.Fatal(err)
	}
	k, err := space.Lookup("nasnet-a")
	if err != nil {
		t.Fatal(err)
	}
	j := Job{Genotype: k.Genotype, Data: c.dataSpec(), Net: c.Net, Train: c.Train}
	n, err := l.Bytes(t.Context(), j)
	if err != nil || n < 100<<10 || n > 100<<20 {
		t.Fatalf("%d bytes, %v", n, err)
	}
	v, _, err := l.Views(t.Context(), j.Data)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := child.NewTrainer(j.Genotype, c.Net, c.Train, v, 1)
	if err != nil || tr.Bytes() != n {
		t.Errorf("the trainer says %d bytes, %v; the evaluator said %d", tr.Bytes(), err, n)
	}
	c.Net.Filters, c.Net.N = 1<<14, 20 // terabytes
	c.Failures = "skip"
	s := create(t, filepath.Join(t.TempDir(), "run"), c, Options{Workers: 1, Evaluator: l, Memory: NewMemory(1 << 30)})
	finish(t, s)
	for _, x := range s.samples {
		if x.FailKind != "memory" || !strings.Contains(x.FailText, "TiB of memory; all children together may take 1 GiB") {
			t.Errorf("trial %d: %s: %s", x.ID, x.FailKind, x.FailText)
		}
	}
}

// A retrain that could never fit is refused when it is asked for, not when a worker has time for it, and leaves nothing in the run.
func TestARetrainThatCanNeverFitIsRefused(t *testing.T) {
	l, c := NewLocal(), realConfig()
	c.Children, c.Batch, c.Lag, c.Train.Epochs = 1, 1, 0, 1
	if _, err := l.Prepare(t.Context(), &c); err != nil {
		t.Fatal(err)
	}
	s := create(t, filepath.Join(t.TempDir(), "run"), c, Options{Workers: 1, Evaluator: l, Memory: NewMemory(1 << 30), StayOpen: true})
	done := make(chan error)
	go func() { done <- s.Run(t.Context()) }()
	k, err := space.Lookup("nasnet-a")
	if err != nil {
		t.Fatal(err)
	}
	of := 0
	for name, cmd := range map[string]Command{"a cell": {Cell: &k.Genotype}, "a trial's cell": {Parent: &of}} {
		spec := RetrainSpec{Net: c.Net, Train: c.Train, Data: c.dataSpec(), Seed: 1}
		spec.Net.Filters, spec.Net.N = 512, 6
		cmd.Do, cmd.Retrain = Retrain, &spec
		var wanted *MemoryError
		if _, err := s.Do(t.Context(), cmd); !errors.As(err, &wanted) || wanted.Allowed != 1<<30 {
			t.Errorf("%s: %v", name, err)
		}
		spec.Data.Name, spec.Data.Image = "cifar10", 1024
		if _, err := s.Do(t.Context(), cmd); err == nil || !strings.Contains(err.Error(), "the images of cifar10 at 1024 px take") {
			t.Errorf("%s on large images: %v", name, err)
		}
	}
	if _, err := s.Do(t.Context(), Command{Do: Stop}); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil || len(s.manual) != 0 {
		t.Errorf("%d trials made by hand, %v", len(s.manual), err)
	}
}

func TestAmountsOfMemory(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "4096": 4096, "4096B": 4096, "2k": 2048, "512M": 512 << 20, "1.5G": 3 << 29, "2GiB": 2 << 30, "3 gb": 3 << 30, "1T": 1 << 40} {
		if got, err := ParseBytes(text); err != nil || got != want {
			t.Errorf("%q: %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "G", "-1", "1e99", "much", "NaN", "9999999T", "1x"} {
		if got, err := ParseBytes(text); err == nil {
			t.Errorf("%q was taken as %d", text, got)
		}
	}
	for n, want := range map[int64]string{12: "12 bytes", 1 << 10: "1 KiB", 3 << 29: "1.5 GiB", 5 << 40: "5 TiB"} {
		if got := FormatBytes(n); got != want {
			t.Errorf("%d: %s; want %s", n, got, want)
		}
	}
}

func TestImagesThatDoNotFitAreNotRead(t *testing.T) {
	big := Job{Alone: true, Data: DataSpec{Name: "cifar10", Dir: t.TempDir(), Image: 1 << 20}}
	if _, err := NewLocal().Bytes(t.Context(), big); err == nil || !strings.Contains(err.Error(), "the images of cifar10 at 1048576 px take") {
		t.Error(err)
	}
}
