package checkpoints_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"nasnet/checkpoints"
)

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// randomTrial is a valid trial with every field set, as far as its state allows.
func randomTrial(r *rand.Rand, id int) checkpoints.Trial {
	pick := func(ss ...string) string { return ss[r.IntN(len(ss))] }
	block := func() string {
		return fmt.Sprintf(`{"in1":%d,"op1":"sep5x5","in2":%d,"op2":"conv1x7_7x1","combine":"concat"}`,
			r.IntN(6), r.IntN(6))
	}
	cell := func() string {
		return `{"blocks":[` + strings.Join([]string{block(), block(), block(), block(), block()}, ",") + `]}`
	}
	t := checkpoints.Trial{
		ID: id, Batch: r.IntN(100) - 1, PolicyVersion: r.IntN(100), Kind: pick("sample", "edit", "retrain"),
		Genotype: []byte(`{"normal":` + cell() + `,  "reduction":` + cell() + `}`),
		CellHash: fmt.Sprintf("%016x%016x%016x%016x", r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()),
		State:    pick("proposed", "running", "done", "failed", "stopped"), Attempt: r.IntN(3),
		Parent: -1, Star: r.IntN(2) == 0, Note: pick("", "two lines\nof \"note\" 🙂", "a\x00b"),
		Result: checkpoints.Result{
			FailDetail: pick("", "shape (1, 2)\nstack", "ünï \x1b[31m"), Params: r.Int64N(1 << 40),
			MAdds:  r.Int64N(1 << 50),
			Worker: pick("", "node7"), Seconds: r.ExpFloat64() * 100, Latency: r.ExpFloat64(),
		},
	}
	if id > 0 && r.IntN(2) == 0 {
		t.Parent = r.IntN(id)
	}
	if t.State == "failed" {
		t.FailKind = pick("diverged", "panic")
	}
	if t.State == "done" || r.IntN(3) == 0 {
		t.HasReward, t.Reward = true, []float64{r.Float64(), 0, 1, 1.0 / 3, 5e-324, 1e308}[r.IntN(6)]
	}
	if t.Kind == "sample" {
		t.Choices = make([]int, 50)
		t.LogP = make([]float64, 50)
		for i := range t.Choices {
			t.Choices[i], t.LogP[i] = r.IntN(14), -r.ExpFloat64()
		}
	} else {
		t.Choices = [][]int{nil, {}, {-3}}[r.IntN(3)]
		t.Spec = [][]byte{nil, []byte(`null`), []byte(`{"lr": 0.025}`)}[r.IntN(3)]
	}
	if r.IntN(2) == 0 {
		t.Started = time.Unix(r.Int64N(1<<31), r.Int64N(1e9)).UTC()
		t.Finished = t.Started.Add(time.Duration(r.Int64N(1e15)))
	}
	return t
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	dir := t.TempDir() + "/a b?c#d%e" // every character with a meaning in a DSN
	r := rand.New(rand.NewPCG(3, 4))
	run := checkpoints.Run{
		UUID: "u-1", Name: "näme", ParentUUID: "p-1", ForkedAt: 0, State: "running", Seed: 1<<63 + 12345,
		Config: []byte(`{"a": [1,2]}`), DatasetSHA256: "d",
		Build: []byte(`{}`), Created: time.Unix(1234567890, 987654321).UTC(), Target: 500,
		Elapsed: time.Hour + time.Nanosecond,
	}
	s, err := checkpoints.Create(dir, run)
	must(t, err)
	var sha []string
	for i := range 4 {
		h, err := s.WriteBlob("weights", []byte(fmt.Sprint("weights", i)))
		must(t, err)
		sha = append(sha, h)
	}
	var trials []checkpoints.Trial
	for id := range 200 {
		x := randomTrial(r, id)
		if r.IntN(2) == 0 {
			x.WeightsSHA256, x.CheckpointSHA256, x.CheckpointEpoch = sha[r.IntN(4)], sha[r.IntN(4)], r.IntN(9)
		}
		trials = append(trials, x)
	}
	trials[199].ID = 1_000_000 // trials made by hand have numbers far from the proposals
	must(t, s.AddTrials(trials[:100]))
	must(t, s.AddTrials(trials[100:]))
	var epochs []checkpoints.Epoch
	for i := range 50 {
		epochs = append(epochs, checkpoints.Epoch{Trial: i / 4, Attempt: i / 2 % 2, Epoch: i % 2, LR: r.Float64(),
			Keep: r.Float64(), TrainLoss: r.NormFloat64(),
			TrainAcc: r.Float64(), ValLoss: 1e300 * r.Float64(), ValAcc: r.Float64(), Seconds: r.Float64(),
			Images: r.IntN(50000)})
	}
	half := slices.IndexFunc(trials, checkpoints.Trial.Open)
	must(t, s.CheckpointTrial(trials[half].ID, trials[half].Attempt, 3, []byte("half"), epochs))
	trials[half].CheckpointSHA256, trials[half].CheckpointEpoch = fmt.Sprintf("%x", sha256.Sum256([]byte("half"))), 3
	var updates []checkpoints.Update
	for v := range 10 {
		u := checkpoints.Update{Version: v, Batch: v - 1, State: []byte(fmt.Sprint("state ", v)),
			Baseline: r.NormFloat64(), MeanReward: r.Float64(),
			MaxReward: r.Float64(), Entropy: r.Float64(), MaxEntropy: r.Float64(), KL: r.Float64(),
			ClipFraction: r.Float64(), GradNorm: r.Float64(),
			Applied: time.Unix(r.Int64N(1e9), r.Int64N(1e9)).UTC()}
		for i := range r.IntN(10) {
			u.Samples = append(u.Samples, checkpoints.UpdateSample{Trial: 10*v + 9 - i, Reward: r.NormFloat64()})
		}
		must(t, s.AddUpdate(u))
		updates = append(updates, u)
	}
	events := []checkpoints.Event{
		{Time: time.Unix(1, 2).UTC(), Level: "warn", Kind: "user", Trial: -1, Body: []byte(`{"text": "ü\u001b[2J"}`)},
		{Time: time.Unix(3, 4).UTC(), Level: "info", Kind: "epoch", Trial: 0},
		{Time: time.Unix(0, 5).UTC(), Level: "error", Kind: "epoch", Trial: 1_000_000, Body: []byte(`[1]`)},
	}
	must(t, s.AddEvent(events...))

	check := func(s *checkpoints.Store) {
		t.Helper()
		got, err := s.Run()
		must(t, err)
		want := run
		want.Incarnation, want.Updated = got.Incarnation, got.Updated
		equal(t, "run", got, want)
		if got.Updated.Before(run.Created) {
			t.Errorf("updated %v", got.Updated)
		}
		ts, err := s.Trials()
		must(t, err)
		equal(t, "trials", ts, trials)
		one, err := s.Trial(1_000_000)
		must(t, err)
		equal(t, "trial", one, trials[199])
		some, err := s.Trials(17, 1_000_000, 555, 3, 17)
		must(t, err)
		equal(t, "some trials", some, []checkpoints.Trial{trials[3], trials[17], trials[199]})
		var lines []checkpoints.Trial
		must(t, s.Outlines(func(x checkpoints.Trial) error {
			x.LogP = slices.Clone(x.LogP)
			lines = append(lines, x)
			return nil
		}))
		for i, x := range trials {
			x.Genotype, x.Choices = nil, nil
			equal(t, "outline", lines[i], x)
		}
		equal(t, "number of outlines", len(lines), len(trials))
		es, err := s.AllEpochs()
		must(t, err)
		equal(t, "epochs", es, epochs)
		es, err = s.Epochs(3)
		must(t, err)
		equal(t, "epochs of trial 3", es, epochs[12:16])
		es, err = s.Epochs(4, 3)
		must(t, err)
		equal(t, "epochs of trials 3 and 4", es, epochs[12:20])
		us, err := s.Updates()
		must(t, err)
		short, err := s.UpdateOutlines()
		must(t, err)
		equal(t, "number of updates", len(short), len(updates))
		for i, u := range updates {
			sum := fmt.Sprintf("%x", sha256.Sum256(u.State))
			at, err := s.UpdateAt(i)
			must(t, err)
			u.StateSHA256, u.Used = sum, len(u.Samples)
			equal(t, "update", at, u)
			u.State = nil
			equal(t, "update without state", us[i], u)
			u.Samples = nil
			equal(t, "outline of an update", short[i], u)
		}
		last, ok, err := lastUpdate(s)
		must(t, err)
		if !ok || last.Version != 9 || string(last.State) != "state 9" {
			t.Errorf("last update %+v %v", last, ok)
		}
		ev, err := s.Events(0, -1)
		must(t, err)
		for i := range events {
			events[i].ID = int64(i + 1)
		}
		equal(t, "events", ev, events)
		ev, err = s.Events(1, 1)
		must(t, err)
		equal(t, "events after 1", ev, events[1:2])
	}
	check(s)
	hash, err := s.StateHash()
	must(t, err)
	must(t, s.Close())
	must(t, s.Close())
	for _, open := range []func(string) (*checkpoints.Store, error){checkpoints.OpenReadOnly, checkpoints.Open,
		checkpoints.OpenReadOnly} {
		s, err := open(dir)
		must(t, err)
		check(s)
		again, err := s.StateHash()
		must(t, err)
		equal(t, "state hash", again, hash)
		must(t, s.Close())
		if _, err := s.Trials(); !errors.Is(err, checkpoints.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %.3000s\nwant %.3000s", what, fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want))
	}
}

func newStore(t *testing.T) *checkpoints.Store {
	t.Helper()
	s, err := checkpoints.Create(filepath.Join(t.TempDir(), "run"), checkpoints.Run{Seed: 7, DatasetSHA256: "data"})
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// proposal is a trial as a controller proposes it.
func proposal(id int) checkpoints.Trial {
	return checkpoints.Trial{ID: id, Batch: id / 4, PolicyVersion: id / 4, Kind: "sample",
		Genotype: []byte(`{"n":` + fmt.Sprint(id) + `}`), CellHash: fmt.Sprint(id),
		Choices: []int{id}, LogP: []float64{-1}, State: "proposed", Parent: -1}
}

func TestATrialGoesThroughItsLife(t *testing.T) {
	s := newStore(t)
	must(t, s.AddTrials([]checkpoints.Trial{proposal(0), proposal(1), proposal(2)}))
	must(t, s.StartTrial(0, 0))
	must(t, s.CheckpointTrial(0, 0, 1, []byte("half"), []checkpoints.Epoch{{Trial: 0, Epoch: 0, ValAcc: 0.5}}))
	x, err := s.Trial(0)
	must(t, err)
	if b, err := s.ReadBlob(x.CheckpointSHA256); err != nil || string(b) != "half" || x.CheckpointEpoch != 1 ||
		x.State != "running" || x.Started.IsZero() {
		t.Errorf("after a checkpoint: %+v, %q, %v", x, b, err)
	}
	must(t, s.StartTrial(0, 1))
	sha, err := s.WriteBlob("weights", []byte("w"))
	must(t, err)
	must(t, s.SetStar(0, true))
	must(t, s.SetNote(0, "good"))
	result := checkpoints.Trial{ID: 0, Attempt: 1,
		Result: checkpoints.Result{Reward: 0.75, HasReward: true, Params: 5, MAdds: 6, WeightsSHA256: sha, Seconds: 1.5,
			Latency: 2.25}}
	must(t, s.FinishTrial(result, []checkpoints.Epoch{{Trial: 0, Attempt: 1, Epoch: 0},
		{Trial: 0, Attempt: 1, Epoch: 1}}, checkpoints.Event{Kind: "trial_finished", Trial: 0}))
	x, err = s.Trial(0)
	must(t, err)
	if x.Finished.Before(x.Started) || x.Started.IsZero() {
		t.Errorf("times %v %v", x.Started, x.Finished)
	}
	want := proposal(0)
	want.State, want.Attempt, want.Reward, want.HasReward = "done", 1, 0.75, true
	want.Params, want.MAdds, want.WeightsSHA256, want.Seconds, want.Latency = 5, 6, sha, 1.5, 2.25
	want.Star, want.Note, want.Started, want.Finished = true, "good", x.Started, x.Finished
	equal(t, "finished trial", x, want)

	must(t, s.FinishTrial(failure(1, "diverged", "step 3"), nil))
	x, err = s.Trial(1)
	must(t, err)
	if x.State != "failed" || x.FailKind != "diverged" || x.FailDetail != "step 3" || x.HasReward {
		t.Errorf("failed trial %+v", x)
	}
	open, err := openTrials(s)
	must(t, err)
	if len(open) != 1 || open[0].ID != 2 {
		t.Errorf("trials without an end: %+v", open)
	}
}

// failure is the end of the first attempt at a trial that failed.
func failure(id int, kind, detail string) checkpoints.Trial {
	return checkpoints.Trial{ID: id, State: "failed", Result: checkpoints.Result{FailKind: kind, FailDetail: detail}}
}

// openTrials returns the trials that have not ended.
func openTrials(s *checkpoints.Store) ([]checkpoints.Trial, error) {
	ts, err := s.Trials()
	return slices.DeleteFunc(ts, func(t checkpoints.Trial) bool { return !t.Open() }), err
}

func TestWhatIsRefusedChangesNothing(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	done := func(id int, reward float64) checkpoints.Trial {
		return checkpoints.Trial{ID: id, Result: checkpoints.Result{Reward: reward, HasReward: true}}
	}
	event := checkpoints.Event{Kind: "x", Trial: -1}
	cases := []struct {
		name string
		want error // nil: any
		do   func(s *checkpoints.Store) error
	}{
		{"a second result for a trial", checkpoints.ErrConflict,
			func(s *checkpoints.Store) error { return s.FinishTrial(done(0, 0.9), nil, event) }},
		{"a failure after a result", checkpoints.ErrConflict,
			func(s *checkpoints.Store) error { return s.FinishTrial(failure(0, "late", ""), nil, event) }},
		{"starting an ended trial", checkpoints.ErrConflict,
			func(s *checkpoints.Store) error { return s.StartTrial(0, 1, event) }},
		{"the result of an earlier attempt", checkpoints.ErrConflict,
			func(s *checkpoints.Store) error { return s.FinishTrial(done(1, 0.9), nil, event) }},
		{"starting an earlier attempt", checkpoints.ErrConflict,
			func(s *checkpoints.Store) error { return s.StartTrial(1, 1, event) }},
		{"a checkpoint of an earlier attempt", checkpoints.ErrConflict,
			func(s *checkpoints.Store) error { return s.CheckpointTrial(1, 1, 1, nil, nil, event) }},
		{"a trial that does not exist", checkpoints.ErrNotFound,
			func(s *checkpoints.Store) error { return s.SetStar(99, true, event) }},
		{"a policy version that does not exist", checkpoints.ErrNotFound,
			func(s *checkpoints.Store) error { _, err := s.UpdateAt(99); return err }},
		{"a blob that was never written", checkpoints.ErrNotFound,
			func(s *checkpoints.Store) error { _, err := s.ReadBlob(strings.Repeat("0", 64)); return err }},
		{"a blob named to escape the folder", checkpoints.ErrNotFound,
			func(s *checkpoints.Store) error { _, err := s.ReadBlob("../../etc/passwd"); return err }},
		{"a NaN reward", checkpoints.ErrNotFinite,
			func(s *checkpoints.Store) error { return s.FinishTrial(done(2, nan), nil, event) }},
		{"an infinite reward", checkpoints.ErrNotFinite,
			func(s *checkpoints.Store) error { return s.FinishTrial(done(2, inf), nil, event) }},
		{"a NaN loss in an epoch", checkpoints.ErrNotFinite, func(s *checkpoints.Store) error {
			return s.FinishTrial(done(2, 0.5), []checkpoints.Epoch{{Trial: 2, ValLoss: nan}}, event)
		}},
		{"a NaN log-probability", checkpoints.ErrNotFinite, func(s *checkpoints.Store) error {
			x := proposal(7)
			x.LogP[0] = nan
			return s.AddTrials([]checkpoints.Trial{x}, event)
		}},
		{"a NaN statistic of an update", checkpoints.ErrNotFinite, func(s *checkpoints.Store) error {
			return s.AddUpdate(checkpoints.Update{Version: 2, Batch: 1, KL: nan}, event)
		}},
		{"a NaN reward in an update", checkpoints.ErrNotFinite, func(s *checkpoints.Store) error {
			return s.AddUpdate(checkpoints.Update{Version: 2, Batch: 1,
				Samples: []checkpoints.UpdateSample{{Trial: 3, Reward: nan}}}, event)
		}},
		{"a reward in two updates", nil, func(s *checkpoints.Store) error {
			return s.AddUpdate(checkpoints.Update{Version: 2, Batch: 1,
				Samples: []checkpoints.UpdateSample{{Trial: 3, Reward: 0}, {Trial: 0, Reward: 0.5}}}, event)
		}},
		{"a batch applied twice", nil, func(s *checkpoints.Store) error {
			return s.AddUpdate(checkpoints.Update{Version: 2, Batch: 0}, event)
		}},
		{"a policy version again", nil, func(s *checkpoints.Store) error {
			return s.AddUpdate(checkpoints.Update{Version: 1, Batch: 1}, event)
		}},
		{"a done trial without a reward", nil, func(s *checkpoints.Store) error {
			return s.FinishTrial(checkpoints.Trial{ID: 2}, nil, event)
		}},
		{"a reward without HasReward", nil, func(s *checkpoints.Store) error {
			return s.FinishTrial(checkpoints.Trial{ID: 2, State: "stopped", Result: checkpoints.Result{Reward: 1}}, nil,
				event)
		}},
		{"a failure without a kind", nil, func(s *checkpoints.Store) error {
			return s.FinishTrial(failure(2, "", ""), nil, event)
		}},
		{"an unknown state of a trial", nil, func(s *checkpoints.Store) error {
			x := proposal(7)
			x.State = "asleep"
			return s.AddTrials([]checkpoints.Trial{x}, event)
		}},
		{"an unknown state of the run", nil, func(s *checkpoints.Store) error {
			return s.SetRunState("asleep", event)
		}},
		{"weights that were never written", nil, func(s *checkpoints.Store) error {
			x := done(2, 0.5)
			x.WeightsSHA256 = strings.Repeat("0", 64)
			return s.FinishTrial(x, nil, event)
		}},
		{"a trial number again, after a new one", nil, func(s *checkpoints.Store) error {
			return s.AddTrials([]checkpoints.Trial{proposal(8), proposal(2)}, event)
		}},
		{"a genotype that is not JSON", nil, func(s *checkpoints.Store) error {
			x := proposal(7)
			x.Genotype = []byte(`{"n"`)
			return s.AddTrials([]checkpoints.Trial{x}, event)
		}},
		{"an event that is not JSON", nil, func(s *checkpoints.Store) error {
			return s.SetNote(2, "x", checkpoints.Event{Kind: "x", Trial: -1, Body: []byte("{")})
		}},
		{"epochs of a trial that does not exist", nil, func(s *checkpoints.Store) error {
			return s.CheckpointTrial(2, 0, 1, []byte("half"), []checkpoints.Epoch{{Trial: 99}}, event)
		}},
	}
	s := newStore(t)
	must(t, s.AddTrials([]checkpoints.Trial{proposal(0), proposal(1), proposal(2), proposal(3)}))
	must(t, s.FinishTrial(done(0, 0.5), nil))
	must(t, s.StartTrial(1, 2))
	must(t, s.AddUpdate(checkpoints.Update{Version: 1, Batch: 0,
		Samples: []checkpoints.UpdateSample{{Trial: 0, Reward: 0.5}}}))
	must(t, s.AddEvent(checkpoints.Event{Kind: "ready", Trial: -1}))
	picture := func() string {
		ts, err := s.Trials()
		must(t, err)
		us, err := s.Updates()
		must(t, err)
		es, err := s.AllEpochs()
		must(t, err)
		ev, err := s.Events(0, -1)
		must(t, err)
		r, err := s.Run()
		must(t, err)
		return fmt.Sprintf("%+v\n%+v\n%+v\n%+v\n%+v", ts, us, es, ev, r)
	}
	before := picture()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := c.do(s)
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("got error %v, want %v", err, c.want)
			}
			equal(t, "the run", picture(), before)
		})
	}
	must(t, s.AddEvent(event)) // event numbers have no gap
	if id, err := s.LastEventID(); err != nil || id != 2 {
		t.Errorf("last event %d, %v", id, err)
	}
}

