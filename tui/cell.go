package tui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/space"
	"nasnet/tui/celldraw"
)

type epoch = child.EpochResult

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// layout is a way to draw a cell.
type layout int

const (
	asLadder layout = iota
	asPaper
	asList
	layouts
)

// cellScreen shows one trial's cells, its facts and its descendants.
type cellScreen struct {
	ids       []int         // the list it was opened from, for prev and next
	at        int           // its index there
	last      nas.TrialView // as last seen, for a trial that has left the snapshot
	reduction bool
	layout    layout
	from      int // first line shown of a drawing taller than the screen
}

func newCellScreen(v nas.TrialView, list []nas.TrialView) *cellScreen {
	c := &cellScreen{last: v}
	for i, t := range list {
		c.ids = append(c.ids, t.ID)
		if t.ID == v.ID {
			c.at = i
		}
	}
	return c
}

func (c *cellScreen) scope() scope { return onCell }
func (c *cellScreen) back() bool   { return false }

// snapshot implements follower: the trial may leave the lists.
func (c *cellScreen) snapshot(s *nas.Snapshot) tea.Cmd {
	if v, ok := find(s, c.last.ID); ok {
		c.last = v
	}
	return nil
}

func (c *cellScreen) selected(m *model) (nas.TrialView, bool) {
	c.snapshot(m.snap)
	return c.last, true
}

func (c *cellScreen) act(m *model, a action) tea.Cmd {
	switch a {
	case actView:
		c.layout, c.from = (c.layout+1)%layouts, 0
		v, _ := c.selected(m)
		if n := paperWidth(v.Genotype) + 2; c.layout == asPaper && n > m.w {
			c.layout = asList
			return m.say(fmt.Sprintf("the layout of the papers needs %d columns", n), false)
		}
	case actOther:
		c.reduction, c.from = !c.reduction, 0
	case actPrev, actNext:
		d := 1
		if a == actPrev {
			d = -1
		}
		for i := c.at + d; i >= 0 && i < len(c.ids); i += d {
			if v, ok := find(m.snap, c.ids[i]); ok {
				c.at, c.last, c.from = i, v, 0
				return nil
			}
		}
		return m.say("no more cells in this list", true)
	default:
		c.from = scroll(c.from, a, max(1, m.h/2)) // drawing limits it to the lines there are
	}
	return nil
}

func (c *cellScreen) header(m *model, w int) string {
	t := m.theme
	v, _ := c.selected(m)
	left := " cells " + t.g.More + " " + t.bold.Render(short(v))
	if v.Star {
		left += " " + t.star.Render(t.g.Star)
	}
	if m.markOf(v.ID) >= 0 {
		left += " " + t.mark.Render(t.g.Mark)
	}
	_, word, style := t.state(v.State)
	left += "   child " + v.Label() + "   " + style.Render(word)
	right := m.way("back")
	if i := slices.IndexFunc(m.snap.Top, func(x nas.TrialView) bool { return x.ID == v.ID }); i >= 0 {
		right = fmt.Sprintf("#%d of %d distinct   ", i+1, m.snap.Distinct) + right
	}
	return t.spread(left, right, w)
}

