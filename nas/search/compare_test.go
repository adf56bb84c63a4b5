package search

import (
	"math"
	"nasnet/nas"
	"path/filepath"
	"testing"
)

func TestTheEndOfAChildComparesItsReward(t *testing.T) {
	c := testConfig()
	c.RandomEvery, c.Repeats = 3, "retrain"
	var events []nas.Event
	s := create(t, filepath.Join(t.TempDir(), "run"), c,
		Options{Workers: 1, OnEvent: func(e nas.Event) { events = append(events, e) }})
	finish(t, s)
	best, news, advantages, baseline := math.Inf(-1), 0, 0, math.NaN()
	for _, e := range events {
		if e.Kind == nas.ControllerUpdate {
			baseline = e.Data["baseline"].(float64)
		}
		if e.Kind != nas.TrialFinished {
			continue
		}
		reward := e.Data["reward"].(float64)
		by, isBest := e.Data["best_by"].(float64)
		if want := reward > best && !math.IsInf(best, -1); isBest != want || want && by != reward-best {
			t.Errorf("trial %d: reward %v after the best %v: new best by %v, %v", e.Trial, reward, best, by, isBest)
		} else if want {
			news++
		}
		best = max(best, reward)
		over, told := e.Data["advantage"].(float64)
		if want := e.Data["kind"] == string(nas.Sampled) && !math.IsNaN(baseline); told != want ||
			want && over != reward-baseline {
			t.Errorf("trial %d: reward %v at the baseline %v: advantage %v, %v", e.Trial, reward, baseline, over, told)
		} else if want {
			advantages++
		}
	}
	if news == 0 || advantages == 0 {
		t.Errorf("%d new bests and %d advantages; want some of both", news, advantages)
	}
}
