package checkpoints_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nasnet/checkpoints"
)

// checkLog compares log.jsonl with the events of the database.
func checkLog(t *testing.T, s *checkpoints.Store, dir string) {
	t.Helper()
	r, err := s.Run()
	must(t, err)
	events, err := s.Events(0, -1)
	must(t, err)
	b, err := os.ReadFile(filepath.Join(dir, "log.jsonl"))
	must(t, err)
	lines := strings.SplitAfter(string(b), "\n")
	if len(lines) != len(events)+1 || lines[len(lines)-1] != "" {
		t.Fatalf("log.jsonl has %d lines, there are %d events", len(lines)-1, len(events))
	}
	for i, e := range events {
		m := map[string]any{}
		must(t, json.Unmarshal([]byte(lines[i]), &m))
		if m["id"] != float64(e.ID) || m["t"] != e.Kind || m["run"] != r.Name ||
			m["ts"] != e.Time.Format(time.RFC3339Nano) {
			t.Fatalf("line %d: %s is not %+v", i+1, lines[i], e)
		}
		if trial, ok := m["trial"]; ok != (e.Trial >= 0) || ok && trial != float64(e.Trial) {
			t.Fatalf("line %d: %s is not %+v", i+1, lines[i], e)
		}
	}
}

func TestTheLogIsRepairedFromTheDatabase(t *testing.T) {
	event := func(i int) checkpoints.Event {
		return checkpoints.Event{Kind: "epoch", Trial: i,
			Body: fmt.Appendf(nil, `{"loss":%d,"id":"mine","text":"a\nb"}`, i)}
	}
	cases := []struct {
		name   string
		damage func(b []byte) []byte // nil: the file is missing
	}{
		{"nothing is wrong", func(b []byte) []byte { return b }},
		{"the last line is torn", func(b []byte) []byte { return b[:len(b)-7] }},
		{"the last lines are lost", func(b []byte) []byte { return b[:bytes.IndexByte(b, '\n')+1] }},
		{"it ends in zeros, as after a power cut",
			func(b []byte) []byte { return append(b[:len(b)-30:len(b)-30], make([]byte, 30)...) }},
		{"it ends in a line of zeros", func(b []byte) []byte {
			return append(append(b[:len(b):len(b)], make([]byte, 30)...), '\n')
		}},
		{"it is empty", func(b []byte) []byte { return []byte{} }},
		{"it is missing", func(b []byte) []byte { return nil }},
		{"it is one line without an end", func(b []byte) []byte { return []byte("x") }},
		{"it is ahead of the database", func(b []byte) []byte {
			return append(b[:len(b):len(b)], `{"id":99}`+"\n"...)
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newStore(t)
			for i := range 5 {
				must(t, s.AddEvent(event(i), event(i)))
			}
			checkLog(t, s, s.Dir())
			must(t, s.Close())
			path := filepath.Join(s.Dir(), "log.jsonl")
			b, err := os.ReadFile(path)
			must(t, err)
			must(t, os.Remove(path))
			if b = c.damage(b); b != nil {
				must(t, os.WriteFile(path, b, 0o600))
			}
			s, err = checkpoints.Open(s.Dir())
			must(t, err)
			checkLog(t, s, s.Dir())
			must(t, s.AddEvent(event(5)))
			checkLog(t, s, s.Dir())
			must(t, s.Close())
		})
	}
}

func TestALineOfTheLog(t *testing.T) {
	s := newStore(t)
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	must(t, s.AddEvent(checkpoints.Event{Time: at, Kind: "trial_finished", Trial: 17,
		Body: []byte(`{"reward":0.1234567890123456789,"ts":"forged"}`)},
		checkpoints.Event{Time: at, Level: "warn", Kind: "user", Trial: -1, Body: []byte(`"text"`)}))
	b, err := os.ReadFile(filepath.Join(s.Dir(), "log.jsonl"))
	must(t, err)
	want := `{"id":1,"reward":0.1234567890123456789,"run":"run","t":"trial_finished","trial":17,` +
		`"ts":"2026-01-02T03:04:05.000006Z"}
{"body":"text","id":2,"level":"warn","run":"run","t":"user","ts":"2026-01-02T03:04:05.000006Z"}
`
	equal(t, "log.jsonl", string(b), want)
}