func TestStateHashDependsOnlyOnDecisions(t *testing.T) {
	make := func(change func(ts []checkpoints.Trial, u *checkpoints.Update), after func(s *checkpoints.Store)) string {
		s := newStore(t)
		ts := []checkpoints.Trial{proposal(0), proposal(1), proposal(2)}
		ts[0].State, ts[0].Reward, ts[0].HasReward = "done", 0.5, true
		ts[1].State, ts[1].Reward, ts[1].HasReward = "done", 0.25, true
		u := checkpoints.Update{Version: 1, Batch: 0, State: []byte("policy"),
			Samples: []checkpoints.UpdateSample{{Trial: 0, Reward: 0.5}, {Trial: 1, Reward: 0.25}}}
		if change != nil {
			change(ts, &u)
		}
		must(t, s.AddTrials(ts))
		must(t, s.AddUpdate(u))
		if after != nil {
			after(s)
		}
		h, err := s.StateHash()
		must(t, err)
		return h
	}
	base := make(nil, nil)
	same := map[string]string{
		"times": make(func(ts []checkpoints.Trial, u *checkpoints.Update) {
			ts[0].Started, ts[0].Seconds, u.Applied = time.Now(), 5, time.Now()
		}, nil),
		"attempts":           make(func(ts []checkpoints.Trial, u *checkpoints.Update) { ts[0].Attempt = 3 }, nil),
		"waiting or running": make(nil, func(s *checkpoints.Store) { must(t, s.StartTrial(2, 0)) }),
		"stars and events": make(nil, func(s *checkpoints.Store) {
			must(t, s.SetStar(0, true, checkpoints.Event{Kind: "x", Trial: 0}))
			must(t, s.SetNote(0, "n"))
		}),
		"a checkpoint of a child": make(nil, func(s *checkpoints.Store) {
			must(t, s.CheckpointTrial(2, 0, 1, []byte("x"), []checkpoints.Epoch{{Trial: 2}}))
		}),
	}
	for name, h := range same {
		if h != base {
			t.Errorf("%s change the hash", name)
		}
	}
	other := map[string]string{
		"a reward": make(func(ts []checkpoints.Trial, u *checkpoints.Update) {
			ts[0].Reward = math.Nextafter(0.5, 1)
		}, nil),
		"a genotype": make(func(ts []checkpoints.Trial, u *checkpoints.Update) { ts[0].Genotype = []byte(`{}`) }, nil),
		"a choice":   make(func(ts []checkpoints.Trial, u *checkpoints.Update) { ts[2].Choices = []int{9} }, nil),
		"a log-prob": make(func(ts []checkpoints.Trial, u *checkpoints.Update) { ts[2].LogP = []float64{-2} }, nil),
		"a policy":   make(func(ts []checkpoints.Trial, u *checkpoints.Update) { u.State = []byte("other") }, nil),
		"the order": make(func(ts []checkpoints.Trial, u *checkpoints.Update) {
			u.Samples[0], u.Samples[1] = u.Samples[1], u.Samples[0]
		}, nil),
		"an end": make(nil, func(s *checkpoints.Store) { must(t, s.FinishTrial(failure(2, "panic", ""), nil)) }),
	}
	seen := map[string]string{base: "nothing"}
	for name, h := range other {
		if seen[h] != "" {
			t.Errorf("%s gives the same hash as %s", name, seen[h])
		}
		seen[h] = name
	}
}

