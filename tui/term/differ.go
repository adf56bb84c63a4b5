package term

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"sync"

	"github.com/charmbracelet/x/ansi"
	xterm "github.com/charmbracelet/x/term"
)

// Differ is a writer between Bubble Tea's renderer and a terminal. On the alternate screen it reads each frame into a
// grid of cells, and sends the terminal one write with the cells that differ from what it shows. Everything else
// (modes, titles, the normal screen) goes through untouched.
//
//	frame ──parse──▶ want ──compare──▶ changed cells ──▶ terminal
//	                         have ◀──────── now shown ───┘
//
// It sends absolute moves, CSI n C over gaps, rewrites gaps of up to three cells, never writes what would wrap, and
// ends each frame in the default look. A change of the terminal's size, a clear (CSI 2 J), entering the alternate
// screen and [Differ.Invalidate] make it draw everything again.
//
// It is safe for several goroutines. To Bubble Tea it looks like the terminal's file.
type Differ struct {
	out  io.Writer
	file *os.File
	size func() (w, h int)

	mu         sync.Mutex
	alt        bool // on the alternate screen
	stale      bool // what the terminal shows is unknown
	want, have grid
	dirty      []bool // rows of want written since they were last sent
	x, y       int    // where the frame is being written
	look       style
	parser     *ansi.Parser
	texts      map[string]string // one copy of each glyph
	buf        bytes.Buffer
	sent       int64
}

// NewDiffer returns a differ that writes to a terminal's file and asks the file for its size.
func NewDiffer(f *os.File) *Differ {
	d := NewDifferSize(f, func() (int, int) {
		w, h, err := xterm.GetSize(f.Fd())
		if err != nil {
			return 0, 0
		}
		return w, h
	})
	d.file = f
	return d
}

// NewDifferSize returns a differ for any writer. size returns the screen's size; a zero size keeps the last one.
func NewDifferSize(out io.Writer, size func() (w, h int)) *Differ {
	return &Differ{out: out, size: size, parser: ansi.NewParser(), texts: map[string]string{}}
}

// Fd returns the terminal's file descriptor, or an invalid one if there is no file.
func (d *Differ) Fd() uintptr {
	if d.file == nil {
		return ^uintptr(0)
	}
	return d.file.Fd()
}

// Read reads from the terminal's file.
func (d *Differ) Read(b []byte) (int, error) {
	if d.file == nil {
		return 0, io.EOF
	}
	return d.file.Read(b)
}

// Close does nothing: the file belongs to the caller.
func (d *Differ) Close() error { return nil }

// Sent returns the number of bytes written to the terminal.
func (d *Differ) Sent() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sent
}

// Invalidate draws the whole screen again, because something else wrote on it.
func (d *Differ) Invalidate() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.alt {
		d.resize()
		d.stale = true
		d.flush()
	}
}

// Write accepts a frame or a single sequence from the renderer. It returns len(p) unless writing to the terminal fails.
func (d *Differ) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.alt {
		d.resize()
	}
	d.buf.Reset()
	for rest := p; len(rest) > 0; {
		seq, width, n, state := ansi.DecodeSequence(rest, ansi.NormalState, d.parser)
		if n == 0 {
			break
		}
		switch {
		case state != ansi.NormalState:
			// cut in the middle: the rest comes with the next write, so nothing here can tell what it is
			d.through(rest)
			n = len(rest)
		case !d.alt || !d.take(seq, width):
			d.through(seq)
			d.mode(seq)
		}
		rest = rest[n:]
	}
	if err := d.send(); err != nil {
		return 0, err
	}
	return len(p), nil
}

// resize fits the grids to the terminal.
func (d *Differ) resize() {
	w, h := d.size()
	if w <= 0 || h <= 0 || (w == d.want.w && h == d.want.h) {
		return
	}
	d.want, d.have = d.want.resized(w, h), newGrid(w, h)
	d.dirty = make([]bool, h)
	d.stale = true
}

// take applies one piece of a frame to the wanted grid. It returns false if seq is not part of a frame.
func (d *Differ) take(seq []byte, width int) bool {
	if width > 0 {
		d.print(seq, width)
		return true
	}
	switch seq[0] {
	case '\r':
		d.x = 0
		return true
	case '\n':
		d.y++
		return true
	case '\x1b':
	default:
		if seq[0] >= 0x80 { // a mark on the glyph before
			d.mark(seq)
		}
		return true // other controls: nothing to see
	}
	cmd := ansi.Cmd(d.parser.Command())
	if len(seq) < 3 || seq[1] != '[' || cmd.Prefix() != 0 || cmd.Intermediate() != 0 {
		return false
	}
	params := d.parser.Params()
	n := func(i, def int) int {
		v, _, ok := params.Param(i, def)
		if !ok {
			return def
		}
		return v
	}
	switch cmd.Final() {
	case 'm':
		d.look = d.look.apply(params)
	case 'H', 'f':
		d.y, d.x = max(n(0, 1), 1)-1, max(n(1, 1), 1)-1
	case 'A':
		d.y = max(d.y-max(n(0, 1), 1), 0)
	case 'B':
		d.y += max(n(0, 1), 1)
	case 'C':
		d.x += max(n(0, 1), 1)
	case 'D':
		d.x = max(d.x-max(n(0, 1), 1), 0)
	case 'G':
		d.x = max(n(0, 1), 1) - 1
	case 'K':
		d.eraseLine(n(0, 0))
	case 'J':
		switch n(0, 0) {
		case 0:
			d.erase(d.y, d.x, d.want.w)
			for y := d.y + 1; y < d.want.h; y++ {
				d.erase(y, 0, d.want.w)
			}
		case 2: // an explicit clear: blank the terminal, whatever it shows
			d.want.clear()
			d.stale = true
		default:
			return false
		}
	default:
		return false
	}
	return true
}