func (c *cellScreen) view(m *model, w, h int) []string {
	t := m.theme
	v, _ := c.selected(m)
	as := c.layout
	if as == asPaper && paperWidth(v.Genotype)+2 > w {
		as = asLadder
	}
	normal, reduction := c.drawn(m, v, false, as), c.drawn(m, v, true, as)
	one := normal
	if c.reduction {
		one = reduction
	}
	factsWidth := max(23, min(36, w-widest(normal)-widest(reduction)-8))
	both := w >= widest(normal)+widest(reduction)+8+factsWidth
	tall := max(len(normal), len(reduction)) + 3 // with border and a blank line
	upper := h
	if h >= tall+9 {
		upper = tall + 1
	}
	lower := h - upper
	foot := m.keyOf(actOther) + " " + cellName(!c.reduction)
	var out []string
	switch {
	case as == asPaper && h >= len(normal)+len(reduction)+7:
		line := t.cut(" "+strings.Join(t.factLine(v, m.latency(v)), "  "), w)
		first := len(normal) + 3
		upper = first + len(reduction) + 3 + 1
		if lower = h - upper; lower < 6 {
			upper, lower = h, 0
		}
		out = append([]string{fit(line, w)}, c.drawing(m, v, normal, false, w, first, foot)...)
		out = append(out, c.drawing(m, v, reduction, true, w, upper-first-1, foot)...)
	case both:
		free := w - factsWidth - widest(normal) - widest(reduction) - 8
		left := widest(normal) + 4 + free/2
		out = beside(c.drawing(m, v, normal, false, left, upper, foot),
			c.drawing(m, v, reduction, true, w-factsWidth-left, upper, foot),
			pane{title: "Facts"}.draw(t, factsWidth, upper, c.facts(m, v, factsWidth-3, upper-2, lower == 0)))
	case widest(one)+3+20 <= w:
		left := max(widest(one)+3, min(57, w-23))
		if w >= 110 {
			left = max(widest(one)+4, w*60/100)
		}
		out = beside(c.drawing(m, v, one, c.reduction, left, upper, foot),
			pane{title: "Facts"}.draw(t, w-left, upper, c.facts(m, v, w-left-3, upper-2, lower == 0)))
	default: // facts do not fit beside the drawing: the most important ones in a line
		line := t.cut(" "+strings.Join(t.factLine(v, m.latency(v)), "  "), w)
		if h < 3 {
			return []string{fit(line, w)}
		}
		out = append([]string{fit(line, w)}, c.drawing(m, v, one, c.reduction, w, upper-1, foot)...)
	}
	if lower > 0 {
		half := w / 2
		out = append(out, beside(t.curvePane(v, half, lower), t.lineagePane(m.snap, v, w-half, lower))...)
	}
	return out
}

// drawn draws a cell of a trial in a layout. A ladder has the times of its operands at the right if they were measured.
func (c *cellScreen) drawn(m *model, v nas.TrialView, reduction bool, as layout) []string {
	if as != asLadder || operandTime(m.latencyOf(v, m.snap.Config), reduction, 0, 1) == "" {
		return m.theme.draw(v.Genotype, reduction, as)
	}
	return m.theme.ladderWith(v.Genotype, reduction, 0, func(int, int) string { return "" },
		func(block, operand int) string {
			if ms := operandTime(m.latencyOf(v, m.snap.Config), reduction, block, operand); ms != "" {
				return fitRight(ms, 9)
			}
			return ""
		})
}

// paperWidth returns the width of a genotype's cells in the paper layout.
func paperWidth(g space.Genotype) int {
	normal, _ := celldraw.PaperSize(g.Normal)
	reduction, _ := celldraw.PaperSize(g.Reduction)
	return max(normal, reduction)
}

func widest(lines []string) int {
	n := 0
	for _, l := range lines {
		n = max(n, ansi.StringWidth(l))
	}
	return n
}

// drawing draws the pane of one cell.
func (c *cellScreen) drawing(m *model, v nas.TrialView, lines []string, reduction bool, w, h int,
	foot string) []string {
	t := m.theme
	p := pane{title: fmt.Sprintf("Cell %s %s %s", short(v), t.g.Dot, cellName(reduction)),
		focus: reduction == c.reduction}
	if reduction {
		p.title += " (stride 2)"
	}
	if p.focus {
		p.foot = foot + " " + t.g.Dot + " " + m.keyOn(onCell, actPrev) + " " + m.keyOn(onCell, actNext) + " prev/next"
	}
	body := lines
	if p.focus {
		c.from = max(0, min(c.from, len(lines)-(h-2)))
	}
	if len(lines) > h-2 {
		body = scrolled(lines, c.from, h-2)
		p.right = m.keyOf(actDown) + " " + m.keyOf(actUp) + " scroll"
	} else {
		body = centred(lines, w-2, h-2)
	}
	return p.draw(t, w, h, body)
}
