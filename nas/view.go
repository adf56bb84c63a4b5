package nas

import (
	"cmp"
	"math"
	"slices"
	"time"

	"nasnet/nas/space"
)

// drawn tells which parts of the last snapshot may be used again.
type drawn struct {
	ranking bool // Rewards, Shadows, Verdict, Best, Top, Recent, Retrains and the counts
	updates bool
}

// publish makes a new snapshot and tells the subscribers.
func (s *Search) publish() {
	old := s.snapshot.Load()
	v := Snapshot{Time: time.Now(), UUID: s.record.UUID, Dir: s.dir, Parent: s.record.ParentUUID, ForkAt: s.record.ForkedAt, Config: s.config, State: s.state,
		Reason: s.reason, Kernels: s.options.Kernels, Builds: len(builds(s.record.Build)), Elapsed: s.elapsed(), Workers: s.workers, Proposed: len(s.samples), Distinct: len(s.first), Policy: s.views[s.version], Beliefs: s.beliefs}
	if old != nil {
		v.Version = old.Version + 1
	}
	if old != nil && s.draws.ranking {
		v.Finished, v.Failed, v.Cached = old.Finished, old.Failed, old.Cached
		v.Rewards, v.Best, v.Top, v.Recent, v.Retrains = old.Rewards, old.Best, old.Top, old.Recent, old.Retrains
		v.Shadows, v.Verdict = old.Shadows, old.Verdict
	} else {
		s.rank(&v)
	}
	if old != nil && s.draws.updates {
		v.Updates = old.Updates
	} else {
		v.Updates = thin(slices.Clone(s.views[1:]))
	}
	s.draws = drawn{true, true}
	v.Running = s.inTraining(&v)
	v.ETA = s.eta()
	v.Events = slices.Clone(s.events)
	s.dirty = false
	s.show(&v)
}