func TestFilesAreForTheOwnerOnly(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	s := newStore(t)
	_, err := s.WriteBlob("weights", []byte("w"))
	must(t, err)
	must(t, s.AddEvent(checkpoints.Event{Kind: "x", Trial: -1}))
	fork := filepath.Join(t.TempDir(), "fork")
	must(t, s.Fork(fork, checkpoints.Run{}, 0))
	n := 0
	for _, dir := range []string{s.Dir(), fork} {
		must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			must(t, err)
			st, err := d.Info()
			must(t, err)
			want := fs.FileMode(0o600)
			if d.IsDir() {
				want = 0o700
			}
			if st.Mode().Perm() != want {
				t.Errorf("%s has mode %v, want %v", path, st.Mode().Perm(), want)
			}
			n++
			return nil
		}))
	}
	if n < 9 { // run.db -wal -shm run.lock log.jsonl blobs ab file, and the fork's
		t.Errorf("only %d files", n)
	}
}

// lastUpdate returns the newest policy version, with errors like UpdateAt; false if there is none.
func lastUpdate(s *checkpoints.Store) (u checkpoints.Update, ok bool, err error) {
	us, err := s.Updates()
	if err != nil || len(us) == 0 {
		return u, false, err
	}
	u, err = s.UpdateAt(us[len(us)-1].Version)
	return u, u.StateSHA256 != "", err
}
