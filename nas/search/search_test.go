package search

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/audit"
	"nasnet/nas/child"
	"nasnet/nas/fake"
	"nasnet/nas/record"
	"nasnet/nas/space"
)

// testConfig is a small search: three batches of four over cells of one block, so that repeats are common.
func testConfig() nas.Config {
	c, err := nas.PresetNamed("quick")
	if err != nil {
		panic(err)
	}
	c.Children, c.Batch, c.Lag, c.Blocks, c.Ops, c.RandomEvery = 12, 4, 0, 2, "identity,sep3x3,max3x3", 0
	c.Train.Epochs = 2
	c.Net.Channels, c.Net.Classes = 1, 10
	c.Controller.Hidden, c.Controller.Embedding = 8, 4
	return c
}

func create(t *testing.T, dir string, c nas.Config, o Options) *Search {
	t.Helper()
	if o.Evaluator == nil {
		o.Evaluator = fake.Evaluator{Steps: 2}
	}
	c.Name = filepath.Base(dir)
	s, err := Create(dir, c, "none", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// finish runs a search to its end and returns its state hash.
func finish(t *testing.T, s *Search) string {
	t.Helper()
	if err := s.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	h, err := s.owner.run.Store.StateHash()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return h
}

func TestSameSeedGivesTheSameSearchForAnyNumberOfWorkers(t *testing.T) {
	for _, lag := range []int{0, 1} {
		if testing.Short() && lag == 0 {
			continue
		}
		c := testConfig()
		c.Lag = lag
		var hashes []string
		for _, workers := range []int{1, 2, 5} {
			// Different paces make children end in different orders.
			o := Options{Workers: workers, Evaluator: uneven{}}
			hashes = append(hashes, finish(t, create(t, filepath.Join(t.TempDir(), "run"), c, o)))
		}
		if hashes[0] != hashes[1] || hashes[1] != hashes[2] {
			t.Errorf("lag %d: state hashes differ: %v", lag, hashes)
		}
		c.Seed = 2
		if h := finish(t, create(t, filepath.Join(t.TempDir(), "run"), c, Options{Workers: 1})); h == hashes[0] {
			t.Errorf("lag %d: another seed gave the same search", lag)
		}
	}
}

// uneven is a Fake whose even trials end later than the odd ones that follow them.
type uneven struct{}

func (uneven) Evaluate(ctx context.Context, j nas.Job, report func(nas.Step) error) (nas.Outcome, error) {
	return fake.Evaluator{Steps: 1 + 20*((j.Trial+1)%2), Pace: 100 * time.Microsecond}.Evaluate(ctx, j, report)
}

// cutOff runs a new search until its n-th event, from 1, and returns its last snapshot.
func cutOff(t *testing.T, dir string, c nas.Config, o Options, event int) *nas.Snapshot {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	o.OnEvent = func(nas.Event) {
		if n++; n == event {
			cancel()
		}
	}
	s := create(t, dir, c, o)
	defer s.Close()
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
	return s.Snapshot()
}

func TestASearchCutOffAnywhereEndsTheSame(t *testing.T) {
	c := testConfig()
	c.Lag = 1
	want := finish(t, create(t, filepath.Join(t.TempDir(), "run"), c, Options{Workers: 2}))
	step := 7
	if testing.Short() {
		step = 29
	}
	for cut := 1; cut < 80; cut += step {
		dir := filepath.Join(t.TempDir(), "run")
		done := cutOff(t, dir, c, Options{Workers: 2}, cut).Finished
		s, err := Open(dir, Options{Workers: 1, Evaluator: fake.Evaluator{Steps: 2}})
		if err != nil {
			t.Fatalf("cut at event %d: %v", cut, err)
		}
		if got := s.Snapshot().Finished; got != done {
			t.Errorf("cut at event %d: %d finished before, %d after", cut, done, got)
		}
		if got := finish(t, s); got != want {
			t.Errorf("cut at event %d: the end differs", cut)
		}
	}
}

func TestTheSnapshotOfALiveRunEqualsThatOfItsStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	s := create(t, dir, testConfig(), Options{Workers: 2})
	if err := s.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	live := s.Snapshot()
	s.Close()
	s, err := Open(dir, Options{Workers: 2, Evaluator: fake.Evaluator{}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	read := s.Snapshot()
	if fmt.Sprint(live.Rewards) != fmt.Sprint(read.Rewards) || fmt.Sprint(live.Updates) != fmt.Sprint(read.Updates) {
		t.Errorf("rewards or updates differ:\n%v\n%v", live.Rewards, read.Rewards)
	}
	if len(live.Top) == 0 || len(live.Top) != len(read.Top) {
		t.Fatalf("%d cells live, %d read back", len(live.Top), len(read.Top))
	}
	for i, a := range live.Top {
		b := read.Top[i]
		if a.ID != b.ID || a.Reward != b.Reward || a.Cell != b.Cell || fmt.Sprint(a.Curve) != fmt.Sprint(b.Curve) ||
			a.Params != b.Params {
			t.Errorf("rank %d: live %+v\nread %+v", i, a, b)
		}
	}
	if live.Finished != read.Finished || live.Cached != read.Cached || live.Distinct != read.Distinct {
		t.Errorf("counts differ: %d %d %d, %d %d %d", live.Finished, live.Cached, live.Distinct, read.Finished,
			read.Cached, read.Distinct)
	}
}

func TestRepeatsOfACellAreNotTrainedAgain(t *testing.T) {
	c := testConfig()
	c.Blocks, c.Ops, c.Children = 1, "identity,max3x3", 40
	var mu sync.Mutex
	trained := map[string]int{}
	s := create(t, filepath.Join(t.TempDir(), "run"), c, Options{Workers: 2, Evaluator: counting{&mu, trained}})
	if err := s.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	v := s.Snapshot()
	if v.Cached == 0 || v.Cached+len(trained) != 40 || v.Distinct != len(trained) {
		t.Errorf("%d repeats and %d distinct cells; %d cells trained", v.Cached, v.Distinct, len(trained))
	}
	for h, n := range trained {
		if n != 1 {
			t.Errorf("cell %.6s was trained %d times", h, n)
		}
	}
	for _, r := range s.owner.ledger.Proposals() {
		if r.CachedOf >= 0 && r.Reward != s.owner.ledger.Trial(r.CachedOf).Reward {
			t.Errorf("repeat %d has reward %v, its original %v", r.ID, r.Reward,
				s.owner.ledger.Trial(r.CachedOf).Reward)
		}
	}
}

type counting struct {
	mu      *sync.Mutex
	trained map[string]int
}

func (c counting) Evaluate(ctx context.Context, j nas.Job, report func(nas.Step) error) (nas.Outcome, error) {
	c.mu.Lock()
	c.trained[j.Genotype.Hash()]++
	c.mu.Unlock()
	return fake.Evaluator{}.Evaluate(ctx, j, report)
}

func TestFailuresOfTrialsNeverEndTheSearch(t *testing.T) {
	boom := func(trial int) error {
		switch trial % 4 {
		case 1:
			return fmt.Errorf("step 3: %w", child.ErrDiverged)
		case 2:
			panic("shape bug")
		}
		return nil
	}
	for _, policy := range []string{"skip", "zero"} {
		c := testConfig()
		c.Failures, c.Repeats = policy, "retrain"
		s := create(t, filepath.Join(t.TempDir(), "run"), c, Options{Workers: 2, Evaluator: fake.Evaluator{Fail: boom}})
		if err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		v := s.Snapshot()
		if v.Failed != 6 || v.Finished != 12 || v.Policy.Version != 3 {
			t.Errorf("%s: %d failed, %d finished, %d updates; want 6, 12, 3", policy, v.Failed, v.Finished,
				v.Policy.Version)
		}
		kinds := map[string]int{}
		for _, r := range s.owner.ledger.Proposals() {
			kinds[r.FailKind]++
		}
		if kinds["diverged"] != 3 || kinds["panic"] != 3 {
			t.Errorf("%s: kinds of failure: %v", policy, kinds)
		}
		want := 2
		if policy == "zero" {
			want = 4
		}
		if v.Policy.Samples != want {
			t.Errorf("%s: the last update used %d rewards; want %d", policy, v.Policy.Samples, want)
		}
	}
}

func TestASearchInWhichNothingWorksPausesForAPersonAndFailsForAScript(t *testing.T) {
	no := fake.Evaluator{Fail: func(int) error { return errors.New("no such luck") }}
	s := create(t, filepath.Join(t.TempDir(), "run"), testConfig(), Options{Workers: 1, Evaluator: no})
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(),
		"all trials of 2 batches in a row failed; the last one: no such luck") {
		t.Errorf("without a person: %v", err)
	}
	if v := s.Snapshot(); v.Finished != 8 || v.State != nas.Failed || v.Reason == "" {
		t.Errorf("%d finished, state %s, reason %q; want the 8 of two batches, failed", v.Finished, v.State, v.Reason)
	}
	s.Close()
	if got := checkpoints.Summary(s.Dir()).Status; got != "failed" {
		t.Errorf("it is listed as %s, want failed", got)
	}
	s = create(t, filepath.Join(t.TempDir(), "run"), testConfig(), Options{Workers: 1, Evaluator: no, StayOpen: true})
	until, _ := live(t, s)
	until("it pauses", func(v *nas.Snapshot) bool {
		return v.State == nas.Paused &&
			strings.Contains(v.Reason, "no such luck")
	})
}

func TestWhatCouldNotBeStoredNeverCounts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	s := create(t, dir, testConfig(), Options{Workers: 1})
	db, err := sql.Open("sqlite", filepath.Join(dir, "run.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE TRIGGER refuse BEFORE UPDATE OF reward ON trial WHEN new.id = 6 BEGIN SELECT " +
		"raise(ABORT, 'no room'); END"); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("the run continued: %v", err)
	}
	s.Close()
	if _, err := db.Exec("DROP TRIGGER refuse"); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(dir, Options{Workers: 1, Evaluator: fake.Evaluator{Steps: 2}}); err != nil {
		t.Fatal(err)
	}
	if v := s.Snapshot(); v.Finished != 6 || v.Policy.Version != 1 {
		t.Errorf("%d finished, policy %d; want 6 and 1", v.Finished, v.Policy.Version)
	}
	if got, want := finish(t, s), finish(t, create(t, filepath.Join(t.TempDir(), "run"), testConfig(),
		Options{Workers: 1})); got != want {
		t.Error("the end differs from that without the failure")
	}
}

// stepper is an Evaluator whose children end when told to.
type stepper struct{ step chan struct{} }

func (e stepper) Evaluate(ctx context.Context, j nas.Job, report func(nas.Step) error) (nas.Outcome, error) {
	for i := range 3 {
		select {
		case <-e.step:
		case <-ctx.Done():
			return nas.Outcome{}, ctx.Err()
		}
		if err := report(nas.Step{Progress: child.Progress{Epochs: 1, Step: i + 1, Steps: 3}}); err != nil {
			return nas.Outcome{}, err
		}
	}
	return nas.Outcome{Reward: 0.5}, nil
}

// await waits until a running search's snapshot meets a condition. It returns false after longer than even a busy
// machine needs.
func await(s *Search, ok func(*nas.Snapshot) bool) bool {
	updated, end := s.Subscribe()
	defer end()
	for late := time.After(2 * time.Minute); !ok(s.Snapshot()); {
		select {
		case <-updated:
		case <-late:
			return false
		}
	}
	return true
}

// live starts a search in the background and returns a function that waits until its snapshot meets a condition.
func live(t *testing.T, s *Search) (until func(what string, ok func(*nas.Snapshot) bool),
	do func(nas.Command) (nas.Reply, error)) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	until = func(what string, ok func(*nas.Snapshot) bool) {
		t.Helper()
		if !await(s, ok) {
			t.Fatalf("never: %s", what)
		}
	}
	return until, func(c nas.Command) (nas.Reply, error) { return s.Do(ctx, c) }
}