func TestDamagedBlobsAreNoticed(t *testing.T) {
	cases := []struct {
		name   string
		damage func(path string, b []byte) error
		want   error
	}{
		{"a byte is flipped", func(path string, b []byte) error {
			b[len(b)/2] ^= 1
			return os.WriteFile(path, b, 0o600)
		}, checkpoints.ErrDamaged},
		{"the end is cut off", func(path string, b []byte) error { return os.Truncate(path, int64(len(b)-1)) },
			checkpoints.ErrDamaged},
		{"bytes are added", func(path string, b []byte) error { return os.WriteFile(path, append(b, 0), 0o600) },
			checkpoints.ErrDamaged},
		{"it is empty", func(path string, b []byte) error { return os.Truncate(path, 0) }, checkpoints.ErrDamaged},
		{"it is a link", func(path string, b []byte) error {
			return errors.Join(os.Rename(path, path+".x"), os.Symlink(path+".x", path))
		}, checkpoints.ErrDamaged},
		{"it is missing", func(path string, b []byte) error { return os.Remove(path) }, checkpoints.ErrMissing},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newStore(t)
			state := []byte("the state of a controller")
			must(t, s.AddTrials([]checkpoints.Trial{proposal(0)}))
			must(t, s.AddUpdate(checkpoints.Update{Version: 1, Batch: 0, State: []byte("first")}))
			must(t, s.AddUpdate(checkpoints.Update{Version: 2, Batch: 1, State: state, Baseline: 0.5,
				Samples: []checkpoints.UpdateSample{{Trial: 0, Reward: 0.25}}}))
			us, err := s.Updates()
			must(t, err)
			sha := us[1].StateSHA256
			must(t, c.damage(filepath.Join(s.Dir(), "blobs", sha[:2], sha+".safetensors"), bytes.Clone(state)))
			if _, err := s.ReadBlob(sha); !errors.Is(err, c.want) {
				t.Errorf("read: %v, want %v", err, c.want)
			}
			// What is needed to replay from the version before is still returned.
			u, ok, err := lastUpdate(s)
			if !errors.Is(err, c.want) || !ok || u.Version != 2 || u.State != nil || len(u.Samples) != 1 {
				t.Errorf("last update: %+v, %v, %v", u, ok, err)
			}
			if u, err := s.UpdateAt(1); err != nil || string(u.State) != "first" {
				t.Errorf("update before: %+v, %v", u, err)
			}
			fork := filepath.Join(t.TempDir(), "fork")
			if err := s.Fork(fork, checkpoints.Run{}, 2); !errors.Is(err, c.want) {
				t.Errorf("fork: %v", err)
			}
			must(t, s.Fork(fork, checkpoints.Run{}, 1)) // the failed attempt left nothing in the way
			// Writing the same bytes again repairs it.
			if again, err := s.WriteBlob("policy", state); err != nil || again != sha {
				t.Errorf("write again: %v", err)
			}
			if b, err := s.ReadBlob(sha); err != nil || !bytes.Equal(b, state) {
				t.Errorf("after writing again: %q, %v", b, err)
			}
		})
	}
}

