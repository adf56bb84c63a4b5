package tui

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"nasnet/nas"
	"nasnet/nas/experiment"
)

// choose sets a choice of the retrain form.
func choose(t *testing.T, d *driver, name, value string) {
	t.Helper()
	r := to(t, d, name)
	for range 10 {
		if r.get(name) == value {
			return
		}
		d.press("right")
	}
	t.Fatalf("%s has no choice %s", name, value)
}

// retrains lists the retrains that were sent, as cell/seed, in order.
func retrains(d *driver) (out []string) {
	for _, c := range d.e.commands() {
		if c.Do == nas.Retrain {
			out = append(out, fmt.Sprintf("%s/%d", c.Cell.ShortHash(), c.Retrain.Seed))
		}
	}
	return out
}

func TestMarkedCellsAreRetrainedTogether(t *testing.T) {
	s := busy()
	s.Top[5].Kind = nas.Random
	d := drive(t, s, 120, 36).press("5", "j", " ", "j", " ", "j", " ", "r")
	if r := d.m.top().(*retrainScreen); r.get("cells") != "this one" {
		t.Errorf("the form begins with %s; want the cell under the cursor alone", r.get("cells"))
	}
	choose(t, d, "cells", "the 3 marked")
	to(t, d, "seeds").set("seeds", "2")
	choose(t, d, "baselines", "yes")
	if got := d.text(); !strings.Contains(got, "12 trainings") {
		t.Errorf("it does not say how many trainings:\n%s", got)
	}
	d.press("enter")
	var cells, want []string
	for _, v := range s.Top[1:4] {
		cells = append(cells, v.Cell)
	}
	for _, b := range experiment.Baselines() {
		cells = append(cells, b.Genotype.ShortHash())
	}
	cells = append(cells, s.Top[5].Cell)
	seed := s.Config.Seed
	for _, x := range []uint64{seed, seed + 1} {
		for _, c := range cells {
			want = append(want, fmt.Sprintf("%s/%d", c, x))
		}
	}
	if got := retrains(d); !slices.Equal(got, want) {
		t.Errorf("sent %v\nwant %v", got, want)
	}
	if got := d.text(); !strings.Contains(got, "12 trainings queued") || len(d.m.marks) != 0 {
		t.Errorf("%d marks, and\n%s", len(d.m.marks), got)
	}
}

func TestTrainingsThatTheRunAlreadyHasAreSkipped(t *testing.T) {
	s := retrained() // the best with two seeds at F=16, another with one at F=32
	d := drive(t, s, 120, 36).press("l", "v", "j", " ", "G", " ", "r")
	choose(t, d, "cells", "the 2 marked")
	to(t, d, "seed").set("seed", "2")
	to(t, d, "seeds").set("seeds", "2")
	d.press("enter")
	random := s.Top[6].Cell
	if got, want := retrains(d), []string{s.Best.Cell + "/3", random + "/3"}; !slices.Equal(got, want) {
		t.Errorf("sent %v; want %v, as the run has both with the seed 2", got, want)
	}
	d = drive(t, s, 120, 36).press("l", "v", "j", " ", "G", " ", "r")
	choose(t, d, "cells", "the 2 marked")
	if got := d.press("enter").text(); !strings.Contains(got,
		"the run already has all these trainings; esc, then l shows them") || len(retrains(d)) != 0 {
		t.Errorf("sent %v, and\n%s", retrains(d), got)
	}
}

func TestARefusedRetrainSaysHowManyWereAccepted(t *testing.T) {
	d := drive(t, busy(), 120, 36).press("5", "j", " ", "j", " ", "r")
	choose(t, d, "cells", "the 2 marked")
	d.e.refuse = errors.New("no room")
	if got := d.press("enter").text(); !strings.Contains(got, "0 of 2 trainings were accepted: no room") {
		t.Errorf("\n%s", got)
	}
	if _, open := d.m.top().(*retrainScreen); !open {
		t.Error("the form is gone")
	}
}

