package search

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/audit"
	"nasnet/nas/fake"
	"nasnet/nas/local"
	"nasnet/nas/record"
)

// Real training with a learning rate that no network survives: children diverge, the controller learns nothing from
// them, and neither store nor events contain NaN.
func TestRealChildrenThatDivergeFailAndTeachNothing(t *testing.T) {
	l, c := local.New(nil), realConfig()
	c.Children, c.Batch, c.Lag, c.RandomEvery, c.Train.Epochs, c.Train.LR, c.Train.Clip, c.Failures = 4, 2, 0, 0, 2,
		1e30, 0, "zero"
	if _, err := l.Prepare(t.Context(), &c); err != nil {
		t.Fatal(err)
	}
	s := create(t, filepath.Join(t.TempDir(), "run"), c, Options{Workers: 1, Evaluator: l, OnEvent: func(e nas.Event) {
		if b, err := json.Marshal(e); err != nil || strings.Contains(string(b), "NaN") && e.Kind != nas.TrialFailed {
			t.Errorf("event %s: %s, %v", e.Kind, b, err)
		}
	}})
	untrained, err := s.owner.policy.controller.State()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(),
		"all trials of 2 batches in a row failed; the last one: child: training diverged") {
		t.Errorf("the run: %v", err)
	}
	for _, x := range s.owner.ledger.Proposals() {
		if x.State != nas.Failed || x.FailKind != "diverged" || x.HasReward {
			t.Errorf("trial %d: %s, %s: %s", x.ID, x.State, x.FailKind, x.FailText)
		}
	}
	if a, b := s.owner.policy.views[0], s.owner.policy.views[1]; a.Entropy != b.Entropy ||
		a.MaxEntropy != b.MaxEntropy || b.Entropy == 0 {
		t.Errorf("the entropy is %v after %v", b.Entropy, a.Entropy)
	}
	u, err := s.owner.run.Store.UpdateAt(1)
	if err != nil || len(u.Samples) != 0 || string(u.State) != string(untrained) {
		t.Errorf("the first update used %d rewards, %v; the policy is as it was: %v", len(u.Samples), err,
			string(u.State) == string(untrained))
	}
}

// If the clock is a day ahead or behind on resume, no duration, no order of decisions and no result changes.
func TestAClockThatJumpsADayChangesNothing(t *testing.T) {
	want := finish(t, create(t, filepath.Join(t.TempDir(), "run"), fiveEpochs(), Options{Workers: 1}))
	for _, jump := range []time.Duration{24 * time.Hour, -24 * time.Hour} {
		dir := halfTrained(t, fiveEpochs())
		db := openSQL(t, dir)
		for table, columns := range map[string][]string{"run": {"created_ns", "updated_ns"},
			"trial": {"started_ns", "finished_ns"}, "policy": {"applied_ns"}, "event": {"time_ns"},
			"blob": {"created_ns"}} {
			for _, c := range columns {
				if _, err := db.Exec(fmt.Sprintf("UPDATE %s SET %s = %[2]s - ?", table, c), int64(jump)); err != nil {
					t.Fatal(err)
				}
			}
		}
		began := time.Now()
		s, err := Open(dir, Options{Workers: 1, Evaluator: fake.Evaluator{Steps: 2}})
		if err != nil {
			t.Fatal(err)
		}
		before := s.Snapshot()
		if got := finish(t, s); got != want {
			t.Errorf("%v: the end differs", jump)
		}
		spent := time.Since(began)
		v := s.Snapshot()
		if grown := v.Elapsed - before.Elapsed; grown < 0 || grown > spent {
			t.Errorf("%v: the time spent grew by %v within %v", jump, grown, spent)
		}
		if before.Elapsed < 0 || before.Elapsed > time.Hour || v.ETA != 0 {
			t.Errorf("%v: elapsed %v before, ETA %v after", jump, before.Elapsed, v.ETA)
		}
		for _, x := range s.owner.ledger.Proposals() {
			if x.Seconds < 0 || x.Seconds > time.Hour.Seconds() {
				t.Errorf("%v: trial %d took %v s", jump, x.ID, x.Seconds)
			}
		}
		if ids := trialsOf(v.Recent); !slices.IsSortedFunc(ids, func(a, b int) int { return b - a }) {
			t.Errorf("%v: ended last, newest first: %v", jump, ids)
		}
		st, err := checkpoints.OpenReadOnly(dir)
		if err != nil {
			t.Fatal(err)
		}
		es, err := st.Events(0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range es {
			if e.ID != int64(i+1) {
				t.Fatalf("%v: event %d is at position %d", jump, e.ID, i)
			}
		}
		if last := es[len(es)-1]; last.Kind != string(nas.RunFinished) {
			t.Errorf("%v: the last event is %s", jump, last.Kind)
		}
		st.Close()
	}
}

func trialsOf(vs []nas.TrialView) (ids []int) {
	for _, v := range vs {
		ids = append(ids, v.ID)
	}
	return ids
}

func TestARunOfMixedBuildsSaysSo(t *testing.T) {
	dir := halfTrained(t, fiveEpochs())
	if _, err := openSQL(t, dir).Exec(`UPDATE run SET build = '{"kernels":"avx2"}'`); err != nil {
		t.Fatal(err)
	}
	var said []map[string]any
	sit := func(build string, e nas.Evaluator) *nas.Snapshot {
		t.Helper()
		s, err := Open(dir, Options{Workers: 1, Evaluator: e, Build: []byte(build), OnEvent: func(e nas.Event) {
			if e.Kind == nas.MixedBuilds && e.Level == nas.Warn {
				said = append(said, e.Data)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		finish(t, s)
		return s.Snapshot()
	}
	if v := sit(`{"kernels":"avx2"}`, fake.Evaluator{Steps: 2,
		Fail: func(int) error { return fmt.Errorf("not today") }}); v.Builds != 1 || len(said) != 0 {
		t.Errorf("the same build: %d builds, said %v", v.Builds, said)
	}
	if v := sit(`{"kernels":"avx512"}`, fake.Evaluator{Steps: 2}); v.Builds != 2 || len(said) != 1 ||
		fmt.Sprintf("%s", said[0]["this"]) != `{"kernels":"avx512"}` {
		t.Errorf("another build: %d builds, said %v", v.Builds, said)
	}
	for _, b := range []string{`{"kernels":"avx2"}`, `{"kernels":"avx512"}`} {
		if v := sit(b, fake.Evaluator{Steps: 2}); v.Builds != 2 || len(said) != 1 {
			t.Errorf("a known build again: %d builds, said %v", v.Builds, said)
		}
	}
	if v, err := audit.Verify(t.Context(), dir); err != nil || !v.OK || v.Builds != 2 {
		t.Errorf("%+v, %v", v, err)
	}
	for builds, want := range map[string][]string{"": nil, `{"a":1}`: {`{"a":1}`},
		`[{"a":1},{"b":2}]`: {`{"a":1}`, `{"b":2}`}} {
		var got []string
		for _, b := range record.Builds([]byte(builds)) {
			got = append(got, string(b))
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q", builds, got)
		}
	}
}