func TestSweepKeepsWhatIsNamed(t *testing.T) {
	s := newStore(t)
	blob := func(text string) string {
		sha, err := s.WriteBlob("x", []byte(text))
		must(t, err)
		return sha
	}
	must(t, s.AddTrials([]checkpoints.Trial{proposal(0), proposal(1)}))
	must(t, s.FinishTrial(checkpoints.Trial{ID: 0,
		Result: checkpoints.Result{HasReward: true, WeightsSHA256: blob("kept weights")}}, nil))
	must(t, s.CheckpointTrial(1, 0, 1, []byte("first checkpoint"), nil))
	must(t, s.CheckpointTrial(1, 0, 2, []byte("kept checkpoint"), nil))
	must(t, s.AddUpdate(checkpoints.Update{Version: 1, State: []byte("kept policy")}))
	lost := blob("nobody's")
	dir := filepath.Join(s.Dir(), "blobs", "00")
	must(t, os.MkdirAll(dir, 0o700))
	orphan, temp := filepath.Join(dir, "00"+strings.Repeat("a", 62)+".safetensors"), filepath.Join(dir, ".tmp-123")
	must(t, os.WriteFile(orphan, []byte("killed before the commit"), 0o600))
	must(t, os.WriteFile(temp, []byte("killed before the rename"), 0o600))
	if n, err := s.SweepBlobs(time.Hour); err != nil || n != 0 {
		t.Errorf("young blobs: %d removed, %v", n, err)
	}
	if n, err := s.SweepBlobs(-time.Second); err != nil || n != 2 {
		t.Errorf("%d files removed, %v; want 2: an unnamed blob and an orphan", n, err)
	}
	if _, err := s.ReadBlob(lost); !errors.Is(err, checkpoints.ErrNotFound) {
		t.Errorf("a swept blob: %v", err)
	}
	for _, text := range []string{"kept weights", "kept checkpoint", "kept policy"} {
		if b, err := s.ReadBlob(blob(text)); err != nil || string(b) != text {
			t.Errorf("%q: %q, %v", text, b, err)
		}
	}
	must(t, s.Close())
	s, err := checkpoints.Open(s.Dir())
	must(t, err)
	defer s.Close()
	checkNoTemp(t, s.Dir())
}

func TestForeignAndHostileDatabasesAreRefused(t *testing.T) {
	run := func(q string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			db, err := sql.Open("sqlite", filepath.Join(dir, "run.db"))
			must(t, err)
			defer db.Close()
			_, err = db.Exec(q)
			must(t, err)
		}
	}
	file := func(change func(b []byte) []byte) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, "run.db")
			b, err := os.ReadFile(path)
			must(t, err)
			must(t, os.WriteFile(path, change(b), 0o600))
		}
	}
	cases := []struct {
		name string
		want error
		says string
		make func(t *testing.T, dir string)
	}{
		{"another program's database", checkpoints.ErrForeign, "application id", run("PRAGMA application_id=5")},
		{"a newer schema", checkpoints.ErrNewer, "schema 99", run("PRAGMA user_version=99")},
		{"no schema version", checkpoints.ErrForeign, "schema 0", run("PRAGMA user_version=0")},
		{"a trigger", checkpoints.ErrForeign, "trigger",
			run("CREATE TRIGGER x AFTER INSERT ON event BEGIN DELETE FROM trial; END")},
		{"a view instead of a table", checkpoints.ErrForeign, "epoch",
			run("DROP TABLE epoch; CREATE VIEW epoch AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM " +
				"n) SELECT x FROM n")},
		{"escape codes in a name", checkpoints.ErrForeign, `\x1b`, run("CREATE TABLE \"x\x1b]52;c;eA==\x07\"(a)")},
		{"a missing table", checkpoints.ErrForeign, "policy_sample", run("DROP TABLE policy_sample")},
		{"a changed view", checkpoints.ErrForeign, "leaderboard",
			run("DROP VIEW leaderboard; CREATE VIEW leaderboard AS SELECT 1")},
		{"a text file", checkpoints.ErrForeign, "not an SQLite database",
			file(func(b []byte) []byte { return []byte("hello") })},
		{"an empty file", checkpoints.ErrForeign, "not an SQLite database", file(func(b []byte) []byte { return nil })},
		{"a header and nothing else", nil, "run.db", file(func(b []byte) []byte { return b[:100] })},
		{"noise after the header", nil, "run.db", file(func(b []byte) []byte {
			r := rand.New(rand.NewPCG(1, 1))
			for i := 100; i < len(b); i++ {
				b[i] = byte(r.Uint32())
			}
			return b
		})},
		{"no file", checkpoints.ErrDamaged, "run.db is gone",
			func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, "run.db"))) }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newStore(t)
			must(t, s.AddTrials([]checkpoints.Trial{proposal(0)}))
			must(t, s.Close())
			c.make(t, s.Dir())
			path := filepath.Join(s.Dir(), "run.db")
			before, _ := os.ReadFile(path)
			for name, open := range map[string]func(string) (*checkpoints.Store, error){
				"write": checkpoints.Open, "read": checkpoints.OpenReadOnly} {
				_, err := open(s.Dir())
				if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) ||
					strings.Contains(err.Error(), "\x1b") {
					t.Errorf("%s: %v", name, err)
				}
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Errorf("the file was changed")
			}
			if c.want != checkpoints.ErrNoRun {
				list, err := checkpoints.List(filepath.Dir(s.Dir()))
				if err != nil || len(list) != 1 || list[0].Err == nil || list[0].Status != "unreadable" {
					t.Errorf("list: %+v, %v", list, err)
				}
			}
		})
	}
}

