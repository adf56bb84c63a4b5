package checkpoints_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nasnet/checkpoints"
)

// started stores the event from which a run without any database can be recovered.
func started(t *testing.T, s *checkpoints.Store) {
	t.Helper()
	r, err := s.Run()
	must(t, err)
	body, err := json.Marshal(map[string]any{"uuid": r.UUID, "config": json.RawMessage(r.Config), "seed": r.Seed,
		"children": r.Target, "data_sha256": r.DatasetSHA256})
	must(t, err)
	must(t, s.AddEvent(checkpoints.Event{Kind: "run_started", Trial: -1, Body: body}))
}

// searched stores what a search has stored after n proposals, in batches of ten, each with an update.
func searched(t *testing.T, s *checkpoints.Store, n int) {
	t.Helper()
	for batch := range n / 10 {
		var ts []checkpoints.Trial
		u := checkpoints.Update{Version: batch + 1, Batch: batch,
			State: []byte(strings.Repeat(string(rune('a'+batch)), 200))}
		for id := 10 * batch; id < 10*batch+10; id++ {
			p := proposal(id)
			p.Kind, p.Batch, p.PolicyVersion = "sample", batch, max(0, batch-1)
			ts = append(ts, p)
			u.Samples = append(u.Samples, checkpoints.UpdateSample{Trial: id, Reward: float64(id) / 1000})
		}
		must(t, s.AddTrials(ts))
		for _, p := range ts {
			must(t, s.StartTrial(p.ID, 1))
			p.State, p.Attempt, p.HasReward, p.Reward = "done", 1, true, float64(p.ID)/1000
			must(t, s.FinishTrial(p, []checkpoints.Epoch{{Trial: p.ID, Attempt: 1, Epoch: 1},
				{Trial: p.ID, Attempt: 1, Epoch: 2}},
				checkpoints.Event{Kind: "trial_finished", Trial: p.ID, Body: []byte(`{"cell":"abcdef","reward":0.5}`)}))
		}
		must(t, s.AddUpdate(u))
	}
}