// show makes a snapshot the newest.
func (s *Search) show(v *Snapshot) {
	s.snapshot.Store(v)
	for c := range s.subs {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// rank fills in what changes only when a trial ends.
func (s *Search) rank(v *Snapshot) {
	v.Finished, v.Failed = s.finished(), s.count(Failed)
	for _, t := range s.samples {
		if t.ended() && t.CachedOf >= 0 {
			v.Cached++
		}
	}
	v.Rewards, v.Shadows, v.Verdict = rewardPoints(s.samples, Sampled), rewardPoints(s.samples, Shadow), s.verdict(s.samples)
	top := s.ranking()
	starred := s.starred(top)
	shown := slices.Concat(top, starred)
	for _, id := range s.recent {
		shown = append(shown, s.trials[id])
	}
	if err := s.detail(shown...); err != nil {
		s.fail(err)
	}
	for _, t := range top {
		v.Top = append(v.Top, t.TrialView)
	}
	if len(v.Top) > 0 {
		v.Best = &v.Top[0]
	}
	for _, t := range starred {
		v.Starred = append(v.Starred, t.TrialView)
	}
	for _, id := range s.recent {
		v.Recent = append(v.Recent, s.trials[id].TrialView)
	}
	v.Retrains = s.retrains()
}

// retrains is every retrain, newest first, with what the search says of its cell.
func (s *Search) retrains() (views []TrialView) {
	found := map[string]*Found{}
	for _, t := range slices.Backward(s.manual) {
		if t.Kind == Retrained {
			found[t.hash] = nil
		}
	}
	if len(found) == 0 {
		return nil
	}
	for _, t := range s.trials {
		was, wanted := found[t.hash]
		if wanted && s.ranked(t) && (was == nil || t.Reward > was.Reward || t.Reward == was.Reward && t.ID < was.Trial) {
			found[t.hash] = &Found{t.ID, t.Kind, t.Reward}
		}
	}
	for _, t := range slices.Backward(s.manual) {
		if t.Kind == Retrained {
			w := t.TrialView
			w.Found = found[t.hash]
			views = append(views, w)
		}
	}
	return views
}

// rewardPoints is the curve of the proposals of a kind.
func rewardPoints(trials []*trial, k Kind) (points []RewardPoint) {
	best, last := math.Inf(-1), []float64{}
	for _, t := range trials {
		if t.Kind != k || !t.HasReward {
			continue
		}
		best = max(best, t.Reward)
		if last = append(last, t.Reward); len(last) > 20 {
			last = last[1:]
		}
		mean := 0.0
		for _, r := range last {
			mean += r
		}
		points = append(points, RewardPoint{t.ID, t.Reward, mean / float64(len(last)), best})
	}
	return thin(points)
}

// ranking is the trials with the best rewards at the search's settings, one per distinct cell, best first; at equal rewards the earlier one.
func (s *Search) ranking() (ts []*trial) {
	const room = 8 * MaxTop // so many candidates are gathered before they are cut to the best, whose last sets the bar for others
	bar := math.Inf(-1)
	for _, t := range s.trials {
		if t.CachedOf >= 0 || t.Reward < bar || !s.ranked(t) {
			continue
		}
		if ts = append(ts, t); len(ts) == room {
			if ts = leaders(ts); len(ts) == MaxTop {
				bar = ts[MaxTop-1].Reward
			}
		}
	}
	return leaders(ts)
}

// starred is a ranking of the trials with a star that are not in another one.
func (s *Search) starred(top []*trial) (ts []*trial) {
	for _, t := range s.trials {
		if t.Star && s.ranked(t) && !slices.Contains(top, t) {
			ts = append(ts, t)
		}
	}
	return leaders(ts)
}

// leaders sorts trials as a ranking and keeps at most MaxTop.
func leaders(ts []*trial) []*trial {
	slices.SortFunc(ts, func(a, b *trial) int { return cmp.Or(cmp.Compare(b.Reward, a.Reward), cmp.Compare(a.ID, b.ID)) })
	seen := map[string]bool{}
	ts = slices.DeleteFunc(ts, func(t *trial) bool {
		again := seen[t.hash]
		seen[t.hash] = true
		return again
	})
	return ts[:min(MaxTop, len(ts))]
}

// ranked says that the trial's reward can be compared with those of the search: those of retrains and of trials under other settings cannot.
func (s *Search) ranked(t *trial) bool {
	return t.HasReward && t.Kind != Retrained && s.config.Comparable(t.ID)
}

// best is the first of ranking without the sorting; nil if no trial has a reward.
func (s *Search) best() (b *trial) {
	for _, t := range s.trials {
		if s.ranked(t) && (b == nil || t.Reward > b.Reward || t.Reward == b.Reward && t.ID < b.ID) {
			b = t
		}
	}
	return b
}

// inTraining is the running children with what they last reported, by start.
func (s *Search) inTraining(v *Snapshot) (views []TrialView) {
	for _, t := range s.trials {
		if t.run == nil {
			continue
		}
		w := t.TrialView
		w.Waits = t.run.waits.Load()
		if p := t.run.latest.Load(); p != nil {
			w.Epoch, w.Epochs, w.Loss, w.LR, w.Keep, w.ImageRate = p.Epoch, p.Epochs, p.Loss, p.LR, p.Keep, p.ImagesPerSec
			if math.IsNaN(w.Loss) || math.IsInf(w.Loss, 0) {
				w.Loss = 0
			}
			w.Params, w.MAdds = p.Cost.Params, p.Cost.MAdds
			if p.Steps > 0 {
				w.Progress = float64(p.Step) / float64(p.Steps)
			}
			if done := w.Progress - t.run.from; done > 0.02 && w.State == Running {
				took := v.Time.Sub(t.Started) - t.run.gate.shut(v.Time)
				w.Left = time.Duration(float64(took) * (1 - w.Progress) / done).Round(time.Second)
			}
		}
		if w.State == Paused || s.state == Paused {
			w.ImageRate = 0
		}
		v.ImageRate += w.ImageRate
		views = append(views, w)
	}
	slices.SortFunc(views, func(a, b TrialView) int { return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.ID, b.ID)) })
	return views
}

// eta is the time until the last proposal ends at the pace of the last trainings; 0 while nothing is known.
func (s *Search) eta() time.Duration {
	sum, n := 0.0, 0
	for _, id := range s.recent {
		if t := s.trials[id]; t.Kind.proposal() && t.CachedOf < 0 && t.Seconds > 0 {
			sum, n = sum+t.Seconds, n+1
		}
	}
	open := s.config.Children - s.finished()
	if n == 0 || open <= 0 || s.workers == 0 {
		return 0
	}
	return time.Duration(sum / float64(n) * float64(open) / float64(s.workers) * float64(time.Second)).Round(time.Second)
}

// thin keeps at most MaxPoints points: every k-th, and always the last.
func thin[T any](p []T) []T {
	if len(p) <= MaxPoints {
		return p
	}
	k := (len(p) + MaxPoints - 1) / MaxPoints
	var out []T
	for i := (len(p) - 1) % k; i < len(p); i += k {
		out = append(out, p[i])
	}
	return out
}

// maxEntropy is the entropy of the uniform policy, in nats per sequence.
func maxEntropy(sp space.Space) (h float64) {
	for _, n := range sp.Arities() {
		h += math.Log(float64(n))
	}
	return h
}