func TestPauseHoldsChildrenAtTheirNextBatchUntilResume(t *testing.T) {
	e := stepper{make(chan struct{})}
	s := create(t, filepath.Join(t.TempDir(), "run"), testConfig(),
		Options{Workers: 1, Evaluator: e, Every: time.Millisecond})
	until, do := live(t, s)
	e.step <- struct{}{}
	until("the first step is seen", func(v *nas.Snapshot) bool {
		return len(v.Running) == 1 &&
			v.Running[0].Progress > 0.3
	})
	if v := s.Snapshot(); v.Distinct < 1 || v.Distinct > v.Proposed {
		t.Errorf("%d different cells in %d proposals, before any has ended", v.Distinct, v.Proposed)
	}
	if _, err := do(nas.Command{Do: nas.Pause}); err != nil {
		t.Fatal(err)
	}
	if _, err := do(nas.Command{Do: nas.Pause}); err == nil {
		t.Error("a paused search could be paused again")
	}
	e.step <- struct{}{} // the batch in progress
	select {
	case e.step <- struct{}{}:
		t.Error("the child made another step while paused")
	case <-time.After(50 * time.Millisecond):
	}
	if v := s.Snapshot(); v.State != nas.Paused {
		t.Errorf("state %s", v.State)
	}
	if _, err := do(nas.Command{Do: nas.Resume}); err != nil {
		t.Fatal(err)
	}
	e.step <- struct{}{}
	until("the child is done", func(v *nas.Snapshot) bool { return v.Finished >= 1 })
}

