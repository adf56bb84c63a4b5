package search

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/audit"
	"nasnet/nas/controller"
	"nasnet/nas/fake"
	"nasnet/nas/record"
	"nasnet/nas/rng"
)

// storeLongRun stores a run with n proposals in batches of 20, as a search with the quick preset leaves it: random
// cells of its space with rewards and epochs, one update per batch, and a policy.
func storeLongRun(tb testing.TB, dir string, n, children int) {
	tb.Helper()
	check := func(err error) {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
	}
	c, err := nas.PresetNamed("quick")
	check(err)
	c.Name, c.Children, c.Batch, c.RandomEvery = filepath.Base(dir), children, 20, 0
	c.Net.Channels, c.Net.Classes = 1, 10
	text, err := record.Config(c)
	check(err)
	st, err := checkpoints.Create(dir, checkpoints.Run{Name: c.Name, ForkedAt: -1, State: "stopped", Seed: c.Seed,
		Config: text, DatasetSHA256: "none", Target: children})
	check(err)
	sp, err := c.Space()
	check(err)
	uniform, err := record.Uniform(sp)
	check(err)
	policy, err := controller.New(sp.Arities(), c.ControllerConfig())
	check(err)
	state, err := policy.State()
	check(err)
	r := rand.New(rand.NewPCG(1, 2))
	const most = 50 * 20 // trials per transaction
	for from := 0; from < n; from += most {
		var rows []checkpoints.Trial
		var epochs []checkpoints.Epoch
		var events []checkpoints.Event
		for id := from; id < min(n, from+most); id++ {
			p := uniform.Propose(rng.Stream(c.Seed, "test", uint64(id)))
			g, err := sp.Decode(p.Choices)
			check(err)
			b, err := json.Marshal(g)
			check(err)
			began := time.Unix(1_700_000_000+int64(id), 0)
			rows = append(rows, checkpoints.Trial{ID: id, Batch: id / c.Batch, PolicyVersion: id / c.Batch,
				Kind:     "sample",
				Genotype: b, CellHash: g.Hash(), Choices: p.Choices, LogP: p.LogP,
				State: "done", Attempt: 1, Parent: -1,
				Result: checkpoints.Result{Reward: r.Float64(), HasReward: true, Params: 60000, MAdds: 2_000_000,
					Started: began, Finished: began.Add(time.Second), Seconds: 1}})
			for e := range c.Train.Epochs {
				epochs = append(epochs, checkpoints.Epoch{Trial: id, Attempt: 1, Epoch: e + 1, TrainLoss: r.Float64(),
					ValAcc: r.Float64(), Images: 2000})
			}
			events = append(events, checkpoints.Event{Kind: string(nas.TrialFinished), Trial: id,
				Body: fmt.Appendf(nil, `{"reward":0.5,"cell":"%.6s"}`, g.Hash())})
		}
		last := rows[len(rows)-1]
		rows[len(rows)-1].State = "running"
		check(st.AddTrials(rows, events...))
		check(st.FinishTrial(last, epochs)) // with the epochs of all trials
		for k := from / c.Batch; k < min(n, from+most)/c.Batch; k++ {
			u := checkpoints.Update{Version: k + 1, Batch: k, State: state, Baseline: 0.5}
			for i := range c.Batch {
				u.Samples = append(u.Samples, checkpoints.UpdateSample{Trial: k*c.Batch + i,
					Reward: rows[k*c.Batch+i-from].Reward})
			}
			check(st.AddUpdate(u))
		}
	}
	check(st.Close())
}

