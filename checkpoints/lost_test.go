package checkpoints_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nasnet/checkpoints"
)

func TestNothingIsStoredIntoAFileThatIsGone(t *testing.T) {
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
			must(t, os.Rename(filepath.Join(dir, "run.db.rescued"), filepath.Join(dir, "run.db")))
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newStore(t)
			must(t, s.AddTrials([]checkpoints.Trial{proposal(0), proposal(1)}))
			must(t, s.SetNote(1, "before"))
			c.spoil(t, s.Dir())
			for range 2 {
				if err := s.SetNote(1, "after"); !errors.Is(err, checkpoints.ErrReplaced) || !strings.Contains(err.Error(), c.says) {
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
