package tui

import (
	"fmt"
	"math"
	"strings"

	"nasnet/nas"
	"nasnet/tui/term"
)

// letter marks a child in training on the DropPath chart.
func letter(i int) string { return string(rune('a' + i%26)) }

// dropPathPane charts the schedule of ScheduledDropPath over a child's training; letters mark where the running
// children are.
func (d *dashboard) dropPathPane(m *model, w, h int) []string {
	t, s := m.theme, m.snap
	dp := s.Config.Train.DropPath
	p := pane{title: "3 DropPath keep", focus: d.focus == paneDropPath}
	if w >= 48 {
		p.title = "3 ScheduledDropPath: keep"
	}
	p.right = dp.Mode
	if w >= 40 {
		p.right = fmt.Sprintf("%s to %.2f", dp.Mode, 1-dp.Prob)
	}
	if dp.Mode == "none" || dp.Mode == "" || dp.Prob == 0 {
		p.right = "off"
	}
	return p.draw(t, w, h, t.schedule(s, w-3, h-2))
}

// schedule draws keep over progress in w by h cells: the search's curve and every child in training.
func (t theme) schedule(s *nas.Snapshot, w, h int) []string {
	if w < 12 || h < 1 {
		return nil
	}
	const axis = 7 // " 1.00 ┤"
	cells := max(1, 3*s.Config.Net.N+2)
	keep := func(x float64) float64 { return s.Config.Train.DropPath.Keep(cells-1, cells, x) }
	low := min(keep(0), keep(1))
	for _, c := range s.Running {
		if c.Keep > 0 {
			low = min(low, c.Keep)
		}
	}
	labels := h >= 7
	if labels {
		h--
	}
	if low > 0.999 {
		low = 0.9 // a flat line at the top
	}
	cols := w - axis
	rowOf := func(k float64) int {
		return min(h-1, max(0, int(math.Round((1-k)/(1-low)*float64(h-1)))))
	}
	grid := make([][]string, h)
	for y := range grid {
		grid[y] = strings.Split(strings.Repeat(" ", cols), "")
	}
	g := t.lineGlyphs()
	for x, was := 0, rowOf(keep(0)); x < cols; x++ {
		y := rowOf(keep(float64(x) / float64(max(cols-1, 1))))
		if y == was {
			grid[y][x] = g.flat
		} else {
			lo, hi := min(y, was), max(y, was)
			for r := lo + 1; r < hi; r++ {
				grid[r][x] = g.wall
			}
			if y > was {
				grid[was][x], grid[y][x] = g.topRight, g.bottomLeft
			} else {
				grid[was][x], grid[y][x] = g.bottomRight, g.topLeft
			}
		}
		was = y
	}
	taken := map[[2]int]bool{}
	for i, c := range s.Running {
		x := min(cols-1, max(0, int(c.Progress*float64(cols-1))))
		k := c.Keep
		if k <= 0 {
			k = keep(c.Progress)
		}
		y := rowOf(k)
		for x < cols-1 && taken[[2]int{x, y}] { // two children at one place are drawn side by side
			x++
		}
		taken[[2]int{x, y}] = true
		grid[y][x] = t.mark.Render(letter(i))
	}
	out := make([]string, 0, h+1)
	for y := range h {
		label := fmt.Sprintf(" %.2f ", 1-(1-low)*float64(y)/float64(max(h-1, 1)))
		out = append(out, label+g.tick+strings.Join(grid[y], ""))
	}
	if labels {
		marks := []byte(strings.Repeat(" ", cols))
		for i, text := range []string{"0%", "25%", "50%", "75%", "100%"} {
			at := min(cols-len(text), max(0, i*(cols-1)/4-len(text)/2))
			if at >= 0 {
				copy(marks[at:], text)
			}
		}
		out = append(out, " step  "+string(marks))
	}
	return out
}

// lineSet is the signs of a falling or rising line and of its axis.
type lineSet struct{ flat, wall, topRight, bottomLeft, bottomRight, topLeft, tick string }

func (t theme) lineGlyphs() lineSet {
	switch t.g.Tier {
	case term.ASCII:
		return lineSet{"-", "|", "+", "+", "+", "+", "|"}
	case term.CP437:
		return lineSet{"─", "│", "┐", "└", "┘", "┌", "┤"}
	}
	return lineSet{"─", "│", "╮", "╰", "╯", "╭", "┤"}
}
