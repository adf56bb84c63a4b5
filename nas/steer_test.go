package nas

import (
	"path/filepath"
	"testing"
	"time"
)

func TestAnAnswerIsInTheSnapshotWhenItComes(t *testing.T) {
	c := testConfig()
	s := create(t, filepath.Join(t.TempDir(), "run"), c, Options{StayOpen: true, Workers: 1, Every: time.Hour, Evaluator: Fake{Steps: 1000, Pace: time.Millisecond}})
	ended := make(chan error, 1)
	go func() { ended <- s.Run(t.Context()) }()
	for _, x := range []struct {
		c    Command
		seen func(v *Snapshot) bool
	}{
		{Command{Do: Pause}, func(v *Snapshot) bool { return v.State == Paused }},
		{Command{Do: Resume}, func(v *Snapshot) bool { return v.State == Running }},
		{Command{Do: SetWorkers, N: 7}, func(v *Snapshot) bool { return v.Workers == 7 }},
		{Command{Do: PauseTrial, Trial: 0}, func(v *Snapshot) bool { return v.Running[0].State == Paused }},
		{Command{Do: Stop}, func(v *Snapshot) bool { return v.State == Stopped }},
	} {
		if _, err := s.Do(t.Context(), x.c); err != nil {
			t.Fatal(err)
		}
		if v := s.Snapshot(); !x.seen(v) {
			t.Errorf("after %s the snapshot has state %s, %d workers, running %+v", x.c.Do, v.State, v.Workers, v.Running)
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
