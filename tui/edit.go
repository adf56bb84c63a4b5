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

// editScreen edits a cell by hand.
type editScreen struct {
	edits
	parent nas.TrialView
}

func newEditScreen(v nas.TrialView) *editScreen { return &editScreen{newEdits(v.Genotype), v} }

func openEdit(m *model) (screen, string) {
	v, ok := m.picked()
	if !ok {
		return nil, "no cell is selected yet"
	}
	if err := v.Genotype.Validate(); err != nil {
		return nil, m.theme.trial(v) + " has no cell to edit: " + err.Error()
	}
	e := newEditScreen(v)
	if c, ok := m.top().(*cellScreen); ok {
		e.reduction = c.reduction
	}
	return e, ""
}

func (e *editScreen) scope() scope { return onEdit }

// selected returns the edited cell as a trial, so that it can be retrained.
func (e *editScreen) selected(*model) (nas.TrialView, bool) {
	v := e.parent
	if e.now > 0 {
		v.Genotype, v.Cell = e.genotype(), e.genotype().ShortHash()
		v.HasReward, v.Curve, v.Seconds, v.Star, v.Note = false, nil, 0, false, ""
	}
	return v, true
}

func (e *editScreen) back() bool { return false }

func (e *editScreen) leave(*model) *sureDialog {
	if !e.unsaved() {
		return nil
	}
	return &sureDialog{question: "Discard " + plural(e.now, "edit", "edits") + "?",
		more: "Not sent to training yet.",
		yes: func(m *model) tea.Cmd {
			m.pop()
			return nil
		}}
}

// init asks for the cost of the unedited cell.
func (e *editScreen) init(m *model) tea.Cmd { return m.askCost(e.genotype()) }

// ops returns the search's ops, and the one under the cursor if it is not among them.
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
	operands := 2 * len(e.cell().Blocks)
	in, op := e.operand()
	var err error
	step := func(i, n, d int) int { return ((i+d)%n + n) % n }
	switch a {
	case actUp, actDown, actPageUp, actPageDown, actTop, actBottom:
		d := map[action]int{actUp: -1, actDown: 1, actPageUp: -2, actPageDown: 2, actTop: -operands,
			actBottom: operands}[a]
		e.at = max(0, min(e.at+d, operands-1))
	case actOther:
		e.reduction = !e.reduction
		e.at = min(e.at, 2*len(e.cell().Blocks)-1)
	case actNextOp, actPrevOp:
		ops := e.ops(m)
		e.setOperand(in, ops[step(slices.Index(ops, op), len(ops), map[action]int{actNextOp: 1, actPrevOp: -1}[a])])
	case actNextInput, actPrevInput:
		e.setOperand(step(in, 2+e.at/2, map[action]int{actNextInput: 1, actPrevInput: -1}[a]), op)
	case actCombine:
		e.toggleCombine()
	case actConcat:
		err = e.toggleOutput(2 + e.at/2)
	case actConcatInput:
		err = e.toggleOutput(in)
	case actUndo:
		err = e.undo()
	case actRedo:
		err = e.redo()
	case actTrain:
		return e.train(m)
	}
	if err != nil {
		return m.say(err.Error(), true)
	}
	return m.askCost(e.genotype())
}

// train submits the cell for training at the search's settings.
func (e *editScreen) train(m *model) tea.Cmd {
	g := e.genotype()
	if why := invalid(g); why != "" {
		return m.say(why, true)
	}
	if e.now == 0 {
		return m.say("nothing has changed yet; "+m.keyOf(actRetrain)+" retrains the cell as it is", true)
	}
	e.sent = e.now
	return replyTo(e, m.send(nas.Command{Do: nas.Submit, Parent: &e.parent.ID, Cell: &g,
		Text: "from " + short(e.parent) + ": " + e.summary()}))
}

// update implements receiver: edits that were refused count as unsent.
func (e *editScreen) update(_ *model, msg tea.Msg) tea.Cmd {
	if r, ok := msg.(replyMsg); ok && r.err != nil {
		e.sent = -1
	}
	return nil
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
		left += "   " + t.bad.Render("invalid")
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
	one, at := e.drawing(m, e.reduction), e.line(celldraw.Ladder)
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
		out = beside(e.cellPane(m, false, normal, at, first, upper),
			e.cellPane(m, true, reduction, at, left-first, upper))
	} else {
		if widest(one)+2 > left {
			one, at = e.listing(m), e.line(celldraw.List)
		}
		out = e.cellPane(m, e.reduction, one, at, left, upper)
	}
	if panel > 0 {
		out = beside(out, e.panel(m, panel, upper, lower == 0))
	} else if h >= 8 {
		line := fit(" "+t.cut(strings.Join(e.state(m), "  "), w-2), w)
		out = append(e.cellPane(m, e.reduction, one, at, w, h-1), line)
	}
	if lower > 0 {
		half := w / 2
		out = append(out, beside(e.editsPane(m, half, lower), e.checkPane(m, w-half, lower))...)
	}
	return out
}

// cursor returns the drawing's cursor: 0 in the cell that is not being edited.
func (e *editScreen) cursor(reduction bool) int {
	if reduction != e.reduction {
		return 0
	}
	return e.at + 1
}

// drawing draws the ladder of a cell with the cursor, and the old operands beside it.
func (e *editScreen) drawing(m *model, reduction bool) []string {
	t := m.theme
	return t.ladderWith(e.genotype(), reduction, e.cursor(reduction), func(int, int) string { return " " },
		func(block, operand int) string {
			if was := e.was(reduction, block, operand); was != "" {
				return " " + t.warn.Render(t.g.Differs+" "+was)
			}
			return ""
		})
}

// listing draws the cell as a list, for when its ladder is too wide.
func (e *editScreen) listing(m *model) []string {
	t := m.theme
	var out []string
	for _, l := range celldraw.List(e.cell(), celldraw.Options{Tier: t.g.Tier, Reduction: e.reduction,
		Cursor: e.cursor(e.reduction)}) {
		s := " " + t.spans(l)
		if block, operand, ok := l.Operand(); ok {
			if was := e.was(e.reduction, block, operand); was != "" {
				s = fit(s, 33) + t.warn.Render(t.g.Differs+" "+was)
			}
		}
		out = append(out, s)
	}
	return out
}

// line returns the line of a drawing that has the operand under the cursor.
func (e *editScreen) line(draw func(space.Cell, celldraw.Options) []celldraw.Line) int {
	return slices.IndexFunc(draw(e.cell(), celldraw.Options{Reduction: e.reduction}), func(l celldraw.Line) bool {
		block, operand, ok := l.Operand()
		return ok && 2*block+operand-1 == e.at
	})
}

// cellPane draws one of the cells. In the cell being edited, it keeps line at in view.
func (e *editScreen) cellPane(m *model, reduction bool, lines []string, at, w, h int) []string {
	p := pane{title: cellName(reduction), focus: reduction == e.reduction}
	if p.focus {
		p.foot = m.hint(onEdit, actNextOp, actNextInput, actCombine, actConcat)
	}
	room := h - 2
	if len(lines) > room && room > 0 {
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
