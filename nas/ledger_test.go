package nas

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestTheRankingIsTheFirstOfAllSorted(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{0, 1, MaxTop, 8 * MaxTop, 30 * MaxTop} {
		l := NewLedger(Config{}, 0)
		var all []*Trial
		for id := range n {
			x := &Trial{Hash: fmt.Sprint(r.IntN(n))}
			x.ID, x.CachedOf, x.HasReward, x.Reward = id, -1, r.IntN(5) > 0, float64(r.IntN(1+n/3))
			if r.IntN(10) == 0 {
				x.CachedOf = 0
			}
			l.proposals = append(l.proposals, x)
			if x.HasReward && x.CachedOf < 0 {
				all = append(all, x)
			}
		}
		slices.SortStableFunc(all, func(a, b *Trial) int { return cmp.Compare(b.Reward, a.Reward) })
		var want []*Trial
		seen := map[string]bool{}
		for _, x := range all {
			if !seen[x.Hash] && len(want) < MaxTop {
				want = append(want, x)
			}
			seen[x.Hash] = true
		}
		if got := l.Ranking(); !slices.Equal(got, want) {
			t.Errorf("of %d trials: %d ranked, want %d", n, len(got), len(want))
		}
	}
}

func TestStarredTrialsBelowTheBestAreKept(t *testing.T) {
	l := NewLedger(Config{}, 0)
	for id := range MaxTop + 50 {
		x := &Trial{Hash: fmt.Sprint(id)}
		x.ID, x.CachedOf, x.HasReward, x.Reward, x.Star = id, -1, true, float64(-id), slices.Contains([]int{3, MaxTop + 7, MaxTop + 9, MaxTop + 40}, id)
		l.proposals = append(l.proposals, x)
	}
	l.Trial(MaxTop + 9).Kind = Retrained // whose accuracy is no reward
	var got []int
	for _, x := range l.starred(l.Ranking()) {
		got = append(got, x.ID)
	}
	if want := []int{MaxTop + 7, MaxTop + 40}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// BenchmarkOpen20000 is the opening of a run of 20,000 trials, to go on with it and to look at it, and what each trial takes of the heap then.
// Wanted: under 200 ms on an idle machine.

func TestEntropiesAreThinned(t *testing.T) {
	l := NewLedger(Config{}, 0)
	for id := range 1000 {
		tr := &Trial{LogP: []float64{-float64(id / 2), -1}}
		tr.Kind, tr.Batch = Sampled, id/2
		l.countEntropy(tr)
	}
	points := entropies(l.entropy)
	if n := len(points); n < maxEntropyPoints/2 || n > maxEntropyPoints {
		t.Fatalf("%d points", n)
	}
	for i, p := range points {
		from := 8 * i
		to := min(from+8, 500) - 1
		if p.Batch != to || p.Nats[0] != float64(from+to)/2 || p.Nats[1] != 1 {
			t.Errorf("point %d: %+v", i, p)
		}
	}
}
