package checkpoints_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nasnet/checkpoints"
)

// crashed copies an open run as after a power failure, without the files named.
func crashed(t *testing.T, s *checkpoints.Store, without ...string) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), filepath.Base(s.Dir()))
	must(t, os.CopyFS(dir, os.DirFS(s.Dir())))
	for _, name := range append(without, "run.db-shm") {
		must(t, os.RemoveAll(filepath.Join(dir, name)))
	}
	return dir
}

// kinds returns the kinds of all events of a run.
func kinds(t *testing.T, s *checkpoints.Store) (list []string) {
	t.Helper()
	es, err := s.Events(0, -1)
	must(t, err)
	for _, e := range es {
		list = append(list, e.Kind)
	}
	return list
}

func TestEventsThatOnlyTheLogHasAreRestored(t *testing.T) {
	for _, r := range []struct {
		name   string
		before int // events that the database keeps
		spoil  func(t *testing.T, dir string)
		want   string // kinds after those that it keeps, "x" for each event of the run
	}{
		{"the WAL is gone", 3, func(*testing.T, string) {}, "x x x x unclean_end events_restored"},
		{"the WAL is gone with all events", 0, func(*testing.T, string) {}, "x x x x unclean_end events_restored"},
		{"the last line is cut off", 3, func(t *testing.T, dir string) {
			path := filepath.Join(dir, "log.jsonl")
			st, err := os.Stat(path)
			must(t, err)
			must(t, os.Truncate(path, st.Size()-5))
		}, "x x x unclean_end events_restored"},
		{"a line is missing", 3, func(t *testing.T, dir string) { dropLine(t, dir, 4) },
			"x unclean_end events_restored log_set_aside"},
		{"the log is another run's", 3, func(t *testing.T, dir string) {
			path := filepath.Join(dir, "log.jsonl")
			b, err := os.ReadFile(path)
			must(t, err)
			must(t, os.WriteFile(path, []byte(strings.ReplaceAll(string(b), `"n":`, `"m":`)), 0o600))
		}, "unclean_end log_set_aside"},
	} {
		t.Run(r.name, func(t *testing.T) {
			s := newStore(t)
			event := func(i int) checkpoints.Event {
				return checkpoints.Event{Kind: "x", Trial: i,
					Body: fmt.Appendf(nil, `{"n":%d,"x":0.1234567890123456789}`, i)}
			}
			for i := range r.before {
				must(t, s.AddEvent(event(i)))
			}
			must(t, s.Close()) // from here on the WAL is in run.db
			s, err := checkpoints.Open(s.Dir())
			must(t, err)
			defer s.Close()
			for i := range 4 {
				must(t, s.AddEvent(event(10+i)))
			}
			all, err := os.ReadFile(filepath.Join(s.Dir(), "log.jsonl"))
			must(t, err)
			dir := crashed(t, s, "run.db-wal")
			r.spoil(t, dir)

			s, err = checkpoints.Open(dir)
			must(t, err)
			defer s.Close()
			got := kinds(t, s)
			if len(got) < r.before {
				t.Fatalf("events %v", got)
			}
			equal(t, "events", strings.Join(got[r.before:], " "), r.want)
			checkLog(t, s, dir)
			restored, err := s.RestoredEvents()
			must(t, err)
			equal(t, "restored", len(restored), strings.Count(r.want, "x ")) // "x unclean_end", but not "x events"
			for i, e := range restored {
				want := event(10 + i)
				if e.Trial != want.Trial || !json.Valid(e.Body) || string(e.Body) != string(want.Body) {
					t.Errorf("event %d is %+v; want %+v", i, e, want)
				}
			}
			if strings.Contains(r.want, "log_set_aside") {
				b, err := os.ReadFile(filepath.Join(dir, "log.jsonl.1"))
				must(t, err)
				if len(b) < len(all)/2 {
					t.Errorf("the log that did not fit is kept with %d of %d bytes", len(b), len(all))
				}
			}
			// the next opening has nothing to do
			n := len(got)
			must(t, s.Close())
			s, err = checkpoints.Open(dir)
			must(t, err)
			defer s.Close()
			equal(t, "events at the next opening", len(kinds(t, s)), n)
		})
	}
}

// dropLine removes a line of the log, counted from 0.
func dropLine(t *testing.T, dir string, n int) {
	t.Helper()
	path := filepath.Join(dir, "log.jsonl")
	b, err := os.ReadFile(path)
	must(t, err)
	lines := strings.SplitAfter(string(b), "\n")
	must(t, os.WriteFile(path, []byte(strings.Join(append(lines[:n:n], lines[n+1:]...), "")), 0o600))
}