func TestAMarkedCellThatLeftTheListsIsStillRetrained(t *testing.T) {
	s := busy()
	d := drive(t, s, 120, 36).press("5", "j", " ", "j", " ", "g")
	gone, left := s.Top[2], *s
	left.Top = slices.Delete(slices.Clone(s.Top), 2, 3)
	left.Recent, left.Version = nil, s.Version+1
	d.e.publish(&left)
	d.m.take(&left)
	choose(t, d.press("r"), "cells", "the 2 marked")
	if d.press("enter"); !slices.ContainsFunc(retrains(d),
		func(x string) bool { return strings.HasPrefix(x, gone.Cell) }) {
		t.Errorf("sent %v; want %s among them", retrains(d), gone.Cell)
	}
}

func TestMarksStayUntilTheTrainingsAreAccepted(t *testing.T) {
	d := drive(t, busy(), 120, 36).press("5", "j", " ", "j", " ", "r")
	choose(t, d, "cells", "the 2 marked")
	d.e.refuse = errors.New("another screen has control")
	if d.press("enter"); len(d.m.marks) != 2 {
		t.Errorf("%d marks after a refusal", len(d.m.marks))
	}
	d.e.refuse = nil
	if d.press("enter"); len(d.m.marks) != 0 {
		t.Errorf("%d marks although the trainings were accepted", len(d.m.marks))
	}
	if got := d.press(" ", "u").text(); !strings.Contains(got, "1 mark removed") || len(d.m.marks) != 0 {
		t.Errorf("%d marks, and\n%s", len(d.m.marks), got)
	}
}

func TestARungWithARunningTrainingKeepsItsReward(t *testing.T) {
	s := retrained()
	v := s.Retrains[1] // waits
	v.State, v.Epoch, v.Epochs, v.Found = nas.Running, 3, 20, nil
	s.Running = append(s.Running, v)
	if got := drive(t, s, 120, 36).press("l").text(); !strings.Contains(got, "epoch 3/20, child 937") ||
		!strings.Contains(got, ".7655") {
		t.Errorf("\n%s", got)
	}
}

func TestALongNameOfARungIsShownInFull(t *testing.T) {
	s := retrained()
	other := s.Retrains[0]
	spec := *other.Retrain
	spec.Train.LR *= 2
	spec.Train.Batch *= 2
	spec.Train.Momentum /= 2
	spec.Train.WeightDecay *= 2
	other.Retrain, other.ID = &spec, 1_000_099
	s.Retrains = append(slices.Clone(s.Retrains), other)
	d := drive(t, s, 80, 24).press("l")
	was := s.Retrains[0].Retrain.Train
	want := fmt.Sprintf("batch %d, lr %g, momentum %g, weight decay %g", was.Batch, was.LR, was.Momentum,
		was.WeightDecay)
	if got := strings.Join(strings.Fields(strings.ReplaceAll(d.text(), "│", "")), " "); !strings.Contains(got, want) ||
		!strings.Contains(got, "rung 1 of 3") {
		t.Errorf("no %q in\n%s", want, d.text())
	}
}

func TestAnOldLadderDoesNotReplaceANewerOne(t *testing.T) {
	s := retrained()
	d := drive(t, s, 120, 36)
	l := &standingsScreen{}
	first := d.m.push(l)
	if again := l.snapshot(d.m.snap); again != nil {
		t.Error("the same ladder is made twice")
	}
	next := *s
	next.Retrains = s.Retrains[1:]
	second := d.m.take(&next)
	d.run(second)
	n := len(l.known[0].Standings)
	d.run(first)
	if got := len(l.known[0].Standings); got != n {
		t.Errorf("%d cells; want the %d of the newer snapshot", got, n)
	}
}

