package nas

import (
	"cmp"
	"math"
	"slices"
)

// Listed holds the trials that a snapshot lists. The owner reads their details before it makes [Results] of them.
type Listed struct{ Top, Starred, Recent []*Trial }

// All returns the trials of every list.
func (s Listed) All() []*Trial { return slices.Concat(s.Top, s.Starred, s.Recent) }

// Listed returns the trials that a snapshot lists.
func (l *Ledger) Listed() (s Listed) {
	s.Top = l.Ranking()
	s.Starred = l.starred(s.Top)
	for _, id := range l.recent {
		s.Recent = append(s.Recent, l.Trial(id))
	}
	return s
}

// Results returns the part of a snapshot that changes only when a trial ends or is marked.
func (l *Ledger) Results(s Listed) (r Results) {
	r.Finished, r.Failed = l.Finished(), l.Count(Failed)
	for _, t := range l.proposals {
		if t.Ended() && t.CachedOf >= 0 {
			r.Cached++
		}
	}
	r.Rewards, r.Randoms, r.Verdict = l.Rewards(Sampled), l.Rewards(Random), l.Verdict(len(l.proposals))
	r.Top, r.Starred, r.Recent, r.Retrains = views(s.Top), views(s.Starred), views(s.Recent), l.Retrains()
	if len(r.Top) > 0 {
		r.Best = &r.Top[0]
	}
	return r
}

func views(ts []*Trial) (vs []TrialView) {
	for _, t := range ts {
		vs = append(vs, t.TrialView)
	}
	return vs
}

// Ranked reports whether the trial's reward can be compared with others of the search. Rewards of retrains and of
// trials under other settings cannot.
func (l *Ledger) Ranked(t *Trial) bool {
	return t.HasReward && t.Kind != Retrained && l.config.Comparable(t.ID)
}

// Ranking returns the trials with the best rewards at the search's settings, best first, one per distinct cell, at most
// MaxTop. Of equal rewards, the earlier trial comes first.
func (l *Ledger) Ranking() (ts []*Trial) {
	// candidates gathered before they are cut to MaxTop, whose last sets the bar for later ones
	const capacity = 8 * MaxTop
	bar := math.Inf(-1)
	for t := range l.All {
		if t.CachedOf >= 0 || t.Reward < bar || !l.Ranked(t) {
			continue
		}
		if ts = append(ts, t); len(ts) == capacity {
			if ts = leaders(ts); len(ts) == MaxTop {
				bar = ts[MaxTop-1].Reward
			}
		}
	}
	return leaders(ts)
}

// starred ranks the starred trials that are not in top.
func (l *Ledger) starred(top []*Trial) (ts []*Trial) {
	for t := range l.All {
		if t.Star && l.Ranked(t) && !slices.Contains(top, t) {
			ts = append(ts, t)
		}
	}
	return leaders(ts)
}

// leaders ranks trials, keeps the best of each cell, and at most MaxTop.
func leaders(ts []*Trial) []*Trial {
	slices.SortFunc(ts, func(a, b *Trial) int {
		return cmp.Or(cmp.Compare(b.Reward, a.Reward),
			cmp.Compare(a.ID, b.ID))
	})
	seen := map[string]bool{}
	ts = slices.DeleteFunc(ts, func(t *Trial) bool {
		again := seen[t.Hash]
		seen[t.Hash] = true
		return again
	})
	return ts[:min(MaxTop, len(ts))]
}

// Best returns the first of Ranking, ignoring the trial except, which may be nil. It returns nil if no other trial has
// a reward.
func (l *Ledger) Best(except *Trial) (b *Trial) {
	for t := range l.All {
		if t != except && l.Ranked(t) && (b == nil || t.Reward > b.Reward || t.Reward == b.Reward && t.ID < b.ID) {
			b = t
		}
	}
	return b
}

// Retrains returns every retrain, newest first, with what the search found for its cell.
func (l *Ledger) Retrains() (vs []TrialView) {
	found := map[string]*Found{}
	for _, t := range l.manual {
		if t.Kind == Retrained {
			found[t.Hash] = nil
		}
	}
	if len(found) == 0 {
		return nil
	}
	for t := range l.All {
		was, wanted := found[t.Hash]
		if wanted && l.Ranked(t) && (was == nil || t.Reward > was.Reward ||
			t.Reward == was.Reward && t.ID < was.Trial) {
			found[t.Hash] = &Found{t.ID, t.Kind, t.Reward}
		}
	}
	for _, t := range slices.Backward(l.manual) {
		if t.Kind == Retrained {
			v := t.TrialView
			v.Found = found[t.Hash]
			vs = append(vs, v)
		}
	}
	return vs
}

// Rewards returns the reward curve of the proposals of the given kind.
func (l *Ledger) Rewards(k Kind) (points []RewardPoint) {
	best, last := math.Inf(-1), []float64{}
	for _, t := range l.proposals {
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
	return Thin(points)
}

// Verdict judges the first n proposals; it is nil if the run has no random cells.
func (l *Ledger) Verdict(n int) *Verdict {
	var controller, random []Rewarded
	for _, t := range l.proposals[:n] {
		if !l.Ranked(t) {
			continue
		}
		if r := (Rewarded{t.Hash, t.Reward}); t.Kind == Random {
			random = append(random, r)
		} else {
			controller = append(controller, r)
		}
	}
	return l.config.Judge(controller, random)
}

// Thin keeps at most MaxPoints points: every k-th, and always the last.
func Thin[T any](p []T) []T {
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
