package celldraw

import (
	"strings"

	"nasnet/nas/space"
	"nasnet/tui/term"
)

// Tier is the set of glyphs to draw with.
type Tier = term.Tier

// The tiers.
const (
	Unicode = term.Unicode
	CP437   = term.CP437
	ASCII   = term.ASCII
)

// Options say how to draw a cell.
type Options struct {
	Tier      Tier
	Reduction bool // mark the ops with stride 2 in a Reduction Cell: those that read an input of the cell
	Cursor    int  // the operand to put in brackets: 2*block + operand, operand being 1 or 2; 0 for none
}

// Kind is what a span of text shows.
type Kind uint8

// The kinds of spans.
const (
	Blank     Kind = iota
	Wire           // rails, operands and the concat bus, with their arrows
	Contact        // where an operand leaves its rail
	State          // h[i], h[i-1] or b0
	Operation      // the name of an op
	Junction       // the sign where a block combines its two ops
	Output         // concat and h[i+1]
	Mark           // the brackets of the cursor
)

// Span is a run of text of one kind.
type Span struct {
	Text    string
	Kind    Kind
	Family  space.Family // of an Operation
	Block   int          // of an Operation or a Junction, else 0
	Operand int          // 1 or 2 for an Operation, else 0
}

// Line is one line of a drawing.
type Line struct{ Spans []Span }

// String returns the plain text, padded with blanks to the width of the drawing.
func (l Line) String() string {
	var s strings.Builder
	for _, sp := range l.Spans {
		s.WriteString(sp.Text)
	}
	return s.String()
}

// Operand returns the block and operand that a line of a ladder or list shows; ok is false if it shows none.
func (l Line) Operand() (block, operand int, ok bool) {
	for _, sp := range l.Spans {
		if sp.Operand > 0 {
			return sp.Block, sp.Operand, true
		}
	}
	return 0, 0, false
}

// Text joins lines into one string, without trailing blanks.
func Text(lines []Line) string {
	var s strings.Builder
	for _, l := range lines {
		s.WriteString(strings.TrimRight(l.String(), " "))
		s.WriteByte('\n')
	}
	return s.String()
}

// The arms of a cell of the canvas: the sides where wire leaves it.
const (
	up uint8 = 1 << iota
	down
	left
	right
)

// glyphs are the signs of a tier. wire is indexed by arms; four arms without a contact are two crossing wires.
type glyphs struct {
	wire       [16]rune
	contact    rune
	arrow, end rune // to the right, down
	add, cat   string
}

// table returns the signs of a tier. The middle of a junction sign of three columns is where the wires meet.
func table(t Tier) glyphs {
	switch t {
	case ASCII:
		return glyphs{wires(" |-+++++|"), '*', '>', 'v', "(+)", "[&]"}
	case CP437:
		return glyphs{wires(" │─┌┐└┘├┤┬┴┼"), 'o', '>', 'v', "(+)", "[&]"}
	}
	return glyphs{wires(" │─╭╮╰╯├┤┬┴┼"), '●', '▸', '▾', "⊕", "⊞"}
}

// wires assigns signs to the combinations of arms: none, vertical, horizontal, four corners, and then either one sign
// for all tees and one for a crossing, or four tees and a crossing.
func wires(signs string) [16]rune {
	s := []rune(signs)
	if len(s) == 9 {
		s = append(s[:7], s[7], s[7], s[7], s[7], s[8])
	}
	var w [16]rune
	for i, arms := range []uint8{0, up | down, left | right, down | right, down | left, up | right, up | left,
		up | down | right, up | down | left, down | left | right, up | left | right, up | down | left | right} {
		w[arms] = s[i]
	}
	w[up], w[down], w[left], w[right] = s[1], s[1], s[2], s[2]
	return w
}

// canvas is a grid of columns. Wires are laid as arms, so that the right sign comes out where they meet; text covers
// them.
type canvas struct {
	w, h  int
	cells []dot
	spans []Span // without text; the first three are for blanks, wires and contacts
	glyphs
}

// dot is one column of one row.
type dot struct {
	arms    uint8
	contact bool
	span    uint16 // of the text, in spans
	r       rune   // text over the wires, 0 for none
}

