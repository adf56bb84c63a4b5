package search

import (
	"nasnet/nas"
	"nasnet/nas/fake"
	"path/filepath"
	"testing"
	"time"
)

func TestASnapshotShowsACommandsEffectWhenDoReturns(t *testing.T) {
	c := testConfig()
	s := create(t, filepath.Join(t.TempDir(), "run"), c, Options{StayOpen: true, Workers: 1, Every: time.Hour,
		Evaluator: fake.Evaluator{Steps: 1000, Pace: time.Millisecond}})
	ended := make(chan error, 1)
	go func() { ended <- s.Run(t.Context()) }()
	for _, x := range []struct {
		c    nas.Command
		seen func(v *nas.Snapshot) bool
	}{
		{nas.Command{Do: nas.Pause}, func(v *nas.Snapshot) bool { return v.State == nas.Paused }},
		{nas.Command{Do: nas.Resume}, func(v *nas.Snapshot) bool { return v.State == nas.Running }},
		{nas.Command{Do: nas.SetWorkers, N: 7}, func(v *nas.Snapshot) bool { return v.Workers == 7 }},
		{nas.Command{Do: nas.PauseTrial, Trial: 0},
			func(v *nas.Snapshot) bool { return v.Running[0].State == nas.Paused }},
		{nas.Command{Do: nas.Stop}, func(v *nas.Snapshot) bool { return v.State == nas.Stopped }},
	} {
		if _, err := s.Do(t.Context(), x.c); err != nil {
			t.Fatal(err)
		}
		if v := s.Snapshot(); !x.seen(v) {
			t.Errorf("after %s the snapshot has state %s, %d workers, running %+v", x.c.Do, v.State,
				v.Workers, v.Running)
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
