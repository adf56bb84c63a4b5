package tui

import (
	"math"
	"strings"

	"github.com/charmbracelet/lipgloss"

	"nasnet/nas/space"
	"nasnet/tui/celldraw"
	"nasnet/tui/chart"
)

// line is a series of a chart with its look. A heavy line stands out without colour too.
type line struct {
	name   string
	values []float64
	style  lipgloss.Style
	heavy  bool
	dotted bool
	reduce chart.Reduce // for more values than columns
	steps  bool         // each value lasts until the next
}

// plot draws series over each other in w by h cells, later ones on top, with a legend and a caption of the x axis.
func (t theme) plot(w, h int, axis string, lines ...line) []string {
	series := make([]chart.Series, len(lines))
	for i, l := range lines {
		series[i] = chart.Series{Name: l.name, Values: l.values, Reduce: l.reduce, Steps: l.steps}
		if len(l.values) == 1 { // a line rather than a dot
			series[i].Values = []float64{l.values[0], l.values[0]}
		}
		if l.heavy {
			series[i].Style = chart.Heavy
		} else if l.dotted {
			series[i].Style = chart.Dotted
		}
	}
	var out []string
	for _, l := range chart.Lines(chart.Options{Tier: t.g.Tier, Width: w, Height: h, Min: math.NaN(), Max: math.NaN(),
		Legend: true, Caption: axis}, series...) {
		var b strings.Builder
		for _, s := range l.Spans {
			if s.Kind == chart.Plot && s.Series >= 0 {
				b.WriteString(lines[s.Series].style.Render(s.Text))
			} else {
				b.WriteString(s.Text)
			}
		}
		out = append(out, b.String())
	}
	return out
}

// spark draws values as a row of small bars, w wide, from lo to hi; a NaN bound is taken from the values.
func (t theme) spark(values []float64, w int, lo, hi float64) string {
	return chart.Sparkline(t.g.Tier, values, w, lo, hi)
}

// bar draws a bar of w cells, filled from 0 to 1.
func (t theme) bar(x float64, w int) string { return chart.Progress(t.g.Tier, x, w) }

// ladder draws a cell of a genotype, with its ops in the colours of their families.
func (t theme) ladder(g space.Genotype, reduction bool) []string {
	return t.draw(g, reduction, asLadder)
}

// draw is ladder in any layout.
func (t theme) draw(g space.Genotype, reduction bool, as layout) []string {
	var out []string
	paint := [layouts]func(space.Cell, celldraw.Options) []celldraw.Line{
		celldraw.Ladder, celldraw.Paper, celldraw.List}[as]
	for _, l := range paint(cellOf(g, reduction), celldraw.Options{Tier: t.g.Tier, Reduction: reduction}) {
		out = append(out, t.spans(l))
	}
	return out
}

// spans renders a line of a drawing in its looks, without trailing blanks.
func (t theme) spans(l celldraw.Line) string {
	spans := l.Spans
	for len(spans) > 0 && spans[len(spans)-1].Kind == celldraw.Blank {
		spans = spans[:len(spans)-1]
	}
	var b strings.Builder
	for _, s := range spans {
		switch s.Kind {
		case celldraw.Operation:
			b.WriteString(t.family(s.Family).Render(s.Text))
		case celldraw.State, celldraw.Junction, celldraw.Output:
			b.WriteString(t.bold.Render(s.Text))
		default:
			b.WriteString(s.Text)
		}
	}
	return b.String()
}
