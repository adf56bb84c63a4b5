package checkpoints_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nasnet/checkpoints"
)

func TestNothingIsStoredInAMissingFile(t *testing.T) {
	remove := func(names ...string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			for _, name := range names {
				must(t, os.Remove(filepath.Join(dir, name)))
			}
		}
	}
	cases := []struct {
		name  string
		spoil func(t *testing.T, dir string)
		says  string
		heal  func(t *testing.T, dir string)
	}{
		{"the WAL is removed", remove("run.db-wal"), "run.db-wal", nil},
		{"the shared memory is removed", remove("run.db-shm"), "run.db-shm", nil},
		{"both are removed", remove("run.db-wal", "run.db-shm"), "run.db-wal", nil},
		{"the WAL is replaced by another", func(t *testing.T, dir string) {
			remove("run.db-wal")(t, dir)
			must(t, os.WriteFile(filepath.Join(dir, "run.db-wal"), []byte("another"), 0o600))
		}, "run.db-wal", nil},
		{"the database is replaced by an old copy", func(t *testing.T, dir string) {
			b, err := os.ReadFile(filepath.Join(dir, "run.db"))
			must(t, err)
			remove("run.db")(t, dir)
			must(t, os.WriteFile(filepath.Join(dir, "run.db"), b, 0o600))
		}, "run.db.rescued", func(t *testing.T, dir string) {
			_, err := checkpoints.Recover(dir)
			must(t, err)
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newStore(t)
			must(t, s.AddTrials([]checkpoints.Trial{proposal(0), proposal(1)}))
			must(t, s.SetNote(1, "before"))
			c.spoil(t, s.Dir())
			for range 2 {
				if err := s.SetNote(1, "after"); !errors.Is(err, checkpoints.ErrReplaced) ||
					!strings.Contains(err.Error(), c.says) {
					t.Errorf("stored: %v", err)
				}
			}
			s.Close()
			if c.heal != nil {
				c.heal(t, s.Dir())
			}
			s, err := checkpoints.Open(s.Dir())
			must(t, err)
			defer s.Close()
			ts, err := s.Trials()
			must(t, err)
			if len(ts) != 2 || ts[1].Note != "before" {
				t.Errorf("after it: %+v", ts)
			}
			must(t, s.SetNote(1, "goes on"))
		})
	}
}

func TestADamagedDatabaseIsRefusedAndNeverPanics(t *testing.T) {
	s := newStore(t)
	fill(t, s, 200)
	must(t, s.Close())
	sound, err := os.ReadFile(filepath.Join(s.Dir(), "run.db"))
	must(t, err)
	dir := filepath.Join(t.TempDir(), "run")
	must(t, os.Mkdir(dir, 0o700))
	read := func(s *checkpoints.Store) error {
		defer s.Close()
		ts, err := s.Trials()
		us, err2 := s.Updates()
		_, err3 := s.Events(0, -1)
		es, err4 := s.AllEpochs()
		_, err5 := s.StateHash()
		err = errors.Join(err, err2, err3, err4, err5)
		if err == nil && (len(ts) > 1000 || len(us) > 1000 || len(es) > 10000) {
			t.Errorf("%d trials, %d updates, %d epochs", len(ts), len(us), len(es))
		}
		return err
	}
	r := rand.New(rand.NewPCG(8, 9))
	refused, unread, silent := 0, 0, 0
	const pages = 8192
	for n := range 30 {
		b := bytes.Clone(sound)
		at, what := 100+r.IntN(len(b)-100), ""
		switch n % 3 {
		case 0:
			what = "a byte is flipped"
			b[at] ^= byte(1 + r.IntN(255))
		case 1:
			what = "the head of a page is noise"
			at = pages + at/pages*pages%(len(b)-pages)
			for i := range 16 {
				b[at+i] = byte(r.Uint32())
			}
		case 2:
			what = "a page is zero"
			at = pages + at/pages*pages%(len(b)-pages)
			clear(b[at : at+pages])
		}
		must(t, os.WriteFile(filepath.Join(dir, "run.db"), b, 0o600))
		// as after a crash, so that the database is checked
		must(t, os.WriteFile(filepath.Join(dir, "run.lock"), []byte(`{"pid":1,"host":"gone"}`), 0o600))
		s, err := checkpoints.OpenReadOnly(dir)
		if err == nil {
			err = read(s)
		}
		if err != nil {
			unread++
		}
		if s, err = checkpoints.Open(dir); err == nil {
			silent++ // inside a value: only a replay can tell
			if err := read(s); err != nil && !errors.Is(err, checkpoints.ErrDamaged) {
				t.Errorf("%s at %d: %v", what, at, err)
			}
			continue
		}
		refused++
		if !errors.Is(err, checkpoints.ErrDamaged) && !errors.Is(err, checkpoints.ErrForeign) ||
			!strings.Contains(err.Error(), "run.db") {
			t.Errorf("%s at %d: %v", what, at, err)
		}
		if errors.Is(err, checkpoints.ErrDamaged) && !errors.As(err, new(*checkpoints.DamagedError)) {
			t.Errorf("%s at %d: it does not say that a recovery may help: %v", what, at, err)
		}
		if after, err := os.ReadFile(filepath.Join(dir, "run.db")); err != nil || !bytes.Equal(after, b) {
			t.Errorf("%s at %d: a refused database was changed", what, at)
		}
	}
	t.Logf("%d refused, %d of them and others not readable, %d with a changed value or an unused byte", refused,
		unread, silent)
	if refused < 10 || silent == 0 {
		t.Errorf("%d refused, %d not: the damage does not vary", refused, silent)
	}
}

func TestTheWALStaysSmallBesideAReader(t *testing.T) {
	s := newStore(t)
	must(t, s.AddTrials([]checkpoints.Trial{proposal(0)}))
	w, err := checkpoints.OpenReadOnly(s.Dir())
	must(t, err)
	defer w.Close()
	written, largest := 0, int64(0)
	for last := int64(0); written < 30<<20; {
		body := []byte(`"` + strings.Repeat("x", 1<<20) + `"`)
		must(t, s.AddEvent(checkpoints.Event{Kind: "x", Trial: -1, Body: body}))
		written += len(body)
		es, err := w.Events(last, -1)
		must(t, err)
		if len(es) != 1 {
			t.Fatalf("%d events after number %d", len(es), last)
		}
		last = es[0].ID
		st, err := os.Stat(filepath.Join(s.Dir(), "run.db-wal"))
		must(t, err)
		largest = max(largest, st.Size())
	}
	t.Logf("%d MiB written, the WAL had at most %d", written>>20, largest>>20)
	if largest > 20<<20 {
		t.Errorf("the WAL has grown to %d MiB", largest>>20)
	}
}
