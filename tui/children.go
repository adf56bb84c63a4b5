package tui

import (
	"fmt"
	"math"
	"strings"

	"nasnet/nas"
)

// childRow is one line of the children table.
type childRow struct {
	nas.TrialView
	sign   string // the cursor or a blank
	letter string // its mark on the DropPath chart
}

// live reports whether the child is in training, paused or not.
func (c childRow) live() bool { return c.State == nas.Running || c.State == nas.Paused }

// valAcc returns the last validation accuracy, NaN before the first.
func valAcc(v nas.TrialView) float64 {
	if n := len(v.Curve); n > 0 {
		return v.Curve[n-1].ValAcc
	}
	if v.HasReward {
		return v.Reward
	}
	return math.NaN()
}

// childColumns returns the columns of the children table; a wider table shows more of them.
func (t theme) childColumns() []column[childRow] {
	ended := func(c childRow) bool { return !c.live() }
	orNone := func(gone bool, s string) string {
		if gone {
			return t.g.None
		}
		return s
	}
	return []column[childRow]{
		{head: "", width: 2, cell: func(c childRow, _ int) string { return c.sign + c.letter }},
		{head: "CHILD", width: 5, cell: func(c childRow, _ int) string { return c.Label() }},
		{head: "CELL", width: 4, cell: func(c childRow, _ int) string { return short(c.TrialView) }},
		{head: "KIND", width: 7, from: 110, cell: func(c childRow, _ int) string { return c.Kind.Word() }},
		{head: "EPOCH", width: 6, right: true, cell: func(c childRow, _ int) string {
			return fmt.Sprintf("%d/%d", c.Epoch, c.Epochs)
		}},
		{head: "PROGRESS", width: 11, grow: 3, cell: func(c childRow, w int) string { return t.childProgress(c, w) }},
		{head: "LOSS", width: 5, right: true, cell: func(c childRow, _ int) string {
			if n := len(c.Curve); c.Loss == 0 && n > 0 {
				return number(c.Curve[n-1].TrainLoss)
			}
			return orNone(c.Loss == 0, number(c.Loss))
		}},
		{head: "VAL", width: 5, right: true, from: 130, cell: func(c childRow, _ int) string {
			n := len(c.Curve)
			if n == 0 {
				return t.g.None
			}
			return number(c.Curve[n-1].ValLoss)
		}},
		{head: "ACC", width: 4, right: true, cell: func(c childRow, _ int) string {
			a := valAcc(c.TrialView)
			return orNone(math.IsNaN(a), score(a, 3))
		}},
		{head: "CURVE", width: 10, grow: 1, cell: func(c childRow, w int) string {
			return t.spark(series(c.Curve, func(e epoch) float64 { return e.ValAcc }), min(w, 30), 0, math.NaN())
		}},
		{head: "KEEP", width: 4, right: true, cell: func(c childRow, _ int) string {
			return orNone(ended(c), fmt.Sprintf("%.2f", c.Keep))
		}},
		{head: "LR", width: 6, right: true, from: 110,
			cell: func(c childRow, _ int) string { return orNone(ended(c), rate(c.LR)) }},
		{head: "IMG/S", width: 5, right: true, cell: func(c childRow, _ int) string {
			return orNone(ended(c) || c.State == nas.Paused, fmt.Sprintf("%.0f", c.ImageRate))
		}},
		{head: "LEFT", width: 5, right: true, cell: func(c childRow, _ int) string {
			return orNone(ended(c) || c.Left == 0, clock(c.Left))
		}},
		{head: "FROM", width: 16, from: 130, cell: func(c childRow, _ int) string { return t.from(c.TrialView) }},
	}
}

// from says where a trial comes from.
func (t theme) from(v nas.TrialView) string {
	switch {
	case v.CachedOf >= 0:
		return "repeats " + nas.TrialLabel(v.CachedOf)
	case v.Kind == nas.Sampled:
		return fmt.Sprintf("policy %d", v.Policy)
	case v.Parent >= 0:
		return v.Kind.Word() + " of " + nas.TrialLabel(v.Parent)
	}
	return v.Kind.Word()
}

// childProgress draws the bar of a child in training, or how it ended.
func (t theme) childProgress(c childRow, w int) string {
	_, word, style := t.state(c.State)
	switch c.State {
	case nas.Paused:
		word = fmt.Sprintf("%s paused %.0f%%", t.g.Paused, 100*c.Progress)
		if w < 26 {
			return style.Render(word)
		}
		return t.bar(c.Progress, w-14) + " " + style.Render(word)
	case nas.Running:
		return t.bar(c.Progress, w)
	case nas.Done:
		if c.CachedOf >= 0 {
			word = "repeat"
		}
		if !c.Finished.IsZero() && w >= len(word)+9 {
			word += " " + c.Finished.Local().Format("15:04:05")
		}
		return word
	case nas.Failed:
		if c.FailText != "" {
			word += ": " + t.clean(c.FailText)
		}
		return style.Render(t.cut(word, w))
	}
	return style.Render(word)
}

// childrenPane draws the table of the children in training and of those that finished last.
func (d *dashboard) childrenPane(m *model, w, h int) []string {
	t, s := m.theme, m.snap
	p := pane{title: "4 Children", focus: d.focus == paneChildren,
		right: fmt.Sprintf("%d of %d workers", len(s.Running), s.Workers)}
	if w >= 130 {
		p.right += fmt.Sprintf(", %d proposed, %d done", s.Proposed, s.Finished)
	}
	if p.focus {
		p.foot = m.hint(onDash, actMark, actPauseChild, actStopChild)
	}
	list := listed(s)
	at := d.children.index(list)
	gap := 1
	if w >= 130 {
		gap = 2
	}
	cols := columnsFor(t.childColumns(), w-4, gap)
	body := []string{" " + t.title.Render(row(cols, gap, nil))}
	from, to := window(len(list), h-3, at)
	for i := from; i < to; i++ {
		c := childRow{TrialView: list[i], sign: " ", letter: t.endSign(list[i])}
		if i < len(s.Running) {
			c.letter = t.mark.Render(letter(i))
		}
		body = append(body, t.tableLine(m.leadOf(&m.runView, c.ID), p.focus && i == at, &c.sign,
			func() string { return row(cols, gap, &c) }))
	}
	if len(list) == 0 {
		body = append(body, " no child yet")
	}
	return p.draw(t, w, h, body)
}

// endSign is the sign of a child that is not in training.
func (t theme) endSign(v nas.TrialView) string {
	sign, _, style := t.state(v.State)
	return style.Render(sign)
}

// tableLine draws a row of a table after its lead. Under the cursor it is bold, without its own colours, and begins
// with the cursor's sign.
func (t theme) tableLine(lead string, under bool, sign *string, draw func() string) string {
	if !under {
		return lead + draw()
	}
	*sign = t.g.Cursor
	return t.bold.Render(stripped(lead) + strings.TrimRight(stripped(draw()), " "))
}
