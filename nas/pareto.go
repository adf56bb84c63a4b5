package nas

import (
	"cmp"
	"math"
	"slices"
)

// ParetoFront returns, by rising cost, the trials that no other trial beats: none is at least as accurate at a lower
// cost, or more accurate at the same cost. Equal trials are all on the front. Trials with an unknown accuracy (NaN) or
// cost (0, NaN or infinite) are not. It calls accuracy and cost once per trial.
func ParetoFront(trials []TrialView, accuracy, cost func(TrialView) float64) (front []TrialView) {
	type point struct {
		accuracy, cost float64
		place          int // index in trials
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
