package tui

import (
	"fmt"
	"math"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"

	"nasnet/nas"
	"nasnet/tui/chart"
	"nasnet/tui/term"
)

// axis is a cost to plot accuracy against.
type axis struct {
	name string
	of   func(latency latencyOf, v nas.TrialView) float64 // 0 if it is not known
	text func(float64) string
}

func count(x float64) string { return amount(int64(math.Round(x))) }

var axes = []axis{
	{"params", func(_ latencyOf, v nas.TrialView) float64 { return float64(v.Params) }, count},
	{"MAdds", func(_ latencyOf, v nas.TrialView) float64 { return float64(v.MAdds) }, count},
	{"latency", func(latency latencyOf, v nas.TrialView) float64 { return latency(v) }, millis},
}

// frontScreen shows the accuracy of the best cells against their cost, and marks those that no other cell beats.
type frontScreen struct {
	axis int // of axes
	at   cursor
}

func openFront(m *model) (screen, string) {
	if len(m.snap.Top) == 0 {
		return nil, "no child has finished yet"
	}
	f := &frontScreen{axis: 1}
	for i, x := range axes {
		if strings.EqualFold(x.name, m.snap.Config.Cost.By) {
			f.axis = i
		}
	}
	return f, ""
}

func (f *frontScreen) scope() scope { return onFront }
func (f *frontScreen) back() bool   { return false }

// front returns the cells of the table.
func (f *frontScreen) front(m *model) []nas.TrialView {
	return nas.ParetoFront(m.snap.Top, valAcc, func(v nas.TrialView) float64 { return axes[f.axis].of(m.latency, v) })
}

func (f *frontScreen) selected(m *model) (nas.TrialView, bool) {
	list := f.front(m)
	if i := f.at.index(list); i >= 0 {
		return list[i], true
	}
	return nas.TrialView{}, false
}

func (f *frontScreen) act(m *model, a action) tea.Cmd {
	list := f.front(m)
	if d := stride(a, max(1, m.h/6)); d != 0 {
		f.at.move(list, d)
	}
	switch a {
	case actView:
		f.axis = (f.axis + 1) % len(axes)
	case actOpen:
		if i := f.at.index(list); i >= 0 {
			m.push(newCellScreen(list[i], list))
		}
	}
	return nil
}

func (f *frontScreen) header(m *model, w int) string {
	left := fmt.Sprintf(" accuracy against %s   %s of the best %d", m.theme.bold.Render(axes[f.axis].name),
		plural(len(f.front(m)), "front cell", "front cells"), len(m.snap.Top))
	return m.theme.spread(left, m.way("back"), w)
}

// wideFront is the width from which chart and table are side by side.
const wideFront = 120

func (f *frontScreen) view(m *model, w, h int) []string {
	list := f.front(m)
	if w >= wideFront {
		side := max(70, w*9/20)
		return beside(f.chart(m, list, w-side, h), f.table(m, list, side, h))
	}
	low := min(max(5, len(list)+3), max(5, h/2))
	if h < 10 { // too low for a chart
		return f.table(m, list, w, h)
	}
	return append(f.chart(m, list, w, h-low), f.table(m, list, w, low)...)
}

// The series of the chart, the last one in front.
const (
	dotOther = iota
	dotFront
	dotCursor
	dotBelow // below the chart
)

// chart draws all cells and marks the front and the cell under the cursor.
func (f *frontScreen) chart(m *model, front []nas.TrialView, w, h int) []string {
	t, x := m.theme, axes[f.axis]
	signs := []rune{'·', '●', '◆', '▾'}
	switch t.g.Tier {
	case term.CP437:
		signs = []rune{'·', 'o', '♦', '▼'}
	case term.ASCII:
		signs = []rune{'.', 'o', '@', 'v'}
	}
	on := map[int]int{}
	for _, v := range front {
		on[v.ID] = dotFront
	}
	if i := f.at.index(front); i >= 0 {
		on[front[i].ID] = dotCursor
	}
	var dots []chart.Dot
	for _, v := range m.snap.Top {
		if c := x.of(m.latency, v); c > 0 && !math.IsNaN(valAcc(v)) {
			dots = append(dots, chart.Dot{X: c, Y: valAcc(v), Series: on[v.ID]})
		}
	}
	low, below := lift(dots)
	p := pane{title: "Accuracy against " + x.name, right: fmt.Sprintf("%c front  %c under the cursor  %c others",
		signs[dotFront], signs[dotCursor], signs[dotOther]), foot: m.hint(onFront, actView)}
	if w < 76 { // the header names both axes
		p.title, p.right = "Accuracy", strings.Replace(p.right, "under the cursor", "cursor", 1)
	}
	if len(dots) == 0 {
		return p.draw(t, w, h, []string{"", " no latency is known: nasnet search --latency measures every child,",
			" and " + m.keyOf(actMeasure) + " on a cell's screen measures that cell"})
	}
	if below > 0 {
		p.foot = fmt.Sprintf("%c %s below %s %s ", signs[dotBelow], plural(below, "cell", "cells"), score(low, 3),
			t.g.Dot) + p.foot
	}
	format := func(y float64) string { return score(y, 3) }
	var body []string
	for _, l := range chart.Scatter(chart.Options{Tier: t.g.Tier, Width: w - 4, Height: h - 2, Min: low,
		Max: math.NaN(), Format: format}, x.text, signs, dots...) {
		body = append(body, " "+t.scattered(l, t.plain, t.bold, t.mark, t.warn))
	}
	return p.draw(t, w, h, body)
}

