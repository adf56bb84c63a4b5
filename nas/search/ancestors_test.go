package search

import (
	"context"
	"fmt"
	"nasnet/nas"
	"nasnet/nas/fake"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A fork with other training settings takes over proposals whose rewards come from the old settings. Its own forks must
// not share those.
func TestRewardsFromOtherSettingsAreNotShared(t *testing.T) {
	root := t.TempDir()
	c := testConfig()
	c.Children, c.Batch, c.Lag, c.RandomEvery, c.Repeats, c.Controller.Steps = 30, 4, 1, 3, "retrain", 1
	finish(t, create(t, filepath.Join(root, "first"), c, Options{Workers: 1}))
	fork := func(of, name string, at int, change Change) *Search {
		t.Helper()
		r, err := ForkRun(filepath.Join(root, of), at, name, change, nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Open(r.Dir, Options{Workers: 1, Evaluator: fake.Evaluator{Steps: 2}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	s := fork("first", "changed", 3, func(c *nas.Config, _ *string) error { c.Train.LR = 0.01; return nil })
	finish(t, s)
	others := s.owner.run.Config.Inherited
	s = fork("changed", "again", 2, func(*nas.Config, *string) error { return nil })
	shared, own := 0, 0
	s.options.OnEvent = func(e nas.Event) {
		switch from := e.Data["shared_from"]; {
		case e.Kind != nas.TrialFinished:
		case from == nil:
			own++
		case e.Trial < others:
			t.Errorf("trial %d, trained under other settings, was shared from %v", e.Trial, from)
		default:
			shared++
		}
	}
	finish(t, s)
	if others != 18 || own < 6 || shared == 0 {
		t.Errorf("%d taken over, %d trained, %d shared; want 18, at least a batch, and some",
			others, own, shared)
	}
}

// A parent may finish a child while a fork is half-way through the same child.
func TestAHalfTrainedChildThatAnAncestorFinishedHasEachEpochOnce(t *testing.T) {
	root := t.TempDir()
	dir, away := filepath.Join(root, "parent"), filepath.Join(t.TempDir(), "parent")
	finish(t, create(t, dir, fiveEpochs(), Options{Workers: 1}))
	r, err := ForkRun(dir, 1, "fork", func(*nas.Config, *string) error { return nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir, away); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	open := func(e nas.Evaluator) *Search {
		t.Helper()
		s, err := Open(r.Dir, Options{Workers: 1, Checkpoint: 1, Evaluator: e})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	s := open(&resumed{stop: cancel, cut: func(trial, epoch int) bool { return trial == 5 && epoch == 3 }})
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if err := os.Rename(away, dir); err != nil {
		t.Fatal(err)
	}
	s = open(fake.Evaluator{Steps: 2})
	if s.owner.ledger.Proposals()[5].Epoch != 3 {
		t.Fatalf("trial 5 has %d epochs", s.owner.ledger.Proposals()[5].Epoch)
	}
	finish(t, s)
	var epochs []string
	for _, e := range s.owner.ledger.Proposals()[5].Curve {
		epochs = append(epochs, fmt.Sprint(e.Epoch))
	}
	if got := strings.Join(epochs, " "); got != "1 2 3 4 5" {
		t.Errorf("trial 5 has the epochs %s", got)
	}
}
