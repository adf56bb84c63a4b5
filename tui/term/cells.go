package term

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/charmbracelet/x/ansi"
)

// style is the look of a cell. A colour is 0 (the terminal's default), 1 + an index below 256, or rgb | r<<16 | g<<8 |
// b.
type style struct {
	attr   uint16 // bit n is SGR n: 1 bold, 2 faint, 3 italic, 4 underline, 5 blink, 7 reverse, 8 conceal, 9 strike
	fg, bg uint32
}

const rgb = 1 << 24

// cell is one column of one row. A glyph two columns wide fills its left cell; the right one has no text.
type cell struct {
	text  string
	style style
}

var blank = cell{text: " "}

// grid is a screen of cells, row by row.
type grid struct {
	w, h  int
	cells []cell
}

func newGrid(w, h int) grid {
	return grid{w, h, slices.Repeat([]cell{blank}, w*h)}
}

func (g grid) row(y int) []cell { return g.cells[y*g.w : (y+1)*g.w] }

func (g grid) clear() {
	for i := range g.cells {
		g.cells[i] = blank
	}
}

// resized returns a grid of another size with as much of this one as fits.
func (g grid) resized(w, h int) grid {
	n := newGrid(w, h)
	for y := range min(h, g.h) {
		copy(n.row(y), g.row(y))
		if w < g.w && w > 0 && g.row(y)[w].text == "" { // the right half of a wide glyph was cut off
			n.row(y)[w-1] = blank
		}
	}
	return n
}

// put writes a glyph of the given width, unless it would reach past an edge.
func (g grid) put(x, y, width int, text string, s style) {
	if y < 0 || y >= g.h || x < 0 || x+width > g.w {
		return
	}
	row := g.row(y)
	if row[x].text == "" && x > 0 { // over the right half of a wide glyph: erase the left half
		row[x-1] = cell{" ", row[x-1].style}
	}
	if end := x + width; end < g.w && row[end].text == "" { // over a left half only: erase the right half
		row[end] = cell{" ", row[end].style}
	}
	row[x] = cell{text, s}
	if width == 2 {
		row[x+1] = cell{"", s}
	}
}

// erase blanks the columns from (inclusive) to end (exclusive) of row y.
func (g grid) erase(y, from, end int) {
	if y < 0 || y >= g.h {
		return
	}
	row, from := g.row(y), max(from, 0)
	if from < g.w && row[from].text == "" && from > 0 {
		row[from-1] = blank
	}
	for x := from; x < min(end, g.w); x++ {
		row[x] = blank
	}
	if end < g.w && end > 0 && row[end].text == "" {
		row[end] = blank
	}
}

// apply returns s changed by the parameters of an SGR sequence.
func (s style) apply(params ansi.Params) style {
	if len(params) == 0 {
		return style{}
	}
	for i := 0; i < len(params); i++ {
		switch p := params[i].Param(0); {
		case p == 0:
			s = style{}
		case p >= 1 && p <= 9:
			s.attr |= 1 << p
		case p == 21:
			s.attr &^= 1 << 1
		case p == 22:
			s.attr &^= 1<<1 | 1<<2
		case p >= 23 && p <= 29:
			s.attr &^= 1 << (p - 20)
		case p >= 30 && p <= 37:
			s.fg = uint32(p - 30 + 1)
		case p >= 40 && p <= 47:
			s.bg = uint32(p - 40 + 1)
		case p >= 90 && p <= 97:
			s.fg = uint32(p - 90 + 8 + 1)
		case p >= 100 && p <= 107:
			s.bg = uint32(p - 100 + 8 + 1)
		case p == 39:
			s.fg = 0
		case p == 49:
			s.bg = 0
		case p == 38 || p == 48:
			colour, used := extended(params[i+1:])
			if p == 38 {
				s.fg = colour
			} else {
				s.bg = colour
			}
			i += used
		}
	}
	return s
}

// extended reads what follows 38 or 48: 5;index or 2;r;g;b.
func extended(params ansi.Params) (colour uint32, used int) {
	at := func(i int) uint32 {
		if i < len(params) {
			return uint32(params[i].Param(0)) & 0xff
		}
		return 0
	}
	switch at(0) {
	case 5:
		return at(1) + 1, 2
	case 2:
		return rgb | at(1)<<16 | at(2)<<8 | at(3), 4
	}
	return 0, 1
}

// writeTo writes the shortest simple SGR sequence that turns the look from into s.
func (s style) writeTo(b *bytes.Buffer, from style) {
	if s == from {
		return
	}
	b.WriteString("\x1b[")
	first := true
	param := func(n int) {
		if !first {
			b.WriteByte(';')
		}
		first = false
		b.WriteString(strconv.Itoa(n))
	}
	if s != (style{}) {
		// attributes are switched off together: 22 ends both bold and faint, and some terminals lack others
		if from.attr&^s.attr != 0 {
			param(0)
			from = style{}
		}
		for n := 1; n <= 9; n++ {
			if s.attr&^from.attr&(1<<n) != 0 {
				param(n)
			}
		}
		if s.fg != from.fg {
			colourParams(s.fg, 30, param)
		}
		if s.bg != from.bg {
			colourParams(s.bg, 40, param)
		}
	}
	b.WriteByte('m')
}

func colourParams(c uint32, base int, param func(int)) {
	switch {
	case c == 0:
		param(base + 9)
	case c&rgb != 0:
		param(base + 8)
		param(2)
		param(int(c >> 16 & 0xff))
		param(int(c >> 8 & 0xff))
		param(int(c & 0xff))
	case c <= 8:
		param(base + int(c) - 1)
	case c <= 16:
		param(base + 60 + int(c) - 9)
	default:
		param(base + 8)
		param(5)
		param(int(c) - 1)
	}
}
