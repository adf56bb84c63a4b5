package search

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/fake"
)

// keeping is a fake evaluator that returns weights for jobs that keep them, and lists what it trains.
type keeping struct {
	fake.Evaluator
	mu      *sync.Mutex
	trained map[int]bool
}

func (c keeping) Evaluate(ctx context.Context, j nas.Job, report func(nas.Step) error) (nas.Outcome, error) {
	out, err := c.Evaluator.Evaluate(ctx, j, report)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trained[j.Trial] = true
	if j.Keep {
		out.Weights = fmt.Appendf(nil, "weights of trial %d", j.Trial)
	}
	return out, err
}

// A machine that crashes and loses the WAL loses no result, star, note or retrain: the log brings them back.
func TestWhatOnlyTheLogHasIsNotTrainedAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if err := create(t, dir, testConfig(), Options{}).Close(); err != nil { // everything later is only in the WAL
		t.Fatal(err)
	}
	whole := keeping{fake.Evaluator{Steps: 2}, new(sync.Mutex), map[int]bool{}}
	crashed := filepath.Join(t.TempDir(), "run")
	var once sync.Once
	var s *Search
	s, err := Open(dir, Options{Workers: 1, Evaluator: whole, OnEvent: func(e nas.Event) {
		if e.Kind == nas.TrialFinished && e.Trial == nas.FirstManual { // the owner stores nothing meanwhile
			once.Do(func() { copyWithoutWAL(t, crashed, dir) })
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	spec := nas.RetrainSpec{Data: nas.DataSpec{Name: "none", Image: 8, ValImages: 5},
		Setup: child.Setup{Net: testConfig().Net,
			Train: testConfig().Train}, Seed: 3}
	asked := make(chan error, 1)
	go func() {
		for _, c := range []nas.Command{{Do: nas.Note, Trial: 1, Text: "a note"}, {Do: nas.Star, Trial: 0},
			{Do: nas.Star, Trial: 1}, {Do: nas.Star, Trial: 1},
			{Do: nas.Retrain, Parent: new(0), Retrain: &spec, Text: "once more"}} {
			for { // until the trials are there
				if _, err := s.Do(t.Context(), c); err == nil {
					break
				} else if t.Context().Err() != nil || s.Snapshot().State == nas.Done {
					asked <- fmt.Errorf("%s: %w", c.Do, err)
					return
				}
				time.Sleep(time.Millisecond)
			}
		}
		asked <- nil
	}()
	if err := s.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-asked; err != nil {
		t.Fatal(err)
	}
	want, err := s.owner.run.Store.StateHash()
	if err != nil {
		t.Fatal(err)
	}

	again := keeping{fake.Evaluator{Steps: 2}, new(sync.Mutex), map[int]bool{}}
	var events []nas.Event
	r, err := Open(crashed, Options{Workers: 1, Evaluator: again,
		OnEvent: func(e nas.Event) { events = append(events, e) }})
	if err != nil {
		t.Fatal(err)
	}
	known := map[int]bool{}
	restored, err := r.owner.run.RestoredEvents()
	if err != nil || len(restored) == 0 {
		t.Fatalf("%d events were restored, %v", len(restored), err)
	}
	for _, e := range restored {
		known[e.Trial] = known[e.Trial] || e.Kind == string(nas.TrialFinished)
	}
	if !known[nas.FirstManual] {
		t.Fatal("the retrain had not ended; the test is wrong")
	}
	if err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for id := range again.trained {
		if known[id] {
			t.Errorf("trial %d was trained again", id)
		}
	}
	got, err := r.owner.run.Store.StateHash()
	if err != nil || got != want {
		t.Errorf("the search ended with state hash %.8s, %v; want %.8s", got, err, want)
	}
	first, second, retrain := r.owner.ledger.Trial(0), r.owner.ledger.Trial(1), r.owner.ledger.Trial(nas.FirstManual)
	if !first.Star || second.Star || second.Note != "a note" || retrain.Note != "once more" || retrain.Parent != 0 {
		t.Errorf("stars %v %v, notes %q %q, parent %d", first.Star, second.Star, second.Note, retrain.Note,
			retrain.Parent)
	}
	row, err := r.owner.run.Store.Trial(nas.FirstManual)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := r.owner.run.ReadBlob(row.WeightsSHA256); err != nil ||
		!bytes.Equal(b, fmt.Appendf(nil, "weights of trial %d", nas.FirstManual)) {
		t.Errorf("the weights of the retrain are %q, %v", b, err)
	}
	if events[0].Kind != nas.UncleanEnd || events[1].Kind != nas.EventsRestored || events[1].Time.IsZero() {
		t.Errorf("the first events are %+v", events[:2])
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

func copyWithoutWAL(t *testing.T, to, from string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"run.db-wal", "run.db-shm"} {
		if err := os.Remove(filepath.Join(to, name)); err != nil {
			t.Error(err)
		}
	}
}