func TestAStoppedChildCountsAsStoppedAndTheSearchContinues(t *testing.T) {
	e := stepper{make(chan struct{})}
	c := testConfig()
	c.Repeats = "retrain"
	s := create(t, filepath.Join(t.TempDir(), "run"), c, Options{Workers: 1, Evaluator: e, Every: time.Millisecond})
	until, do := live(t, s)
	e.step <- struct{}{}
	if _, err := do(nas.Command{Do: nas.StopTrial, Trial: 0}); err != nil {
		t.Fatal(err)
	}
	until("trial 1 runs", func(v *nas.Snapshot) bool { return len(v.Running) == 1 && v.Running[0].ID == 1 })
	if v := s.Snapshot(); v.Recent[0].State != nas.Stopped || v.Failed != 0 {
		t.Errorf("trial 0 is %s, %d failed", v.Recent[0].State, v.Failed)
	}
	if _, err := do(nas.Command{Do: nas.StopTrial, Trial: 0}); err == nil {
		t.Error("an ended child could be stopped again")
	}
	if _, err := do(nas.Command{Do: nas.StopTrial, Trial: 777}); err == nil {
		t.Error("a child that does not exist could be stopped")
	}
}

func TestCellsMadeByHandAreTrainedRankedAndNeverEnterAnUpdate(t *testing.T) {
	base := finish(t, create(t, filepath.Join(t.TempDir(), "run"), testConfig(), Options{Workers: 1}))
	var s *Search
	sent := make(chan struct{})
	o := Options{Workers: 1, Every: time.Millisecond, OnEvent: func(e nas.Event) {
		if e.Kind == nas.ControllerUpdate && e.Data["version"] == 1 {
			go func() {
				defer close(sent)
				k, err := space.Lookup("nasnet-a")
				if err != nil {
					t.Error(err)
				}
				if r, err := s.Do(t.Context(), nas.Command{Do: nas.Submit, Cell: &k.Genotype,
					Text: "by\x1b hand"}); err != nil || r.Trial != nas.FirstManual {
					t.Errorf("submit: %v %v", r, err)
				}
				spec := nas.RetrainSpec{Data: s.owner.run.Config.DataSpec(),
					Setup: child.Setup{Net: s.owner.run.Config.Net, Train: s.owner.run.Config.Train}, Seed: 9}
				spec.Train.Batch = 64
				r, err := s.Do(t.Context(), nas.Command{Do: nas.Retrain, Parent: new(1), Retrain: &spec})
				if err != nil || r.Trial != nas.FirstManual+1 {
					t.Errorf("retrain: %v %v", r, err)
				}
				if v := s.Snapshot(); len(v.Retrains) != 1 {
					t.Errorf("the snapshot has %d retrains; want the queued one", len(v.Retrains))
				}
				if _, err := s.Do(t.Context(), nas.Command{Do: nas.Retrain, Parent: new(1)}); err == nil {
					t.Error("a retrain without settings was accepted")
				}
				if _, err := s.Do(t.Context(), nas.Command{Do: nas.Submit, Cell: &space.Genotype{}}); err == nil {
					t.Error("an empty cell was accepted")
				}
			}()
		}
	}}
	s = create(t, filepath.Join(t.TempDir(), "run"), testConfig(), o)
	if err := s.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-sent
	v := s.Snapshot()
	if len(v.Retrains) != 1 || v.Retrains[0].Parent != 1 || v.Retrains[0].State != nas.Done ||
		v.Retrains[0].Label() != "h2" ||
		v.Retrains[0].Retrain.Train.Shards != 2 {
		t.Errorf("retrains: %+v", v.Retrains)
	}
	best := nas.Found{Trial: -1}
	for _, x := range v.Top {
		if x.Cell == v.Retrains[0].Cell {
			best = nas.Found{Trial: x.ID, Kind: x.Kind, Reward: x.Reward}
		}
	}
	if f := v.Retrains[0].Found; f == nil || *f != best {
		t.Errorf("in the search, the retrained cell has %+v; want %+v", f, best)
	}
	i := slices.IndexFunc(v.Top, func(x nas.TrialView) bool { return x.ID == nas.FirstManual })
	if i < 0 || v.Top[i].Kind != nas.Submitted || v.Top[i].Note != "by hand" {
		t.Errorf("the submitted cell is not ranked: %d of %d", i, len(v.Top))
	}
	if v.Finished != 12 || len(v.Rewards) != 12 {
		t.Errorf("%d proposals, %d points", v.Finished, len(v.Rewards))
	}
	us, err := s.owner.run.Store.Updates()
	if err != nil {
		t.Fatal(err)
	}
	plain := create(t, filepath.Join(t.TempDir(), "run"), testConfig(), Options{Workers: 1})
	if h := finish(t, plain); h != base {
		t.Error("not repeatable")
	}
	for i, u := range us {
		if w := plain.owner.policy.views[i+1]; w.MeanReward != u.MeanReward || w.Entropy != u.Entropy {
			t.Errorf("update %d differs from that of the run without cells made by hand", i+1)
		}
	}
}

