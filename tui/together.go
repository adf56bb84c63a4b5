package tui

import (
	"cmp"
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

// group is a set of cells that the retrain form can train together.
type group struct {
	name   string
	cells  []nas.TrialView
	joined bool // the other cell is among them
}

// groupsFor returns the cell that the form was opened for, the marked cells and the starred ones, if there are any.
func groupsFor(m *model, v nas.TrialView) []group {
	groups := []group{{name: "this one", cells: []nas.TrialView{v}}}
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
			groups = append(groups, group{name: fmt.Sprintf("the %d %s", len(list), word), cells: list})
		}
	}
	var starred []nas.TrialView
	for _, x := range slices.Concat(m.snap.Top, m.snap.Starred) {
		if x.Star {
			starred = append(starred, x)
		}
	}
	add(markedWord, m.marked())
	add("starred", starred)
	return groups
}

// withCells adds the choice of cells to the fields, if there is one: first if cells are marked, because that is what
// the marks are for, otherwise after the seeds.
func withCells(fields []field, groups []group, front bool) []field {
	if len(groups) == 1 {
		return fields
	}
	x := field{name: "cells", label: "cells", value: groups[0].name, hint: "which cells to train"}
	for _, g := range groups {
		x.choices = append(x.choices, g.name)
	}
	at := 0
	if !front {
		at = 1 + slices.IndexFunc(fields, func(f field) bool { return f.name == "seeds" })
	}
	return slices.Insert(fields, at, x)
}

// noTrial is the number of a cell that no trial of the run has.
const noTrial = -1

// cellText checks that s is empty or a cell.
func cellText(s string) error {
	if s == "" {
		return nil
	}
	_, err := space.Parse(s)
	return err
}

// noTrialOf returns the cell of a name or text, if there is one.
func noTrialOf(text string) (v nas.TrialView, ok bool) {
	g, err := space.Parse(text)
	if err != nil {
		return v, false
	}
	return nas.TrialView{ID: noTrial, Origin: nas.Origin{Genotype: g, Cell: g.ShortHash()}}, true
}

// other returns the cell that was typed or pasted, if there is one.
func (r *retrainScreen) other() (v nas.TrialView, ok bool) { return noTrialOf(r.get("other")) }

// own returns the other cell, or the one that the form was opened for.
func (r *retrainScreen) own() nas.TrialView {
	if v, ok := r.other(); ok {
		return v
	}
	return r.trial
}

// cell returns the cell to plan and measure: of several, the one with the most multiply-adds in the search,
// because its training takes longest.
func (r *retrainScreen) cell() nas.TrialView {
	if v, ok := r.other(); ok {
		return v
	}
	return slices.MaxFunc(r.group().cells, func(a, b nas.TrialView) int { return cmp.Compare(a.MAdds, b.MAdds) })
}

// ofCell returns a command for a cell, with the trial it comes from.
func ofCell(v nas.TrialView) nas.Command {
	c := nas.Command{Cell: &v.Genotype}
	if v.ID != noTrial {
		c.Parent = &v.ID
	}
	return c
}

// group returns the chosen cells. The other cell joins a group, and replaces a single cell.
func (r *retrainScreen) group() group {
	for _, g := range r.groups[1:] {
		if g.name == r.get("cells") {
			if v, ok := r.other(); ok {
				g.cells = append(slices.Clone(g.cells), v)
				g.joined = true
			}
			return g
		}
	}
	return group{name: r.groups[0].name, cells: []nas.TrialView{r.own()}}
}

// commands returns all trainings that the fields ask for; one is the training of the form's own cell.
func (r *retrainScreen) commands(m *model, one nas.Command) []nas.Command {
	var cells []nas.Command
	for _, v := range r.group().cells {
		cells = append(cells, ofCell(v))
	}
	return experiment.Commands(m.snap, cells, *one.Retrain, r.yes("baselines"), r.integer("seeds"))
}

// start asks the engine for the trainings, one after the other.
func (r *retrainScreen) start(m *model, one nas.Command) tea.Cmd {
	all := r.commands(m, one)
	r.sent = len(all) > 0
	switch len(all) {
	case 0:
		return m.say("the run already has all these trainings; "+m.keyOf(actBack)+", then "+m.keyOf(actStandings)+
			" shows them", true)
	case 1:
		return replyTo(r, m.send(all[0]))
	}
	done := fmt.Sprintf("retrain: %d trainings queued; %s shows their progress", len(all),
		m.keyOf(actStandings))
	return replyTo(r, m.inTurn(m.ctx, m.engine, "retrains", func(do func(nas.Command) (nas.Reply, error)) replyMsg {
		for i, c := range all {
			if _, err := do(c); err != nil {
				return replyMsg{to: c, err: fmt.Errorf("%d of %d trainings were accepted: %w", i, len(all), err)}
			}
		}
		return replyMsg{to: all[0], reply: nas.Reply{Message: done}}
	}))
}

// update implements receiver. Once the trainings are accepted, the form closes and the marks are removed.
func (r *retrainScreen) update(m *model, msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case planMsg:
		r.settle(m)
	case measuredMsg:
		r.refit()
		return r.ask(m)
	case replyMsg:
		r.sent = false
		if msg.err != nil {
			return nil
		}
		if _, other := r.other(); r.edited != nil && !other && len(r.group().cells) == 1 {
			r.edited.sent = r.edited.now
		}
		on := m.viewOf(r)
		if strings.HasSuffix(r.group().name, markedWord) {
			on.marks = nil
		}
		on.close(r)
	}
	return nil
}
