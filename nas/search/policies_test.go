package search

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/audit"
	"nasnet/nas/fake"
	"nasnet/nas/record"
)

// longConfig makes 34 updates of a small policy.
func longConfig() nas.Config {
	c := testConfig()
	c.Children, c.Batch, c.Lag, c.Train.Epochs, c.Controller.Steps = 34*2, 2, 1, 1, 1
	return c
}

func policyFile(t *testing.T, dir string, version int) string {
	t.Helper()
	st, err := record.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	us, err := st.Updates()
	if err != nil {
		t.Fatal(err)
	}
	sha := us[version-1].StateSHA256
	return filepath.Join(dir, "blobs", sha[:2], sha+".safetensors")
}

func TestEveryTenthPolicyIsKeptAndTheOthersAreRebuiltExactly(t *testing.T) {
	if testing.Short() {
		t.Skip("replays many updates in sequence, without concurrency")
	}
	dir := filepath.Join(t.TempDir(), "run")
	s := create(t, dir, longConfig(), Options{Workers: 1})
	states := map[int][]byte{}
	s.options.OnEvent = func(e nas.Event) {
		if e.Kind == nas.ControllerUpdate { // in the owner's goroutine: that of the update has ended
			b, err := s.owner.policy.controller.State()
			if err != nil {
				t.Error(err)
			}
			states[s.owner.ledger.Applied()] = b
		}
	}
	finish(t, s)
	st, err := record.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for version := 1; version <= 34; version++ {
		_, err := st.UpdateAt(version)
		kept := version%10 == 0 || version > 24
		if kept != (err == nil) || !kept && !errors.Is(err, checkpoints.ErrReleased) {
			t.Errorf("version %d: %v", version, err)
		}
		if _, err := os.Stat(policyFile(t, dir, version)); kept != (err == nil) {
			t.Errorf("file of version %d: %v", version, err)
		}
		if version%4 != 0 && version != 33 || testing.Short() && version != 19 {
			continue
		}
		state, rebuilt, err := st.Policy(version)
		if err != nil || rebuilt == kept || !bytes.Equal(state, states[version]) {
			t.Errorf("version %d: rebuilt %v, %v; the same state: %v", version, rebuilt, err,
				bytes.Equal(state, states[version]))
		}
	}
	if r, err := audit.Verify(t.Context(), dir); err != nil || !r.OK || r.Updates != 34 || r.Proposals != 68 {
		t.Errorf("verify: %+v, %v", r, err)
	}
}

func TestAForkAtAPolicyThatIsNotKeptHasTheSameFuture(t *testing.T) {
	if testing.Short() {
		t.Skip("replays many updates in sequence, without concurrency")
	}
	dir := filepath.Join(t.TempDir(), "parent")
	s := create(t, dir, longConfig(), Options{Workers: 1})
	if err := s.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := s.Snapshot()
	s.Close()
	r, err := ForkRun(dir, 16, "same", func(*nas.Config, *string) error { return nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(r.Dir, Options{Workers: 1, Evaluator: fake.Evaluator{Steps: 2}})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v := f.Snapshot(); fmt.Sprint(v.Rewards) != fmt.Sprint(want.Rewards) {
		t.Error("another future")
	}
	f.Close()
	if v, err := audit.Verify(t.Context(), r.Dir); err != nil || !v.OK || v.Updates != 34 {
		t.Errorf("verify: %+v, %v", v, err)
	}
	for _, at := range []int{10, 15, 16, 20, 33} {
		if testing.Short() && at < 20 {
			continue
		}
		if _, err := ForkRun(r.Dir, at, fmt.Sprint("of-the-fork-at-", at),
			func(c *nas.Config, _ *string) error { c.Lag = 0; return nil }, nil); err != nil {
			t.Errorf("a fork of the fork at %d: %v", at, err)
		}
	}
}

func TestARunWithoutItsNewestPolicyRebuildsIt(t *testing.T) {
	if testing.Short() {
		t.Skip("replays many updates in sequence, without concurrency")
	}
	want := finish(t, create(t, filepath.Join(t.TempDir(), "run"), longConfig(), Options{Workers: 1}))
	for _, harm := range []struct {
		what string
		do   func(path string) error
	}{
		{"missing", os.Remove},
		{"damaged", func(path string) error {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			b[len(b)/2] ^= 1
			return os.WriteFile(path, b, 0o600)
		}},
	} {
		if testing.Short() && harm.what == "damaged" {
			continue
		}
		dir := filepath.Join(t.TempDir(), "run")
		ctx, cancel := context.WithCancel(t.Context())
		s := create(t, dir, longConfig(), Options{Workers: 1, OnEvent: func(e nas.Event) {
			if e.Kind == nas.ControllerUpdate && e.Data["version"] == 13 {
				cancel()
			}
		}})
		if err := s.Run(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
		last := s.owner.ledger.Applied()
		s.Close()
		for version := last; version > last-3; version-- {
			if err := harm.do(policyFile(t, dir, version)); err != nil {
				t.Fatal(err)
			}
		}
		said := 0
		s, err := Open(dir, Options{Workers: 1, Evaluator: fake.Evaluator{Steps: 2}, OnEvent: func(e nas.Event) {
			if e.Kind == nas.PolicyRebuilt && e.Data["version"] == last {
				said++
			}
		}})
		if err != nil {
			t.Fatalf("%s: %v", harm.what, err)
		}
		if got := finish(t, s); got != want || said != 1 {
			t.Errorf("%s: the same end: %v; events: %d", harm.what, got == want, said)
		}
	}
}

func TestAPolicyThatDoesNotFollowFromItsRewardsIsNotRebuilt(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	c := longConfig()
	c.Children = 12
	finish(t, create(t, dir, c, Options{Workers: 1}))
	db := openSQL(t, dir)
	if _, err := db.Exec("UPDATE policy_sample SET reward = 0.1 WHERE version = 6 AND pos = 0"); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(policyFile(t, dir, 6)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{Evaluator: fake.Evaluator{}}); err == nil ||
		!strings.Contains(err.Error(), "policy version 6: rebuilt from version 5, its sha256 is") {
		t.Errorf("opened: %v", err)
	}
}

func TestAPolicyOfAnotherShapeIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	finish(t, create(t, dir, testConfig(), Options{Workers: 1}))
	other := testConfig()
	other.Controller.Hidden++
	wide := filepath.Join(t.TempDir(), "wide")
	finish(t, create(t, wide, other, Options{Workers: 1}))
	foreign, err := os.ReadFile(policyFile(t, wide, 3))
	if err != nil {
		t.Fatal(err)
	}
	st, err := checkpoints.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	// complete, and with the right hash
	if err := st.AddUpdate(checkpoints.Update{Version: 4, Batch: 3, State: foreign}); err != nil {
		t.Fatal(err)
	}
	st.Close()
	for name, open := range map[string]func() error{
		"open": func() error { _, err := Open(dir, Options{Evaluator: fake.Evaluator{}}); return err },
		"look": func() error { _, err := ReadSnapshot(dir); return err },
		"verify": func() error {
			r, err := audit.Verify(t.Context(), dir)
			return errors.Join(err, errors.New(strings.Join(r.Problems, "\n")))
		},
	} {
		if err := open(); err == nil || !strings.Contains(err.Error(), "update 4") &&
			!strings.Contains(err.Error(), "policy version 4") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