func TestAWriterThatWasOvertakenIsRefused(t *testing.T) {
	s := newStore(t)
	must(t, s.AddTrials([]checkpoints.Trial{proposal(0)}))
	must(t, os.Remove(filepath.Join(s.Dir(), "run.lock"))) // someone "cleans up"; now two processes hold a lock
	other, err := checkpoints.Open(s.Dir())
	must(t, err)
	defer other.Close()
	if err := s.SetNote(0, "mine"); !errors.Is(err, checkpoints.ErrFenced) {
		t.Errorf("the first writer: %v", err)
	}
	must(t, other.SetNote(0, "theirs"))
}

func TestACutWALGivesAWholePrefix(t *testing.T) {
	// What a power cut may leave. Every state must have been committed once: whole batches, whole updates.
	s := newStore(t)
	dir := s.Dir()
	for i := range 12 {
		must(t, s.AddTrials([]checkpoints.Trial{proposal(4 * i), proposal(4*i + 1), proposal(4*i + 2),
			proposal(4*i + 3)}, checkpoints.Event{Kind: "trial_proposed", Trial: 4 * i}))
		must(t, s.AddUpdate(checkpoints.Update{Version: i + 1, Batch: i, State: fmt.Append(nil, i),
			Samples: []checkpoints.UpdateSample{{Trial: 4 * i}, {Trial: 4*i + 1}}}))
	}
	db, err := os.ReadFile(filepath.Join(dir, "run.db"))
	must(t, err)
	wal, err := os.ReadFile(filepath.Join(dir, "run.db-wal"))
	must(t, err)
	r := rand.New(rand.NewPCG(5, 6))
	states := map[string]bool{}
	for range 40 {
		cut := bytes.Clone(wal)
		if r.IntN(2) == 0 {
			cut = cut[:r.IntN(len(cut))]
		} else {
			at := r.IntN(len(cut) - 512)
			clear(cut[at : at+512])
		}
		copied := t.TempDir()
		must(t, os.WriteFile(filepath.Join(copied, "run.db"), db, 0o600))
		must(t, os.WriteFile(filepath.Join(copied, "run.db-wal"), cut, 0o600))
		// a crash, so that the database is checked
		must(t, os.WriteFile(filepath.Join(copied, "run.lock"), []byte(`{"pid":1,"host":"gone"}`), 0o600))
		c, err := checkpoints.Open(copied)
		must(t, err)
		ts, err := c.Trials()
		must(t, err)
		us, err := c.Updates()
		must(t, err)
		ev, err := c.Events(0, -1)
		must(t, err)
		if len(ts)%4 != 0 || len(ev) != len(ts)/4+1 || ev[len(ev)-1].Kind != "unclean_end" ||
			len(us) != len(ts)/4 && len(us) != len(ts)/4-1 {
			t.Errorf("%d trials, %d updates, %d events", len(ts), len(us), len(ev))
		}
		for _, u := range us {
			if len(u.Samples) != 2 {
				t.Errorf("half an update: %+v", u)
			}
		}
		states[fmt.Sprint(len(ts), len(us))] = true
		must(t, c.Close())
	}
	if len(states) < 8 {
		t.Errorf("only %d different prefixes: the cuts had no effect", len(states))
	}
}