func TestRecoverRestoresWhateverIsLeft(t *testing.T) {
	remove := func(names ...string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			for _, name := range names {
				must(t, os.Remove(filepath.Join(dir, name)))
			}
		}
	}
	overwrite := func(name string, at int64, n int) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR, 0)
			must(t, err)
			_, err = f.WriteAt(make([]byte, n), at)
			must(t, errors.Join(err, f.Close()))
		}
	}
	for _, r := range []struct {
		name   string
		spoil  func(t *testing.T, dir string)
		trials int // at least
		source string
	}{
		{"nothing is wrong", func(*testing.T, string) {}, 200, "run.db, run.db-wal"},
		{"the WAL is gone", remove("run.db-wal"), 0, "events that no database has"},
		{"the database is gone, its WAL is not", remove("run.db"), 0, "events that no database has"},
		{"both are gone", remove("run.db", "run.db-wal"), 0, "events that no database has"},
		{"its first page is zero", overwrite("run.db", 0, 8192), 0, "nothing can be read"},
		{"both and the log but for a rescued copy", func(t *testing.T, dir string) {
			s, err := checkpoints.Open(dir)
			must(t, err)
			must(t, s.Close())
			must(t, os.Rename(filepath.Join(dir, "run.db"), filepath.Join(dir, "run.db.rescued")))
			remove("log.jsonl")(t, dir)
		}, 200, "run.db.rescued"},
		{"a rescued copy beside a stale WAL", func(t *testing.T, dir string) {
			wal, err := os.ReadFile(filepath.Join(dir, "run.db-wal"))
			must(t, err)
			s, err := checkpoints.Open(dir)
			must(t, err)
			must(t, s.Close())
			must(t, os.Rename(filepath.Join(dir, "run.db"), filepath.Join(dir, "run.db.rescued")))
			must(t, os.WriteFile(filepath.Join(dir, "run.db-wal"), wal, 0o600))
		}, 200, "run.db.rescued"},
	} {
		t.Run(r.name, func(t *testing.T) {
			s := newStore(t)
			must(t, s.Close()) // the tables are in run.db, what comes next in its WAL
			s, err := checkpoints.Open(s.Dir())
			must(t, err)
			defer s.Close()
			started(t, s)
			searched(t, s, 200)
			us, err := s.Updates()
			must(t, err)
			es, err := s.Events(0, -1)
			must(t, err)
			dir := crashed(t, s)
			r.spoil(t, dir)
			before := files(t, dir)
			got, err := checkpoints.Recover(dir)
			must(t, err)
			if got.Trials < r.trials || r.trials > 0 && got.Updates != len(us) {
				t.Errorf("%d trials, %d updates; want %d, %d", got.Trials, got.Updates, r.trials, len(us))
			}
			if text := strings.Join(got.Sources, "; "); !strings.Contains(text, r.source) {
				t.Errorf("sources: %s; want %q", text, r.source)
			}
			if got.Events < len(es)-1 && !strings.Contains(r.name, "log") {
				t.Errorf("%d events; there were %d", got.Events, len(es))
			}
			for name, b := range before { // the old files are aside
				if name == "run.lock" || name == "run.db-shm" || strings.Contains(name, "/") {
					continue
				}
				kept, err := os.ReadFile(filepath.Join(dir, got.Aside, name))
				if err != nil || !bytes.Equal(kept, b) {
					t.Errorf("aside, %s is not what it was: %v", name, err)
				}
			}
			again, err := checkpoints.Open(dir)
			must(t, err)
			defer again.Close()
			equal(t, "the first opening is clean", slices.Contains(kinds(t, again), "log_set_aside"), false)
			checkLog(t, again, dir)
			restored, err := again.RestoredEvents()
			must(t, err)
			if len(restored) < got.Events-1 {
				t.Errorf("%d of %d events are offered to the search", len(restored), got.Events)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "run.db.*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// files returns the contents of a folder's files by name.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	m := map[string][]byte{}
	es, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range es {
		if e.Type().IsRegular() {
			b, err := os.ReadFile(filepath.Join(dir, e.Name()))
			must(t, err)
			m[e.Name()] = b
		}
	}
	return m
}

// Whatever page is damaged, a recovery gives a run that opens, and never panics.
func TestRecoverReadsAroundDamage(t *testing.T) {
	s := newStore(t)
	started(t, s)
	searched(t, s, 300)
	must(t, s.Close())
	sound := files(t, s.Dir())
	const page = 8192
	r := rand.New(rand.NewPCG(3, 4))
	whole, some, none := 0, 0, 0
	for n := range 24 {
		dir := filepath.Join(t.TempDir(), filepath.Base(s.Dir()))
		must(t, os.CopyFS(dir, os.DirFS(s.Dir())))
		b := bytes.Clone(sound["run.db"])
		for range 1 + n%3 {
			at := r.IntN(len(b)/page) * page
			if n%2 == 0 {
				clear(b[at : at+page])
			} else {
				for i := range 64 {
					b[at+r.IntN(page)] ^= byte(1 + i)
				}
			}
		}
		must(t, os.WriteFile(filepath.Join(dir, "run.db"), b, 0o600))
		got, err := checkpoints.Recover(dir)
		if err != nil {
			t.Errorf("damage %d: %v", n, err)
			continue
		}
		switch {
		case got.Trials == 300:
			whole++
		case got.Trials > 0:
			some++
		default:
			none++
		}
		again, err := checkpoints.Open(dir)
		if err != nil {
			t.Errorf("damage %d: after its recovery: %v", n, err)
			continue
		}
		if _, err := again.Trials(); err != nil {
			t.Errorf("damage %d: %v", n, err)
		}
		if len(kinds(t, again)) < 300 {
			t.Errorf("damage %d: %d events", n, len(kinds(t, again)))
		}
		must(t, again.Close())
		if again, err := checkpoints.Recover(dir); err != nil || again.Aside != "before-recover-2" ||
			again.Trials != got.Trials {
			t.Errorf("damage %d: a second recovery: %+v, %v", n, again, err)
		}
	}
	t.Logf("%d with all 300 trials, %d with some, %d with none", whole, some, none)
	if whole+some < 8 {
		t.Error("hardly anything was read")
	}
}

func TestAnInterruptedRecoveryIsRepeated(t *testing.T) {
	s := newStore(t)
	started(t, s)
	searched(t, s, 20)
	dir := crashed(t, s)
	must(t, s.Close())
	// as if killed after the new database was written and before it was moved into place
	b, err := os.ReadFile(filepath.Join(s.Dir(), "run.db"))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "run.db.recovered"), b, 0o600))
	must(t, os.Mkdir(filepath.Join(dir, "run.db.tmp-recover"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "run.db.tmp-recover", "x"), nil, 0o600))
	if _, err := checkpoints.Open(dir); !errors.As(err, new(*checkpoints.DamagedError)) {
		t.Errorf("opened: %v", err)
	}
	got, err := checkpoints.Recover(dir)
	must(t, err)
	equal(t, "trials", got.Trials, 20)
	again, err := checkpoints.Open(dir)
	must(t, err)
	must(t, again.Close())
}

func TestNothingIsRecoveredFromNothing(t *testing.T) {
	dir := t.TempDir()
	if _, err := checkpoints.Recover(dir); !errors.Is(err, checkpoints.ErrNoRun) {
		t.Errorf("an empty folder: %v", err)
	}
	must(t, os.WriteFile(filepath.Join(dir, "log.jsonl"), []byte("{}\n"), 0o600))
	if _, err := checkpoints.Recover(dir); !errors.Is(err, checkpoints.ErrNoRun) {
		t.Errorf("a log that says nothing: %v", err)
	}
	s := newStore(t)
	if _, err := checkpoints.Recover(s.Dir()); !errors.Is(err, checkpoints.ErrLocked) {
		t.Errorf("a run that is open: %v", err)
	}
}
