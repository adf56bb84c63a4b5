package tui

import (
	"fmt"
	"slices"

	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas"
	"nasnet/nas/experiment"
)

// group is cells that the retrain form can train together.
type group struct {
	name  string
	cells []nas.TrialView
}

// groupsFor is the cell that the form was opened for and, if cells are marked, those, and the starred.
func groupsFor(m *model, v nas.TrialView) []group {
	groups := []group{{"this one", []nas.TrialView{v}}}
	if len(m.marks) == 0 {
		return groups // no question, and every field where it always is
	}
	different := func(list []nas.TrialView) (out []nas.TrialView) {
		for _, x := range list {
			if !slices.ContainsFunc(out, func(y nas.TrialView) bool { return y.Cell == x.Cell }) {
				out = append(out, x)
			}
		}
		return out
	}
	add := func(word string, list []nas.TrialView) {
		if list = different(list); len(list) > 1 || len(list) == 1 && list[0].Cell != v.Cell {
			groups = append(groups, group{fmt.Sprintf("the %d %s", len(list), word), list})
		}
	}
	var marked, starred []nas.TrialView
	for _, id := range m.marks {
		if x, ok := find(m.snap, id); ok {
			marked = append(marked, x)
		}
	}
	for _, x := range m.snap.Top {
		if x.Star {
			starred = append(starred, x)
		}
	}
	add("marked", marked)
	add("starred", starred)
	return groups
}

// group is the cells that are chosen.
func (r *retrainScreen) group() group {
	if len(r.groups) > 1 {
		for _, g := range r.groups {
			if g.name == r.get("cells") {
				return g
			}
		}
	}
	return r.groups[0]
}

// commands are all trainings that the fields ask for, seed by seed, where one is what they ask for of the form's own cell. With several, those that the run
// has already, or is at, are left out.
func (r *retrainScreen) commands(m *model, one nas.Command) (all []nas.Command) {
	for i := range r.integer("seeds") {
		add := func(parent *int, c nas.TrialView, note string) {
			spec := *one.Retrain
			spec.Seed += uint64(i)
			g := c.Genotype
			all = append(all, nas.Command{Do: nas.Retrain, Parent: parent, Cell: &g, Text: note, Retrain: &spec})
		}
		for _, c := range r.group().cells {
			add(&c.ID, c, "")
		}
		if !r.yes("baselines") {
			continue
		}
		for _, b := range experiment.Baselines() {
			add(nil, nas.TrialView{Genotype: b.Genotype}, b.Name)
		}
		if k := slices.IndexFunc(m.snap.Top, func(v nas.TrialView) bool { return v.Kind == nas.Shadow }); k >= 0 {
			add(&m.snap.Top[k].ID, m.snap.Top[k], "best random cell")
		}
	}
	if len(all) == 1 {
		return all
	}
	seen := map[string]bool{} // the best random cell may be among the marked
	return slices.DeleteFunc(all, func(c nas.Command) bool {
		cell := c.Cell.ShortHash()
		key := fmt.Sprint(cell, c.Retrain.Seed)
		again := seen[key] || slices.ContainsFunc(m.snap.Retrains, func(v nas.TrialView) bool {
			return v.Cell == cell && v.State != nas.Failed && v.State != nas.Stopped && v.Retrain != nil && experiment.SameTraining(*v.Retrain, *c.Retrain)
		})
		seen[key] = true
		return again
	})
}

// start asks the engine for the trainings, one after the other, and takes the marks away.
func (r *retrainScreen) start(m *model, one nas.Command) tea.Cmd {
	all := r.commands(m, one)
	switch len(all) {
	case 0:
		return m.say("the run has all these trainings; "+m.keyOf(actStandings)+" shows them", true)
	case 1:
		return m.send(all[0])
	}
	m.marks = nil
	done := fmt.Sprintf("retrain: %d trainings wait for workers; %s shows how they stand", len(all), m.keyOf(actStandings))
	return m.inTurn("retrains", func(do func(nas.Command) (nas.Reply, error)) replyMsg {
		for i, c := range all {
			if _, err := do(c); err != nil {
				return replyMsg{c, nas.Reply{}, fmt.Errorf("%d of %d trainings were taken: %w", i, len(all), err)}
			}
		}
		return replyMsg{all[0], nas.Reply{Message: done}, nil}
	})
}