func newCanvas(w, h int, t Tier) *canvas {
	return &canvas{w: w, h: h, cells: make([]dot, w*h), spans: []Span{{Kind: Blank}, {Kind: Wire}, {Kind: Contact}},
		glyphs: table(t)}
}

func (c *canvas) at(row, col int) *dot { return &c.cells[row*c.w+col] }

// horizontal lays wire from column a to column b.
func (c *canvas) horizontal(row, a, b int) {
	for col := a; col < b; col++ {
		c.at(row, col).arms |= right
		c.at(row, col+1).arms |= left
	}
}

// vertical lays wire from row a to row b.
func (c *canvas) vertical(col, a, b int) {
	for row := a; row < b; row++ {
		c.at(row, col).arms |= down
		c.at(row+1, col).arms |= up
	}
}

func (c *canvas) contactAt(row, col int) { c.at(row, col).contact = true }

// text writes s from (row, col) to the right and skips columns outside the canvas.
func (c *canvas) text(row, col int, s string, span Span) {
	id := uint16(len(c.spans))
	c.spans = append(c.spans, span)
	for _, r := range s {
		if col >= 0 && col < c.w {
			d := c.at(row, col)
			d.r, d.span = r, id
		}
		col++
	}
}

// junction writes the sign of a block's combine with its middle at col.
func (c *canvas) junction(row, col, block int, combine string) {
	sign := c.add
	if combine == space.Concat {
		sign = c.cat
	}
	c.text(row, col-(len([]rune(sign))-1)/2, sign, Span{Kind: Junction, Block: block})
}

// lines turns the canvas into text.
func (c *canvas) lines() []Line {
	lines := make([]Line, c.h)
	spans := make([]Span, 0, 12*c.h) // of all lines; a row of a ladder has about ten
	text := make([]rune, c.w)
	ids := make([]uint16, c.w)
	for row := range lines {
		for col := range c.w {
			d := c.at(row, col)
			text[col], ids[col] = d.r, d.span
			switch {
			case d.r == ' ':
				ids[col] = 0
			case d.r != 0:
			case d.contact:
				text[col], ids[col] = c.contact, 2
			case d.arms != 0:
				text[col], ids[col] = c.wire[d.arms], 1
			default:
				text[col], ids[col] = ' ', 0
			}
		}
		start := len(spans)
		for from, col := 0, 1; col <= c.w; col++ {
			if col == c.w || ids[col] != ids[from] && c.spans[ids[col]] != c.spans[ids[from]] {
				span := c.spans[ids[from]]
				span.Text = string(text[from:col])
				spans = append(spans, span)
				from = col
			}
		}
		lines[row].Spans = spans[start:len(spans):len(spans)]
	}
	return lines
}

// opText returns the name of an op for a drawing, in at most that many columns.
func opText(name string, strided bool, most int) string {
	tail := ""
	if strided {
		tail = "/2"
	}
	if op, ok := space.OpByName(name); ok && op.Drawn != "" {
		if name = op.Drawn; len(name)+len(tail) > most {
			name = op.Label
		}
	}
	if r := []rune(name); len(r)+len(tail) > most {
		name = string(r[:most-len(tail)-1]) + "."
	}
	return name + tail
}

// operation returns the span for an op's name.
func operation(name string, block, operand int) Span {
	op, _ := space.OpByName(name)
	return Span{Kind: Operation, Family: op.Family, Block: block, Operand: operand}
}

// operand is one of the two operands of a block.
type operand struct {
	block, side int // side 1 or 2
	in          int
	op          string
}

// operands lists the operands of a cell. It skips operands that do not read an earlier state: only an invalid cell has
// those.
func operands(c space.Cell) []operand {
	os := make([]operand, 0, 2*len(c.Blocks))
	for b, k := range c.Blocks {
		for _, o := range []operand{{b, 1, k.In1, k.Op1}, {b, 2, k.In2, k.Op2}} {
			if o.in >= 0 && o.in < 2+b {
				os = append(os, o)
			}
		}
	}
	return os
}

// outputSet reports, for every state, whether it is part of the output.
func outputSet(c space.Cell) []bool {
	out := make([]bool, len(c.Blocks)+2)
	for _, s := range c.Outputs() {
		if s >= 0 && s < len(out) {
			out[s] = true
		}
	}
	return out
}
