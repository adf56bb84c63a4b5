package tui

import (
	"fmt"
	"math"
	"strings"

	"nasnet/nas"
	"nasnet/nas/space"
)

// oneLadder draws A or B alone and marks every difference in the margin.
func (c *compareScreen) oneLadder(m *model, w, h int) []string {
	v, letter, lines := c.ladder(m)
	return c.ladderPane(m, v, letter, scrolled(lines, c.from, h-2), w, h)
}

// ladder returns the cell shown alone, and its drawing.
func (c *compareScreen) ladder(m *model) (v nas.TrialView, letter string, lines []string) {
	a, b := c.pair(m)
	v, letter = a, "A"
	if c.shown == compareB {
		v, letter = b, "B"
	}
	return v, letter, m.theme.markedLadder(v.Genotype, c.reduction, c.rows(m))
}

func (c *compareScreen) ladderPane(m *model, v nas.TrialView, letter string, lines []string, w, h int) []string {
	t := m.theme
	p := pane{title: fmt.Sprintf("%s %s %s %s", letter, short(v), t.g.Dot, cellName(c.reduction)),
		focus: letter == "A" || c.shown == compareB}
	if v.HasReward {
		p.right = score(v.Reward, 4)
	}
	return p.draw(t, w, h, lines)
}

func (c *compareScreen) rungsPane(m *model, rows []operandRow, w, h int) []string {
	t := m.theme
	a, b := c.pair(m)
	same := 0
	for _, r := range rows {
		if !r.differs {
			same++
		}
	}
	p := pane{title: "Ops", focus: true, right: fmt.Sprintf("%d of %d same", same, len(rows)),
		foot: m.hint(onCompare, actOpen, actDifference)}
	half := max(8, min(24, (w-14)/2))
	text := func(r operandRow, in, op string, gone bool) string {
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
	body := []string{" " + t.title.Render(fit("OP", 8)+fit("A "+short(a), half)+"   "+fit("B "+short(b), half))}
	at := min(c.at, len(rows)-1)
	from, to := window(len(rows), h-3, at)
	for i := from; i < to; i++ {
		r := rows[i]
		sign, between := " ", "="
		if r.differs {
			between = t.warn.Render(t.g.Differs)
		}
		body = append(body, t.tableLine("", i == at, &sign, func() string {
			return sign + fit(r.name, 8) + fit(t.cut(text(r, r.inA, r.opA, r.onlyB), half), half) + " " + between +
				" " + text(r, r.inB, r.opB, r.onlyA)
		}))
	}
	return p.draw(t, w, h, body)
}

// numbersPane shows the facts of both cells side by side.
func (c *compareScreen) numbersPane(m *model, w, h int) []string {
	t := m.theme
	a, b := c.pair(m)
	ca, cb := c.cells(m)
	line := func(label, x, y, d string) string {
		return " " + fit(label, 8) + fitRight(x, 6) + " " + fitRight(y, 6) + " " + fitRight(d, 6)
	}
	percent := func(x, y float64) string {
		if x <= 0 || y <= 0 {
			return t.g.None
		}
		if x == y {
			return "="
		}
		return t.cut(signed(100*(y/x-1), 0)+"%", 6)
	}
	scores := func(label string, x, y float64) string {
		text := func(v float64) string {
			if math.IsNaN(v) {
				return t.g.None
			}
			return score(v, 4)
		}
		diff := ""
		if !math.IsNaN(x) && !math.IsNaN(y) {
			diff = strings.Replace(signed(y-x, 4), "0.", ".", 1)
		}
		return line(label, text(x), text(y), diff)
	}
	var results []string
	if a.HasReward && b.HasReward {
		results = append(results, scores("reward", a.Reward, b.Reward))
	}
	// a cost term is in the reward
	if xa, xb := valAcc(a), valAcc(b); len(results) == 0 || xa != a.Reward || xb != b.Reward {
		results = append(results, scores("acc", xa, xb))
	}
	count := func(x, y int) string {
		if x == y {
			return "="
		}
		return fmt.Sprintf("%+d", y-x)
	}
	counted := func(label string, x, y int) string { return line(label, fmt.Sprint(x), fmt.Sprint(y), count(x, y)) }
	body := append([]string{t.title.Render(line("", "A", "B", "B-A"))}, results...)
	body = append(body,
		line("params", amount(a.Params), amount(b.Params), percent(float64(a.Params), float64(b.Params))),
		line("MAdds", amount(a.MAdds), amount(b.MAdds), percent(float64(a.MAdds), float64(b.MAdds))),
		line("trained", clock(seconds(a.Seconds)), clock(seconds(b.Seconds)), percent(a.Seconds, b.Seconds)),
		counted("depth", ca.Depth(), cb.Depth()),
		counted("concat", len(ca.Outputs()), len(cb.Outputs())),
	)
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
	body = append(body, "", fmt.Sprintf(" differ   normal      %2d rows", differing(false)),
		fmt.Sprintf("          reduction   %2d rows", differing(true)))
	if a.Genotype.Validate() == nil && b.Genotype.Validate() == nil && a.Genotype.Hash() == b.Genotype.Hash() {
		body = append(body, " the same network, written differently")
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

// curvesPane charts the accuracies of both cells over the median of the best cells.
func (c *compareScreen) curvesPane(m *model, w, h int) []string {
	t := m.theme
	a, b := c.pair(m)
	acc := func(v nas.TrialView) []float64 { return series(v.Curve, func(e epoch) float64 { return e.ValAcc }) }
	n := max(len(a.Curve), len(b.Curve))
	p := pane{title: "Validation accuracy by epoch", right: plural(n, "epoch", "epochs")}
	if n == 0 {
		return p.draw(t, w, h, []string{"", " neither has finished an epoch yet"})
	}
	median, cells := medianCurve(m.snap.Top, n)
	return p.draw(t, w, h, t.plot(w-3, h-2, "",
		line{name: "median of " + plural(cells, "cell", "cells"), values: median, style: t.plain, dotted: true},
		line{name: "B " + short(b), values: acc(b), style: t.mean},
		line{name: "A " + short(a), values: acc(a), style: t.best, heavy: true}))
}
