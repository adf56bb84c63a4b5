package tui

import (
	"fmt"
	"slices"

	"nasnet/nas"
	"nasnet/nas/space"
)

// panel shows the choices for the operand under the cursor, and the cost of the cell.
func (e *editScreen) panel(m *model, w, h int, state bool) []string {
	t := m.theme
	in, op := e.operand()
	_, wasOp := operandOf(cellOf(e.steps[0].g, e.reduction), e.at)
	ops := e.ops(m)
	k := e.cell().Blocks[e.at/2]
	inOutput := "no"
	if slices.Contains(e.cell().Outputs(), 2+e.at/2) {
		inOutput = "yes"
	}
	label, join := 9, " combine"
	if w < 24 {
		label, join = 8, " join"
	}
	below := []string{"",
		fit(" input", label) + t.key.Render(t.g.Less) + " " + space.StateName(in) + " " + t.key.Render(t.g.More),
		fit(join, label) + k.Combine,
		fit(" output", label) + inOutput,
		"",
	}
	below = append(below, e.costLines(m, w)...)
	if state {
		for _, s := range e.state(m) {
			below = append(below, "")
			for _, l := range wrap(s, w-4) {
				below = append(below, " "+l)
			}
		}
	}
	var body []string
	from, to := window(len(ops), max(3, h-2-len(below)), slices.Index(ops, op))
	for i := from; i < to; i++ {
		o, _ := space.OpByName(ops[i])
		sign, label, was := "  ", fit(o.Label, 9), ""
		if ops[i] == wasOp && op != wasOp {
			was = " was"
		}
		if ops[i] == op {
			sign, label = t.g.Cursor+" ", t.bold.Render(label)
		}
		body = append(body, " "+sign+t.family(o.Family).Render(label)+was)
	}
	if hidden := len(ops) - (to - from); hidden > 0 {
		below[0] = fit(fmt.Sprintf("   %s %d more", t.g.Ellipsis, hidden), w-2)
	}
	return pane{title: "Change " + e.place()}.draw(t, w, h, append(body, below...))
}

// costLines shows the parameters and multiply-adds of the parent and of the edited cell.
func (e *editScreen) costLines(m *model, w int) []string {
	was, now := m.cost(e.steps[0].g, m.snap.Config), m.cost(e.genotype(), m.snap.Config)
	if e.now == 0 {
		was = now
	}
	one := func(label string, of func(Cost) int64) string {
		s := " " + fit(label, 8)
		if w < 24 {
			s = " " + fit(label, 3) + " "
		}
		if e.now > 0 {
			s += costText(was, of) + " " + m.theme.g.To + " "
		}
		return s + m.theme.bold.Render(costText(now, of))
	}
	return []string{one("params", func(c Cost) int64 { return c.Params }),
		one("MAdds", func(c Cost) int64 { return c.MAdds })}
}

// state says in words whether the cell can be trained and whether it is known.
func (e *editScreen) state(m *model) []string {
	t := m.theme
	g := e.genotype()
	if why := invalid(g); why != "" {
		return []string{t.bad.Render("invalid: " + why)}
	}
	if e.now == 0 {
		return []string{"nothing changed yet"}
	}
	if v, ok := m.sameCell(g); ok {
		s := "seen before: child " + v.Label()
		if v.HasReward {
			s += ", " + score(v.Reward, 4)
		}
		return []string{t.warn.Render(s)}
	}
	return []string{t.good.Render("ok: new cell")}
}

