package tui

import (
	"fmt"
	"math"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"nasnet/nas"
	"nasnet/tui/term"
)

func TestTheVerdictFitsItsSpaceAndKeepsItsClaim(t *testing.T) {
	th := newTheme(term.Unicode, asTerminal)
	early := &nas.Verdict{Claim: nas.Early, Text: "too early to tell: 3 random cells", Randoms: 3}
	unclear := &nas.Verdict{Claim: nas.Unclear, Text: "no better than random so far: the controller's last 20 " +
		"average 0.801 against 0.798 for random cells: +0.003 (95 % -0.010 to 0.016)", Gain: 0.003,
		Low: -0.010, High: 0.016}
	better := busy().Verdict
	worse := &nas.Verdict{Claim: nas.Worse, Text: "worse than random: …", Gain: -0.05, Low: -0.07, High: -0.03}
	below := &nas.Verdict{Claim: nas.Unclear, Text: "perhaps worse than random: the controller's last 20 average " +
		"0.771 " +
		"against 0.801 for random cells", Gain: -0.03, Low: -0.05, High: -0.01}
	for _, c := range []struct {
		v    *nas.Verdict
		w    int
		want string
	}{
		{nil, 80, ""},
		{early, 80, "too early to tell: 3 random cells"},
		{early, 30, "too early to tell: 3 random"},
		{early, 12, "3 random"},
		{unclear, 200, unclear.Text},
		{unclear, 60, "no better than random so far +.003 (95 % -.010 to +.016)"},
		{unclear, 40, "no better than random so far +.003"},
		{better, 120, better.Text},
		{better, 42, "beats random +.165 (95 % +.151 to +.179)"},
		{better, 15, "beats random"},
		{better, 5, ""},
		{worse, 17, "worse than random"},
		{below, 60, "perhaps worse than random -.030 (95 % -.050 to -.010)"},
		{below, 30, "perhaps worse than random"},
	} {
		if got := ansi.Strip(th.verdictLine(c.v, c.w)); got != c.want {
			t.Errorf("in %d cells: %q; want %q", c.w, got, c.want)
		}
	}
}

func TestTheCurveOfRandomCellsIsAlignedWithTheControllers(t *testing.T) {
	s := &nas.Snapshot{Results: nas.Results{Rewards: []nas.RewardPoint{{Trial: 0}, {Trial: 1}, {Trial: 3}, {Trial: 4},
		{Trial: 6}}, Randoms: []nas.RewardPoint{{Trial: 2, Mean: 0.5}, {Trial: 5, Mean: 0.6}}}}
	got := randomMeans(s)
	if len(got) != 5 || !math.IsNaN(got[0]) || !math.IsNaN(got[1]) || got[2] != 0.5 || got[3] != 0.5 || got[4] != 0.6 {
		t.Errorf("%v", got)
	}
}

func TestTheTopCellsOfEqualNumbersOfProposalsFitALine(t *testing.T) {
	for _, c := range []struct {
		tops []nas.TopPoint
		want string
	}{
		{nil, "[]"},
		{busy().Verdict.Tops, "[ top 1 5 25 of 128: controller .661 .652 .640, random .610 .603 .592]"},
		{[]nas.TopPoint{{N: 3, Controller: [3]float64{0.7}, Random: [3]float64{0.6}}},
			"[ top 1 5 25 of 3: controller .700, random .600]"},
	} {
		if got := fmt.Sprint(topLine(&nas.Verdict{Tops: c.tops})); got != c.want {
			t.Errorf("%q; want %q", got, c.want)
		}
	}
}
