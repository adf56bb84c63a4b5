package tui

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"nasnet/nas"
	"nasnet/nas/space"
)

func trialsOf(cells []TopCell) (ids []int) {
	for _, c := range cells {
		ids = append(ids, c.Trial)
	}
	return ids
}

func idsOf(list []nas.TrialView) (ids []int) {
	for _, v := range list {
		ids = append(ids, v.ID)
	}
	return ids
}

func TestTopReturnsWhatTheScreenShows(t *testing.T) {
	s := costs()
	s.Top[5].Star, s.Top[6].Kind = true, nas.Random
	stored := func(v nas.TrialView) float64 { return v.Latency }
	for i, order := range TopOrders() {
		for _, filter := range []string{"", "random", "starred", "s5 -a3", "sep5x5 params<2M", "nothing has this"} {
			cells, notes, err := Top(s, TopQuery{By: order, Filter: filter})
			if err != nil {
				t.Fatal(err)
			}
			if want := idsOf(topView{i, filter}.list(s, stored)); !slices.Equal(trialsOf(cells), want) {
				t.Errorf("by %s with %q: %v; want %v", order, filter, trialsOf(cells), want)
			}
			if want := map[string]string{"latency": fmt.Sprintf(
				"[1 of the %d best cells has no known latency and comes "+
					"last]", len(s.Top))}[order]; fmt.Sprint(notes) != cmp.Or(want, "[]") {
				t.Errorf("by %s it says %q; want %s", order, notes, want)
			}
			for _, c := range cells {
				if v := s.Top[c.Rank-1]; v.ID != c.Trial || c.Accuracy == nil || *c.Accuracy != valAcc(v) ||
					c.Normal != v.Genotype.Normal.Text() {
					t.Errorf("by %s: the row of rank %d is %+v", order, c.Rank, c)
				}
			}
		}
	}
	d := drive(t, s, 160, 48)
	for i, cost := range TopCosts() {
		front := (&frontScreen{axis: i}).front(d.m)
		cells, _, err := Top(s, TopQuery{Front: cost})
		if err != nil || !slices.Equal(trialsOf(cells), idsOf(front)) {
			t.Errorf("the front of %s: %v, %v; want %v", cost, trialsOf(cells), err, idsOf(front))
		}
		cells, _, err = Top(s, TopQuery{Front: cost, By: "reward", Filter: "-starred"}) // stays the front of all
		want := slices.DeleteFunc(front, func(v nas.TrialView) bool { return v.Star })
		slices.SortFunc(want, func(a, b nas.TrialView) int { return rank(s, a.ID) - rank(s, b.ID) })
		if err != nil || !slices.Equal(trialsOf(cells), idsOf(want)) {
			t.Errorf("the front of %s by reward: %v, %v; want %v", cost, trialsOf(cells), err, idsOf(want))
		}
	}
}

