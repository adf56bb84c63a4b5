package ptytest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// Screen is a small terminal emulator with xterm's deferred wrap and scrolling. It checks what the program sends, so it
// shares no code with it. Bytes may arrive in pieces of any size, but a cluster of joined glyphs must arrive whole. No
// bytes make it panic; it ignores what it does not know and lists it in [Screen.Unknown].
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
	unknown []string
}

type cell struct{ text, look string }

// NewScreen returns a blank terminal of w columns and h rows.
func NewScreen(w, h int) *Screen {
	return &Screen{w: w, h: h, cells: slices.Repeat([]cell{{text: " "}}, w*h)}
}

// Resize changes the size and blanks the screen.
func (v *Screen) Resize(w, h int) {
	v.w, v.h, v.x, v.y, v.wrap = w, h, 0, 0, false
	v.cells = slices.Repeat([]cell{{text: " "}}, w*h)
}

// Scribble overwrites cell i, counted row by row, as another program would.
func (v *Screen) Scribble(i int, sign string) { v.cells[i] = cell{text: sign} }

// Wrapped reports whether a glyph has wrapped or the screen has scrolled.
func (v *Screen) Wrapped() bool { return v.wrapped }

// Modes lists what is switched on: "alternate screen", "hidden cursor", "bracketed paste", "mouse".
func (v *Screen) Modes() (on []string) {
	for i, b := range []bool{v.alt, v.hidden, v.pasting, v.mouse} {
		if b {
			on = append(on, []string{"alternate screen", "hidden cursor", "bracketed paste", "mouse"}[i])
		}
	}
	return on
}

// Unknown lists the first sequences and bytes that the screen does not know. The program should send none.
func (v *Screen) Unknown() []string { return v.unknown }

// Text returns the rows without their looks and without trailing blanks.
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

// String returns the rows with each change of look in braces.
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

// put writes a glyph. Overwriting half of a wide glyph blanks the other half.
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

// Write shows what a program sends.
func (v *Screen) Write(p []byte) (int, error) {
	s := string(v.pending) + string(p)
	whole := len(s) // without the first bytes of an incomplete rune
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

// take handles the first character or sequence of s and returns its length, 0 if it is incomplete.
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
		if s[i] == '\x1b' || s[i] >= utf8.RuneSelf { // a program killed in the middle of a sequence leaves half of it
			return i
		}
		v.csi(s[2:i], s[i])
		return i + 1
	case strings.HasPrefix(s, "\x1b\x1b"): // likewise
		return 1
	case s[0] == '\x1b' && s[1] < utf8.RuneSelf:
		v.miss(s[:2])
		return 2
	case s[0] < ' ':
		v.miss(s[:1])
		return 1
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

// miss notes a sequence that the screen does not know, if it is among the first.
func (v *Screen) miss(sequence string) {
	if len(v.unknown) < 10 {
		v.unknown = append(v.unknown, sequence)
	}
}

// maxArg bounds the numbers in a sequence, far beyond any screen.
const maxArg = 1 << 15

func (v *Screen) csi(args string, final byte) {
	unknown := func() { v.miss("\x1b[" + args + string([]byte{final})) }
	if mode, ok := strings.CutPrefix(args, "?"); ok {
		if final != 'h' && final != 'l' {
			unknown()
			return
		}
		v.mode(mode, final == 'h')
		return
	}
	var n []int
	for f := range strings.SplitSeq(args, ";") {
		i, _ := strconv.Atoi(f) // none is 0
		n = append(n, min(i, maxArg))
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
		if !v.sgr(n) {
			unknown()
		}
	default:
		unknown()
	}
}

// mode switches a mode on or off. The normal screen is not kept: it is blank after the alternate one.
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

// sgr sets the look of the next glyphs, and reports whether it knows all of n.
func (v *Screen) sgr(n []int) bool {
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
			used := 2 // 5;INDEX
			if i+1 < len(n) && n[i+1] == 2 {
				used = 4 // 2;R;G;B
			}
			if len(n) < i+1+used {
				return false
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
			return false
		}
	}
	return true
}
