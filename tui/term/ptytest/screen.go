package ptytest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// Screen is a small terminal of its own making, with deferred wrap and scrolling as xterm does: it judges what is sent to a terminal, and shares no code
// with the program. What it is sent may come in pieces, but for sequences of joined glyphs.
type Screen struct {
	w, h    int
	x, y    int
	wrap    bool // the last column was written: the next glyph wraps
	wrapped bool
	bold, faint, italic, underline,
	reverse bool
	fg, bg  string
	cells   []cell
	pending []byte // the beginning of a sequence or a glyph
	alt     bool
	hidden  bool
	pasting bool
	mouse   bool
}

type cell struct{ text, look string }

// NewScreen returns a blank terminal of w columns and h rows.
func NewScreen(w, h int) *Screen {
	return &Screen{w: w, h: h, cells: slices.Repeat([]cell{{text: " "}}, w*h)}
}

// Resize makes the screen another size, and blank.
func (v *Screen) Resize(w, h int) {
	v.w, v.h, v.x, v.y, v.wrap = w, h, 0, 0, false
	v.cells = slices.Repeat([]cell{{text: " "}}, w*h)
}

// Scribble puts a sign where it does not belong, as another program would. i counts the cells row by row.
func (v *Screen) Scribble(i int, sign string) { v.cells[i] = cell{text: sign} }

// Wrapped says that a glyph did wrap, or that the screen has scrolled.
func (v *Screen) Wrapped() bool { return v.wrapped }

// Modes says what a program has left switched on: "alternate screen", "hidden cursor", "bracketed paste", "mouse".
func (v *Screen) Modes() (on []string) {
	for i, b := range []bool{v.alt, v.hidden, v.pasting, v.mouse} {
		if b {
			on = append(on, []string{"alternate screen", "hidden cursor", "bracketed paste", "mouse"}[i])
		}
	}
	return on
}

// Text shows the cells row by row without their looks and without the blanks at the ends of the rows.
func (v *Screen) Text() string {
	var b strings.Builder
	for y := range v.h {
		row := ""
		for _, c := range v.cells[y*v.w : (y+1)*v.w] {
			row += c.text
		}
		b.WriteString(strings.TrimRight(row, " "))
		b.WriteByte('\n')
	}
	return b.String()
}

// String shows the cells row by row, the look before the text where it changes.
func (v *Screen) String() string {
	var b strings.Builder
	for y := range v.h {
		look := ""
		for _, c := range v.cells[y*v.w : (y+1)*v.w] {
			if c.look != look {
				fmt.Fprintf(&b, "{%s}", c.look)
				look = c.look
			}
			b.WriteString(c.text)
		}
		b.WriteString("|\n")
	}
	return b.String()
}

func (v *Screen) look() string {
	s := v.fg + "/" + v.bg
	for i, on := range []bool{v.bold, v.faint, v.italic, v.underline, v.reverse} {
		if on {
			s += string("bfiur"[i])
		}
	}
	return strings.TrimPrefix(s, "/")
}

func (v *Screen) set(x, y int, c cell) { v.cells[y*v.w+x] = c }

func (v *Screen) lineFeed() {
	if v.y < v.h-1 {
		v.y++
		return
	}
	v.wrapped = true
	copy(v.cells, v.cells[v.w:])
	for x := range v.w {
		v.set(x, v.h-1, cell{text: " "})
	}
}

// put writes a glyph; half of a wide glyph that is written over leaves a blank.
func (v *Screen) put(text string, width int) {
	if v.wrap || v.x+width > v.w {
		v.wrap, v.x, v.wrapped = false, 0, true
		v.lineFeed()
	}
	if width > v.w {
		return
	}
	at := v.y*v.w + v.x
	if v.cells[at].text == "" && v.x > 0 {
		v.cells[at-1].text = " "
	}
	if v.x+width < v.w && v.cells[at+width].text == "" {
		v.cells[at+width].text = " "
	}
	v.cells[at] = cell{text, v.look()}
	if width == 2 {
		v.cells[at+1] = cell{"", v.look()}
	}
	v.x += width
	if v.x >= v.w {
		v.x, v.wrap = v.w-1, true
	}
}

func (v *Screen) erase(from, to int) { // positions in the cells
	if from%v.w > 0 && from < len(v.cells) && v.cells[from].text == "" {
		v.cells[from-1] = cell{text: " "}
	}
	for i := from; i < to; i++ {
		v.cells[i] = cell{text: " "}
	}
}

// Write takes what a program sends. It panics at a sequence that the program is not known to use.
func (v *Screen) Write(p []byte) (int, error) {
	s := string(v.pending) + string(p)
	whole := len(s) // up to the beginning of a glyph whose end is to come
	for i := max(0, len(s)-utf8.UTFMax); i < len(s); i++ {
		if utf8.RuneStart(s[i]) && !utf8.FullRuneInString(s[i:]) {
			whole = i
		}
	}
	at := 0
	for at < whole {
		n := v.take(s[at:whole])
		if n == 0 {
			break
		}
		at += n
	}
	v.pending = []byte(s[at:])
	return len(p), nil
}

