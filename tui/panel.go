package tui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// pane is a box with a title and a remark about its content in the upper edge, and a hint in the lower edge.
type pane struct {
	title, right, foot string
	focus              bool
}

// draw returns exactly h lines of exactly w cells. Lines that do not fit are dropped, and so is the border if there is
// no space for it.
func (p pane) draw(t theme, w, h int, body []string) []string {
	if w <= 0 || h <= 0 {
		return nil
	}
	out := make([]string, 0, h)
	line := func(i int) string {
		if i < len(body) {
			return body[i]
		}
		return ""
	}
	if w < 6 || h < 3 {
		for i := range h {
			out = append(out, fit(line(i), w))
		}
		return out
	}
	b, edge := t.g.Light, t.frame
	if p.focus {
		b, edge = t.g.Heavy, t.focus
	}
	in := w - 2
	out = append(out, edge.Render(b.TopLeft)+p.top(t, in)+edge.Render(b.TopRight))
	side := edge.Render(b.Side)
	for i := range h - 2 {
		out = append(out, side+fit(line(i), in)+side)
	}
	foot := ""
	if p.foot != "" && ansi.StringWidth(p.foot)+4 <= in {
		foot = " " + p.foot + " "
	}
	fill := in - ansi.StringWidth(foot) - 1
	out = append(out, edge.Render(b.BottomLeft+strings.Repeat(b.Bottom, fill))+foot+edge.Render(b.Bottom+b.BottomRight))
	return out
}

// top draws the upper edge between the corners.
func (p pane) top(t theme, in int) string {
	b, edge := t.g.Light, t.frame
	if p.focus {
		b, edge = t.g.Heavy, t.focus
	}
	title, right := p.title, p.right
	if ansi.StringWidth(title)+ansi.StringWidth(right)+6 > in {
		if ansi.StringWidth(title)+4 > in || right == "" {
			title, right = t.cut(title, max(0, in-3)), ""
		} else {
			right = t.cut(right, in-ansi.StringWidth(title)-6)
		}
	}
	if title != "" {
		title = " " + t.title.Render(title) + " "
	}
	if right != "" {
		right = " " + right + " "
	}
	fill := in - 1 - ansi.StringWidth(title) - ansi.StringWidth(right)
	if right == "" {
		return edge.Render(b.Top) + title + edge.Render(strings.Repeat(b.Top, max(fill, 0)))
	}
	return edge.Render(b.Top) + title + edge.Render(strings.Repeat(b.Top, max(fill-1, 0))) + right + edge.Render(b.Top)
}

// beside joins blocks of lines left to right; each line of a block has the block's width.
func beside(blocks ...[]string) []string {
	n := 0
	for _, b := range blocks {
		n = max(n, len(b))
	}
	out := make([]string, n)
	for i := range out {
		for _, b := range blocks {
			if i < len(b) {
				out[i] += b[i]
			}
		}
	}
	return out
}

// column is one column of a table of T.
type column[T any] struct {
	head  string
	width int
	right bool // aligned to the right
	from  int  // least width of the table at which the column is shown
	grow  int  // share of the space that is left
	cell  func(x T, width int) string
}

// columnsFor picks the columns that a table of w cells shows, and gives the space that is left to those that grow.
func columnsFor[T any](cols []column[T], w, gap int) []column[T] {
	var out []column[T]
	used, grow := 0, 0
	for _, c := range cols {
		if c.from <= w {
			out = append(out, c)
			used += c.width + gap
			grow += c.grow
		}
	}
	left := w - used + gap
	for i := range out {
		if grow > 0 && out[i].grow > 0 && left > 0 {
			out[i].width += left * out[i].grow / grow
		}
	}
	return out
}

// row draws one line of a table: the head if x is nil.
func row[T any](cols []column[T], gap int, x *T) string {
	var b strings.Builder
	for i, c := range cols {
		if i > 0 {
			b.WriteString(strings.Repeat(" ", gap))
		}
		s := c.head
		if x != nil {
			s = c.cell(*x, c.width)
		}
		if c.right {
			b.WriteString(fitRight(s, c.width))
		} else {
			b.WriteString(fit(s, c.width))
		}
	}
	return b.String()
}

// scrolled returns the lines from one on, but at least enough to fill room lines, if there are so many.
func scrolled(lines []string, from, room int) []string {
	return lines[max(0, min(from, len(lines)-max(room, 1))):]
}

// window returns the range of n rows to show in h lines so that row at is visible.
func window(n, h, at int) (from, to int) {
	if h <= 0 {
		return 0, 0
	}
	if at >= h {
		from = at - h + 1
	}
	from = max(0, min(from, n-h))
	return from, min(n, from+h)
}
