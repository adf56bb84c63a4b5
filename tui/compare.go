package tui

import (
	"fmt"
	"math"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas"
	"nasnet/nas/space"
	"nasnet/tui/celldraw"
)

// mark puts a trial among the marked, or takes it back; of three the oldest goes.
func (m *model) mark(id int) {
	if i := slices.Index(m.marks, id); i >= 0 {
		m.marks = slices.Delete(slices.Clone(m.marks), i, i+1)
		return
	}
	m.marks = append(slices.Clone(m.marks), id)
	if len(m.marks) > 2 {
		m.marks = m.marks[1:]
	}
}

// lead is the sign before the row of a trial.
func (m *model) lead(id int) string {
	if slices.Contains(m.marks, id) {
		return m.theme.mark.Render(m.theme.g.Mark)
	}
	return " "
}

// compareScreen shows two cells side by side and what differs between them.
type compareScreen struct {
	a, b      nas.TrialView
	reduction bool
	shown     compareView
	at        int // row of the table of rungs; the last one is the output
	from      int // first line of a single ladder
}

type compareView int

const (
	compareAuto compareView = iota // table, with both ladders where there is room
	compareA                       // one ladder
	compareB
	compareViews
)

// openCompare compares the two marked trials, or one with the selected, or the selected with the best.
func openCompare(m *model) (screen, string) {
	var pair []nas.TrialView
	add := func(v nas.TrialView, ok bool) {
		if ok && len(pair) < 2 && !slices.ContainsFunc(pair, func(x nas.TrialView) bool { return x.ID == v.ID }) {
			pair = append(pair, v)
		}
	}
	for _, id := range m.marks {
		add(find(m.snap, id))
	}
	add(m.picked())
	if len(pair) == 1 && m.snap.Best != nil {
		add(*m.snap.Best, true)
	}
	if len(pair) < 2 {
		return nil, "mark two cells with space, then c compares them"
	}
	return &compareScreen{a: pair[0], b: pair[1]}, ""
}

func (c *compareScreen) scope() scope { return onCompare }
func (c *compareScreen) back() bool   { return false }

// pair is the newest view of both trials.
func (c *compareScreen) pair(m *model) (a, b nas.TrialView) {
	a, b = c.a, c.b
	if v, ok := find(m.snap, a.ID); ok {
		a = v
	}
	if v, ok := find(m.snap, b.ID); ok {
		b = v
	}
	return a, b
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
	page := max(1, m.h/4)
	move := func(n int) {
		if c.shown != compareAuto {
			c.from = max(0, c.from+n)
			return
		}
		c.at = max(0, min(c.at+n, len(rows)-1))
	}
	switch a {
	case actOther:
		c.reduction, c.at, c.from = !c.reduction, 0, 0
	case actUp:
		move(-1)
	case actDown:
		move(1)
	case actPageUp:
		move(-page)
	case actPageDown:
		move(page)
	case actTop:
		move(-1 << 20)
	case actBottom:
		move(1 << 20)
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
		return m.say("these cells are the same; tab shows the others", false)
	case actPrev, actNext:
		return c.another(m, map[action]int{actPrev: -1, actNext: 1}[a])
	case actOpen:
		return c.takeRung(m, rows)
	}
	return nil
}

// another makes the next of the top cells B.
func (c *compareScreen) another(m *model, d int) tea.Cmd {
	i := slices.IndexFunc(m.snap.Top, func(v nas.TrialView) bool { return v.ID == c.b.ID })
	for i += d; i >= 0 && i < len(m.snap.Top); i += d {
		if v := m.snap.Top[i]; v.ID != c.a.ID {
			c.b = v
			return nil
		}
	}
	return m.say("no further cell in the list of the best", true)
}

// takeRung opens the editor on A with what is under the cursor taken from B.
func (c *compareScreen) takeRung(m *model, rows []rungRow) tea.Cmd {
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
	case r.rung == 1:
		to.Blocks[r.block].In1, to.Blocks[r.block].Op1 = from.Blocks[r.block].In1, from.Blocks[r.block].Op1
	default:
		k, f := &to.Blocks[r.block], from.Blocks[r.block]
		k.In2, k.Op2, k.Combine = f.In2, f.Op2, f.Combine
	}
	e := newEditScreen(m, a)
	e.reduction = c.reduction
	if r.block >= 0 {
		e.at = 2*r.block + r.rung - 1
	}
	return tea.Batch(m.push(e), e.set(m, g))
}

