package tui

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"nasnet/nas"
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
		for _, filter := range []string{"", "random", "starred", "s5 -a3", "nothing has this"} {
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
