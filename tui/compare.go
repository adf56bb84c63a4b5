package tui

import (
	"slices"

	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas"
)

// compareScreen shows two cells side by side and their differences.
type compareScreen struct {
	a, b      nas.TrialView
	reduction bool
	shown     compareView
	at        int // row of the table of operands; the last one is the output
	from      int // first line of a single ladder
}

type compareView int

const (
	compareAuto compareView = iota // table, with both ladders if they fit
	compareA                       // one ladder
	compareB
	compareViews
)

// openCompare compares the two trials marked last, or one marked trial with the selected one, or the selected one with
// the best.
func openCompare(m *model) (screen, string) {
	var pair []nas.TrialView
	add := func(v nas.TrialView, ok bool) {
		if ok && len(pair) < 2 && !slices.ContainsFunc(pair, func(x nas.TrialView) bool { return x.ID == v.ID }) {
			pair = append(pair, v)
		}
	}
	for _, v := range m.marked()[max(0, len(m.marks)-2):] {
		add(v, true)
	}
	add(m.picked())
	if len(pair) == 1 && m.snap.Best != nil {
		add(*m.snap.Best, true)
	}
	if len(pair) < 2 {
		return nil, "mark two cells with " + m.keyOf(actMark) + ", then " + m.keyOf(actCompare) + " compares them"
	}
	return &compareScreen{a: pair[0], b: pair[1]}, ""
}

func (c *compareScreen) scope() scope { return onCompare }

func (c *compareScreen) back() bool { return false }

// pair returns the newest known view of both trials.
func (c *compareScreen) pair(m *model) (a, b nas.TrialView) {
	c.snapshot(m.snap)
	return c.a, c.b
}

// snapshot implements follower: trials may leave the lists.
func (c *compareScreen) snapshot(s *nas.Snapshot) tea.Cmd {
	for _, x := range []*nas.TrialView{&c.a, &c.b} {
		if v, ok := find(s, x.ID); ok {
			*x = v
		}
	}
	return nil
}

func (c *compareScreen) selected(m *model) (nas.TrialView, bool) {
	a, b := c.pair(m)
	if c.shown == compareB {
		return b, true
	}
	return a, true
}

func (c *compareScreen) act(m *model, a action) tea.Cmd {
	rows := c.rows(m)
	if d := stride(a, max(1, m.h/4)); c.shown != compareAuto {
		_, _, lines := c.ladder(m)
		c.from = max(0, min(c.from+d, len(lines)-(m.h-5)))
	} else {
		c.at = max(0, min(c.at+d, len(rows)-1))
	}
	switch a {
	case actOther:
		c.reduction, c.at, c.from = !c.reduction, 0, 0
	case actView:
		c.shown, c.from = (c.shown+1)%compareViews, 0
	case actSwap:
		c.a, c.b = c.b, c.a
	case actDifference:
		for i := range rows {
			if at := (c.at + 1 + i) % len(rows); rows[at].differs {
				c.at, c.shown = at, compareAuto
				return nil
			}
		}
		return m.say("these cells are the same; "+m.keyOf(actOther)+" shows the others", false)
	case actPrev, actNext:
		return c.another(m, map[action]int{actPrev: -1, actNext: 1}[a])
	case actOpen:
		return c.takeRung(m, rows)
	}
	return nil
}

// another makes the next of the best cells B.
func (c *compareScreen) another(m *model, d int) tea.Cmd {
	i := slices.IndexFunc(m.snap.Top, func(v nas.TrialView) bool { return v.ID == c.b.ID })
	for i += d; i >= 0 && i < len(m.snap.Top); i += d {
		if v := m.snap.Top[i]; v.ID != c.a.ID {
			c.b = v
			return nil
		}
	}
	return m.say("no more cells among the best", true)
}

