package search

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nasnet/nas"
	"nasnet/nas/audit"
	"nasnet/nas/fake"
	"nasnet/nas/record"
	"nasnet/nas/space"
)

// counted is a Fake that counts the children it trains, and makes those from a number on wait.
type counted struct {
	trained *atomic.Int64
	from    int
	until   chan struct{} // nil: nobody waits
}

func (e counted) Evaluate(ctx context.Context, j nas.Job, report func(nas.Step) error) (nas.Outcome, error) {
	if e.until != nil && j.Trial >= e.from {
		<-e.until
	}
	e.trained.Add(1)
	return fake.Evaluator{Steps: 2}.Evaluate(ctx, j, report)
}

func TestAForkOfALiveSearchRunsBesideItsParent(t *testing.T) {
	root := t.TempDir()
	c := testConfig()
	c.Children, c.Batch, c.Lag, c.RandomEvery, c.Repeats, c.Controller.Steps = 36, 4, 1, 3, "retrain", 1
	var own, others atomic.Int64
	forks := make(chan error, 2)
	var mu sync.Mutex
	// the parent's last batches wait until both forks have trained a child
	began, both := map[string]bool{}, make(chan struct{})
	var s *Search
	var begin func(dir string) error
	begin = func(dir string) error {
		f, err := Open(dir, Options{Workers: 1, Evaluator: counted{trained: &others}, StartFork: begin,
			OnEvent: func(e nas.Event) {
				mu.Lock()
				defer mu.Unlock()
				if name := filepath.Base(dir); e.Kind == nas.TrialFinished && e.Data["shared_from"] == nil &&
					!began[name] {
					if began[name] = true; len(began) == 2 {
						close(both)
					}
				}
			}})
		if err != nil {
			return err
		}
		go func() { forks <- errors.Join(f.Run(t.Context()), f.Close()) }()
		return nil
	}
	forked := make(chan error, 1)
	var replies [2]nas.Reply
	s = create(t, filepath.Join(root, "parent"), c,
		Options{Workers: 1, Evaluator: counted{&own, 24, both}, StartFork: begin, OnEvent: func(e nas.Event) {
			if e.Kind == nas.ControllerUpdate && e.Data["version"] == 3 {
				go func() {
					var err, twice error
					replies[0], err = s.Do(t.Context(),
						nas.Command{Do: nas.Fork, Fork: &nas.ForkSpec{At: 2, Name: "same", Start: true}})
					replies[1], twice = s.Do(t.Context(),
						nas.Command{Do: nas.Fork, Fork: &nas.ForkSpec{At: 3, Name: "other", LearningRate: 1,
							Start: true}})
					forked <- errors.Join(err, twice)
				}()
			}
		}})
	if err := s.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(<-forked, <-forks, <-forks); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if m := replies[0].Message; m != "forked at policy version 2 to run same, which now runs beside this one" {
		t.Errorf("the answer is %q", m)
	}
	for _, name := range []string{"parent", "same", "other"} {
		if testing.Short() {
			break // replays, in which nothing is concurrent
		}
		v, err := audit.Verify(t.Context(), filepath.Join(root, name))
		if err != nil || !v.OK || v.Updates != 6 {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
		o, err := Open(filepath.Join(root, name), Options{Evaluator: fake.Evaluator{}})
		if err != nil {
			t.Fatal(err)
		}
		got := o.Snapshot()
		if same := reflect.DeepEqual(got.Rewards, s.Snapshot().Rewards); got.State != nas.Done || got.Finished != 36 ||
			same != (name != "other") {
			t.Errorf("%s is %s after %d; the rewards of the parent: %v", name, got.State, got.Finished, same)
		}
		o.Close()
	}
	t.Logf("the parent trained %d children, the forks %d of %d", own.Load(), others.Load(), 2*36-12-18)
	if _, err := s.Do(t.Context(), nas.Command{Do: nas.Fork}); !errors.Is(err, nas.ErrClosed) {
		t.Errorf("a fork of a search that has ended: %v", err)
	}
}

func TestAForkThatCannotBeStartedIsNotMade(t *testing.T) {
	root := t.TempDir()
	s := create(t, filepath.Join(root, "run"), testConfig(),
		Options{Workers: 1, StayOpen: true, Every: time.Millisecond})
	until, do := live(t, s)
	until("it is done", func(v *nas.Snapshot) bool { return v.State == nas.Done })
	if _, err := do(nas.Command{Do: nas.Fork, Fork: &nas.ForkSpec{At: 1, Name: "f", Start: true}}); err == nil ||
		!strings.Contains(err.Error(), "cannot run a fork beside its parent") {
		t.Errorf("no way to start it: %v", err)
	}
	if r, err := do(nas.Command{Do: nas.Fork, Fork: &nas.ForkSpec{At: 1, Name: "f"}}); err != nil ||
		r.Dir != filepath.Join(root, "f") || r.At != 1 {
		t.Errorf("without starting it: %+v, %v", r, err)
	}
	s.options.StartFork = func(string) error { return errors.New("no room") }
	if r, err := do(nas.Command{Do: nas.Fork, Fork: &nas.ForkSpec{At: 2, Name: "g", Start: true}}); err == nil ||
		!strings.Contains(err.Error(), "ready to resume, but it could not be started: no room") || r.Dir == "" {
		t.Errorf("a start that fails: %+v, %v", r, err)
	}
}

// A fork need not train what its parent has trained: everything, if the fork changes nothing; if it changes controller
// settings, whatever does not depend on them. The store records what was shared.
func TestForksShareWhatTheirParentTrained(t *testing.T) {
	root := t.TempDir()
	c := testConfig()
	c.Children, c.Batch, c.Lag, c.RandomEvery, c.Repeats, c.Controller.Steps = 30, 4, 1, 3, "retrain", 1
	dir := filepath.Join(root, "parent")
	want := create(t, dir, c, Options{Workers: 1})
	finish(t, want)
	parent := want.Snapshot()
	run := func(dir string, o Options) (v *nas.Snapshot, trained int64, told int) {
		t.Helper()
		var n atomic.Int64
		o.Workers, o.Evaluator = 2, counted{trained: &n}
		o.OnEvent = func(e nas.Event) {
			if e.Data["shared_from"] == "parent" {
				told++
			}
		}
		s, err := Open(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		finish(t, s)
		return s.Snapshot(), n.Load(), told
	}
	fork := func(name string, change Change) string {
		t.Helper()
		r, err := ForkRun(dir, 2, name, change, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r.Dir
	}
	none := func(*nas.Config, *string) error { return nil }
	begun := 2 * 6 // proposals of two batches, with 4 samples and 2 random cells each
	v, trained, told := run(fork("same", none), Options{})
	if trained != 0 || told != 30-begun || fmt.Sprint(v.Rewards, v.Randoms) != fmt.Sprint(parent.Rewards,
		parent.Randoms) || v.Finished != 30 {
		t.Errorf("without changes: %d trained, %d shared", trained, told)
	}
	for i, x := range v.Top {
		if y := parent.Top[i]; x.ID != y.ID || fmt.Sprint(x.Curve) != fmt.Sprint(y.Curve) || x.Params != y.Params ||
			x.Seconds != y.Seconds {
			t.Errorf("rank %d: %+v\nparent: %+v", i, x, y)
		}
	}
	v, trained, told = run(fork("other", func(c *nas.Config, _ *string) error {
		c.Controller.LearningRate = 1
		return nil
	}), Options{})
	if randoms := (24 - begun) / 3; int(trained)+told != 30-begun || told < randoms+8 || trained == 0 ||
		fmt.Sprint(v.Randoms) != fmt.Sprint(parent.Randoms) {
		t.Errorf("another learning rate: %d trained, %d shared; want the %d random cells, the 8 samples of "+
			"policies made before the fork, and not all", trained, told, randoms)
	}
	if testing.Short() {
		return
	}
	for what, change := range map[string]Change{
		"rate":  func(c *nas.Config, _ *string) error { c.Train.LR = 0.01; return nil },
		"scale": func(c *nas.Config, _ *string) error { c.Net.Filters = 9; return nil },
		"seed":  func(c *nas.Config, _ *string) error { c.Seed = 77; return nil },
		"data":  func(_ *nas.Config, hash *string) error { *hash = "changed"; return nil },
	} {
		if _, trained, told = run(fork(what, change), Options{}); told != 0 || int(trained) != 30-begun {
			t.Errorf("other %s: %d trained, %d shared", what, trained, told)
		}
	}
	if _, trained, told = run(fork("build", none), Options{Build: []byte(`{"version":"2"}`)}); told != 0 ||
		int(trained) != 30-begun {
		t.Errorf("another build: %d trained, %d shared", trained, told)
	}
}

// A fork of a fork may start before its parent did, where no state is stored, under the settings of three runs.
func TestInheritedPoliciesAreRebuiltUnderTheirOwnSettings(t *testing.T) {
	if testing.Short() {
		t.Skip("replays many updates in sequence, without concurrency")
	}
	root := t.TempDir()
	c := longConfig()
	c.Children = 2 * 18
	dir := filepath.Join(root, "a")
	s := create(t, dir, c, Options{Workers: 1})
	states := map[int][]byte{}
	keep := func(s *Search, from int) func(nas.Event) {
		return func(e nas.Event) {
			if version, ok := e.Data["version"].(int); ok && e.Kind == nas.ControllerUpdate && version > from {
				states[version], _ = s.owner.policy.controller.State()
			}
		}
	}
	s.options.OnEvent = keep(s, 0)
	finish(t, s)
	r, err := ForkRun(dir, 6, "b", func(c *nas.Config, _ *string) error {
		c.Controller.LearningRate, c.Children = 0.01, 2*30
		return nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(r.Dir, Options{Workers: 1, Evaluator: fake.Evaluator{Steps: 2}})
	if err != nil {
		t.Fatal(err)
	}
	f.options.OnEvent = keep(f, 6)
	finish(t, f)
	for _, at := range []int{4, 8} { // before and after the start of b; neither is stored there
		g, err := ForkRun(r.Dir, at, fmt.Sprint("c", at),
			func(c *nas.Config, _ *string) error { c.Controller.Entropy, c.Children = 0.5, 2*12; return nil }, nil)
		if err != nil {
			t.Fatal(err)
		}
		h, err := Open(g.Dir, Options{Workers: 1, Evaluator: fake.Evaluator{Steps: 2}})
		if err != nil {
			t.Fatal(err)
		}
		if h.owner.ledger.Applied() != at || len(h.owner.run.Config.Past) != at/4 {
			t.Errorf("it starts at version %d with the past %v", h.owner.ledger.Applied(), h.owner.run.Config.Past)
		}
		if got, err := h.owner.policy.controller.State(); err != nil || string(got) != string(states[at]) {
			t.Errorf("version %d differs from the original: %v", at, err)
		}
		finish(t, h)
		if v, err := audit.Verify(t.Context(), g.Dir); err != nil || !v.OK || v.Updates != 12 {
			t.Errorf("the fork at %d: %+v, %v; want all 12 updates repeated", at, v, err)
		}
	}
	openSQL(t, r.Dir).Exec("UPDATE policy_sample SET reward = 0.9 WHERE version = 3 AND pos = 0")
	if v, err := audit.Verify(t.Context(), r.Dir); err != nil || v.OK ||
		!strings.Contains(strings.Join(v.Problems, "\n"), "update 3: ") {
		t.Errorf("a reward of the inherited part was changed: %+v, %v", v, err)
	}
}

// A fork with other settings does not compare the rewards it took over with its own, neither those of proposals nor
// those of cells made by hand.
func TestAForkWithOtherSettingsRanksOnlyItsOwnTrials(t *testing.T) {
	root := t.TempDir()
	c := testConfig()
	c.Repeats, c.Controller.Steps = "retrain", 1
	dir := filepath.Join(root, "parent")
	s := create(t, dir, c, Options{Workers: 1, StayOpen: true})
	until, do := live(t, s)
	larger, err := space.New("seed-14", 3) // cells that are never proposed
	if err != nil {
		t.Fatal(err)
	}
	submit := func(do func(nas.Command) (nas.Reply, error), n int) {
		t.Helper()
		u, err := record.Uniform(larger)
		if err != nil {
			t.Fatal(err)
		}
		g, err := larger.Decode(record.ProposeRandom(u, 1, n).Choices)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := do(nas.Command{Do: nas.Submit, Cell: &g}); err != nil {
			t.Fatal(err)
		}
	}
	submit(do, 0)
	submit(do, 1)
	manual := func(v *nas.Snapshot) (n int) {
		for _, x := range v.Top {
			if x.Kind == nas.Submitted {
				n++
			}
		}
		return n
	}
	until("it is done", func(v *nas.Snapshot) bool { return v.State == nas.Done })
	for _, x := range []struct {
		name string
		at   int
		rate float64 // of learning
		want int     // cells made by hand in the ranking
	}{{"same", 2, c.Train.LR, 3}, {"other", 2, 0.01, 1}, {"other-from-the-start", 0, 0.01, 1}} {
		r, err := ForkRun(dir, x.at, x.name, func(c *nas.Config, _ *string) error { c.Train.LR = x.rate; return nil },
			nil)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Open(r.Dir, Options{Workers: 1, Evaluator: fake.Evaluator{Steps: 2}, StayOpen: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		until, do := live(t, f)
		submit(do, 2)
		until("the fork is done", func(v *nas.Snapshot) bool { return v.State == nas.Done })
		for _, u := range f.Snapshot().Top {
			if u.Kind != nas.Submitted && u.ID < f.owner.run.Config.Inherited {
				t.Errorf("%s: trial %d is ranked", x.name, u.ID)
			}
		}
		ranked, _, err := audit.Ranking(r.Dir)
		if err != nil {
			t.Fatal(err)
		}
		read := 0
		for _, u := range ranked {
			if u.Kind == nas.Submitted {
				read++
			}
		}
		if shown := manual(f.Snapshot()); shown != x.want || read != x.want {
			t.Errorf("%s: %d cells made by hand are ranked, %d read; want %d", x.name, shown, read, x.want)
		}
	}
}

// A fork that changes --repeats retrain to cached: trials that the parent trained more than once stay trained, whatever
// the fork does with its own repeats.
func TestAForkThatCachesRepeatsKeepsWhatItsParentTrainedTwice(t *testing.T) {
	root := t.TempDir()
	c := testConfig()
	c.Ops, c.Blocks, c.Repeats, c.Children, c.Batch, c.Lag, c.Controller.Steps = "identity,conv1x1", 1,
		"retrain", 48, 8, 0, 1
	dir := filepath.Join(root, "parent")
	s := create(t, dir, c, Options{Workers: 1})
	finish(t, s)
	best, distinct := s.Snapshot().Best, map[string]bool{}
	for _, x := range s.owner.ledger.Proposals() {
		distinct[x.Hash] = true
	}
	if len(distinct) == len(s.owner.ledger.Proposals()) {
		t.Fatal("no cell was proposed twice")
	}
	s.Close()
	r, err := ForkRun(dir, 6, "cached", func(c *nas.Config, _ *string) error {
		c.Repeats, c.Children = "cached", 56
		return nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(r.Dir, Options{Workers: 1, Evaluator: fake.Evaluator{Steps: 2}})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, x := range f.owner.ledger.Proposals() {
		if x.CachedOf >= 0 {
			t.Errorf("trial %d was trained, but counts as a repeat of trial %d", x.ID, x.CachedOf)
		}
	}
	if got := f.Snapshot().Best; got == nil || got.ID != best.ID || got.Reward != best.Reward {
		t.Errorf("the best is %+v; it was trial %d with %v", got, best.ID, best.Reward)
	}
}
