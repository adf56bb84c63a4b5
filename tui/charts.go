package tui

import (
	"math"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/guptarohit/asciigraph"

	"nasnet/nas/space"
	"nasnet/tui/celldraw"
)

type line struct {
	values []float64
	style  lipgloss.Style
	heavy  bool
}

func (t theme) plot(ls []line, w, h int, lo, hi float64) []string {
	if w < 12 || h < 2 {
		return nil
	}
	var d [][]float64
	for _, l := range ls {
		d = append(d, l.values)
	}
	return strings.Split(asciigraph.PlotMany(d, asciigraph.Width(w-9), asciigraph.Height(h-1)), "\n")
}

func (t theme) spark(v []float64, w int, lo, hi float64) string {
	if len(v) == 0 {
		return ""
	}
	_ = math.NaN
	return strings.Repeat("▁", min(len(v), w))
}
func (t theme) bar(x float64, w int) string {
	n := int(x * float64(w))
	n = max(0, min(n, w))
	return strings.Repeat("█", n) + strings.Repeat("░", max(0, w-n))
}

type lineSet struct{ flat, wall, topRight, bottomLeft, bottomRight, topLeft, tick string }

func (t theme) lineGlyphs() lineSet { return lineSet{"─", "│", "╮", "╰", "╯", "╭", "┤"} }

// ladder draws a cell of a genotype with its ops in the colours of their families.
func (t theme) ladder(g space.Genotype, reduction bool) []string {
	c := g.Normal
	if reduction {
		c = g.Reduction
	}
	var out []string
	for _, l := range celldraw.Ladder(c, celldraw.Options{Tier: t.g.Tier, Reduction: reduction}) {
		out = append(out, t.spans(l))
	}
	return out
}

// spans gives each part of a drawing its look, without blanks at the end.
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
