package nas

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestTheRankingIsTheTopOfASort(t *testing.T) {
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
		x.ID, x.CachedOf, x.HasReward, x.Reward, x.Star = id, -1, true, float64(-id),
			slices.Contains([]int{3, MaxTop + 7, MaxTop + 9, MaxTop + 40}, id)
		l.proposals = append(l.proposals, x)
	}
	l.Trial(MaxTop + 9).Kind = Retrained // its accuracy is not a reward
	var got []int
	for _, x := range l.starred(l.Ranking()) {
		got = append(got, x.ID)
	}
	if want := []int{MaxTop + 7, MaxTop + 40}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestEntropiesAreThinned(t *testing.T) {
	l := NewLedger(Config{}, 0)
	for id := range 1000 {
		tr := &Trial{LogP: []float64{-float64(id / 2), -1}}
		tr.Kind, tr.Batch = Sampled, id/2
		l.entropy.add(tr)
	}
	points := l.entropy.points()
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

// ledgerOf makes a ledger from a line with one word per proposal: the letter of the cell, the letter of the state (p
// proposed, r running, d done, f failed, x stopped), then the reward in hundredths. "|" starts a new batch, "~" marks a
// random cell, "*" a star.
func ledgerOf(t *testing.T, c Config, line string) *Ledger {
	t.Helper()
	l, batch := NewLedger(c, 0), 0
	states := map[byte]State{'p': Proposed, 'r': Running, 'd': Done, 'f': Failed, 'x': Stopped}
	for _, w := range strings.Fields(line) {
		if w == "|" {
			batch++
			continue
		}
		kind := Sampled
		if rest, ok := strings.CutPrefix(w, "~"); ok {
			kind, w = Random, rest
		}
		w, star := strings.CutSuffix(w, "*")
		x := l.Blank(len(l.Proposals()), kind, strings.Repeat(w[:1], 6))
		x.Batch, x.State, x.Star = batch, states[w[1]], star
		if len(w) > 2 {
			n, err := strconv.Atoi(w[2:])
			if err != nil {
				t.Fatal(err)
			}
			x.Reward, x.HasReward = float64(n)/100, true
		}
		if x.State != Proposed {
			x.Attempt = 1
		}
		l.Admit(x)
	}
	return l
}

func numbers(ts []*Trial) (ids []int) {
	for _, t := range ts {
		ids = append(ids, t.ID)
	}
	return ids
}

func TestALedgerKnowsWhatRepeatsAndWhatComesNext(t *testing.T) {
	for _, x := range []struct {
		what, line string
		repeats    string
		applied    int
		cachedOf   []int
		next       int // -1: none
		complete   bool
	}{
		{"nothing was proposed", "", "cached", 0, nil, -1, false},
		{"the first in the queue", "ad50 bp cp", "cached", 0, []int{-1, -1, -1}, 1, false},
		{"a repeat of a finished cell is not trained", "ad50 ap bp", "cached", 0, []int{-1, 0, -1}, 2, false},
		{"a repeat of a running cell waits for it", "ar ap", "cached", 0, []int{-1, 0}, -1, false},
		{"a repeat of a failed cell fails with it", "af ap", "cached", 0, []int{-1, 0}, -1, false},
		{"a stopped child says nothing about its cell", "ax ap ap", "cached", 0, []int{-1, -1, 1}, 1, false},
		{"repeats are trained on request", "ad50 ap", "retrain", 0, []int{-1, -1}, 1, false},
		{"proposals of applied batches are skipped", "ap | bp", "cached", 1, []int{-1, -1}, 1, false},
		{"all have ended, but not all are applied", "ad50 bd60 | cd70 df", "cached", 1,
			[]int{-1, -1, -1, -1}, -1, false},
		{"all are applied", "ad50 bd60 | cd70 df", "cached", 2, []int{-1, -1, -1, -1}, -1, true},
	} {
		l := ledgerOf(t, Config{Repeats: x.repeats, Children: 4}, x.line)
		l.Apply(x.applied)
		var cached []int
		for _, p := range l.Proposals() {
			cached = append(cached, p.CachedOf)
		}
		next := -1
		if n := l.Next(); n != nil {
			next = n.ID
		}
		if !slices.Equal(cached, x.cachedOf) || next != x.next || l.Complete() != x.complete {
			t.Errorf("%s: repeats %v, next %d, complete %v; want %v, %d, %v", x.what, cached, next, l.Complete(),
				x.cachedOf, x.next, x.complete)
		}
	}
}

func TestALedgerRanksComparableCells(t *testing.T) {
	for _, x := range []struct {
		what, line    string
		inherited     int
		top, starred  []int
		best          int // -1: none
		finished      int
		randoms, mean float64 // random cells with a reward; mean of the last 20 samples
	}{
		{"none has ended", "ar bp", 0, nil, nil, -1, 0, 0, 0},
		{"best first, the earlier of equals", "ad50 bd70 cd70 df", 0, []int{1, 2, 0}, nil, 1, 4, 0, 190. / 300},
		{"a cell counts once, with its best reward", "ad50 ~ad80 bd60", 0, []int{1, 2}, nil, 1, 3, 1, 0.55},
		{"rewards under other settings do not count", "ad90 bd50 cd60", 1, []int{2, 1}, nil, 2, 3, 0, 2. / 3},
	} {
		l := ledgerOf(t, Config{Repeats: "retrain", Children: 4, RandomEvery: 5,
			Inheritance: Inheritance{Inherited: x.inherited}}, x.line)
		s := l.Listed()
		best := -1
		if b := l.Best(nil); b != nil {
			best = b.ID
		}
		r := l.Results(s)
		mean := 0.0
		if n := len(r.Rewards); n > 0 {
			mean = r.Rewards[n-1].Mean
		}
		if !slices.Equal(numbers(s.Top), x.top) || !slices.Equal(numbers(s.Starred), x.starred) || best != x.best ||
			r.Finished != x.finished ||
			float64(len(r.Randoms)) != x.randoms || math.Abs(mean-x.mean) > 1e-9 {
			t.Errorf("%s: top %v, starred %v, best %d, %d finished, %d random cells, mean %v; want %+v", x.what,
				numbers(s.Top), numbers(s.Starred), best, r.Finished,
				len(r.Randoms), mean, x)
		}
	}
}

func TestAStopCanBeUndoneUnlessSomethingDependsOnIt(t *testing.T) {
	for _, x := range []struct {
		what, line string
		applied    int
		updating   bool
		stopped    int
		why        string
		repeats    []int // CachedOf of the others after Reopen
	}{
		{"nothing depends on it", "ax bd50", 0, false, 0, "", []int{-1}},
		{"its repeat waits for it again", "ax ap bd50", 0, false, 0, "", []int{0, -1}},
		{"its repeat was trained in its place", "ax ad50", 0, false, 0, "child 1 was trained in its place", nil},
		{"its batch was applied", "ax bd50 | cp", 1, false, 0, "policy 1 was made without it", nil},
		{"its batch is being applied", "ax bd50", 0, true, 0, "policy 1 was made without it", nil},
	} {
		l := ledgerOf(t, Config{Repeats: "cached", Children: 4}, x.line)
		l.Apply(x.applied)
		s := l.Trial(x.stopped)
		l.End(s)
		if why := l.BuiltUpon(s, x.updating); why != x.why {
			t.Errorf("%s: %q; want %q", x.what, why, x.why)
		} else if why != "" {
			continue
		}
		l.Reopen(s)
		var repeats []int
		for _, p := range l.Proposals() {
			if p != s {
				repeats = append(repeats, p.CachedOf)
			}
		}
		if !slices.Equal(repeats, x.repeats) || len(l.Listed().Recent) != 0 {
			t.Errorf("%s: repeats %v, %d ended lately; want %v and none", x.what, repeats,
				len(l.Listed().Recent), x.repeats)
		}
	}
}

func TestTheETAFollowsTheLatestTrainings(t *testing.T) {
	l := ledgerOf(t, Config{Repeats: "cached", Children: 10}, "ad50 bd60 cp")
	if eta := l.ETA(2); eta != 0 {
		t.Errorf("the ETA is %v before any training; want 0", eta)
	}
	for _, x := range l.Proposals()[:2] {
		x.Seconds = 10 * float64(1+x.ID)
		l.End(x)
	}
	if eta := l.ETA(2); eta != 60*time.Second { // 8 children of 15 s on 2 workers
		t.Errorf("the ETA is %v; want 1 minute", eta)
	}
}

func TestTrialsMadeByHandHaveTheirOwnNumbers(t *testing.T) {
	l := ledgerOf(t, Config{Repeats: "cached", Children: 1}, "ad50")
	l.Apply(1)
	for want := FirstManual; want < FirstManual+2; want++ {
		x := l.Blank(l.NextManual(), Retrained, "aaaaaa")
		l.Admit(x)
		if x.ID != want || l.Trial(want) != x || l.Next() != l.Trial(FirstManual) || l.Complete() {
			t.Errorf("trial %d; want %d, to be trained first", x.ID, want)
		}
	}
	if l.Trial(FirstManual+2) != nil || l.Trial(1) != nil || l.Trial(-1) != nil {
		t.Error("there are more trials than were admitted")
	}
	rs := l.Retrains()
	if len(rs) != 2 || rs[0].ID != FirstManual+1 || rs[0].Found == nil || rs[0].Found.Reward != 0.5 ||
		l.Distinct() != 1 {
		t.Errorf("retrains %+v", rs)
	}
}