func TestForkCutsAtAPolicyVersion(t *testing.T) {
	grow := func(s *checkpoints.Store, batches int) {
		for b := range batches {
			var ts []checkpoints.Trial
			u := checkpoints.Update{Version: b + 1, Batch: b, State: fmt.Append(nil, "policy", b)}
			for id := 4 * b; id < 4*b+4; id++ {
				x := proposal(id)
				x.State, x.Reward, x.HasReward = "done", rewardOf(id), true
				ts = append(ts, x)
				u.Samples = append(u.Samples, checkpoints.UpdateSample{Trial: id, Reward: x.Reward})
			}
			must(t, s.AddTrials(ts))
			must(t, s.AddUpdate(u))
		}
	}
	parent := newStore(t)
	must(t, parent.AddUpdate(checkpoints.Update{Version: 0, Batch: -1, State: []byte("untrained")}))
	grow(parent, 5)
	byHand := func(id, version, from int, state string) checkpoints.Trial {
		x := proposal(id)
		x.Kind, x.Batch, x.PolicyVersion, x.Parent, x.State, x.Choices, x.LogP = "retrain", -1, version, from,
			state, nil, nil
		x.Reward, x.HasReward = 0.5, state == "done"
		if !x.HasReward {
			x.Reward = 0
		}
		return x
	}
	must(t, parent.AddTrials([]checkpoints.Trial{
		byHand(1_000_000, 2, 3, "done"), byHand(1_000_001, 2, 15, "done"), byHand(1_000_002, 2, 3, "running"),
		byHand(1_000_003, 4, 3, "done"), proposal(20)}))
	hash, err := parent.StateHash()
	must(t, err)
	for at := 0; at <= 5; at++ {
		t.Run(fmt.Sprint("version ", at), func(t *testing.T) {
			dst := filepath.Join(t.TempDir(), "fork")
			must(t, parent.Fork(dst, checkpoints.Run{Seed: 7}, at))
			f, err := checkpoints.OpenReadOnly(dst)
			must(t, err)
			defer f.Close()
			// The fork equals a run that ended there, except for trials made by hand.
			want := newStore(t)
			must(t, want.AddUpdate(checkpoints.Update{Version: 0, Batch: -1, State: []byte("untrained")}))
			grow(want, at)
			if at >= 2 {
				orphan := byHand(1_000_001, 2, 15, "done")
				if at < 4 {
					orphan.Parent = -1 // trial 15 was not copied
				}
				must(t, want.AddTrials([]checkpoints.Trial{byHand(1_000_000, 2, 3, "done"), orphan}))
			}
			if at >= 4 {
				must(t, want.AddTrials([]checkpoints.Trial{byHand(1_000_003, 4, 3, "done")}))
			}
			a, err := want.Trials()
			must(t, err)
			b, err := f.Trials()
			must(t, err)
			equal(t, "trials", b, a)
			h1, err := f.StateHash()
			must(t, err)
			h2, err := want.StateHash()
			must(t, err)
			equal(t, "state hash", h1, h2)
			if u, ok, err := lastUpdate(f); err != nil || !ok || u.Version != at {
				t.Errorf("last update %+v, %v", u, err)
			}
		})
	}
	dst := filepath.Join(t.TempDir(), "fork")
	if err := parent.Fork(dst, checkpoints.Run{}, 6); !errors.Is(err, checkpoints.ErrNotFound) {
		t.Errorf("a missing version: %v", err)
	}
	must(t, parent.Fork(dst, checkpoints.Run{}, -1))
	if sum := checkpoints.Summary(dst); sum.Version != 5 || sum.Run.ForkedAt != 5 {
		t.Errorf("fork at the newest: %+v", sum)
	}
	again, err := parent.StateHash()
	must(t, err)
	equal(t, "the parent", again, hash)
}