func TestOldTrialsOfALongRunAreLeanUntilTheyAreShown(t *testing.T) {
	const n = 500
	dir := filepath.Join(t.TempDir(), "run")
	storeLongRun(t, dir, n, n+100)
	check := func(s *Search) {
		t.Helper()
		v := s.Snapshot()
		if len(v.Top) != nas.MaxTop || len(v.Recent) != nas.MaxRecent {
			t.Fatalf("%d cells, %d recent ones", len(v.Top), len(v.Recent))
		}
		wanted := map[int]bool{}
		for _, x := range slices.Concat(v.Top, v.Recent) {
			wanted[x.ID] = true
			if h := x.Genotype.Hash(); h != s.owner.ledger.Trial(x.ID).Hash ||
				len(x.Curve) != s.owner.run.Config.Train.Epochs || x.Curve[0].Epoch != 1 {
				t.Errorf("trial %d: cell %.6s, want %.6s; curve %+v", x.ID, h, x.Cell, x.Curve)
			}
		}
		more := 0
		for id, x := range s.owner.ledger.Proposals() {
			if !x.Lean && !wanted[id] && id < s.owner.ledger.FirstWhole() {
				more++
			}
		}
		if more > 2*s.owner.run.Config.Batch {
			t.Errorf("%d of %d trials are whole although nobody shows them", more, len(s.owner.ledger.Proposals()))
		}
	}
	s, err := Open(dir, Options{Workers: 1, Evaluator: fake.Evaluator{Steps: 2}, StayOpen: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	check(s)
	parent := slices.IndexFunc(s.owner.ledger.Proposals(), func(x *nas.Trial) bool { return x.Lean })
	if parent < 0 {
		t.Fatal("no trial is lean")
	}
	until, do := live(t, s)
	r, err := do(nas.Command{Do: nas.Submit, Parent: &parent})
	if err != nil {
		t.Fatal(err)
	}
	until("it ends", func(v *nas.Snapshot) bool { return v.State == nas.Done })
	if _, err := do(nas.Command{Do: nas.Drain}); err != nil {
		t.Fatal(err)
	}
	<-s.ports.closed
	if made := s.owner.ledger.Trial(r.Trial); made.Hash != s.owner.ledger.Trial(parent).Hash ||
		made.Genotype.Hash() != made.Hash || made.State != nas.Done {
		t.Errorf("the cell made from a lean trial: %+v", made.TrialView)
	}
	check(s)
	now := s.Snapshot()
	s.Close()
	read, err := ReadSnapshot(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(read.Beliefs, now.Beliefs) || !reflect.DeepEqual(read.Updates, now.Updates) ||
		!reflect.DeepEqual(read.Rewards, now.Rewards) {
		t.Error("beliefs, updates or rewards read back differ")
	}
	for i, x := range now.Top {
		if y := read.Top[i]; y.ID != x.ID || !reflect.DeepEqual(y.Genotype, x.Genotype) ||
			!reflect.DeepEqual(y.Curve, x.Curve) {
			t.Errorf("rank %d read back: %+v\nwant %+v", i, y, x)
		}
	}
}

func BenchmarkOpen20000(b *testing.B) {
	const n = 20000
	dir := filepath.Join(b.TempDir(), "run")
	storeLongRun(b, dir, n, n)
	for _, c := range []struct {
		name string
		open func() (*nas.Snapshot, error)
	}{{"resume", func() (*nas.Snapshot, error) {
		s, err := Open(dir, Options{Evaluator: fake.Evaluator{}})
		if err != nil {
			return nil, err
		}
		return s.Snapshot(), s.Close()
	}}, {"look", func() (*nas.Snapshot, error) { return ReadSnapshot(dir) }}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			least := time.Hour
			for b.Loop() {
				began := time.Now()
				if v, err := c.open(); err != nil || v.Finished != n {
					b.Fatal(v, err)
				}
				least = min(least, time.Since(began))
			}
			b.ReportMetric(least.Seconds()*1e3, "least-ms")
		})
	}
	b.Run("heap", func(b *testing.B) {
		var before, after runtime.MemStats
		for b.Loop() {
			runtime.GC()
			runtime.ReadMemStats(&before)
			s, err := Open(dir, Options{Evaluator: fake.Evaluator{}})
			if err != nil {
				b.Fatal(err)
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			s.Close()
		}
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/trial")
	})
}

// Numbers from a database must not be used as indices unchecked: a run with inconsistent numbers is refused, and verify
// does not panic on it.
func TestARunWithInconsistentNumbersIsRefused(t *testing.T) {
	c := testConfig()
	c.Controller.Steps, c.Repeats = 1, "retrain"
	dir := filepath.Join(t.TempDir(), "run")
	finish(t, create(t, dir, c, Options{Workers: 1}))
	for _, x := range []struct{ spoil, heal, open, verify string }{
		{"UPDATE trial SET batch = 7 WHERE id = 5", "UPDATE trial SET batch = 1 WHERE id = 5",
			"trial 5 is in batch 7; want 1, or 2 if it starts a batch", ""},
		{"UPDATE trial SET batch = -1 WHERE id = 5", "UPDATE trial SET batch = 1 WHERE id = 5",
			"trial 5 is in batch -1; want 1", ""},
		{"UPDATE policy_sample SET trial = -3 WHERE trial = 5", "UPDATE policy_sample SET trial = 5 WHERE trial = -3",
			"", "this run has no trial -3"},
	} {
		if _, err := openSQL(t, dir).Exec(x.spoil); err != nil {
			t.Fatal(err)
		}
		s, err := Open(dir, Options{Evaluator: fake.Evaluator{}})
		if err == nil {
			s.Close()
		}
		if (err != nil) != (x.open != "") || err != nil && !strings.Contains(err.Error(), x.open) {
			t.Errorf("%s: opening it gives %v; want %q", x.spoil, err, x.open)
		}
		v, err := audit.Verify(t.Context(), dir)
		if problems := strings.Join(v.Problems, "\n"); err != nil || x.verify != "" &&
			(v.OK || !strings.Contains(problems, x.verify)) {
			t.Errorf("%s: verifying it gives %v, %q; want %q", x.spoil, err, problems, x.verify)
		}
		if x.verify != "" {
			if err := os.RemoveAll(filepath.Join(dir, "blobs")); err != nil { // so that no state is left
				t.Fatal(err)
			}
			st, err := record.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := st.Policy(2); err == nil ||
				!strings.Contains(err.Error(), "used trial -3, which does not exist") {
				t.Errorf("%s: rebuilding a policy gives %v", x.spoil, err)
			}
			st.Close()
		}
		if _, err := openSQL(t, dir).Exec(x.heal); err != nil {
			t.Fatal(err)
		}
	}
}

// A starred trial below the top is in every snapshot, whatever else changes, and stays whole.
func TestAStarBelowTheTopStaysInEverySnapshot(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	storeLongRun(t, dir, 400, 500)
	s, err := Open(dir, Options{Workers: 1, Evaluator: fake.Evaluator{Steps: 2}, StayOpen: true,
		Every: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	top := s.owner.ledger.Ranking()
	low := slices.IndexFunc(s.owner.ledger.Proposals(),
		func(x *nas.Trial) bool { return x.HasReward && x.CachedOf < 0 && !slices.Contains(top, x) })
	if low < 0 {
		t.Fatal("all trials are among the best")
	}
	until, do := live(t, s)
	starred := func(what string) {
		t.Helper()
		v := s.Snapshot()
		if len(v.Starred) != 1 || v.Starred[0].ID != low || len(v.Starred[0].Curve) == 0 {
			t.Errorf("%s: %d starred in snapshot %d", what, len(v.Starred), v.Version)
		}
	}
	if _, err := do(nas.Command{Do: nas.Star, Trial: low}); err != nil {
		t.Fatal(err)
	}
	starred("at once")
	for n := range 3 {
		if _, err := do(nas.Command{Do: nas.SetWorkers, N: 1 + n}); err != nil {
			t.Fatal(err)
		}
		starred("when only the workers have changed")
	}
	updates := len(s.Snapshot().Updates)
	until("a policy is made and old trials become lean",
		func(v *nas.Snapshot) bool { return len(v.Updates) > updates })
	starred("after an update")
}