func TestAForkWithoutChangesRepeatsTheFutureOfItsParent(t *testing.T) {
	c := testConfig()
	c.Lag = 1
	dir := filepath.Join(t.TempDir(), "parent")
	s := create(t, dir, c, Options{Workers: 1})
	if err := s.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := s.Snapshot()
	s.Close()
	for at := 0; at <= 3; at++ {
		if testing.Short() && at%2 == 0 {
			continue
		}
		name := fmt.Sprint("same", at)
		r, err := ForkRun(dir, at, name, func(*nas.Config, *string) error { return nil }, nil)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Open(r.Dir, Options{Workers: 1, Evaluator: fake.Evaluator{Steps: 2}})
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Snapshot().Finished; got != at*c.Batch {
			t.Errorf("fork at %d starts with %d trials", at, got)
		}
		if err := f.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		v := f.Snapshot()
		if fmt.Sprint(v.Rewards) != fmt.Sprint(want.Rewards) || v.Parent != want.UUID || v.ForkAt != at {
			t.Errorf("fork at %d: rewards %v\nwant %v", at, v.Rewards, want.Rewards)
		}
		f.Close()
	}
	r, err := ForkRun(dir, 2, "other", func(c *nas.Config, _ *string) error { c.Seed = 99; return nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(r.Dir, Options{Workers: 1, Evaluator: fake.Evaluator{Steps: 2}})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v := f.Snapshot(); fmt.Sprint(v.Rewards) == fmt.Sprint(want.Rewards) ||
		fmt.Sprint(v.Rewards[:8]) != fmt.Sprint(want.Rewards[:8]) {
		t.Errorf("a fork with another seed: %v", v.Rewards)
	}
	for _, bad := range []struct {
		what   string
		at     int
		name   string
		change Change
	}{
		{"a version that does not exist", 9, "x", func(*nas.Config, *string) error { return nil }},
		{"a name with a slash", 1, "a/b", func(*nas.Config, *string) error { return nil }},
		{"another number of blocks after the start", 1, "x",
			func(c *nas.Config, _ *string) error { c.Blocks = 3; return nil }},
		{"fewer children than are done", 3, "x", func(c *nas.Config, _ *string) error { c.Children = 5; return nil }},
		{"a folder that exists", 1, "other", func(*nas.Config, *string) error { return nil }},
	} {
		if _, err := ForkRun(dir, bad.at, bad.name, bad.change, nil); err == nil {
			t.Errorf("%s was accepted", bad.what)
		}
	}
}

func TestDrainEndsAfterTheRunningChildren(t *testing.T) {
	e := stepper{make(chan struct{})}
	s := create(t, filepath.Join(t.TempDir(), "run"), testConfig(),
		Options{Workers: 2, Evaluator: e, StayOpen: true, Every: time.Millisecond})
	done := make(chan error)
	go func() { done <- s.Run(t.Context()) }()
	e.step <- struct{}{}
	if _, err := s.Do(t.Context(), nas.Command{Do: nas.Drain}); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		e.step <- struct{}{}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if v := s.Snapshot(); v.Finished != 2 || v.State != nas.Stopped {
		t.Errorf("%d finished, state %s", v.Finished, v.State)
	}
	if _, err := s.Do(t.Context(), nas.Command{Do: nas.Pause}); !errors.Is(err, nas.ErrClosed) {
		t.Errorf("a command after the end: %v", err)
	}
}

func TestLeavingAFinishedRunKeepsItFinished(t *testing.T) {
	for _, do := range []nas.Action{nas.Stop, nas.Drain} {
		s := create(t, filepath.Join(t.TempDir(), "run"), testConfig(),
			Options{Workers: 2, StayOpen: true, Every: time.Millisecond})
		until, send := live(t, s)
		until("it is done", func(v *nas.Snapshot) bool { return v.State == nas.Done })
		if _, err := send(nas.Command{Do: do}); err != nil {
			t.Fatal(err)
		}
		<-s.ports.closed
		if r, err := s.owner.run.Store.Run(); err != nil || r.State != "done" || s.Snapshot().State != nas.Done {
			t.Errorf("%s: the store says %s, the snapshot %s, %v", do, r.State, s.Snapshot().State, err)
		}
	}
}

func TestDrainLetsAPausedChildFinish(t *testing.T) {
	e := stepper{make(chan struct{})}
	s := create(t, filepath.Join(t.TempDir(), "run"), testConfig(),
		Options{Workers: 1, Evaluator: e, StayOpen: true, Every: time.Millisecond})
	_, do := live(t, s)
	e.step <- struct{}{}
	for _, c := range []nas.Command{{Do: nas.PauseTrial, Trial: 0}, {Do: nas.Drain}} {
		if _, err := do(c); err != nil {
			t.Fatal(err)
		}
	}
	e.step <- struct{}{}
	e.step <- struct{}{}
	<-s.ports.closed
	if v := s.Snapshot(); v.Finished != 1 {
		t.Errorf("%d finished", v.Finished)
	}
}

func TestAFinishedRunIsExtendedByAFork(t *testing.T) {
	c := testConfig()
	c.Children = 9 // the last batch has one proposal
	dir := filepath.Join(t.TempDir(), "short")
	finish(t, create(t, dir, c, Options{Workers: 1}))
	r, err := ForkRun(dir, -1, "long", func(c *nas.Config, _ *string) error { c.Children = 14; return nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(r.Dir, Options{Workers: 2, Evaluator: fake.Evaluator{Steps: 2}})
	if err != nil {
		t.Fatal(err)
	}
	finish(t, s)
	if v := s.Snapshot(); v.Finished != 14 || v.Policy.Version != 5 {
		t.Errorf("%d finished, %d updates; want 14, and 5 of batches of 4 4 1 4 1", v.Finished, v.Policy.Version)
	}
	if v, err := audit.Verify(t.Context(), r.Dir); err != nil || !v.OK || v.Proposals != 5 || v.Updates != 5 {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestAForkOfAForkInheritsTheParentsInheritance(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	finish(t, create(t, dir, testConfig(), Options{Workers: 1}))
	same := func(*nas.Config, *string) error { return nil }
	inherited := func(r nas.Reply, err error) int {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		c, _, err := record.ReadConfig(r.Dir)
		if err != nil {
			t.Fatal(err)
		}
		return c.Inherited
	}
	r, err := ForkRun(dir, 2, "b", func(c *nas.Config, _ *string) error { c.Train.Epochs = 7; return nil }, nil)
	if n := inherited(r, err); n != 8 {
		t.Errorf("other training settings: %d inherited; want 8", n)
	}
	if n := inherited(ForkRun(r.Dir, 1, "c", same, nil)); n != 4 {
		t.Errorf("an earlier fork of the fork: %d inherited; want 4", n)
	}
	if n := inherited(ForkRun(dir, 2, "d", func(c *nas.Config, _ *string) error {
		c.Seed, c.DataDir = 9, "x"
		return nil
	}, nil)); n != 0 {
		t.Errorf("another seed: %d inherited; want 0, the rewards stay comparable", n)
	}
}

func TestASecondWriterIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	create(t, dir, testConfig(), Options{})
	if _, err := Open(dir, Options{Evaluator: fake.Evaluator{}}); !errors.Is(err, checkpoints.ErrLocked) {
		t.Errorf("got %v", err)
	}
}

func TestPresetsAreValid(t *testing.T) {
	for _, p := range nas.Presets {
		c, err := nas.PresetNamed(p.Name)
		if err != nil {
			t.Fatal(err)
		}
		c.Net.Channels, c.Net.Classes = 3, 10
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		b, err := record.Config(c)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := nas.ParseConfig(b); err != nil || !reflect.DeepEqual(back, c) {
			t.Errorf("%s: read back %+v, %v", p.Name, back, err)
		}
		c.Train.Shards = 2
		if err := c.Validate(); err == nil {
			t.Errorf("%s: children in two shards were accepted", p.Name)
		}
	}
	if _, err := nas.PresetNamed("fast"); err == nil {
		t.Error("an unknown preset was found")
	}
}