// takeRung opens the editor on A, with the row under the cursor taken from B.
func (c *compareScreen) takeRung(m *model, rows []operandRow) tea.Cmd {
	c.at = min(c.at, max(0, len(rows)-1)) // the compared cell may have fewer blocks now
	if len(rows) == 0 || !rows[c.at].differs {
		return m.say("there is no difference in this row", true)
	}
	a, b := c.pair(m)
	g := a.Genotype.Clone()
	to, from := &g.Normal, b.Genotype.Normal
	if c.reduction {
		to, from = &g.Reduction, b.Genotype.Reduction
	}
	r := rows[c.at]
	switch {
	case r.block < 0:
		to.Concat = slices.Clone(from.Outputs())
	case r.block >= len(to.Blocks) || r.block >= len(from.Blocks):
		return m.say("one of the cells has no such block", true)
	case r.operand == 1:
		to.Blocks[r.block].In1, to.Blocks[r.block].Op1 = from.Blocks[r.block].In1, from.Blocks[r.block].Op1
	default:
		k, f := &to.Blocks[r.block], from.Blocks[r.block]
		k.In2, k.Op2, k.Combine = f.In2, f.Op2, f.Combine
	}
	e := newEditScreen(a)
	e.reduction = c.reduction
	if r.block >= 0 {
		e.at = 2*r.block + r.operand - 1
	}
	e.take(editStep{g: g})
	return tea.Batch(m.push(e), m.askCost(e.steps[0].g))
}

func (c *compareScreen) header(m *model, w int) string {
	t := m.theme
	a, b := c.pair(m)
	name := func(letter string, v nas.TrialView) string {
		s := t.bold.Render(letter+" "+short(v)) + " child " + v.Label()
		if v.Star {
			s += " " + t.star.Render(t.g.Star)
		}
		return s
	}
	return t.spread(" compare  "+name("A", a)+"  "+t.g.Times+"  "+name("B", b),
		cellName(c.reduction)+"   "+m.way("back"), w)
}

func (c *compareScreen) view(m *model, w, h int) []string {
	t := m.theme
	if c.shown != compareAuto {
		return c.oneLadder(m, w, h)
	}
	a, b := c.pair(m)
	rows := c.rows(m)
	la, lb := t.markedLadder(a.Genotype, c.reduction, rows), t.markedLadder(b.Genotype, c.reduction, rows)
	wa, wb, tall := widest(la)+3, widest(lb)+3, max(len(la), len(lb))+2
	const numbers = 31
	switch {
	case wa+wb <= w && h >= tall+12: // ladders above
		var upper []string
		lower := h - tall
		table := max(58, w*38/100)
		if wa+wb+numbers <= w {
			extra := (w - numbers - wa - wb) / 2
			upper = beside(c.ladderPane(m, a, "A", la, wa+extra, tall),
				c.ladderPane(m, b, "B", lb, w-numbers-wa-extra, tall), c.numbersPane(m, numbers, tall))
		} else {
			extra := (w - wa - wb) / 2
			upper = beside(c.ladderPane(m, a, "A", la, wa+extra, tall), c.ladderPane(m, b, "B", lb, w-wa-extra, tall))
			if w >= table+numbers+40 {
				return append(upper, beside(c.rungsPane(m, rows, table, lower), c.curvesPane(m, w-table-numbers, lower),
					c.numbersPane(m, numbers, lower))...)
			}
			if table+numbers <= w {
				return append(upper, beside(c.rungsPane(m, rows, w-numbers, lower),
					c.numbersPane(m, numbers, lower))...)
			}
		}
		return append(upper, beside(c.rungsPane(m, rows, table, lower), c.curvesPane(m, w-table, lower))...)
	case w >= 44+numbers: // the table above the curves
		upper := min(len(rows)+3, h)
		if h-upper < 5 {
			upper = h
		} else if h-upper > upper {
			upper = h / 2
		}
		out := beside(c.rungsPane(m, rows, w-numbers, upper), c.numbersPane(m, numbers, upper))
		return append(out, c.curvesPane(m, w, h-upper)...)
	}
	if h < 14 {
		return c.rungsPane(m, rows, w, h)
	}
	n := min(len(rows)+3, h-6)
	return append(c.rungsPane(m, rows, w, n), c.numbersPane(m, w, h-n)...)
}
