package checkpoints_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"nasnet/checkpoints"
)

// fill stores a run of n trials in batches of 20, as a search does: proposals, results with two epochs, updates.
func fill(tb testing.TB, s *checkpoints.Store, n int) {
	tb.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	const batch = 1000 // fewer transactions than a search makes: only the rows matter here
	for from := 0; from < n; from += batch {
		var ts []checkpoints.Trial
		var es []checkpoints.Epoch
		var events []checkpoints.Event
		for id := from; id < min(n, from+batch); id++ {
			t := randomTrial(r, id)
			t.Kind, t.State, t.Reward, t.HasReward, t.FailKind, t.Batch, t.Parent, t.Spec = "sample", "done",
				r.Float64(), true, "", id/20, -1, nil
			ts = append(ts, t)
			for e := range 2 {
				es = append(es, checkpoints.Epoch{Trial: id, Epoch: e, TrainLoss: r.Float64(), ValAcc: r.Float64(),
					Images: 2000})
			}
			events = append(events, checkpoints.Event{Kind: "trial_finished", Trial: id,
				Body: []byte(`{"reward":0.5,"cell":"abc123"}`)})
		}
		last := ts[len(ts)-1]
		ts[len(ts)-1].State = "running"
		must(tb, s.AddTrials(ts, events...))
		must(tb, s.FinishTrial(last, es)) // with the epochs of all
		for b := from / 20; b < min(n, from+batch)/20; b++ {
			u := checkpoints.Update{Version: b + 1, Batch: b, State: []byte(fmt.Sprint("policy ", b)), Baseline: 0.5}
			for i := range 20 {
				u.Samples = append(u.Samples, checkpoints.UpdateSample{Trial: b*20 + i, Reward: 0.5})
			}
			must(tb, s.AddUpdate(u))
		}
	}
}

// BenchmarkOpen20000 does what a resume reads: the run, every trial and update, the newest policy and the last events.
// The goal is under 200 ms.
func BenchmarkOpen20000(b *testing.B) {
	dir := b.TempDir()
	s, err := checkpoints.Create(dir, checkpoints.Run{})
	must(b, err)
	fill(b, s, 20000)
	must(b, s.Close())
	for _, c := range []struct {
		name string
		open func(string) (*checkpoints.Store, error)
	}{{"writer", checkpoints.Open}, {"reader", checkpoints.OpenReadOnly}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			began := cpuTime(b)
			defer func() { b.ReportMetric(float64(cpuTime(b)-began)/1e6/float64(b.N), "cpu-ms/op") }()
			for b.Loop() {
				s, err := c.open(dir)
				must(b, err)
				ts, err := s.Trials()
				must(b, err)
				if len(ts) != 20000 {
					b.Fatal(len(ts))
				}
				_, err = s.Updates()
				must(b, err)
				_, _, err = lastUpdate(s)
				must(b, err)
				last, err := s.LastEventID()
				must(b, err)
				_, err = s.Events(last-200, 200)
				must(b, err)
				must(b, s.Close())
			}
		})
	}
	b.Run("after a crash", func(b *testing.B) {
		for b.Loop() {
			must(b, os.WriteFile(filepath.Join(dir, "run.lock"), []byte(`{"pid":1,"host":"h"}`), 0o600))
			s, err := checkpoints.Open(dir) // with SQLite's check of the whole file
			must(b, err)
			must(b, s.Close())
		}
	})
	b.Run("state hash", func(b *testing.B) {
		s, err := checkpoints.OpenReadOnly(dir)
		must(b, err)
		defer s.Close()
		for b.Loop() {
			_, err := s.StateHash()
			must(b, err)
		}
	})
	b.Run("fork", func(b *testing.B) {
		s, err := checkpoints.OpenReadOnly(dir)
		must(b, err)
		defer s.Close()
		for b.Loop() {
			must(b, s.Fork(filepath.Join(b.TempDir(), "fork"), checkpoints.Run{}, -1))
		}
	})
	b.Run("summary", func(b *testing.B) {
		for b.Loop() {
			if sum := checkpoints.Summary(dir); sum.Err != nil || sum.Done != 20000 {
				b.Fatal(sum)
			}
		}
	})
}