// lift moves dots far below the others to the lower edge of the chart, so that one bad cell does not squeeze the rest:
// those more than three interquartile ranges below the first quartile. low is that edge, or NaN if no dot is below it.
func lift(dots []chart.Dot) (low float64, below int) {
	var ys []float64
	for _, d := range dots {
		ys = append(ys, d.Y)
	}
	slices.Sort(ys)
	n := len(ys)
	if n < 8 {
		return math.NaN(), 0
	}
	low = ys[n/4] - 3*(ys[n-1-n/4]-ys[n/4])
	for i := range dots {
		if dots[i].Y < low {
			dots[i].Y, dots[i].Series = low, dotBelow
			below++
		}
	}
	if below == 0 {
		low = math.NaN()
	}
	return low, below
}

// scattered renders a line of a scatter chart in the looks of its series.
func (t theme) scattered(l chart.Line, looks ...lipgloss.Style) string {
	var b strings.Builder
	for _, s := range l.Spans {
		if s.Kind == chart.Sign {
			b.WriteString(looks[s.Series].Render(s.Text))
		} else {
			b.WriteString(s.Text)
		}
	}
	return b.String()
}

// table lists the front, cheapest first.
func (f *frontScreen) table(m *model, list []nas.TrialView, w, h int) []string {
	t := m.theme
	p := pane{title: "Pareto front", right: "by " + axes[f.axis].name, focus: true,
		foot: m.hint(onFront, actOpen, actMark, actMeasure)}
	cols := columnsFor([]column[topRow]{
		{head: "", width: 2, cell: func(r topRow, _ int) string {
			if r.Star {
				return r.sign + t.star.Render(t.g.Star)
			}
			return r.sign
		}},
		{head: "CELL", width: 4, cell: func(r topRow, _ int) string { return short(r.TrialView) }},
		{head: "ACC", width: 5, right: true, cell: func(r topRow, _ int) string {
			return score(valAcc(r.TrialView), 4)
		}},
		{head: "REWARD", width: 6, right: true, from: 46,
			cell: func(r topRow, _ int) string { return score(r.Reward, 4) }},
		{head: "PARAMS", width: 6, right: true, cell: func(r topRow, _ int) string { return amount(r.Params) }},
		{head: "MADDS", width: 5, right: true, cell: func(r topRow, _ int) string { return amount(r.MAdds) }},
		{head: "LATENCY", width: 7, right: true, from: 36,
			cell: func(r topRow, _ int) string { return latencyText(m.theme, m.latency(r.TrialView)) }},
		{head: "CHILD", width: 5, right: true, from: 60, cell: func(r topRow, _ int) string { return r.Label() }},
		{head: "NORMAL CELL", width: 12, grow: 1, from: 64,
			cell: func(r topRow, w int) string { return t.cut(r.Genotype.Normal.Text(), w) }},
	}, w-4, 1)
	body := []string{" " + t.title.Render(row(cols, 1, nil))}
	at := f.at.index(list)
	from, to := window(len(list), h-3, at)
	for i := from; i < to; i++ {
		r := topRow{TrialView: list[i], sign: " "}
		body = append(body, t.tableLine(m.leadOf(&m.runView, r.ID), i == at, &r.sign,
			func() string { return row(cols, 1, &r) }))
	}
	return p.draw(t, w, h, body)
}

// exports offers the cell under the cursor and the table.
func (f *frontScreen) exports(m *model) []export {
	var out []export
	if v, ok := f.selected(m); ok {
		out = cellExports(m.theme, v)
	}
	return append(out, topExport("front cells (CSV)", "front-"+strings.ToLower(axes[f.axis].name)+".csv", m.snap,
		f.front(m), m.latency))
}

func (f *frontScreen) yank(m *model) (what, text string) {
	if v, ok := f.selected(m); ok {
		return yankCell(v)
	}
	return "", ""
}