// editsPane lists the steps and how each changed the cost.
func (e *editScreen) editsPane(m *model, w, h int) []string {
	t := m.theme
	p := pane{title: "Edits", right: m.hint(onEdit, actUndo, actRedo)}
	room := max(10, w-28)
	body := []string{" " + t.title.Render(fit("  #", 5)+fit("CHANGE", room)+fitRight("PARAMS", 8)+fitRight("MADDS", 9))}
	if len(e.steps) == 1 {
		body = append(body, "", " no edits yet: "+m.hint(onEdit, actNextOp, actNextInput))
	}
	from, to := window(len(e.steps)-1, h-3, e.now-1)
	for i := from + 1; i <= to; i++ {
		s := e.steps[i]
		sign := "  "
		if i == e.now {
			sign = t.g.Cursor + " "
		}
		delta := func(of func(Cost) int64) string {
			a, b := m.cost(e.steps[i-1].g, m.snap.Config), m.cost(s.g, m.snap.Config)
			if !a.known() || !b.known() {
				return t.g.None
			}
			d := of(b.Cost) - of(a.Cost)
			switch {
			case d == 0:
				return "="
			case d < 0:
				return "-" + amount(-d)
			}
			return "+" + amount(d)
		}
		l := sign + fit(fmt.Sprintf("%2d", i), 3) + fit(t.cut(e.words(i, t.g.To), room-1), room) +
			fitRight(delta(func(c Cost) int64 { return c.Params }), 8) +
			fitRight(delta(func(c Cost) int64 { return c.MAdds }), 9)
		if i > e.now {
			l += "  undone"
		}
		body = append(body, " "+l)
	}
	return p.draw(t, w, h, body)
}

// checkPane says in words what is right with the cell and what is wrong.
func (e *editScreen) checkPane(m *model, w, h int) []string {
	t := m.theme
	g := e.genotype()
	var body []string
	add := func(ok bool, text string) {
		sign := t.good.Render("ok")
		if !ok {
			sign = t.bad.Render("! ")
		}
		for i, l := range wrap(text, w-8) {
			if i > 0 {
				sign = "  "
			}
			body = append(body, " "+sign+"   "+l)
		}
	}
	if why := invalid(g); why != "" {
		add(false, why)
	} else {
		add(true, "the cells are valid")
	}
	for _, reduction := range []bool{false, true} {
		before, after := cellOf(e.steps[0].g, reduction), cellOf(g, reduction)
		for s := range len(after.Blocks) + 2 {
			was, is := slices.Contains(before.Outputs(), s), slices.Contains(after.Outputs(), s)
			if was != is && len(after.Concat) == 0 && s >= 2 {
				text := "no block reads it, so it is part of the output"
				if was {
					text = "a block reads it, so it is not part of the output any more"
				}
				add(true, fmt.Sprintf("%s %s: %s", cellName(reduction), space.StateName(s), text))
			}
		}
		if len(after.Concat) > 0 {
			add(true, fmt.Sprintf("the %s cell's output is chosen by hand: %s", cellName(reduction),
				plural(len(after.Concat), "state", "states")))
		}
	}
	if v, ok := m.sameCell(g); ok && e.now > 0 {
		text := "the same network as child " + v.Label()
		if v.HasReward {
			text += ", " + score(v.Reward, 4)
		}
		add(false, text)
	} else if v, n, ok := m.nearest(g); ok && e.now > 0 {
		add(true, fmt.Sprintf("not seen before; nearest is %s (%s): %s", short(v), score(v.Reward, 4),
			plural(n, "decision differs", "decisions differ")))
	}
	body = append(body, "")
	was, now := m.cost(e.steps[0].g, m.snap.Config), m.cost(g, m.snap.Config)
	if now.known() {
		body = append(body, fmt.Sprintf(" cost %s params, %s MAdds", amount(now.Params), amount(now.MAdds)))
		if e.parent.Seconds > 0 && e.parent.Kind != nas.Retrained && was.known() && was.MAdds > 0 {
			body = append(body, fmt.Sprintf(" training about %s on one worker, by its MAdds",
				clock(seconds(e.parent.Seconds*float64(now.MAdds)/float64(was.MAdds)))))
		}
	} else if now.err != nil {
		add(false, t.clean(now.err.Error()))
	}
	c := m.snap.Config
	body = append(body, fmt.Sprintf(" %s trains it like the search: N=%d F=%d, %s; %s asks",
		m.keyOn(onEdit, actTrain), c.Net.N, c.Net.Filters, plural(c.Train.Epochs, "epoch", "epochs"),
		m.keyOf(actRetrain)))
	return pane{title: "Check"}.draw(t, w, h, body)
}
