package search

import (
	"math"
	"nasnet/nas"
	"path/filepath"
	"reflect"
	"testing"
)

func TestBeliefsShowWhatThePolicyWouldChoose(t *testing.T) {
	for _, r := range []struct {
		strategy    string
		exact, sure bool // sure: the entropies are known
	}{{"ppo", true, true}, {"reinforce", true, true}, {"random", false, true}, {"evolution", false, false}} {
		t.Run(r.strategy, func(t *testing.T) {
			c := testConfig()
			c.Controller.Strategy, c.Lag = r.strategy, 1
			dir := filepath.Join(t.TempDir(), "run")
			s := create(t, dir, c, Options{Workers: 1})
			if b := s.Snapshot().Beliefs; b == nil || b.Version != 0 || b.Exact != r.exact ||
				(b.Probabilities != nil) != r.exact || b.Entropy != nil {
				t.Fatalf("before the first proposal: %+v", b)
			}
			finish(t, s)
			b := s.Snapshot().Beliefs
			if b.Version != s.Snapshot().Policy.Version || b.Version == 0 || b.Exact != r.exact {
				t.Errorf("version %d, exact %v at policy %d", b.Version, b.Exact, s.Snapshot().Policy.Version)
			}
			arities := s.owner.run.Space.Arities()
			if len(b.Probabilities) != len(arities) {
				t.Fatalf("%d rows for %d decisions", len(b.Probabilities), len(arities))
			}
			for d, row := range b.Probabilities {
				sum := 0.0
				for _, p := range row {
					sum += p
				}
				if len(row) != arities[d] || math.Abs(sum-1) > 1e-3 {
					t.Errorf("decision %d of %d choices: %v", d, arities[d], row)
				}
			}
			if (len(b.Entropy) > 0) != r.sure {
				t.Fatalf("%d points of entropy", len(b.Entropy))
			}
			for _, p := range b.Entropy {
				for d, h := range p.Nats {
					// A policy is nearly uniform before its first update, and a random one always is.
					if most := math.Log(float64(arities[d])); math.Abs(h-most) > 0.2 &&
						(p.Batch == 0 || r.strategy == "random") {
						t.Errorf("batch %d decision %d: %v nats of %v", p.Batch, d, h, most)
					}
				}
			}
			again, err := ReadSnapshot(dir)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(again.Beliefs, b) {
				t.Errorf("read back: %+v\nwant %+v", again.Beliefs, b)
			}
			if again.State != nas.Done || again.Finished != c.Children || again.Best == nil {
				t.Errorf("read back: %s, %d finished, best %v", again.State, again.Finished, again.Best)
			}
		})
	}
}