func TestAnUnknownCostIsAnErrorNotAnEmptyTable(t *testing.T) {
	_, notes, err := Top(costs(), TopQuery{Front: "latency", By: "params"})
	if err != nil || len(notes) != 1 || !strings.HasSuffix(notes[0], "has no known latency and is not on the front") {
		t.Errorf("for a cell without a latency it says %q, %v", notes, err)
	}
	s := busy()
	for _, q := range []TopQuery{{By: "latency"}, {Front: "latency"}, {Front: "params", By: "latency"}} {
		_, _, err := Top(s, q)
		if cost := (*UnknownCostError)(nil); !errors.As(err, &cost) || cost.Cost != "latency" ||
			cost.Cells != len(s.Top) {
			t.Errorf("%+v: %v", q, err)
		}
	}
	// without cells no cost is unknown
	if cells, _, err := Top(fresh(), TopQuery{By: "latency"}); err != nil || len(cells) != 0 {
		t.Errorf("a run without cells: %v, %v", cells, err)
	}
	for want, q := range map[string]TopQuery{
		`unknown order "speed"; want one of reward, params, madds, latency, time, newest`: {By: "speed"},
		`unknown cost "reward"; want one of params, madds, latency`:                       {Front: "reward"},
	} {
		if _, _, err := Top(s, q); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
}

func TestTheFilterKnowsOpsAsShownAndNumbers(t *testing.T) {
	s := costs()
	latency := func(v nas.TrialView) float64 { return v.Latency }
	has := func(op string) func(nas.TrialView) bool {
		return func(v nas.TrialView) bool {
			return slices.ContainsFunc(slices.Concat(v.Genotype.Normal.Blocks, v.Genotype.Reduction.Blocks),
				func(b space.Block) bool { return b.Op1 == op || b.Op2 == op })
		}
	}
	params, madds, ms := s.Top[2].Params, s.Top[2].MAdds, s.Top[2].Latency
	for filter, want := range map[string]func(nas.TrialView) bool{
		"sep5x5":                             has("sep5x5"),
		"SEP3X3":                             has("sep3x3"),
		"c1x3-3x1":                           has("conv1x3_3x1"),
		"-sep5x5":                            func(v nas.TrialView) bool { return !has("sep5x5")(v) },
		fmt.Sprintf("params<%d", params):     func(v nas.TrialView) bool { return v.Params < params },
		fmt.Sprintf("params<=%d", params):    func(v nas.TrialView) bool { return v.Params <= params },
		"params>50k":                         func(v nas.TrialView) bool { return v.Params > 50e3 },
		"madds<=2M":                          func(v nas.TrialView) bool { return v.MAdds <= 2e6 },
		fmt.Sprintf("-madds<%d", madds):      func(v nas.TrialView) bool { return v.MAdds >= madds },
		"reward>.7":                          func(v nas.TrialView) bool { return v.Reward > .7 },
		"accuracy>=0.7":                      func(v nas.TrialView) bool { return valAcc(v) >= .7 },
		fmt.Sprintf("latency<%gms", ms):      func(v nas.TrialView) bool { return v.Latency > 0 && v.Latency < ms },
		fmt.Sprintf("latency>=%gus", ms*1e3): func(v nas.TrialView) bool { return v.Latency >= ms },
		fmt.Sprintf("-latency<%g", ms):       func(v nas.TrialView) bool { return v.Latency >= ms },
		"time>1m":                            func(v nas.TrialView) bool { return v.Seconds > 60 },
		"sep5x5 reward>.7":                   func(v nas.TrialView) bool { return has("sep5x5")(v) && v.Reward > .7 },
	} {
		var ids []int
		for _, v := range s.Top {
			if want(v) {
				ids = append(ids, v.ID)
			}
		}
		got, err := passing(s.Top, filter, latency)
		if err != nil || !slices.Equal(idsOf(got), ids) {
			t.Errorf("%s finds %v, %v; want %v", filter, idsOf(got), err, ids)
		}
	}
	for filter, want := range map[string]string{
		"params<":     `filter: got "params<"; want a number after <, such as params<50k`,
		"params<50x":  `filter: got "params<50x"; want a number after <, such as params<50k`,
		"reward>-1":   `filter: got "reward>-1"; want a number after >, such as reward>.7`,
		"reward>.7ms": `filter: got "reward>.7ms"; want a number after >, such as reward>.7`,
		"madds=2M":    `filter: got "madds=2m"; want madds with <, <=, > or >=`,
		"speed>2":     `filter: no number "speed"; want one of reward, accuracy, params, madds, latency, time`,
	} {
		if _, _, err := Top(s, TopQuery{Filter: filter}); err == nil || err.Error() != want {
			t.Errorf("%s: %v; want %s", filter, err, want)
		}
	}
}

func TestTheFilterDialogHintsAndRefusesWrongNumbers(t *testing.T) {
	s := busy()
	d := drive(t, s, 80, 24).press("5", "z", "/")
	if got := d.text(); !strings.Contains(got, "params<50k") {
		t.Errorf("no hint:\n%s", got)
	}
	d.typeText("params<5x").press("enter")
	if got := d.text(); !strings.Contains(got, "want a number after <") || !strings.Contains(got, "with params<5,") {
		t.Errorf("a wrong number:\n%s", got)
	}
	d.press("backspace", "0", "0", "g", "enter")
	if got := d.text(); strings.Contains(got, "want a number") || !strings.Contains(got, "with params<500g") {
		t.Errorf("a right number:\n%s", got)
	}
}
