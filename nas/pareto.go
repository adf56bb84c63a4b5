package nas

import (
	"cmp"
	"math"
	"slices"
)

// ParetoFront returns which trials, by rising cost, no other one beats: none is as accurate at a lower cost, and none
// more accurate at the same. Equal ones are all on it; one whose accuracy or cost is not known is not: an accuracy that
// is NaN, a cost that is 0, NaN or infinite. It asks for both once a trial.
func ParetoFront(trials []TrialView, accuracy, cost func(TrialView) float64) (front []TrialView) {
	type point struct {
		accuracy, cost float64
		place          int // in trials
	}
	var sorted []point
	for i, v := range trials {
		if p := (point{accuracy(v), cost(v), i}); p.cost > 0 && !math.IsInf(p.cost, 0) && !math.IsNaN(p.accuracy) {
			sorted = append(sorted, p)
		}
	}
	slices.SortStableFunc(sorted, func(a, b point) int {
		return cmp.Or(cmp.Compare(a.cost, b.cost), cmp.Compare(b.accuracy, a.accuracy))
	})
	var last point
	for _, p := range sorted {
		if len(front) == 0 || p.accuracy > last.accuracy || p.accuracy == last.accuracy && p.cost == last.cost {
			front, last = append(front, trials[p.place]), p
		}
	}
	return front
}
