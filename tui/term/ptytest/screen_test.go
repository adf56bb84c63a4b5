package ptytest

import (
	"strings"
	"testing"
)

const sample = "\x1b[?1049h\x1b[2J\x1b[H\x1b[1;36m┏━ a\x1b[m b界漢 e\u0301\x1b[60\x1b[2;3H\x1b[4C▉x\x1b[K\x1b]2;title\a\r\n\x1b[?25l🚀 end\x1b[10H\x1b[38;5;200mlast"

func TestPiecesOfAnySizeShowTheSame(t *testing.T) {
	whole := NewScreen(20, 5)
	whole.Write([]byte(sample))
	if !strings.Contains(whole.Text(), "┏━ a b界漢") || strings.Join(whole.Modes(), ",") != "alternate screen,hidden cursor" {
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