// take takes the first piece of s and returns its length, 0 if more of it is to come.
func (v *Screen) take(s string) int {
	switch {
	case s[0] == '\r':
		v.x, v.wrap = 0, false
		return 1
	case s[0] == '\n':
		v.wrap = false
		v.lineFeed()
		return 1
	case s[0] == '\b':
		v.x, v.wrap = max(v.x-1, 0), false
		return 1
	case s[0] == '\a':
		return 1
	case s[0] == '\t':
		v.x = min(v.x/8*8+8, v.w-1)
		return 1
	case s == "\x1b":
		return 0
	case strings.HasPrefix(s, "\x1b]"):
		return strings.IndexByte(s, '\a') + 1
	case strings.HasPrefix(s, "\x1b["):
		i := 2
		for i < len(s) && s[i] < '@' && s[i] != '\x1b' {
			i++
		}
		if i == len(s) {
			return 0
		}
		if s[i] == '\x1b' { // a program that was killed left half a sequence: it counts for nothing
			return i
		}
		v.csi(s[2:i], s[i])
		return i + 1
	case s[0] < ' ':
		panic(fmt.Sprintf("ptytest: byte %q", s[0]))
	}
	glyph, width := ansi.FirstGraphemeCluster(s, ansi.GraphemeWidth)
	if r, _ := utf8.DecodeRuneInString(glyph); r < 0x7f {
		width = 1
	}
	if width > 0 {
		v.put(glyph, width)
	} else if at := v.y*v.w + v.x - 1; at >= v.y*v.w { // a mark on the glyph before
		v.cells[at].text += glyph
	}
	return len(glyph)
}

func (v *Screen) csi(args string, final byte) {
	if mode, ok := strings.CutPrefix(args, "?"); ok {
		v.mode(mode, final == 'h')
		return
	}
	var n []int
	for f := range strings.SplitSeq(args, ";") {
		i, _ := strconv.Atoi(f)
		n = append(n, i)
	}
	v.wrap = v.wrap && final == 'm'
	here := v.y*v.w + v.x
	switch final {
	case 'H':
		v.y, v.x = min(max(n[0], 1), v.h)-1, 0
		if len(n) > 1 {
			v.x = min(max(n[1], 1), v.w) - 1
		}
	case 'A':
		v.y = max(v.y-max(n[0], 1), 0)
	case 'C':
		v.x = min(v.x+max(n[0], 1), v.w-1)
	case 'D':
		v.x = max(v.x-max(n[0], 1), 0)
	case 'K':
		v.erase(here, (v.y+1)*v.w)
	case 'J':
		if n[0] == 2 {
			v.erase(0, v.w*v.h)
		} else {
			v.erase(here, v.w*v.h)
		}
	case 'm':
		v.sgr(n)
	default:
		panic("ptytest: CSI " + args + string(final))
	}
}

// mode switches what a program switches on and off. The normal screen is not kept: it is blank when a program leaves the alternate one.
func (v *Screen) mode(m string, on bool) {
	switch m {
	case "1049":
		v.alt = on
		v.Resize(v.w, v.h)
	case "25":
		v.hidden = !on
	case "2004":
		v.pasting = on
	case "1000", "1002", "1003", "1006":
		v.mouse = on
	}
}

func (v *Screen) sgr(n []int) {
	for i := 0; i < len(n); i++ {
		switch p := n[i]; {
		case p == 0:
			v.bold, v.faint, v.italic, v.underline, v.reverse, v.fg, v.bg = false, false, false, false, false, "", ""
		case p == 1:
			v.bold = true
		case p == 2:
			v.faint = true
		case p == 3:
			v.italic = true
		case p == 4:
			v.underline = true
		case p == 7:
			v.reverse = true
		case p == 22:
			v.bold, v.faint = false, false
		case p == 23:
			v.italic = false
		case p == 24:
			v.underline = false
		case p == 27:
			v.reverse = false
		case p == 39:
			v.fg = ""
		case p == 49:
			v.bg = ""
		case p == 38 || p == 48:
			used := 2
			if n[i+1] == 2 {
				used = 4
			}
			c := strings.Trim(fmt.Sprint(n[i+1:i+1+used]), "[]")
			if p == 38 {
				v.fg = c
			} else {
				v.bg = c
			}
			i += used
		case p >= 30 && p <= 37 || p >= 90 && p <= 97:
			v.fg = strconv.Itoa(p)
		case p >= 40 && p <= 47 || p >= 100 && p <= 107:
			v.bg = strconv.Itoa(p - 10)
		default:
			panic(fmt.Sprint("ptytest: SGR ", p))
		}
	}
}
