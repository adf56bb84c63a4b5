package tui

import (
	"fmt"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas"
	"nasnet/nas/space"
	"nasnet/tui/celldraw"
)

// editScreen changes a cell by hand. Every change is a step that can be undone; steps that turn the same decision follow each other as one.
type editScreen struct {
	parent    nas.TrialView
	reduction bool
	at        int        // rung: 2*block + 0 or 1
	steps     []editStep // [0] is the cell as it was
	now       int        // the step that is shown; later ones were undone
	sent      int        // the step that was sent to be trained, -1 if none
}

// editStep is a genotype, and the decision that made it from the one before: steps that turn the same one are joined.
type editStep struct {
	g    space.Genotype
	turn string
}

func newEditScreen(m *model, v nas.TrialView) *editScreen {
	g := v.Genotype.Clone()
	g.Name = ""
	return &editScreen{parent: v, steps: []editStep{{g: g}}, sent: -1}
}

func openEdit(m *model) (screen, string) {
	v, ok := m.picked()
	if !ok {
		return nil, "no cell is selected yet"
	}
	if err := v.Genotype.Validate(); err != nil {
		return nil, m.theme.trial(v) + " has no cell that can be edited: " + err.Error()
	}
	e := newEditScreen(m, v)
	if c, ok := m.top().(*cellScreen); ok {
		e.reduction = c.reduction
	}
	return e, ""
}

func (e *editScreen) scope() scope { return onEdit }

func (e *editScreen) genotype() space.Genotype { return e.steps[e.now].g }

// cell is the cell under the cursor, to read from.
func (e *editScreen) cell() space.Cell { return cellOf(e.genotype(), e.reduction) }

func cellOf(g space.Genotype, reduction bool) space.Cell {
	if reduction {
		return g.Reduction
	}
	return g.Normal
}

// selected is the edited cell as a trial, which can be retrained.
func (e *editScreen) selected(*model) (nas.TrialView, bool) {
	v := e.parent
	if e.now > 0 {
		v.Genotype, v.Cell = e.genotype(), e.genotype().ShortHash()
		v.HasReward, v.Curve, v.Seconds, v.Star, v.Note = false, nil, 0, false, ""
	}
	return v, true
}

func (e *editScreen) back() bool { return false }

// unsaved says that there are edits which were not sent to training.
func (e *editScreen) unsaved() bool { return e.now > 0 && e.now != e.sent }

func (e *editScreen) leave(*model) *sureDialog {
	if !e.unsaved() {
		return nil
	}
	return &sureDialog{question: "Leave " + plural(e.now, "edit", "edits") + " behind?", more: "They were not sent to training.",
		yes: func(m *model) tea.Cmd {
			m.pop()
			return nil
		}}
}

// init asks for the cost of the cell as it is.
func (e *editScreen) init(m *model) tea.Cmd { return m.askCost(e.genotype()) }

// set makes a genotype the newest step.
func (e *editScreen) set(m *model, g space.Genotype) tea.Cmd { return e.step(m, editStep{g: g}) }

func (e *editScreen) step(m *model, s editStep) tea.Cmd {
	e.steps = slices.Clip(e.steps[:e.now+1])
	if e.now > 0 && s.turn != "" && e.steps[e.now].turn == s.turn && e.sent != e.now {
		e.steps = slices.Clip(e.steps[:e.now])
		e.now--
	}
	if e.steps[e.now].g.Text() == s.g.Text() { // turned back to where it was
		return nil
	}
	e.steps = append(e.steps, s)
	e.now++
	if e.sent >= e.now {
		e.sent = -1
	}
	return m.askCost(s.g)
}

// turn changes the block under the cursor by the name of the decision.
func (e *editScreen) turn(m *model, decision string, change func(c *space.Cell, k *space.Block)) tea.Cmd {
	g := e.genotype().Clone()
	c := &g.Normal
	if e.reduction {
		c = &g.Reduction
	}
	change(c, &c.Blocks[e.at/2])
	return e.step(m, editStep{g, fmt.Sprintf("%s %s %d", cellName(e.reduction), decision, e.at)})
}

