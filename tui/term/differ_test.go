package term

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"nasnet/tui/term/ptytest"
)

// renderer writes frames the way Bubble Tea's standard renderer does on the alternate screen: home, then line by line,
// lines equal to the last frame's skipped, each line erased to its end, the cursor at the start of the last line.
type renderer struct {
	w, h  int
	last  []string
	count int // lines of the last frame; a repaint forgets the lines, not this
}

func (r *renderer) frame(lines []string) string {
	if len(lines) > r.h {
		lines = lines[len(lines)-r.h:]
	}
	var b strings.Builder
	b.WriteString(ansi.CursorHomePosition)
	for i, line := range lines {
		if i < len(r.last) && r.last[i] == line {
			if i < len(lines)-1 {
				b.WriteByte('\n')
			}
			continue
		}
		line := ansi.Truncate(line, r.w, "")
		b.WriteString(line)
		if ansi.StringWidth(line) < r.w {
			b.WriteString(ansi.EraseLineRight)
		}
		if i < len(lines)-1 {
			b.WriteString("\r\n")
		}
	}
	// On a terminal with deferred wrap, erasing below a line that fills the width also erases its last cell; the differ
	// keeps it. This case is not compared.
	if r.count > len(lines) && ansi.StringWidth(lines[len(lines)-1]) < r.w {
		b.WriteString(ansi.EraseScreenBelow)
	}
	fmt.Fprintf(&b, "\x1b[%dH", len(lines))
	r.last, r.count = lines, len(lines)
	return b.String()
}

const enter = ansi.SetModeAltScreenSaveCursor

var pieces = []string{
	"a", "b", "progress 12%", "x", " ", "   ", "        ", "─", "│", "█", "▏", "▁▂▃", "●", "⊕", "界", "漢字", "é",
	"e\u0301", "👍", "👩‍🚀",
	"\x1b[1m", "\x1b[m", "\x1b[0m", "\x1b[31m", "\x1b[92m", "\x1b[7m", "\x1b[22m", "\x1b[27m", "\x1b[39m", "\x1b[44m",
	"\x1b[1;34m", "\x1b[38;5;200m", "\x1b[48;2;1;2;3m", "\x1b[0;4m",
}

func randomLine(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(14) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	b.WriteString("\x1b[m")
	return b.String()
}

// play sends the same random frames to two terminals, one through the differ and one directly, and compares the screens
// after each.
func play(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 7))
	w, h := 1+r.IntN(40), 1+r.IntN(12)
	plain, diffed := ptytest.NewScreen(w, h), ptytest.NewScreen(w, h)
	d := NewDifferSize(diffed, func() (int, int) { return w, h })
	rend := &renderer{w: w, h: h}
	both := func(s string) {
		plain.Write([]byte(s))
		if n, err := d.Write([]byte(s)); n != len(s) || err != nil {
			t.Fatalf("Write: %d, %v", n, err)
		}
	}
	both("\x1b[?25l")
	both(enter)
	both(ansi.EraseEntireScreen)
	both(ansi.CursorHomePosition)
	lines := make([]string, h)
	for step := range 30 {
		for i := range lines {
			if r.IntN(3) == 0 {
				lines[i] = randomLine(r)
			}
		}
		act := r.IntN(12)
		switch act {
		case 0: // the terminal changes its size and may show anything
			for was := [2]int{w, h}; was == [2]int{w, h}; {
				w, h = 1+r.IntN(40), 1+r.IntN(12)
			}
			plain, lines = ptytest.NewScreen(w, h), make([]string, h)
			diffed.Resize(w, h)
			for range 40 {
				diffed.Scribble(r.IntN(w*h), "?")
			}
			rend = &renderer{w: w, h: h, count: rend.count}
		case 1: // redraw
			rend.last = nil
			both(ansi.EraseEntireScreen)
			both(ansi.CursorHomePosition)
		case 2: // another program wrote on the screen
			diffed.Scribble(r.IntN(w*h), "!")
			d.Invalidate()
		case 3:
			both("\x1b]2;title\a\x1b[?2004h")
		}
		n := len(lines)
		if act != 0 && r.IntN(4) == 0 { // a shorter frame
			n = 1 + r.IntN(n)
		}
		both(rend.frame(append([]string(nil), lines[:n]...)))
		if a, b := plain.String(), diffed.String(); a != b {
			t.Fatalf("seed %d step %d (%dx%d): the screens differ\nplain:\n%s\nthrough the differ:\n%s", seed,
				step, w, h, a, b)
		}
		if u := append(plain.Unknown(), diffed.Unknown()...); len(u) > 0 {
			t.Fatalf("seed %d step %d: sent %q", seed, step, u)
		}
		if diffed.Wrapped() {
			t.Fatalf("seed %d step %d: a line wrapped or the screen scrolled", seed, step)
		}
	}
}

func TestTheDifferShowsWhatThePlainRendererShows(t *testing.T) {
	for seed := range uint64(600) {
		play(t, seed)
	}
}

func FuzzDiffer(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed)
	}
	f.Fuzz(play)
}

// wire is a terminal that remembers each write.
type wire struct{ writes []string }

func (w *wire) Write(p []byte) (int, error) {
	w.writes = append(w.writes, string(p))
	return len(p), nil
}