func TestTheLadderFollowsTheRun(t *testing.T) {
	if got := drive(t, fresh(), 80, 24).press("l").text(); !strings.Contains(got,
		"no cell has been retrained yet; space marks cells and r retrains them") {
		t.Errorf("without retrains:\n%s", got)
	}
	s := retrained()
	d := drive(t, s, 120, 36).press("l")
	if got := d.text(); !strings.Contains(got, "N=2 F=32") || !strings.Contains(got, "failed: loss is NaN") ||
		!strings.Contains(got, "1 queued") {
		t.Errorf("the newest rung:\n%s", got)
	}
	d.press("j", "j", "enter")
	if v, _ := d.m.picked(); v.Cell != s.Top[2].Cell {
		t.Errorf("enter opens cell %s; want %s, the last row", v.Cell, s.Top[2].Cell)
	}
	d.press("esc")
	next := *s
	next.Version++
	next.Retrains = slices.Clone(s.Retrains)
	v := &next.Retrains[1]
	v.State, v.HasReward, v.Reward = nas.Done, true, 0.944
	d.run(d.m.take(&next))
	if got := d.text(); !strings.Contains(got, "  1 "+short(*v)+" .9440") {
		t.Errorf("a finished training does not lead:\n%s", got)
	}
}

// A group is measured by its slowest cell, not by the one under the cursor, which may not be in it.
func TestAGroupIsMeasuredByItsSlowestCell(t *testing.T) {
	s := busy()
	s.Top[3].MAdds = 10 * s.Top[1].MAdds
	d := drive(t, s, 120, 36).press("5", "j", " ", "j", "j", " ", "g", "r")
	r := d.m.top().(*retrainScreen)
	if r.cell().ID != s.Top[0].ID {
		t.Errorf("alone it is child %d", r.cell().ID)
	}
	choose(t, d, "cells", "the 2 marked")
	if r.cell().ID != s.Top[3].ID || r.command().Cell.Text() != s.Top[3].Genotype.Text() {
		t.Errorf("it is measured by child %d, want %d", r.cell().ID, s.Top[3].ID)
	}
	if got := d.text(); !strings.Contains(got, short(s.Top[3])+": ") {
		t.Errorf("it does not name the cell of these numbers:\n%s", got)
	}
}

func TestTheMarkOfARowIsRemoved(t *testing.T) {
	d := drive(t, retrained(), 120, 36).press("l")
	rows, at := d.m.top().(*standingsScreen).rows(d.m)
	d.m.marks = []nas.TrialView{rows[at].all[0]} // the row's keys may act on another
	if d.press(" "); len(d.m.marks) != 0 {
		t.Errorf("%d marks", len(d.m.marks))
	}
	if d.press(" "); len(d.m.marks) != 1 {
		t.Errorf("%d marks", len(d.m.marks))
	}
}

func TestACoveredLadderFollowsTheRun(t *testing.T) {
	s := retrained()
	d := drive(t, s, 120, 36).press("l", "L")
	next := *s
	next.Version++
	next.Retrains = slices.Clone(s.Retrains)
	v := &next.Retrains[1]
	v.State, v.HasReward, v.Reward = nas.Done, true, 0.944
	d.e.publish(&next)
	d.run(d.m.take(&next))
	if got := d.press("esc").text(); !strings.Contains(got, "  1 "+short(*v)+" .9440") {
		t.Errorf("a training that finished while the log was on top does not lead:\n%s", got)
	}
}

func TestStarredCellsBelowTheTopCellsAreFoundAndRetrained(t *testing.T) {
	s := busy()
	low := trialOf(12, randomCell(99), nas.Random, nas.Done, 20, 20, 0.31)
	low.Star = true
	s.Starred = []nas.TrialView{low}
	d := drive(t, s, 120, 36).press("5", "r")
	choose(t, d, "cells", "the 2 starred")
	if d.press("enter"); !slices.ContainsFunc(retrains(d),
		func(x string) bool { return strings.HasPrefix(x, low.Cell) }) {
		t.Errorf("sent %v; want %s among them", retrains(d), low.Cell)
	}
	d = drive(t, s, 120, 36).press("5", "/").typeText("starred").press("enter")
	if got := d.text(); !strings.Contains(got, short(low)+"  .3100") {
		t.Errorf("the filter does not find it:\n%s", got)
	}
	if cells, _, err := Top(s, TopQuery{Filter: "starred"}); err != nil || len(cells) != 2 ||
		cells[1].Trial != low.ID || cells[1].Rank != 0 {
		t.Errorf("nasnet top finds %+v, %v", cells, err)
	}
}