// rungRow is one line of the table of what differs.
type rungRow struct {
	name         string // "b0.1", "concat"
	block, rung  int    // block -1: the output
	inA, opA     string
	inB, opB     string
	differs      bool
	onlyA, onlyB bool // the other cell lacks the block
}

func (c *compareScreen) cells(m *model) (a, b space.Cell) {
	x, y := c.pair(m)
	if c.reduction {
		return x.Genotype.Reduction, y.Genotype.Reduction
	}
	return x.Genotype.Normal, y.Genotype.Normal
}

// rows compares two cells rung by rung, and at the end what they hand on.
func (c *compareScreen) rows(m *model) []rungRow {
	a, b := c.cells(m)
	return compareCells(a, b)
}

func compareCells(a, b space.Cell) (rows []rungRow) {
	side := func(c space.Cell, block, rung int) (in, op, combine string) {
		if block >= len(c.Blocks) {
			return "", "", ""
		}
		k := c.Blocks[block]
		if rung == 1 {
			return space.StateName(k.In1), k.Op1, ""
		}
		return space.StateName(k.In2), k.Op2, k.Combine
	}
	for i := range 2 * max(len(a.Blocks), len(b.Blocks)) {
		r := rungRow{block: i / 2, rung: i%2 + 1, onlyA: i/2 >= len(b.Blocks), onlyB: i/2 >= len(a.Blocks)}
		r.name = fmt.Sprintf("b%d.%d", r.block, r.rung)
		var ca, cb string
		r.inA, r.opA, ca = side(a, r.block, r.rung)
		r.inB, r.opB, cb = side(b, r.block, r.rung)
		r.differs = r.inA != r.inB || r.opA != r.opB || ca != cb
		if ca != cb { // with the signs of the text form
			sign := map[string]string{space.Add: " +", space.Concat: " &"}
			r.opA, r.opB = r.opA+sign[ca], r.opB+sign[cb]
		}
		rows = append(rows, r)
	}
	out := func(c space.Cell) string {
		var names []string
		for _, s := range slices.Sorted(slices.Values(c.Outputs())) {
			switch {
			case s < 2:
				names = append(names, []string{"h", "p"}[s])
			default:
				names = append(names, fmt.Sprint(s-2))
			}
		}
		return strings.Join(names, " ")
	}
	r := rungRow{name: "concat", block: -1, inA: out(a), inB: out(b)}
	r.differs = r.inA != r.inB
	return append(rows, r)
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
	return t.spread(" compare  "+name("A", a)+"  "+t.g.Times+"  "+name("B", b), cellName(c.reduction)+"   "+m.way("back"), w)
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
			upper = beside(c.ladderPane(m, a, "A", la, wa+extra, tall), c.ladderPane(m, b, "B", lb, w-numbers-wa-extra, tall), c.numbersPane(m, numbers, tall))
		} else {
			extra := (w - wa - wb) / 2
			upper = beside(c.ladderPane(m, a, "A", la, wa+extra, tall), c.ladderPane(m, b, "B", lb, w-wa-extra, tall))
			if w >= table+numbers+40 {
				return append(upper, beside(c.rungsPane(m, rows, table, lower), c.curvesPane(m, w-table-numbers, lower), c.numbersPane(m, numbers, lower))...)
			}
			if table+numbers <= w {
				return append(upper, beside(c.rungsPane(m, rows, w-numbers, lower), c.numbersPane(m, numbers, lower))...)
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

// oneLadder is the drawing of A or of B alone, with what differs in the margin.
func (c *compareScreen) oneLadder(m *model, w, h int) []string {
	a, b := c.pair(m)
	v, letter := a, "A"
	if c.shown == compareB {
		v, letter = b, "B"
	}
	lines := m.theme.markedLadder(v.Genotype, c.reduction, c.rows(m))
	return c.ladderPane(m, v, letter, scrolled(lines, c.from, h-2), w, h)
}

func (c *compareScreen) ladderPane(m *model, v nas.TrialView, letter string, lines []string, w, h int) []string {
	t := m.theme
	p := pane{title: fmt.Sprintf("%s %s %s %s", letter, short(v), t.g.Dot, cellName(c.reduction)), focus: letter == "A" || c.shown == compareB}
	if v.HasReward {
		p.right = score(v.Reward, 4)
	}
	return p.draw(t, w, h, lines)
}

// markedLadder draws a cell with a sign in the margin of every line whose rung differs.
func (t theme) markedLadder(g space.Genotype, reduction bool, rows []rungRow) []string {
	differs := map[[2]int]bool{}
	for _, r := range rows {
		differs[[2]int{r.block, r.rung}] = r.differs
	}
	return t.ladderWith(g, reduction, 0, func(block, rung int) string {
		if differs[[2]int{block, rung}] {
			return " " + t.warn.Render(t.g.Differs) + "  "
		}
		return "    "
	}, nil)
}

// ladderWith draws a cell between two margins: left and right are asked for every line, with block and rung, or block -1 and rung 0 for the output and
// block -1 and rung -1 for a line of no rung. Cursor is that of [celldraw.Options].
func (t theme) ladderWith(g space.Genotype, reduction bool, cursor int, left, right func(block, rung int) string) []string {
	c := g.Normal
	if reduction {
		c = g.Reduction
	}
	lines := celldraw.Ladder(c, celldraw.Options{Tier: t.g.Tier, Reduction: reduction, Cursor: cursor})
	width, _ := celldraw.LadderSize(c)
	out := make([]string, len(lines))
	for i, l := range lines {
		block, rung, ok := l.Rung()
		if !ok {
			block, rung = -1, -1
			if i == len(lines)-1 {
				rung = 0
			}
		}
		out[i] = left(block, rung) + t.spans(l)
		if right != nil {
			if s := right(block, rung); s != "" {
				out[i] = fit(out[i], width-13+len(stripped(left(block, rung)))) + s // right of the bus
			}
		}
	}
	return out
}

func (c *compareScreen) rungsPane(m *model, rows []rungRow, w, h int) []string {
	t := m.theme
	a, b := c.pair(m)
	same := 0
	for _, r := range rows {
		if !r.differs {
			same++
		}
	}
	p := pane{title: "Rungs", focus: true, right: fmt.Sprintf("%d of %d same", same, len(rows)), foot: m.hint(onCompare, actOpen, actDifference)}
	half := max(8, min(24, (w-14)/2))
	text := func(r rungRow, in, op string, gone bool) string {
		switch {
		case gone:
			return t.g.None
		case r.block < 0:
			return in
		case half < 15:
			return in + " " + op
		}
		return fit(in, 7) + op
	}
	body := []string{" " + t.title.Render(fit("RUNG", 8)+fit("A "+short(a), half)+"   "+fit("B "+short(b), half))}
	at := min(c.at, len(rows)-1)
	from, to := window(len(rows), h-3, at)
	for i := from; i < to; i++ {
		r := rows[i]
		sign, between := " ", "="
		if r.differs {
			between = t.warn.Render(t.g.Differs)
		}
		body = append(body, t.tableLine("", i == at, &sign, func() string {
			return sign + fit(r.name, 8) + fit(t.cut(text(r, r.inA, r.opA, r.onlyB), half-1), half) + " " + between + " " + text(r, r.inB, r.opB, r.onlyA)
		}))
	}
	return p.draw(t, w, h, body)
}

// numbersPane is the facts of both side by side.
func (c *compareScreen) numbersPane(m *model, w, h int) []string {
	t := m.theme
	a, b := c.pair(m)
	ca, cb := c.cells(m)
	line := func(label, x, y, d string) string {
		return " " + fit(label, 8) + fitRight(x, 6) + " " + fitRight(y, 6) + " " + fitRight(d, 6)
	}
	percent := func(x, y float64) string {
		if x <= 0 || y <= 0 || x == y {
			return "="
		}
		return t.cut(fmt.Sprintf("%+.0f%%", 100*(y/x-1)), 6)
	}
	acc := func(v nas.TrialView) (string, float64) {
		x := valAcc(v)
		if math.IsNaN(x) {
			return t.g.None, x
		}
		return score(x, 4), x
	}
	ra, xa := acc(a)
	rb, xb := acc(b)
	label := "reward"
	if !a.HasReward || !b.HasReward {
		label = "acc"
	}
	diff := ""
	if !math.IsNaN(xa) && !math.IsNaN(xb) {
		diff = strings.Replace(fmt.Sprintf("%+.4f", xb-xa), "0.", ".", 1)
	}
	count := func(x, y int) string {
		if x == y {
			return "="
		}
		return fmt.Sprintf("%+d", y-x)
	}
	counted := func(label string, x, y int) string { return line(label, fmt.Sprint(x), fmt.Sprint(y), count(x, y)) }
	body := []string{
		t.title.Render(line("", "A", "B", "B-A")),
		line(label, ra, rb, diff),
		line("params", amount(a.Params), amount(b.Params), percent(float64(a.Params), float64(b.Params))),
		line("MAdds", amount(a.MAdds), amount(b.MAdds), percent(float64(a.MAdds), float64(b.MAdds))),
		line("trained", clock(seconds(a.Seconds)), clock(seconds(b.Seconds)), percent(a.Seconds, b.Seconds)),
		counted("depth", ca.Depth(), cb.Depth()),
		counted("concat", len(ca.Outputs()), len(cb.Outputs())),
	}
	differing := func(r bool) (n int) {
		x, y := a.Genotype.Normal, b.Genotype.Normal
		if r {
			x, y = a.Genotype.Reduction, b.Genotype.Reduction
		}
		for _, r := range compareCells(x, y) {
			if r.differs {
				n++
			}
		}
		return n
	}
	body = append(body, "", fmt.Sprintf(" differ   normal      %2d rows", differing(false)), fmt.Sprintf("          reduction   %2d rows", differing(true)))
	if a.Genotype.Validate() == nil && b.Genotype.Validate() == nil && a.Genotype.Hash() == b.Genotype.Hash() {
		body = append(body, " the same network, in other words")
	}
	if h-2 > len(body)+3 {
		body = append(body, "", t.title.Render(line("op", "A", "B", "")))
		for _, op := range space.Ops {
			if x, y := countOp(ca, op.Name), countOp(cb, op.Name); x+y > 0 {
				body = append(body, counted(t.cut(op.Label, 8), x, y))
			}
		}
	}
	return pane{title: "Numbers"}.draw(t, w, h, body)
}

// countOp is how often a cell has an op.
func countOp(c space.Cell, op string) (n int) {
	for _, b := range c.Blocks {
		for _, o := range []string{b.Op1, b.Op2} {
			if o == op {
				n++
			}
		}
	}
	return n
}

// curvesPane lays the accuracies of both over each other and over the median of the cells that the snapshot knows.
func (c *compareScreen) curvesPane(m *model, w, h int) []string {
	t := m.theme
	a, b := c.pair(m)
	acc := func(v nas.TrialView) []float64 { return series(v.Curve, func(e epoch) float64 { return e.ValAcc }) }
	n := max(len(a.Curve), len(b.Curve))
	p := pane{title: "Validation accuracy by epoch", right: plural(n, "epoch", "epochs")}
	if n == 0 {
		return p.draw(t, w, h, []string{"", " neither has an epoch behind it"})
	}
	median, cells := medianCurve(m.snap.Top, n)
	return p.draw(t, w, h, t.plot(w-3, h-2, "",
		line{name: "median of " + plural(cells, "cell", "cells"), values: median, style: t.plain, dotted: true},
		line{name: "B " + short(b), values: acc(b), style: t.mean},
		line{name: "A " + short(a), values: acc(a), style: t.best, heavy: true}))
}

// medianCurve is the median accuracy after each of n epochs, over the trials that got there, and the number of trials.
func medianCurve(list []nas.TrialView, n int) (out []float64, trials int) {
	for i := range n {
		var at []float64
		for _, v := range list {
			if i < len(v.Curve) && !math.IsNaN(v.Curve[i].ValAcc) {
				at = append(at, v.Curve[i].ValAcc)
			}
		}
		if len(at) == 0 {
			break
		}
		trials = max(trials, len(at))
		slices.Sort(at)
		out = append(out, (at[(len(at)-1)/2]+at[len(at)/2])/2)
	}
	return out, trials
}