// operand is the input and the op of the rung under the cursor.
func (e *editScreen) operand() (in int, op string) { return operandOf(e.cell(), e.at) }

func operandOf(c space.Cell, at int) (in int, op string) {
	if at/2 >= len(c.Blocks) {
		return 0, ""
	}
	k := c.Blocks[at/2]
	if at%2 == 0 {
		return k.In1, k.Op1
	}
	return k.In2, k.Op2
}

func (e *editScreen) setOperand(m *model, in int, op string) tea.Cmd {
	decision := "op"
	if was, _ := e.operand(); in != was {
		decision = "input"
	}
	return e.turn(m, decision, func(_ *space.Cell, k *space.Block) {
		if e.at%2 == 0 {
			k.In1, k.Op1 = in, op
		} else {
			k.In2, k.Op2 = in, op
		}
	})
}

// rung names what is under the cursor: b2.1.
func (e *editScreen) rung() string { return fmt.Sprintf("b%d.%d", e.at/2, e.at%2+1) }

// ops are those of the search, and the one under the cursor if it is another.
func (e *editScreen) ops(m *model) []string {
	ops, err := space.OpSet(m.snap.Config.Ops)
	if err != nil {
		ops = slices.Clone(space.OpSets[0].Ops)
	}
	if _, op := e.operand(); !slices.Contains(ops, op) {
		ops = append(ops, op)
	}
	return ops
}

func (e *editScreen) act(m *model, a action) tea.Cmd {
	rungs := 2 * len(e.cell().Blocks)
	in, op := e.operand()
	step := func(i, n, d int) int { return ((i+d)%n + n) % n }
	switch a {
	case actUp, actDown, actPageUp, actPageDown, actTop, actBottom:
		d := map[action]int{actUp: -1, actDown: 1, actPageUp: -2, actPageDown: 2, actTop: -rungs, actBottom: rungs}[a]
		e.at = max(0, min(e.at+d, rungs-1))
	case actOther:
		e.reduction = !e.reduction
		e.at = min(e.at, 2*len(e.cell().Blocks)-1)
	case actNextOp, actPrevOp:
		ops := e.ops(m)
		return e.setOperand(m, in, ops[step(slices.Index(ops, op), len(ops), map[action]int{actNextOp: 1, actPrevOp: -1}[a])])
	case actNextInput, actPrevInput:
		return e.setOperand(m, step(in, 2+e.at/2, map[action]int{actNextInput: 1, actPrevInput: -1}[a]), op)
	case actCombine:
		to := space.Concat
		if e.cell().Blocks[e.at/2].Combine == space.Concat {
			to = space.Add
		}
		return e.turn(m, "combine", func(_ *space.Cell, k *space.Block) { k.Combine = to })
	case actConcat:
		return e.toggleOutput(m, 2+e.at/2)
	case actConcatInput:
		return e.toggleOutput(m, in)
	case actUndo:
		if e.now == 0 {
			return m.say("there is nothing to undo", true)
		}
		e.now--
	case actRedo:
		if e.now == len(e.steps)-1 {
			return m.say("there is nothing to redo", true)
		}
		e.now++
	case actTrain:
		return e.train(m)
	}
	return nil
}

// toggleOutput puts a state into the output of the cell or takes it out. A list that is what the rule of the space gives is not kept as a list.
func (e *editScreen) toggleOutput(m *model, state int) tea.Cmd {
	c := e.cell()
	out := slices.Sorted(slices.Values(c.Outputs()))
	if i := slices.Index(out, state); i >= 0 {
		out = slices.Delete(out, i, i+1)
	} else {
		out = append(out, state)
		slices.Sort(out)
	}
	if len(out) == 0 {
		return m.say("the output would be empty", true)
	}
	if slices.Equal(out, c.LooseEnds()) {
		out = nil
	}
	return e.turn(m, fmt.Sprintf("concat %d", state), func(c *space.Cell, _ *space.Block) { c.Concat = out })
}

