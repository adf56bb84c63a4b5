package nas

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"nasnet/nas/rng"
)

// sources are typical distributions of rewards in a search.
var sources = []struct {
	name string
	mean float64
	draw func(r *rand.Rand) float64
}{
	{"normal", 0.8, func(r *rand.Rand) float64 { return 0.8 + 0.02*r.NormFloat64() }},
	{"skewed to the left", 0.85 - 0.02, func(r *rand.Rand) float64 { return 0.85 - 0.02*r.ExpFloat64() }},
	{"two humps", 0.75, func(r *rand.Rand) float64 { return 0.7 + 0.1*float64(r.IntN(2)) + 0.01*r.NormFloat64() }},
	{"one in ten learns nothing", 0.8 - 0.1*0.7, func(r *rand.Rand) float64 {
		if r.IntN(10) == 0 {
			return 0.1 + 0.005*r.NormFloat64()
		}
		return 0.8 + 0.02*r.NormFloat64()
	}},
}

func draws(r *rand.Rand, n int, draw func(*rand.Rand) float64) (os []Rewarded) {
	for range n {
		os = append(os, Rewarded{fmt.Sprint(r.Uint64()), draw(r)})
	}
	return os
}

func TestTheBandCoversTheTrueGainAboutAsOftenAsItSays(t *testing.T) {
	runs, slack := 400, 0.0
	if testing.Short() {
		runs, slack = 100, 0.05 // fewer runs vary more
	}
	for _, src := range sources {
		for _, randoms := range []int{8, 40} {
			if testing.Short() && randoms == 8 {
				continue
			}
			covered := 0
			for i := range runs {
				r := rng.Stream(uint64(i), "coverage")
				const gain = 0.03
				v := judge(draws(r, 60, func(r *rand.Rand) float64 { return src.draw(r) + gain }),
					draws(r, randoms, src.draw), 160)
				if v.Low <= gain && gain <= v.High {
					covered++
				}
			}
			// A bootstrap is not exact: there is no good interval for the mean of a few draws from a long tail.
			least := 0.91
			if src.name == "one in ten learns nothing" {
				least = 0.80
			}
			if got := float64(covered) / float64(runs); got < least-slack || got > 0.99+slack {
				t.Errorf("%s, %d random cells: the 95 %% band covers the truth in %.1f %% of runs", src.name,
					randoms, 100*got)
			} else {
				t.Logf("%s, %d random cells: %.1f %%", src.name, randoms, 100*got)
			}
		}
	}
}

// everClaimed simulates a run in which every fifth child is a random cell, and reports whether a claim would ever have
// been made.
func everClaimed(r *rand.Rand, children int, controller, random func(*rand.Rand) Rewarded) bool {
	var c, s []Rewarded
	for i := range children {
		if (i+1)%5 == 0 {
			s = append(s, random(r))
		} else {
			c = append(c, controller(r))
		}
		a, b := cellsOf(c[max(0, len(c)-verdictWindow):]), cellsOf(s[max(0, len(s)-verdictRandoms):])
		if len(c) >= verdictWindow && len(a) >= verdictCells && certain(a, b, children*4/5) {
			return true
		}
	}
	return false
}

func TestAControllerThatIsRandomIsSeldomCalledBetterOrWorseInAWholeRun(t *testing.T) {
	runs := 500
	if testing.Short() {
		runs = 100
	}
	share := func(name string, one func(seed uint64) func(*rand.Rand) Rewarded) {
		claimed := 0
		for i := range runs {
			draw := one(uint64(i))
			if everClaimed(rng.Stream(uint64(i), "a/a"), 200, draw, draw) {
				claimed++
			}
		}
		got := float64(claimed) / float64(runs)
		t.Logf("%s: %.1f %%", name, 100*got)
		if got > 0.065 { // 5 % and a margin for chance in the test
			t.Errorf("%s: %.1f %% of runs of 200 children without a difference claimed one; want at most 6.5 %%", name,
				100*got)
		}
	}
	for _, src := range sources {
		share(src.name, func(uint64) func(*rand.Rand) Rewarded {
			return func(r *rand.Rand) Rewarded { return draws(r, 1, src.draw)[0] }
		})
	}
	share("a space of 30 cells, whose repeats share their reward", func(seed uint64) func(*rand.Rand) Rewarded {
		table := draws(rng.Stream(seed, "table"), 30, sources[0].draw)
		return func(r *rand.Rand) Rewarded { return table[r.IntN(len(table))] }
	})
}

func TestARealGainOrLossIsFound(t *testing.T) {
	for _, c := range []struct {
		gain  float64
		claim string
		text  string
	}{
		{0.03, Better, "beats random: the controller's last 20 average "},
		{-0.03, Worse, "worse than random: the controller's last 20 average "},
	} {
		found := 0
		for i := range 100 {
			r := rng.Stream(uint64(i), "gain")
			src := sources[0]
			v := judge(draws(r, 160, func(r *rand.Rand) float64 { return src.draw(r) + c.gain }),
				draws(r, 40, src.draw), 160)
			if v.Claim != c.claim {
				continue
			}
			found++
			if !strings.HasPrefix(v.Text, c.text) || (v.Low > 0) != (c.gain > 0) || v.Window != 20 || v.Randoms != 40 {
				t.Errorf("%+v", v)
			}
		}
		if found < 85 {
			t.Errorf("a gain of %v, 1.5 deviations of a cell, is claimed in %d of 100 runs", c.gain, found)
		}
	}
}

