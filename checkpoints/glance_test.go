package checkpoints_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"nasnet/checkpoints"
)

// A glance at a run, open or closed, returns its trials and leaves the folder as it is.
func TestAGlanceLeavesTheFolderAsItIs(t *testing.T) {
	s := newStore(t)
	must(t, s.AddTrials([]checkpoints.Trial{proposal(0), proposal(1), proposal(2)}))
	for id, reward := range map[int]float64{0: 0.5, 2: 0.7} {
		done := proposal(id)
		done.State, done.Attempt, done.Reward, done.HasReward = "done", 1, reward, true
		must(t, s.StartTrial(id, 1))
		must(t, s.FinishTrial(done, nil))
	}
	look := func(when string) {
		names := func() (all []string) {
			entries, err := os.ReadDir(s.Dir())
			must(t, err)
			for _, e := range entries {
				all = append(all, e.Name())
			}
			return all
		}
		before := names()
		got, err := checkpoints.Glance(s.Dir())
		must(t, err)
		if want := []checkpoints.Glimpse{{2, "sample", "done", 0.7, true}, {0, "sample", "done", 0.5, true},
			{1, "sample", "proposed", 0, false}}; !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
		if after := names(); !slices.Equal(after, before) {
			t.Errorf("%s: the folder has %q, want %q", when, after, before)
		}
	}
	look("open")
	must(t, s.Close())
	look("closed")
	// A change that another process left half-done is not touched.
	must(t, os.WriteFile(filepath.Join(s.Dir(), "run.db-journal"), []byte("x"), 0o666))
	if _, err := checkpoints.Glance(s.Dir()); err == nil {
		t.Error("a run with a journal was read")
	}
}
