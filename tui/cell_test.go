package tui

import (
	"math"
	"testing"

	"nasnet/nas"
)

func TestTheMeanRewardCountsOnlyTrainingsLikeTheSearchs(t *testing.T) {
	for _, r := range []struct {
		name   string
		change func(s *nas.Snapshot, x *nas.TrialView) // x is the finished retrain
		n      int
	}{
		{"another seed", func(*nas.Snapshot, *nas.TrialView) {}, 2},
		{"without a reward yet", func(_ *nas.Snapshot, x *nas.TrialView) { x.HasReward = false }, 1},
		{"more epochs", func(_ *nas.Snapshot, x *nas.TrialView) { x.Retrain.Train.Epochs++ }, 1},
		{"a larger network", func(_ *nas.Snapshot, x *nas.TrialView) { x.Retrain.Net.Filters *= 2 }, 1},
		{"judged on test images", func(_ *nas.Snapshot, x *nas.TrialView) { x.Retrain.Data.Test = true }, 1},
		{"other data", func(_ *nas.Snapshot, x *nas.TrialView) { x.Retrain.Data.Name = "cifar100" }, 1},
		{"another cell", func(s *nas.Snapshot, x *nas.TrialView) { x.Cell = s.Top[1].Cell }, 1},
		{"one shard, set explicitly", func(_ *nas.Snapshot, x *nas.TrialView) { x.Retrain.Train.Shards = 1 }, 2},
		{"as the form sends it", func(s *nas.Snapshot, x *nas.TrialView) {
			x.Retrain = drive(t, s, 120, 36).press("5", "r", "enter").last().Retrain
		}, 2},
		{"two shards", func(_ *nas.Snapshot, x *nas.TrialView) { x.Retrain.Train.Shards = 2 }, 1},
	} {
		t.Run(r.name, func(t *testing.T) {
			s := busy()
			r.change(s, &s.Retrains[1])
			mean, sd, n := trainings(s, s.Top[0])
			if n != r.n {
				t.Errorf("%d trainings, want %d", n, r.n)
			}
			if n == 2 && (math.Abs(mean-0.7691) > 1e-9 || math.Abs(sd-0.0046/math.Sqrt2) > 1e-9) {
				t.Errorf("%v ± %v", mean, sd)
			}
		})
	}
}
