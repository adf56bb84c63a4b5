package search

import (
	"path/filepath"
	"testing"
	"time"

	"nasnet/nas"
	"nasnet/nas/fake"
)

func TestAStoppedRunHasNoETA(t *testing.T) {
	c := testConfig()
	c.Children = 4000 // an ETA of less than half a second is shown as none
	s := create(t, filepath.Join(t.TempDir(), "run"), c, Options{Workers: 1, Every: time.Millisecond,
		Evaluator: fake.Evaluator{Steps: 20, Pace: time.Millisecond}})
	ended := make(chan error, 1)
	go func() { ended <- s.Run(t.Context()) }()
	for began := time.Now(); s.Snapshot().ETA == 0; time.Sleep(time.Millisecond) {
		if v := s.Snapshot(); v.State == nas.Done || time.Since(began) > time.Minute {
			t.Fatalf("%s without an ETA", v.State)
		}
	}
	if _, err := s.Do(t.Context(), nas.Command{Do: nas.Stop}); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if v := s.Snapshot(); v.State != nas.Stopped || v.ETA != 0 {
		t.Errorf("%s, ETA %v", v.State, v.ETA)
	}
}