func TestListTellsHowRunsAre(t *testing.T) {
	root := t.TempDir()
	if list, err := checkpoints.List(filepath.Join(root, "none")); err != nil || list != nil {
		t.Errorf("no folder: %v, %v", list, err)
	}
	for _, name := range []string{"done", "live", "crashed", "paused", "bad"} {
		s, err := checkpoints.Create(filepath.Join(root, name), checkpoints.Run{Target: 10})
		must(t, err)
		a, b, c := proposal(0), proposal(1), proposal(2)
		a.State, a.Reward, a.HasReward = "done", 0.5, true
		b.State, b.Reward, b.HasReward = "done", 0.75, true
		c.State, c.FailKind = "failed", "panic"
		again := proposal(1_000_000)
		again.Kind, again.State, again.Reward, again.HasReward = "retrain", "done", 0.99, true
		must(t, s.AddTrials([]checkpoints.Trial{a, b, c, proposal(3), again}))
		must(t, s.AddUpdate(checkpoints.Update{Version: 1}))
		state := name
		if name != "done" && name != "paused" {
			state = "running"
		}
		must(t, s.SetRunState(state))
		must(t, s.Close())
	}
	must(t, os.WriteFile(filepath.Join(root, "bad", "run.db"), []byte("no"), 0o600))
	must(t, os.WriteFile(filepath.Join(root, "a file"), nil, 0o600))
	must(t, os.Mkdir(filepath.Join(root, "a folder"), 0o700))
	live := start(t, "holder", filepath.Join(root, "live"))
	live.line(t)
	list, err := checkpoints.List(root)
	must(t, err)
	got := map[string]string{}
	for _, r := range list {
		got[filepath.Base(r.Dir)] = fmt.Sprint(r.Status, " ", r.Live, " ", r.PID == live.Process.Pid)
		if r.Err == nil && (r.Proposed != 4 || r.Done != 2 || r.Failed != 1 || r.BestTrial != 1 || r.Best != 0.75 ||
			r.Version != 1 || r.Run.Target != 10) {
			t.Errorf("%+v", r)
		}
	}
	equal(t, "list", got, map[string]string{"done": "done false false", "paused": "paused false false",
		"live": "running true true", "crashed": "crashed false false",
		"bad": "unreadable false false"})
	if filepath.Base(list[0].Dir) != "live" || filepath.Base(list[len(list)-1].Dir) != "bad" {
		t.Errorf("the run changed last is not first: %v", list[0].Dir)
	}
}

func TestACheckpointsBlobIsRemovedWithTheCheckpoint(t *testing.T) {
	s := newStore(t)
	must(t, s.AddTrials([]checkpoints.Trial{proposal(0), proposal(1), proposal(2), proposal(3)}))
	files := func() (n int) {
		t.Helper()
		names, err := filepath.Glob(filepath.Join(s.Dir(), "blobs", "*", "*"))
		must(t, err)
		return len(names)
	}
	for id := range 4 {
		must(t, s.StartTrial(id, 1))
		must(t, s.CheckpointTrial(id, 1, 1, fmt.Append(nil, "first of ", id), nil))
		must(t, s.CheckpointTrial(id, 1, 2, fmt.Append(nil, "second of ", id), nil))
	}
	if n := files(); n != 4 {
		t.Errorf("%d blobs after two checkpoints of 4 trials; want the last of each", n)
	}
	steps := []struct {
		what string
		do   func() error
		want int
	}{
		{"a checkpoint that is refused", func() error {
			if err := s.CheckpointTrial(0, 0, 3, []byte("late"), nil); !errors.Is(err, checkpoints.ErrConflict) {
				return fmt.Errorf("an earlier attempt: %v", err)
			}
			return nil
		}, 5}, // the new state is an orphan, the stored one stays
		{"the same attempt again", func() error { return s.StartTrial(0, 1) }, 5},
		{"another attempt", func() error { return s.StartTrial(0, 2) }, 4},
		{"an end", func() error {
			return s.FinishTrial(checkpoints.Trial{ID: 1, Attempt: 1,
				Result: checkpoints.Result{HasReward: true, Reward: 0.5}}, nil)
		}, 3},
		{"a failure", func() error {
			return s.FinishTrial(checkpoints.Trial{ID: 2, Attempt: 1, State: "failed",
				Result: checkpoints.Result{FailKind: "error", FailDetail: "no"}}, nil)
		}, 2},
		{"the same state again", func() error { return s.CheckpointTrial(3, 1, 2, []byte("second of 3"), nil) }, 2},
		{"a sweep", func() error { _, err := s.SweepBlobs(-time.Second); return err }, 1},
	}
	for _, x := range steps {
		must(t, x.do())
		if n := files(); n != x.want {
			t.Errorf("after %s: %d blobs; want %d", x.what, n, x.want)
		}
	}
	ts, err := s.Trials()
	must(t, err)
	for id, want := range []string{"", "", "", "second of 3"} {
		if want == "" {
			if ts[id].CheckpointSHA256 != "" || ts[id].CheckpointEpoch != 0 {
				t.Errorf("trial %d still has a checkpoint of epoch %d", id, ts[id].CheckpointEpoch)
			}
			continue
		}
		if b, err := s.ReadBlob(ts[id].CheckpointSHA256); err != nil || string(b) != want {
			t.Errorf("trial %d: %q, %v", id, b, err)
		}
	}
}

