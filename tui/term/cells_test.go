package term

import (
	"strings"
	"testing"
)

func TestPutAndEraseKeepWideGlyphsWhole(t *testing.T) {
	rows := []struct {
		name string
		do   func(g grid)
		want string
	}{
		{"a narrow glyph over the left half", func(g grid) { g.put(1, 0, 1, "x", style{}) }, "ax b "},
		{"a narrow glyph over the right half", func(g grid) { g.put(2, 0, 1, "x", style{}) }, "a xb "},
		{"a wide glyph over the right half", func(g grid) { g.put(2, 0, 2, "字", style{}) }, "a 字 "},
		{"a wide glyph that would pass the edge", func(g grid) { g.put(4, 0, 2, "字", style{}) }, "a界b "},
		{"erasing from the right half on", func(g grid) { g.erase(0, 2, 5) }, "a    "},
		{"erasing up to the left half", func(g grid) { g.erase(0, 0, 2) }, "   b "},
		{"outside", func(g grid) { g.put(0, 7, 1, "x", style{}); g.put(-1, 0, 1, "x", style{}); g.erase(9, 0, 5) },
			"a界b "},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			g := newGrid(5, 1)
			g.put(0, 0, 1, "a", style{})
			g.put(1, 0, 2, "界", style{})
			g.put(3, 0, 1, "b", style{})
			r.do(g)
			var b strings.Builder
			for _, c := range g.row(0) {
				b.WriteString(c.text)
			}
			if b.String() != r.want {
				t.Errorf("got %q, want %q", b.String(), r.want)
			}
		})
	}
}
