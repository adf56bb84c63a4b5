package term

import (
	"reflect"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

func TestDetect(t *testing.T) {
	rows := []struct {
		name string
		env  map[string]string
		want Tier
	}{
		{"a UTF-8 locale gets Unicode", map[string]string{"LANG": "en_GB.UTF-8", "TERM": "xterm-256color"}, Unicode},
		{"C.UTF-8 is UTF-8", map[string]string{"LANG": "C.UTF-8", "TERM": "screen-256color", "TMUX": "x"}, Unicode},
		{"the Linux console gets its own font", map[string]string{"LANG": "en_GB.utf8", "TERM": "linux"}, CP437},
		{"LANG=C gets ASCII", map[string]string{"LANG": "C", "TERM": "xterm"}, ASCII},
		{"LANG=C gets ASCII on the console too", map[string]string{"LANG": "C", "TERM": "linux"}, ASCII},
		{"LC_ALL rules over LANG", map[string]string{"LC_ALL": "POSIX", "LANG": "en_GB.UTF-8"}, ASCII},
		{"LC_CTYPE rules over LANG", map[string]string{"LC_CTYPE": "en_GB.UTF-8", "LANG": "C"}, Unicode},
		{"a Latin-1 locale gets ASCII", map[string]string{"LANG": "de_DE.ISO-8859-1"}, ASCII},
		{"Chinese draws boxes two cells wide", map[string]string{"LANG": "zh_CN.UTF-8"}, ASCII},
		{"Japanese too", map[string]string{"LC_ALL": "ja_JP.UTF-8"}, ASCII},
		{"RUNEWIDTH_EASTASIAN=0 means narrow boxes",
			map[string]string{"LANG": "ko_KR.UTF-8", "RUNEWIDTH_EASTASIAN": "0"}, Unicode},
		{"RUNEWIDTH_EASTASIAN=1 means wide boxes",
			map[string]string{"LANG": "en_US.UTF-8", "RUNEWIDTH_EASTASIAN": "1"}, ASCII},
		{"no locale, plain terminal", map[string]string{"TERM": "xterm"}, Unicode},
		{"no locale inside tmux", map[string]string{"TERM": "tmux-256color", "TMUX": "/tmp/tmux-0/default,1,0"}, ASCII},
		{"the user has the last word", map[string]string{"LANG": "C", "NASNET_GLYPHS": "unicode"}, Unicode},
		{"and may ask for less", map[string]string{"LANG": "en_GB.UTF-8", "NASNET_GLYPHS": "ascii"}, ASCII},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			if got := Detect(func(k string) string { return r.env[k] }); got != r.want {
				t.Errorf("got %v, want %v", got, r.want)
			}
		})
	}
}

func TestEverySignIsThereAndOneCellWide(t *testing.T) {
	wide := map[string]int{"Branch": 2, "LastBranch": 2}
	var walk func(t *testing.T, tier Tier, name string, v reflect.Value)
	walk = func(t *testing.T, tier Tier, name string, v reflect.Value) {
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				walk(t, tier, v.Type().Field(i).Name, v.Field(i))
			}
		case reflect.String:
			want := max(1, wide[name])
			if got := ansi.StringWidth(v.String()); got != want {
				t.Errorf("%v: %s %q is %d cells, want %d", tier, name, v.String(), got, want)
			}
			if tier == ASCII {
				for _, b := range []byte(v.String()) {
					if b < 32 || b > 126 {
						t.Errorf("ascii: %s %q is not ASCII", name, v.String())
					}
				}
			}
		}
	}
	for _, tier := range []Tier{Unicode, CP437, ASCII} {
		walk(t, tier, "", reflect.ValueOf(GlyphsOf(tier)))
	}
}