func TestPolicyStatesCanBeReleasedAndRebuilt(t *testing.T) {
	s := newStore(t)
	for version := 1; version <= 6; version++ {
		state := fmt.Append(nil, "policy ", version)
		if version == 4 {
			state = []byte("policy 3") // an empty update changes nothing
		}
		must(t, s.AddUpdate(checkpoints.Update{Version: version, Batch: version - 1, State: state}))
	}
	before, err := s.StateHash()
	must(t, err)
	for _, want := range []int{3, 0} { // 1, 2 and 5: version 3 has the same state as 4
		if n, err := s.KeepPolicies(func(version int) bool { return version == 4 || version == 6 }); err != nil ||
			n != want {
			t.Errorf("%d states given up, %v; want %d", n, err, want)
		}
	}
	file := func(dir string, version int) string {
		t.Helper()
		us, err := s.Updates()
		must(t, err)
		return filepath.Join(dir, "blobs", us[version-1].StateSHA256[:2], us[version-1].StateSHA256+".safetensors")
	}
	// as after a kill between the commit and the removal
	must(t, os.WriteFile(file(s.Dir(), 2), []byte("policy 2"), 0o600))
	for version, kept := range map[int]bool{1: false, 2: false, 3: true, 4: true, 5: false, 6: true} {
		u, err := s.UpdateAt(version)
		if kept != (err == nil) || !kept && !errors.Is(err, checkpoints.ErrReleased) || u.StateSHA256 == "" {
			t.Errorf("version %d: %+v, %v", version, u, err)
		}
	}
	if n, err := s.SweepBlobs(-time.Second); err != nil || n != 1 {
		t.Errorf("the sweep removed %d files, %v; want 1", n, err)
	}
	if after, err := s.StateHash(); err != nil || after != before {
		t.Errorf("the hash of the state changed, %v", err)
	}
	fork := filepath.Join(t.TempDir(), "fork")
	if err := s.Fork(fork, checkpoints.Run{}, 5); !errors.Is(err, checkpoints.ErrReleased) {
		t.Errorf("a fork at a version without a state: %v", err)
	}
	if err := s.Fork(fork, checkpoints.Run{}, 5, []byte("another policy")); !errors.Is(err, checkpoints.ErrReleased) {
		t.Errorf("a fork with a foreign state: %v", err)
	}
	must(t, s.Fork(fork, checkpoints.Run{}, 5, []byte("policy 5")))
	f, err := checkpoints.OpenReadOnly(fork)
	must(t, err)
	defer f.Close()
	if u, ok, err := lastUpdate(f); err != nil || !ok || u.Version != 5 || string(u.State) != "policy 5" {
		t.Errorf("the fork's last update: %+v, %v", u, err)
	}
	if _, err := s.WriteBlob("policy", []byte("policy 5")); err != nil {
		t.Error(err)
	}
	if u, err := s.UpdateAt(5); err != nil || string(u.State) != "policy 5" {
		t.Errorf("a state written again: %+v, %v", u, err)
	}
}
