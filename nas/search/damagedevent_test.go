package search

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"nasnet/nas"
	"nasnet/nas/fake"
)

// The log of events is a diary: whatever a flipped bit makes of a row of it, the run opens, is shown and ends as it
// would.
func TestADamagedEventDamagesNothingElse(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	s := create(t, dir, testConfig(), Options{Workers: 1})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s.options.OnEvent = func(e nas.Event) {
		if e.Kind == nas.TrialFinished && e.Trial == 5 {
			cancel()
		}
	}
	if err := s.Run(ctx); err != nil && ctx.Err() == nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole := filepath.Join(t.TempDir(), "run")
	want := finish(t, create(t, whole, testConfig(), Options{Workers: 1}))
	for _, change := range []string{
		"time_ns = -9223372036854775808", "time_ns = 9223372036854775807", "incarnation = -1", "level = ''",
		"level = 'wbrn'", "level = X'ff00fe'", "kind = ''", "kind = 'trial_finishee'", "kind = X'ff'", "trial = -7",
		"trial = 9223372036854775807", "trial = NULL", "body = NULL", "body = ''", "body = '{\"reward\":'",
		"body = '[1]'", "body = '{\"reward\":\"x\",\"cell\":7,\"trial\":{},\"seconds\":-1e308}'", "body = X'ff'",
		"body = '7'", "id = -id", "id = id + 1000000000",
	} {
		t.Run(change, func(t *testing.T) {
			to := filepath.Join(t.TempDir(), "run")
			if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			db := openSQL(t, to)
			for _, q := range []string{"PRAGMA ignore_check_constraints = 1",
				"UPDATE event SET " + change + " WHERE kind IN ('trial_finished', 'run_started')"} {
				if _, err := db.Exec(q); err != nil {
					t.Skip(err) // STRICT keeps it out
				}
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := ReadSnapshot(to); err != nil {
				t.Errorf("to be shown: %v", err)
			}
			s, err := Open(to, Options{Workers: 1, Evaluator: fake.Evaluator{Steps: 2}})
			if err != nil {
				t.Fatalf("to be resumed: %v", err)
			}
			t.Cleanup(func() { s.Close() })
			for _, e := range s.Snapshot().Events {
				e.Sentence()
			}
			if got := finish(t, s); got != want {
				t.Errorf("it ends as %.8s; want %.8s", got, want)
			}
		})
	}
}