func TestAVerdictSaysInOneSentenceWhatIsKnown(t *testing.T) {
	r := rng.Stream(1, "text")
	many := draws(r, 60, sources[0].draw)
	same := func(n, cells int) (os []Rewarded) {
		for i := range n {
			os = append(os, Rewarded{fmt.Sprint(i % cells), 0.9})
		}
		return os
	}
	lower := func(n int) []Rewarded {
		low := same(n, n)
		for i := range low {
			low[i].Reward = 0.1
		}
		return low
	}
	for _, c := range []struct {
		what               string
		controller, random []Rewarded
		claim, text        string
	}{
		{"nothing", nil, nil, Early, "too early to tell: 0 random cells"},
		{"one random cell", many, many[:1], Early, "too early to tell: 1 random cell"},
		{"three random cells", many, many[:3], Early, "too early to tell: 3 random cells"},
		{"few samples", many[:9], many, Early, "too early to tell: 9 samples with a reward"},
		{"a policy that repeats itself", same(20, 3), many, Early, "too few different cells to tell: 3 from the " +
			"controller, 60 random; the controller's last 20 average 0.900 against"},
		{"the same on both sides", many[:20], many[:20], Unclear,
			"no better than random so far: the controller's last 20 average"},
		{"no spread at all", same(20, 20), same(20, 20), Unclear, "no better than random so far: the controller's " +
			"last 20 average 0.900 against 0.900 for random cells: +0.000 (95 % 0.000 to 0.000)"},
		{"a gain before there is enough for a claim", same(15, 15), many[:8], Unclear,
			"perhaps better than random: the controller's last 15 average 0.900"},
		{"a clear gain", same(20, 20), many, Better,
			"beats random: the controller's last 20 average 0.900 against 0.8"},
		{"a loss before there is enough for a claim", lower(15), many[:8], Unclear,
			"perhaps worse than random: the controller's last 15 average 0.1"},
		{"a clear loss", lower(20), many, Worse, "worse than random: the controller's last 20 average 0.1"},
	} {
		v := judge(c.controller, c.random, 160)
		if v.Claim != c.claim || !strings.HasPrefix(v.Text, c.text) {
			t.Errorf("%s: %s: %q; want %s: %q", c.what, v.Claim, v.Text, c.claim, c.text)
		}
		if v.Claim == Early && (v.Low != 0 || v.High != 0) {
			t.Errorf("%s: an interval from too few rewards: %+v", c.what, v)
		}
	}
	if a, b := judge(many, many[20:], 160), judge(many, many[20:], 160); fmt.Sprint(a) != fmt.Sprint(b) {
		t.Errorf("two verdicts on the same rewards: %+v, %+v", a, b)
	}
}

func TestTopsCompareEqualNumbersOfProposalsAndDifferentCells(t *testing.T) {
	c := []Rewarded{{"a", 0.5}, {"b", 0.9}, {"b", 0.9}, {"c", 0.7}, {"d", 0.6}, {"e", 0.8}, {"f", 1}}
	r := []Rewarded{{"g", 0.4}, {"h", 0.3}, {"i", 0.6}, {"j", 0.5}, {"k", 0.2}, {"g", 0.45}}
	got := tops(c, r)
	if len(got) != 6 || got[0] != (TopPoint{1, [3]float64{0.5}, [3]float64{0.4}}) {
		t.Fatalf("%+v", got)
	}
	last := got[5] // the controller's first six: a b b c d e
	if last.N != 6 || last.Controller[0] != 0.9 || math.Abs(last.Controller[1]-0.7) > 1e-12 || last.Random[0] != 0.6 ||
		math.Abs(last.Random[1]-(0.6+0.5+0.45+0.3+0.2)/5) > 1e-12 ||
		last.Controller[2] != 0 {
		t.Errorf("%+v", last)
	}
	want := "after 6 proposals of each: best cell 0.900 against 0.600, mean of the best 5 0.700 against 0.410"
	if got := (&Verdict{Tops: got}).TopText(); got != want {
		t.Errorf("%q; want %q", got, want)
	}
	if got := (&Verdict{}).TopText() + (*Verdict)(nil).TopText(); got != "" {
		t.Errorf("the comparison of no cells is %q; want none", got)
	}
	src := rng.Stream(3, "tops")
	many := tops(draws(src, 4000, sources[0].draw), draws(src, 1000, sources[0].draw))
	if n := len(many); n > topPoints || many[n-1].N != 1000 {
		t.Errorf("%d points, the last at %d", n, many[n-1].N)
	}
	for i, p := range many {
		if i > 0 && (p.N <= many[i-1].N || p.Controller[2] < many[i-1].Controller[2]) ||
			p.Controller[0] < p.Controller[1] || p.N >= 25 && p.Random[1] < p.Random[2] {
			t.Errorf("point %d: %+v", i, p)
		}
	}
}

func TestQuantilesOfStudent(t *testing.T) {
	for _, c := range []struct{ p, df, want float64 }{ // from tables
		{0.975, 4, 2.776}, {0.975, 10, 2.228}, {0.975, 30, 2.042}, {0.975, 1e6, 1.960}, {0.995, 10, 3.169},
		{0.9995, 20, 3.850}, {0.9995, 10, 4.587},
	} {
		if got := tQuantile(c.p, c.df); math.Abs(got-c.want) > 0.012*c.want {
			t.Errorf("t(%v, %v) = %.3f; want %.3f", c.p, c.df, got, c.want)
		}
	}
}

func BenchmarkVerdict(b *testing.B) {
	r := rng.Stream(1, "bench")
	for _, n := range []int{200, 20000} {
		c, s := draws(r, n*4/5, sources[0].draw), draws(r, n/5, sources[0].draw)
		b.Run(fmt.Sprint(n, " children"), func(b *testing.B) {
			for b.Loop() {
				judge(c, s, n)
			}
		})
	}
}
