package term

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// vt is a small terminal of its own making, with deferred wrap and scrolling as xterm does, to judge what the differ sends. It shares no code with it.
type vt struct {
	w, h    int
	x, y    int
	wrap    bool // the last column was written: the next glyph wraps
	wrapped bool // a glyph did wrap, or the screen scrolled
	bold, faint, italic, underline,
	reverse bool
	fg, bg string
	cells  []vtCell
}

type vtCell struct{ text, look string }

func newVT(w, h int) *vt { return &vt{w: w, h: h, cells: slices.Repeat([]vtCell{{text: " "}}, w*h)} }

// String shows the cells row by row, the look before the text where it changes.
func (v *vt) String() string {
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

func (v *vt) look() string {
	s := v.fg + "/" + v.bg
	for i, on := range []bool{v.bold, v.faint, v.italic, v.underline, v.reverse} {
		if on {
			s += string("bfiur"[i])
		}
	}
	return strings.TrimPrefix(s, "/")
}

func (v *vt) set(x, y int, c vtCell) { v.cells[y*v.w+x] = c }

func (v *vt) lineFeed() {
	if v.y < v.h-1 {
		v.y++
		return
	}
	v.wrapped = true
	copy(v.cells, v.cells[v.w:])
	for x := range v.w {
		v.set(x, v.h-1, vtCell{text: " "})
	}
}

// put writes a glyph; half of a wide glyph that is written over leaves a blank.
func (v *vt) put(text string, width int) {
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
	v.cells[at] = vtCell{text, v.look()}
	if width == 2 {
		v.cells[at+1] = vtCell{"", v.look()}
	}
	v.x += width
	if v.x >= v.w {
		v.x, v.wrap = v.w-1, true
	}
}

func (v *vt) erase(from, to int) { // positions in the cells
	if from%v.w > 0 && from < len(v.cells) && v.cells[from].text == "" {
		v.cells[from-1] = vtCell{text: " "}
	}
	for i := from; i < to; i++ {
		v.cells[i] = vtCell{text: " "}
	}
}

func (v *vt) Write(p []byte) (int, error) {
	s := string(p)
	for len(s) > 0 {
		switch {
		case s[0] == '\r':
			v.x, v.wrap = 0, false
			s = s[1:]
		case s[0] == '\n':
			v.wrap = false
			v.lineFeed()
			s = s[1:]
		case strings.HasPrefix(s, "\x1b]"):
			i := strings.IndexByte(s, '\a')
			s = s[i+1:]
		case strings.HasPrefix(s, "\x1b["):
			i := 2
			for s[i] < '@' {
				i++
			}
			v.csi(s[2:i], s[i])
			s = s[i+1:]
		case s[0] < ' ':
			return 0, fmt.Errorf("vt: byte %q", s[0])
		default:
			glyph, width := ansi.FirstGraphemeCluster(s, ansi.GraphemeWidth)
			if r, _ := utf8.DecodeRuneInString(glyph); r < 0x7f {
				width = 1
			}
			v.put(glyph, width)
			s = s[len(glyph):]
		}
	}
	return len(p), nil
}

func (v *vt) csi(args string, final byte) {
	if strings.HasPrefix(args, "?") {
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
	case 'C':
		v.x = min(v.x+max(n[0], 1), v.w-1)
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
		panic("vt: CSI " + args + string(final))
	}
}

func (v *vt) sgr(n []int) {
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
			panic(fmt.Sprint("vt: SGR ", p))
		}
	}
}
