package ptytest

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const sample = "\x1b[?1049h\x1b[2J\x1b[H\x1b[1;36m┏━ a\x1b[m b界漢 " +
	"e\u0301\x1b[60\x1b[2;3H\x1b[4C▉x\x1b[K\x1b]2;title\a\r\n\x1b[?25l🚀 end\x1b[10H\x1b[38;5;200mlast"

func TestPiecesOfAnySizeShowTheSame(t *testing.T) {
	whole := NewScreen(20, 5)
	whole.Write([]byte(sample))
	if !strings.Contains(whole.Text(), "┏━ a b界漢") ||
		strings.Join(whole.Modes(), ",") != "alternate screen,hidden cursor" {
		t.Fatalf("%v\n%s", whole.Modes(), whole.Text())
	}
	for n := 1; n < 30; n++ {
		v := NewScreen(20, 5)
		for from := 0; from < len(sample); from += n {
			v.Write([]byte(sample[from:min(from+n, len(sample))]))
		}
		if v.String() != whole.String() {
			t.Errorf("in pieces of %d bytes:\n%s\nat once:\n%s", n, v, whole)
		}
	}
}

func TestUnknownSequencesAreListedAndShowNothing(t *testing.T) {
	for _, r := range []struct {
		name, in, shows string
		unknown         []string
	}{
		{"the sample", sample, "", nil},
		{"escape twice", "a\x1b\x1b[1mb", "ab", nil},
		{"escapes alone", "a\x1b\x1b\x1b", "a", nil},
		{"half a sequence, then a whole one", "a\x1b[38;5\x1b[31mb", "ab", nil},
		{"half a sequence, then a glyph", "a\x1b[38;5é", "aé", nil},
		{"an escape sequence", "a\x1b7b", "ab", []string{"\x1b7"}},
		{"a control byte", "a\x05b", "ab", []string{"\x05"}},
		{"a question", "a\x1b[6nb", "ab", []string{"\x1b[6n"}},
		{"a question about a mode", "a\x1b[?2026$pb", "ab", []string{"\x1b[?2026$p"}},
		{"a look", "a\x1b[1;99mb", "ab", []string{"\x1b[1;99m"}},
		{"a colour cut short", "a\x1b[38;2;1mb", "ab", []string{"\x1b[38;2;1m"}},
		{"no colour at all", "a\x1b[48mb", "ab", []string{"\x1b[48m"}},
		{"far to the right", "\x1b[9223372036854775807Cb", strings.Repeat(" ", 19) + "b", nil},
	} {
		v := NewScreen(20, 5)
		v.Write([]byte(r.in))
		if !slices.Equal(v.Unknown(), r.unknown) {
			t.Errorf("%s: not known %q, want %q", r.name, v.Unknown(), r.unknown)
		}
		if first, _, _ := strings.Cut(v.Text(), "\n"); r.shows != "" && first != r.shows {
			t.Errorf("%s: shows %q, want %q", r.name, first, r.shows)
		}
	}
}

// No bytes, in whatever pieces, make the screen panic or put its cursor outside.
func FuzzScreen(f *testing.F) {
	f.Add([]byte(sample), uint8(20), uint8(5), uint8(1))
	f.Add([]byte("\x1b\x1b"), uint8(1), uint8(1), uint8(2))
	f.Add([]byte("\x1b[38;2;m\x1b[48m\x1b[;H\x1b7\x9b\xff"), uint8(3), uint8(2), uint8(3))
	f.Add([]byte("\x1b[99999999999999999999C\x1b[-9D\xe7\x95\x8c\x1b[K\x1b[99;99Hx\x1b[J\t\b\x7f"), uint8(2),
		uint8(2), uint8(7))
	f.Fuzz(func(t *testing.T, bytes []byte, w, h, size uint8) {
		v := NewScreen(1+int(w)%50, 1+int(h)%20)
		for piece := range slices.Chunk(bytes, 1+int(size)) {
			v.Write(piece)
			if v.x < 0 || v.x >= v.w || v.y < 0 || v.y >= v.h {
				t.Fatalf("the cursor is at %d, %d of %dx%d", v.x, v.y, v.w, v.h)
			}
		}
		if n := strings.Count(v.String(), "|\n"); n < v.h {
			t.Errorf("%d rows of %d", n, v.h)
		}
		if s := v.Text(); utf8.Valid(bytes) && !utf8.ValidString(s) {
			t.Errorf("shows %q", s)
		}
	})
}
