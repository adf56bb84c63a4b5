package tui

import (
	"context"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas"
	"nasnet/nas/space"
)

// runView is the run shown, or one below it during a visit to another: its engine, the newest snapshot, and the screens
// over its dashboard.
type runView struct {
	engine nas.Engine
	snap   *nas.Snapshot
	stack  []screen        // [0] is the dashboard
	marks  []nas.TrialView // trials to compare or to retrain together, in the order they were marked
	sharing
	asked int    // workers asked for and not answered yet, 0 if none
	leave func() // ends the visit; nil for the program's own run
}

// subscribe asks the engine to announce newer snapshots until ctx ends.
func (v *runView) subscribe(ctx context.Context) tea.Cmd {
	e := v.engine
	return safe("subscription", func() tea.Msg {
		updated, cancel := e.Subscribe()
		context.AfterFunc(ctx, cancel)
		return subscribedMsg{source{ctx, e, updated}}
	})
}

func (v *runView) top() screen { return v.stack[len(v.stack)-1] }

// shows reports whether a screen is on the stack.
func (v *runView) shows(s screen) bool { return slices.Contains(v.stack, s) }

func (v *runView) pop() { v.stack = v.stack[:len(v.stack)-1] }

// close removes a screen from the stack, wherever it is.
func (v *runView) close(s screen) {
	v.stack = slices.DeleteFunc(slices.Clone(v.stack), func(x screen) bool { return x == s })
}

// take makes a snapshot the newest, and passes it to the screens that follow.
func (v *runView) take(s *nas.Snapshot) tea.Cmd {
	v.snap = s
	var asked []tea.Cmd
	for _, x := range v.stack {
		if f, ok := x.(follower); ok {
			asked = append(asked, f.snapshot(s))
		}
	}
	return tea.Batch(asked...)
}

// mark marks a trial, or unmarks it and the others that share its row.
func (v *runView) mark(t nas.TrialView, others []int) {
	n := len(v.marks)
	v.marks = slices.DeleteFunc(slices.Clone(v.marks),
		func(x nas.TrialView) bool { return x.ID == t.ID || slices.Contains(others, x.ID) })
	if len(v.marks) == n {
		v.marks = append(v.marks, t)
	}
}

// markOf returns a trial's place among the marked ones, or -1.
func (v *runView) markOf(id int) int {
	return slices.IndexFunc(v.marks, func(t nas.TrialView) bool { return t.ID == id })
}

// marked returns the marked trials as they are now, or as they were when marked if they have left the lists.
func (v *runView) marked() []nas.TrialView {
	out := slices.Clone(v.marks)
	for i := range out {
		if t, ok := find(v.snap, out[i].ID); ok {
			out[i] = t
		}
	}
	return out
}

// sameCell returns a trial of the snapshot with the same cell, if there is one.
func (v *runView) sameCell(g space.Genotype) (nas.TrialView, bool) {
	hash := g.Hash()
	for _, list := range [][]nas.TrialView{v.snap.Top, v.snap.Running, v.snap.Recent, v.snap.Retrains} {
		for _, t := range list {
			if strings.HasPrefix(hash, t.Cell) && t.Cell != "" {
				return t, true
			}
		}
	}
	return nas.TrialView{}, false
}

// nearest returns the best cell with the fewest decisions that differ.
func (v *runView) nearest(g space.Genotype) (t nas.TrialView, differences int, ok bool) {
	for _, x := range v.snap.Top {
		if n := len(space.Diff(x.Genotype, g)); !ok || n < differences {
			t, differences, ok = x, n, true
		}
	}
	return t, differences, ok
}
