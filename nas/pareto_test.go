package nas

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"nasnet/nas/child"
)

func TestTheFrontIsWhatNoOtherCellBeats(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var trials []TrialView
		for id := range r.IntN(12) {
			// many ties; 0: not measured
			v := TrialView{ID: id, Result: Result{Latency: float64(r.IntN(6))},
				Training: Training{Curve: []child.EpochResult{{ValAcc: float64(r.IntN(5)) / 4}}}}
			switch r.IntN(10) {
			case 0:
				v.Curve = nil
			case 1:
				v.Curve[0].ValAcc = math.NaN()
			case 2:
				v.Latency = math.Inf(1)
			}
			trials = append(trials, v)
		}
		cost := func(v TrialView) float64 { return v.Latency }
		var want []int
		for _, a := range trials {
			if cost(a) == 0 || math.IsInf(cost(a), 0) || math.IsNaN(a.Accuracy()) {
				continue
			}
			if !slices.ContainsFunc(trials, func(b TrialView) bool {
				return cost(b) > 0 && cost(b) <= cost(a) && b.Accuracy() >= a.Accuracy() &&
					(cost(b) < cost(a) || b.Accuracy() > a.Accuracy())
			}) {
				want = append(want, a.ID)
			}
		}
		var got []int
		front := ParetoFront(trials, TrialView.Accuracy, cost)
		for i, v := range front {
			got = append(got, v.ID)
			if i > 0 && cost(v) < cost(front[i-1]) {
				t.Fatalf("not by rising cost: %v", front)
			}
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Fatalf("front %v; want %v of %+v", got, want, trials)
		}
	}
}
