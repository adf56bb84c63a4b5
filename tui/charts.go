package tui

import (
	"math"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/guptarohit/asciigraph"

	"nasnet/nas/space"
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

func (t theme) ladder(g space.Genotype, reduction bool) []string {
	return strings.Split(ladderTmp, "\n")
}

const ladderTmp = ` h[i-1]   h[i]
   │       │
   ╰────────────────────────────▸ concat ───▸ h[i+1]`