func TestBytesOnTheWire(t *testing.T) {
	long := strings.Repeat("abcdefghij", 8)
	rows := []struct {
		name   string
		before string // a frame
		after  string // the next
		want   string // what the terminal is sent for it
	}{
		{"nothing changed, nothing sent", long, long, ""},
		{"one cell", "loss 0.51", "loss 0.52", "\x1b[1;9H2"},
		{"a gap of three is rewritten", "a123b", "x123y", "\x1b[1Hx123y"},
		{"a gap of four is jumped over", "a1234b", "x1234y", "\x1b[1Hx\x1b[4Cy"},
		{"a shorter line is erased to its end", "progress", "prog", "\x1b[1;5H\x1b[K"},
		{"a colour alone is a change", "ab", "a\x1b[31mb\x1b[m", "\x1b[1;2H\x1b[31mb\x1b[m"},
		{"a look is set once for a run", "abc", "\x1b[1;32mxyz\x1b[m", "\x1b[1H\x1b[1;32mxyz\x1b[m"},
		{"the last column is written without a wrap", strings.Repeat("a", 80), strings.Repeat("a", 79) + "b",
			"\x1b[1;80Hb"},
		{"both halves of a removed wide glyph are overwritten", "界b", "a b", "\x1b[1Ha "},
		{"a new wide glyph", "a b", "界b", "\x1b[1H界"},
		{"another row", "a\nb", "a\nc", "\x1b[2Hc"},
		{"colours 8 to 15 are sent as 90 to 97", "a", "\x1b[95mb\x1b[m", "\x1b[1H\x1b[95mb\x1b[m"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			out := &wire{}
			d := NewDifferSize(out, func() (int, int) { return 80, 24 })
			rend := &renderer{w: 80, h: 24}
			for _, s := range []string{enter, ansi.EraseEntireScreen, ansi.CursorHomePosition,
				rend.frame(strings.Split(r.before, "\n"))} {
				d.Write([]byte(s))
			}
			out.writes = nil
			d.Write([]byte(rend.frame(strings.Split(r.after, "\n"))))
			if got := strings.Join(out.writes, ""); got != r.want {
				t.Errorf("sent %q, want %q", got, r.want)
			}
			if len(out.writes) > 1 {
				t.Errorf("%d writes for a frame, want one", len(out.writes))
			}
		})
	}
}

func TestOutsideTheAlternateScreenNothingIsTouched(t *testing.T) {
	out := &wire{}
	d := NewDifferSize(out, func() (int, int) { return 80, 24 })
	in := []string{"plain text\r\n", "\x1b[31mred\x1b[m", "\x1b[?25l", "\x1b[?2004h", "\x1b[2J"}
	for _, s := range in {
		d.Write([]byte(s))
	}
	if got := strings.Join(out.writes, "|"); got != strings.Join(in, "|") {
		t.Errorf("got %q", got)
	}
	if d.Sent() != int64(len(strings.Join(in, ""))) {
		t.Errorf("Sent %d", d.Sent())
	}
}

func TestLeavingTheAlternateScreenSendsTheModeAndStopsDiffing(t *testing.T) {
	out := &wire{}
	d := NewDifferSize(out, func() (int, int) { return 80, 24 })
	for _, s := range []string{enter, "\x1b[Hhello", ansi.ResetModeAltScreenSaveCursor, "bye\n"} {
		d.Write([]byte(s))
	}
	all := strings.Join(out.writes, "")
	if !strings.HasSuffix(all, ansi.ResetModeAltScreenSaveCursor+"bye\n") || !strings.Contains(all, "hello") {
		t.Errorf("got %q", all)
	}
}

func TestAnUnknownSizeLetsEverythingThrough(t *testing.T) {
	out := &wire{}
	d := NewDifferSize(out, func() (int, int) { return 0, 0 })
	in := enter + "\x1b[Hhello\x1b[K\r\nworld"
	d.Write([]byte(in))
	if got := strings.Join(out.writes, ""); got != in {
		t.Errorf("got %q, want %q", got, in)
	}
}

func TestAFailedWriteIsDrawnAgain(t *testing.T) {
	vt := ptytest.NewScreen(10, 2)
	broken := true
	d := NewDifferSize(writerFunc(func(p []byte) (int, error) {
		if broken {
			return 0, fmt.Errorf("gone")
		}
		return vt.Write(p)
	}), func() (int, int) { return 10, 2 })
	d.Write([]byte(enter))
	if _, err := d.Write([]byte("\x1b[Hhello\r\n")); err == nil {
		t.Error("the terminal's error is lost")
	}
	broken = false
	d.Write([]byte("\x1b[2Hworld"))
	if got := vt.String(); !strings.Contains(got, "hello") || !strings.Contains(got, "world") {
		t.Errorf("screen after the terminal came back:\n%s", got)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func BenchmarkDiffer(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	lines := make([]string, 48)
	for i := range lines {
		lines[i] = ansi.Truncate(strings.Repeat("│ sep3x3 ─────⊕─ b0 0.7512 ", 8), 160, "")
	}
	d := NewDifferSize(&bytes.Buffer{}, func() (int, int) { return 160, 48 })
	rend := &renderer{w: 160, h: 48}
	d.Write([]byte(enter))
	b.ReportAllocs()
	var bytesIn int
	for b.Loop() {
		for range 4 {
			i := r.IntN(48)
			lines[i] = lines[i][:20] + fmt.Sprintf("%04d", r.IntN(10000)) + lines[i][24:]
		}
		f := rend.frame(append([]string(nil), lines...))
		bytesIn += len(f)
		d.Write([]byte(f))
	}
	b.ReportMetric(float64(d.Sent())/float64(b.N), "B-out/frame")
	b.ReportMetric(float64(bytesIn)/float64(b.N), "B-in/frame")
}