// cpuTime returns the process's time on all cores; on a busy machine it means more than the clock.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkFinishTrial is one commit of the search, a result with two epochs and an event, alone and with a reader of
// the same run.
func BenchmarkFinishTrial(b *testing.B) {
	for _, readers := range []int{0, 1} {
		b.Run(fmt.Sprint("readers=", readers), func(b *testing.B) {
			dir := b.TempDir()
			s, err := checkpoints.Create(dir, checkpoints.Run{})
			must(b, err)
			defer s.Close()
			fill(b, s, 1000)
			stop, done := make(chan bool), make(chan bool, readers)
			for range readers {
				go func() { // like an attached screen: it opens once, then looks every 10 ms
					defer func() { done <- true }()
					w, err := checkpoints.OpenReadOnly(dir)
					if err != nil {
						b.Error(err)
						return
					}
					defer w.Close()
					for last := int64(0); ; {
						select {
						case <-stop:
							return
						case <-time.After(10 * time.Millisecond):
						}
						es, err := w.Events(last, -1)
						if err != nil {
							b.Error(err)
							return
						}
						if len(es) > 0 {
							last = es[len(es)-1].ID
						}
						if _, err := openTrials(w); err != nil {
							b.Error(err)
							return
						}
					}
				}()
			}
			r := rand.New(rand.NewPCG(1, 2))
			id := 1000
			var times []time.Duration
			for b.Loop() {
				b.StopTimer()
				t := randomTrial(r, id)
				t.State, t.HasReward, t.Reward, t.FailKind, t.Parent, t.Attempt = "running", false, 0, "", -1, 0
				must(b, s.AddTrials([]checkpoints.Trial{t}))
				b.StartTimer()
				t.State, t.HasReward, t.Reward = "done", true, 0.5
				began := time.Now()
				must(b, s.FinishTrial(t, []checkpoints.Epoch{{Trial: id}, {Trial: id, Epoch: 1}},
					checkpoints.Event{Kind: "trial_finished", Trial: id}))
				times = append(times, time.Since(began))
				id++
			}
			close(stop)
			for range readers {
				<-done
			}
			slices.Sort(times)
			b.ReportMetric(times[len(times)/2].Seconds()*1e3, "p50-ms")
			b.ReportMetric(times[len(times)*99/100].Seconds()*1e3, "p99-ms")
		})
	}
}

// BenchmarkQuickSearch stores all that a search of the quick preset stores for 20 of its children, in two batches:
// proposals, starts, results with three epochs and events, updates with a policy state of that size, and one
// half-trained state per child. The goal is under 1 % of the 43 s that the children take.
func BenchmarkQuickSearch(b *testing.B) {
	s, err := checkpoints.Create(b.TempDir(), checkpoints.Run{})
	must(b, err)
	defer s.Close()
	r := rand.New(rand.NewPCG(1, 2))
	policy, child := make([]byte, 1_280_000), make([]byte, 600_000)
	event := func(id int) checkpoints.Event {
		return checkpoints.Event{Kind: "trial_finished", Trial: id, Body: bytes.Repeat([]byte("1"), 300)}
	}
	id, version := 0, 0
	for b.Loop() {
		for range 2 {
			var ts []checkpoints.Trial
			var es []checkpoints.Event
			u := checkpoints.Update{Version: version + 1, Batch: version}
			for range 10 {
				t := randomTrial(r, id)
				t.Kind, t.State, t.HasReward, t.Reward, t.FailKind, t.Parent, t.Attempt, t.Batch, t.Spec = "sample",
					"proposed", false, 0, "", -1, 0, version, nil
				ts, es, u.Samples = append(ts, t), append(es, event(id)),
					append(u.Samples, checkpoints.UpdateSample{Trial: id, Reward: 0.5})
				id++
			}
			must(b, s.AddTrials(ts, es...))
			for _, t := range ts {
				epochs := []checkpoints.Epoch{{Trial: t.ID, Attempt: 1}, {Trial: t.ID, Attempt: 1, Epoch: 1},
					{Trial: t.ID, Attempt: 1, Epoch: 2}}
				must(b, s.StartTrial(t.ID, 1, event(t.ID)))
				for i := range child[:1000] {
					child[i] = byte(r.Uint32())
				}
				must(b, s.CheckpointTrial(t.ID, 1, 1, child, epochs[:1]))
				t.State, t.HasReward, t.Reward, t.Attempt = "done", true, 0.5, 1
				must(b, s.FinishTrial(t, epochs, event(t.ID)))
			}
			for i := range policy[:1000] {
				policy[i] = byte(r.Uint32())
			}
			u.State = policy
			must(b, s.AddUpdate(u, event(-1)))
			version++
			_, err := s.KeepPolicies(func(v int) bool { return v > version-10 })
			must(b, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N)/43000*100, "%-of-43s")
}