func (d *Differ) print(glyph []byte, width int) {
	if d.y < d.want.h && d.x+width <= d.want.w && width <= 2 {
		d.want.put(d.x, d.y, width, d.text(glyph), d.look)
		d.dirty[d.y] = true
	}
	d.x += width
}

// mark adds a combining mark to the glyph before the cursor.
func (d *Differ) mark(mark []byte) {
	if d.y >= d.want.h || d.x < 1 || d.x > d.want.w {
		return
	}
	row, x := d.want.row(d.y), d.x-1
	if row[x].text == "" && x > 0 {
		x--
	}
	if len(row[x].text)+len(mark) <= 64 {
		row[x].text = d.text([]byte(row[x].text + string(mark)))
		d.dirty[d.y] = true
	}
}

// text returns the one copy of a glyph.
func (d *Differ) text(glyph []byte) string {
	s, ok := d.texts[string(glyph)]
	if !ok {
		if len(d.texts) > 4096 {
			clear(d.texts)
		}
		s = string(glyph)
		d.texts[s] = s
	}
	return s
}

func (d *Differ) eraseLine(mode int) {
	switch mode {
	case 0:
		d.erase(d.y, d.x, d.want.w)
	case 1:
		d.erase(d.y, 0, d.x+1)
	case 2:
		d.erase(d.y, 0, d.want.w)
	}
}

func (d *Differ) erase(y, from, end int) {
	if y < d.want.h {
		d.want.erase(y, from, end)
		d.dirty[y] = true
	}
}

// through passes a sequence on unchanged, after the frame before it.
func (d *Differ) through(seq []byte) {
	if d.alt {
		d.draw()
	}
	d.buf.Write(seq)
}

// mode follows the sequences that switch the alternate screen.
func (d *Differ) mode(seq []byte) {
	switch string(seq) {
	case ansi.SetModeAltScreenSaveCursor:
		d.alt, d.stale = true, true
		d.x, d.y, d.look = 0, 0, style{}
		d.want = grid{}
		d.resize()
		if d.want.w == 0 { // the size is not known: let everything through
			d.alt = false
		}
	case ansi.ResetModeAltScreenSaveCursor:
		d.alt = false
	}
}

func (d *Differ) flush() {
	d.buf.Reset()
	_ = d.send()
}

// send writes the buffer and, on the alternate screen, what changed: one write.
func (d *Differ) send() error {
	if d.alt {
		d.draw()
	}
	if d.buf.Len() == 0 {
		return nil
	}
	n, err := d.out.Write(d.buf.Bytes())
	d.sent += int64(n)
	if err != nil {
		d.stale = true
	}
	return err
}

// draw appends the changed cells to the buffer and records them as shown.
func (d *Differ) draw() {
	if d.stale {
		d.buf.WriteString("\x1b[m\x1b[2J")
		d.have.clear()
		for y := range d.dirty {
			d.dirty[y] = true
		}
		d.stale = false
	}
	now, moved := style{}, false
	for y, dirty := range d.dirty {
		if dirty {
			now = d.drawRow(y, now)
			d.dirty[y], moved = false, true
		}
	}
	if moved {
		style{}.writeTo(&d.buf, now)
	}
}

const gap = 3 // equal cells that are cheaper to send again than to jump over

// drawRow appends the changed cells of row y. now is the terminal's look before; drawRow returns its look after.
func (d *Differ) drawRow(y int, now style) style {
	want, have := d.want.row(y), d.have.row(y)
	end := len(want) // from here on the row is blank
	for end > 0 && want[end-1] == blank {
		end--
	}
	at := -1 // the terminal's column; -1 = not on this row
	move := func(x int) {
		switch {
		case at == x:
		case at >= 0 && x > at && at < len(want):
			d.csi(x-at, 'C')
		default:
			d.buf.WriteString("\x1b[")
			d.buf.WriteString(strconv.Itoa(y + 1))
			if x > 0 {
				d.buf.WriteByte(';')
				d.buf.WriteString(strconv.Itoa(x + 1))
			}
			d.buf.WriteByte('H')
		}
		at = x
	}
	for x := 0; x < end; x++ {
		if want[x] == have[x] {
			continue
		}
		from := x
		// rewrite the few cells between, in whole glyphs: at is never inside one
		if at >= 0 && at < x && x-at <= gap {
			from = at
		}
		for from > 0 && want[from].text == "" {
			from--
		}
		move(from)
		for ; at <= x && at < end; at++ {
			c := want[at]
			if c.text == "" {
				continue
			}
			c.style.writeTo(&d.buf, now)
			now = c.style
			d.buf.WriteString(c.text)
		}
		if at < len(want) && want[at].text == "" { // the glyph took two columns
			at++
		}
		x = at - 1
	}
	for x := end; x < len(want); x++ {
		if want[x] != have[x] {
			move(end)
			style{}.writeTo(&d.buf, now)
			now = style{}
			d.buf.WriteString("\x1b[K")
			break
		}
	}
	copy(have, want)
	return now
}

func (d *Differ) csi(n int, final byte) {
	d.buf.WriteString("\x1b[")
	if n != 1 {
		d.buf.WriteString(strconv.Itoa(n))
	}
	d.buf.WriteByte(final)
}
