package tui

import (
	"fmt"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas"
	"nasnet/nas/experiment"
	"nasnet/nas/space"
)

// markedWord ends the name of the group of marked cells.
const markedWord = "marked"

// group is cells that the retrain form can train together.
type group struct {
	name  string
	cells []nas.TrialView
}

// groupsFor is the cell that the form was opened for, the marked and the starred, where there are any.
func groupsFor(m *model, v nas.TrialView) []group {
	groups := []group{{"this one", []nas.TrialView{v}}}
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
	var starred []nas.TrialView
	for _, x := range m.snap.Top {
		if x.Star {
			starred = append(starred, x)
		}
	}
	add(markedWord, m.marked())
	add("starred", starred)
	return groups
}

// withCells puts the choice of cells among the fields, if there is one: in front if cells were marked, which is to be used, else behind the seeds.
func withCells(fields []field, groups []group, front bool) []field {
	if len(groups) == 1 {
		return fields
	}
	x := field{name: "cells", label: "cells", value: groups[0].name, hint: "that are trained so"}
	for _, g := range groups {
		x.choices = append(x.choices, g.name)
	}
	at := 0
	if !front {
		at = 1 + slices.IndexFunc(fields, func(f field) bool { return f.name == "seeds" })
	}
	return slices.Insert(fields, at, x)
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
	var members []nas.Command
	add := func(g space.Genotype, parent *int, note string) {
		text := g.Text()
		if !slices.ContainsFunc(members, func(c nas.Command) bool { return c.Cell.Text() == text }) { // the best random cell may be among the marked
			members = append(members, nas.Command{Do: nas.Retrain, Parent: parent, Cell: &g, Text: note})
		}
	}
	for _, c := range r.group().cells {
		add(c.Genotype, &c.ID, "")
	}
	if r.yes("baselines") {
		for _, b := range experiment.Baselines() {
			add(b.Genotype, nil, b.Name)
		}
		if k := slices.IndexFunc(m.snap.Top, func(v nas.TrialView) bool { return v.Kind == nas.Shadow }); k >= 0 {
			add(m.snap.Top[k].Genotype, &m.snap.Top[k].ID, "best random cell")
		}
	}
	for i := range r.integer("seeds") {
		for _, c := range members {
			spec := *one.Retrain
			spec.Seed += uint64(i)
			c.Retrain = &spec
			all = append(all, c)
		}
	}
	if len(all) == 1 {
		return all
	}
	return slices.DeleteFunc(all, func(c nas.Command) bool { return experiment.HasTraining(m.snap.Retrains, *c.Cell, *c.Retrain) })
}

// start asks the engine for the trainings, one after the other.
func (r *retrainScreen) start(m *model, one nas.Command) tea.Cmd {
	all := r.commands(m, one)
	r.sent = len(all) > 0
	switch len(all) {
	case 0:
		return m.say("the run has all these trainings; "+m.keyOf(actBack)+", then "+m.keyOf(actStandings)+" shows them", true)
	case 1:
		return by(r, m.send(all[0]))
	}
	done := fmt.Sprintf("retrain: %d trainings wait for workers; %s shows how they stand", len(all), m.keyOf(actStandings))
	return by(r, m.inTurn("retrains", func(do func(nas.Command) (nas.Reply, error)) replyMsg {
		for i, c := range all {
			if _, err := do(c); err != nil {
				return replyMsg{to: c, err: fmt.Errorf("%d of %d trainings were taken: %w", i, len(all), err)}
			}
		}
		return replyMsg{to: all[0], reply: nas.Reply{Message: done}}
	}))
}

// answered implements asker: when the trainings were taken, the marks have done their work.
func (r *retrainScreen) answered(marks *[]nas.TrialView, taken bool) bool {
	r.sent = false
	if taken && strings.HasSuffix(r.group().name, markedWord) {
		*marks = nil
	}
	return taken
}