// train sends the cell to be trained at the search's settings.
func (e *editScreen) train(m *model) tea.Cmd {
	g := e.genotype()
	if why := invalid(g); why != "" {
		return m.say(why, true)
	}
	if e.now == 0 {
		return m.say("nothing is changed yet; "+m.keyOf(actRetrain)+" retrains the cell as it is", true)
	}
	e.sent = e.now
	return m.send(nas.Command{Do: nas.Submit, Parent: &e.parent.ID, Cell: &g, Text: "from " + short(e.parent) + ": " + e.summary()})
}

// summary is the changes from the parent in a few words.
func (e *editScreen) summary() string {
	var out []string
	for _, d := range space.Diff(e.steps[0].g, e.genotype()) {
		s := d.B
		if d.Block >= 0 {
			s = fmt.Sprintf("b%d.%s=%s", d.Block, d.Field, d.B)
		} else {
			s = d.Field + "=" + s
		}
		if d.Cell == "reduction" {
			s = "reduction " + s
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

// invalid says in words what is wrong with a genotype; empty if nothing is.
func invalid(g space.Genotype) string {
	for _, reduction := range []bool{false, true} {
		c := cellOf(g, reduction)
		for _, s := range c.LooseEnds() {
			if len(c.Concat) > 0 && !slices.Contains(c.Concat, s) {
				return fmt.Sprintf("%s %s goes nowhere: no block reads it, and it is not in the output", cellName(reduction), space.StateName(s))
			}
		}
	}
	if err := g.Validate(); err != nil {
		return strings.TrimPrefix(err.Error(), "space: ")
	}
	return ""
}

// words tells what a step changed.
func (e *editScreen) words(t theme, i int) string {
	var out []string
	for _, d := range space.Diff(e.steps[i-1].g, e.steps[i].g) {
		name := d.Field
		if d.Block >= 0 {
			name = fmt.Sprintf("b%d.%s", d.Block, d.Field)
		}
		if d.Cell == "reduction" {
			name = "red. " + name
		}
		out = append(out, name+" "+d.A+" "+t.g.To+" "+d.B)
	}
	return strings.Join(out, ", ")
}

func (e *editScreen) header(m *model, w int) string {
	t := m.theme
	left := " edit " + t.bold.Render(short(e.parent))
	if e.now > 0 {
		left += " " + t.g.To + " " + t.bold.Render(e.genotype().ShortHash()[:4])
	}
	left += "   " + plural(e.now, "edit", "edits")
	switch {
	case invalid(e.genotype()) != "":
		left += "   " + t.bad.Render("not valid")
	case e.now > 0 && e.now == e.sent:
		left += "   " + t.good.Render("sent to training")
	case e.now < len(e.steps)-1:
		left += fmt.Sprintf("   %d undone", len(e.steps)-1-e.now)
	}
	right := m.way("back")
	if e.unsaved() {
		right = m.way("leave (asks)")
	}
	return t.spread(left, right, w)
}

func (e *editScreen) view(m *model, w, h int) []string {
	t := m.theme
	one := e.drawing(m, e.reduction)
	normal, reduction := e.drawing(m, false), e.drawing(m, true)
	tall := max(len(normal), len(reduction)) + 3
	upper, lower := h, 0
	if h >= tall+9 && w >= 76 {
		upper, lower = tall, h-tall
	}
	panel := 0
	switch {
	case w >= widest(normal)+widest(reduction)+6+31:
		panel = min(36, w-widest(normal)-widest(reduction)-6)
	case w >= 76:
		panel = max(20, min(36, w-widest(one)-4))
	case w >= 56:
		panel = 20
	}
	var out []string
	left := w - panel
	if left >= widest(normal)+widest(reduction)+6 {
		first := (left + widest(normal) - widest(reduction)) / 2
		out = beside(e.cellPane(m, false, normal, first, upper), e.cellPane(m, true, reduction, left-first, upper))
	} else {
		if widest(one)+2 > left {
			one = e.listing(m)
		}
		out = e.cellPane(m, e.reduction, one, left, upper)
	}
	if panel > 0 {
		out = beside(out, e.panel(m, panel, upper, lower == 0))
	} else if h >= 8 {
		line := fit(" "+t.cut(strings.Join(e.state(m), "  "), w-2), w)
		out = append(e.cellPane(m, e.reduction, one, w, h-1), line)
	}
	if lower > 0 {
		half := w / 2
		out = append(out, beside(e.editsPane(m, half, lower), e.checkPane(m, w-half, lower))...)
	}
	return out
}

// was tells in what a rung differs from the parent; empty if in nothing.
func (e *editScreen) was(reduction bool, block, rung int) string {
	if block < 0 {
		return ""
	}
	before, after := cellOf(e.steps[0].g, reduction), cellOf(e.genotype(), reduction)
	in, op := operandOf(before, 2*block+rung-1)
	in2, op2 := operandOf(after, 2*block+rung-1)
	var s []string
	if in != in2 {
		s = append(s, space.StateName(in))
	}
	if op != op2 {
		s = append(s, op)
	}
	if rung == 2 && before.Blocks[block].Combine != after.Blocks[block].Combine {
		s = append(s, before.Blocks[block].Combine)
	}
	return strings.Join(s, " ")
}

// cursor is that of the drawing: 0 in the cell that is not edited.
func (e *editScreen) cursor(reduction bool) int {
	if reduction != e.reduction {
		return 0
	}
	return e.at + 1
}

// drawing is the ladder of a cell with the cursor, and beside it what was.
func (e *editScreen) drawing(m *model, reduction bool) []string {
	t := m.theme
	return t.ladderWith(e.genotype(), reduction, e.cursor(reduction), func(int, int) string { return " " }, func(block, rung int) string {
		if was := e.was(reduction, block, rung); was != "" {
			return " " + t.warn.Render(t.g.Differs+" "+was)
		}
		return ""
	})
}

// listing is the cell as a list, for when its ladder is too wide.
func (e *editScreen) listing(m *model) []string {
	t := m.theme
	var out []string
	for _, l := range celldraw.List(e.cell(), celldraw.Options{Tier: t.g.Tier, Reduction: e.reduction, Cursor: e.cursor(e.reduction)}) {
		s := " " + t.spans(l)
		if block, rung, ok := l.Rung(); ok {
			if was := e.was(e.reduction, block, rung); was != "" {
				s = fit(s, 33) + t.warn.Render(t.g.Differs+" "+was)
			}
		}
		out = append(out, s)
	}
	return out
}

func (e *editScreen) cellPane(m *model, reduction bool, lines []string, w, h int) []string {
	p := pane{title: cellName(reduction), focus: reduction == e.reduction}
	if p.focus {
		p.foot = m.hint(onEdit, actNextOp, actNextInput, actCombine, actConcat)
	}
	room := h - 2
	if len(lines) > room && room > 0 {
		at := slices.IndexFunc(lines, func(l string) bool {
			return strings.Contains(stripped(l), "[") && strings.Contains(stripped(l), "]") && !strings.Contains(l, "h[i-1]   h[i]")
		})
		from := 0
		if reduction == e.reduction {
			from, _ = window(len(lines), room, min(len(lines)-1, max(at, 0)+2))
		}
		lines = lines[from:]
	} else if len(lines) < room {
		lines = append([]string{""}, lines...)
	}
	return p.draw(m.theme, w, h, lines)
}

// panel is what can be chosen for the rung under the cursor, and what the cell costs.
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
	return pane{title: "Change " + e.rung()}.draw(t, w, h, append(body, below...))
}

// costLines are params and multiply-adds, of the parent and of the edited cell.
func (e *editScreen) costLines(m *model, w int) []string {
	was, now := m.cost(e.steps[0].g), m.cost(e.genotype())
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
	return []string{one("params", func(c Cost) int64 { return c.Params }), one("MAdds", func(c Cost) int64 { return c.MAdds })}
}

// state is in words whether the cell can be trained, and whether it is known.
func (e *editScreen) state(m *model) []string {
	t := m.theme
	g := e.genotype()
	if why := invalid(g); why != "" {
		return []string{t.bad.Render("not valid: " + why)}
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

// sameCell is a trial of the snapshot with the same cell, if there is one.
func (m *model) sameCell(g space.Genotype) (nas.TrialView, bool) {
	hash := g.Hash()
	for _, list := range [][]nas.TrialView{m.snap.Top, m.snap.Running, m.snap.Recent, m.snap.Retrains} {
		for _, v := range list {
			if strings.HasPrefix(hash, v.Cell) && v.Cell != "" {
				return v, true
			}
		}
	}
	return nas.TrialView{}, false
}

// nearest is the top cell with the fewest decisions that differ.
func (m *model) nearest(g space.Genotype) (v nas.TrialView, differences int, ok bool) {
	for _, x := range m.snap.Top {
		if n := len(space.Diff(x.Genotype, g)); !ok || n < differences {
			v, differences, ok = x, n, true
		}
	}
	return v, differences, ok
}

// editsPane lists the steps with what each changed in the cost.
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
			a, b := m.cost(e.steps[i-1].g), m.cost(s.g)
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
		l := sign + fit(fmt.Sprintf("%2d", i), 3) + fit(t.cut(e.words(t, i), room-1), room) + fitRight(delta(func(c Cost) int64 { return c.Params }), 8) +
			fitRight(delta(func(c Cost) int64 { return c.MAdds }), 9)
		if i > e.now {
			l += "  undone"
		}
		body = append(body, " "+l)
	}
	return p.draw(t, w, h, body)
}

// checkPane says in words what is right and what is not.
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
					text = "a block reads it, so it left the output"
				}
				add(true, fmt.Sprintf("%s %s: %s", cellName(reduction), space.StateName(s), text))
			}
		}
		if len(after.Concat) > 0 {
			add(true, fmt.Sprintf("the %s cell's output is a list of its own: %d states", cellName(reduction), len(after.Concat)))
		}
	}
	if v, ok := m.sameCell(g); ok && e.now > 0 {
		text := "the same network as child " + v.Label()
		if v.HasReward {
			text += ", " + score(v.Reward, 4)
		}
		add(false, text)
	} else if v, n, ok := m.nearest(g); ok && e.now > 0 {
		add(true, fmt.Sprintf("not seen before; nearest is %s (%s): %s", short(v), score(v.Reward, 4), plural(n, "decision differs", "decisions differ")))
	}
	body = append(body, "")
	was, now := m.cost(e.steps[0].g), m.cost(g)
	if now.known() {
		body = append(body, fmt.Sprintf(" cost %s params, %s MAdds", amount(now.Params), amount(now.MAdds)))
		if e.parent.Seconds > 0 && e.parent.Kind != nas.Retrained && was.known() && was.MAdds > 0 {
			body = append(body, fmt.Sprintf(" training about %s on one worker, by its work", clock(seconds(e.parent.Seconds*float64(now.MAdds)/float64(was.MAdds)))))
		}
	} else if now.err != nil {
		add(false, t.clean(now.err.Error()))
	}
	c := m.snap.Config
	body = append(body, fmt.Sprintf(" t trains it as the search does: N=%d F=%d, %s; r asks", c.Net.N, c.Net.Filters, plural(c.Train.Epochs, "epoch", "epochs")))
	return pane{title: "Check"}.draw(t, w, h, body)
}
