package tui

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"nasnet/tui/term"
)

var update = flag.Bool("update", false, "rewrite the golden frames; read the diff")

// TestGoldenFrames compares every screen at three sizes with the frames in testdata/golden, from fixtures with a frozen
// clock.
func TestGoldenFrames(t *testing.T) {
	sizes := [][2]int{{80, 24}, {120, 36}, {160, 48}}
	small := [][2]int{{60, 15}, {40, 10}, {20, 6}}
	rows := []struct {
		name, fixture string
		keys          []string
		sizes         [][2]int
		tier          term.Tier
	}{
		{"dashboard", "busy", nil, append(sizes, small...), term.Unicode},
		{"dashboard-start", "fresh", nil, sizes[:1], term.Unicode},
		{"dashboard-first-reward", "first", nil, sizes, term.Unicode},
		{"dashboard-paused", "paused", nil, sizes[:1], term.Unicode},
		{"dashboard-end", "done", nil, sizes[:1], term.Unicode},
		{"dashboard-top-cells", "busy", []string{"5", "j", "j"}, sizes[:1], term.Unicode},
		{"dashboard-zoom-reward", "busy", []string{"1", "z"}, sizes[:1], term.Unicode},
		{"dashboard-zoom-controller", "busy", []string{"2", "z"}, sizes[:1], term.Unicode},
		{"dashboard-zoom-droppath", "busy", []string{"3", "z"}, sizes[:1], term.Unicode},
		{"dashboard-zoom-children", "busy", []string{"z"}, sizes[:1], term.Unicode},
		{"dashboard-cp437", "busy", nil, sizes[:1], term.CP437},
		{"dashboard-ascii", "busy", nil, [][2]int{sizes[0], sizes[2]}, term.ASCII},
		{"cell", "busy", []string{"5", "enter"}, append(sizes, small[0]), term.Unicode},
		{"cell-reduction", "busy", []string{"5", "enter", "tab"}, sizes[:1], term.Unicode},
		{"cell-in-training", "busy", []string{"enter"}, sizes, term.Unicode},
		{"cell-failed", "busy", []string{"j", "j", "j", "j", "j", "enter"}, sizes[:2], term.Unicode},
		{"cell-ascii", "busy", []string{"5", "enter"}, sizes[:1], term.ASCII},
		{"retrain", "busy", []string{"5", "r"}, append(sizes, small[0]), term.Unicode},
		{"retrain-wrong", "busy", []string{"5", "r", "tab", "tab", "tab", "tab", "tab", "tab", "x", "enter"}, sizes[:1],
			term.Unicode},
		{"fork", "busy", []string{"f"}, append(sizes, small[0]), term.Unicode},
		{"compare", "busy", []string{"5", " ", "j", " ", "c"}, append(sizes, small[0]), term.Unicode},
		{"compare-reduction", "busy", []string{"5", "j", "c", "tab", "d", "d"}, [][2]int{sizes[0], {200, 60}},
			term.Unicode},
		{"compare-ladder", "busy", []string{"5", " ", "j", " ", "c", "v"}, sizes[:1], term.Unicode},
		{"compare-ascii", "busy", []string{"5", " ", "j", " ", "c"}, sizes[1:2], term.ASCII},
		{"edit", "busy", []string{"5", "e", "j", "j", "j", "j", "j", "o", "o", "j", "j", "i", "i"},
			append(sizes, small[0]), term.Unicode},
		{"edit-start", "busy", []string{"5", "j", "e", "tab"}, sizes[:1], term.Unicode},
		{"edit-invalid", "busy", []string{"5", "e", "n", "G", "I", "N"}, sizes, term.Unicode},
		{"edit-taken", "busy", []string{"5", " ", "j", " ", "c", "d", "enter", "t"}, sizes[1:2], term.Unicode},
		{"edit-leave", "busy", []string{"5", "e", "o", "esc"}, sizes[:1], term.Unicode},
		{"edit-ascii", "busy", []string{"5", "e", "o"}, sizes[:1], term.ASCII},
		{"policy", "busy", []string{"H"}, append(sizes, small[0]), term.Unicode},
		{"policy-reduction", "busy", []string{"H", "tab"}, sizes[:1], term.Unicode},
		{"policy-decisions", "busy", []string{"H", "v", "j", "j"}, sizes, term.Unicode},
		{"policy-steps", "busy", []string{"H", "v", "v"}, sizes[:2], term.Unicode},
		{"policy-start", "fresh", []string{"H"}, sizes[:1], term.Unicode},
		{"policy-collapsed", "collapsed", []string{"H"}, sizes[:1], term.Unicode},
		{"dashboard-collapsed", "collapsed", nil, sizes[:1], term.Unicode},
		{"policy-ascii", "busy", []string{"H"}, sizes[:1], term.ASCII},
		{"front", "costs", []string{"a", "j"}, append(sizes, small[0]), term.Unicode},
		{"front-latency", "costs", []string{"a", "v", "G"}, sizes[:1], term.Unicode},
		{"front-unmeasured", "busy", []string{"a", "v"}, sizes[:1], term.Unicode},
		{"front-ascii", "costs", []string{"a"}, sizes[:1], term.ASCII},
		{"standings", "retrained", []string{"l", "j", "v"}, append(sizes, small[0]), term.Unicode},
		{"standings-open", "retrained", []string{"l"}, sizes[:1], term.Unicode},
		{"standings-ascii", "retrained", []string{"l", "v"}, sizes[2:], term.ASCII},
		{"retrain-marked", "retrained", []string{"5", "j", " ", "j", " ", "j", " ", "r", "right"}, sizes, term.Unicode},
		{"cell-latency", "costs", []string{"5", "enter"}, sizes[:1], term.Unicode},
		{"cell-measured", "busy", []string{"5", "enter", "m"}, sizes, term.Unicode},
		{"top-cells-latency", "costs", []string{"5", "o", "o", "o", "z"}, [][2]int{sizes[0], sizes[2]}, term.Unicode},
		{"runs", "busy", []string{"R", "j"}, append(sizes, small[0]), term.Unicode},
		{"runs-filter", "busy", []string{"R", "/", "a", "1"}, sizes[:1], term.Unicode},
		{"runs-broken", "busy", []string{"R", "G"}, sizes[:1], term.Unicode},
		{"runs-visit", "busy", []string{"R", "j", "enter"}, sizes[:1], term.Unicode},
		{"log-filter", "busy", []string{"L", "/", "f", "a", "i", "l", "enter"}, sizes[:1], term.Unicode},
		{"top-cells-sorted", "busy", []string{"5", "o", "/", "s", "7", "enter", "z"}, sizes[:1], term.Unicode},
		{"digest", "busy", []string{"(away)", "j"}, append(sizes, small[0]), term.Unicode},
		{"palette", "busy", []string{":", "w", "o"}, append(sizes[:1:1], small[0]), term.Unicode},
		{"write", "busy", []string{"5", "w"}, sizes[:1], term.Unicode},
		{"cell-paper", "busy", []string{"5", "enter", "v"}, sizes[2:], term.Unicode},
		{"cell-list", "busy", []string{"5", "enter", "v"}, [][2]int{sizes[0], small[0]}, term.Unicode},
		{"marked", "busy", []string{" ", "5", "j", " "}, sizes[:1], term.Unicode},
		{"quit", "busy", []string{"q"}, sizes[:1], term.Unicode},
		{"stop-child", "busy", []string{"x"}, sizes[:1], term.Unicode},
		{"note", "busy", []string{"5", "n"}, sizes[:1], term.Unicode},
		{"help", "busy", []string{"?"}, append(sizes, small[0]), term.Unicode},
		{"log", "busy", []string{"L"}, sizes, term.Unicode},
		{"hostile-text", "trouble", nil, [][2]int{sizes[0], sizes[2]}, term.Unicode},
	}
	seen := map[string]bool{}
	for _, r := range rows {
		for _, s := range r.sizes {
			name := fmt.Sprintf("%s-%dx%d", r.name, s[0], s[1])
			seen[name+".txt"] = true
			t.Run(name, func(t *testing.T) {
				got := drive(t, snapshots[r.fixture](), s[0], s[1]).tier(r.tier, false).press(r.keys...).text()
				path := filepath.Join("testdata", "golden", name+".txt")
				if *update {
					if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if got != string(want) {
					t.Errorf("the frame differs from %s (-update rewrites it):\n%s", path,
						diffLines(string(want), got))
				}
				if r.tier == term.ASCII {
					if at := strings.IndexFunc(got, func(r rune) bool { return r > 126 }); at >= 0 {
						t.Errorf("not ASCII: %q", got[at:min(len(got), at+20)])
					}
				}
			})
		}
	}
	files, err := os.ReadDir(filepath.Join("testdata", "golden"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !seen[f.Name()] {
			t.Errorf("testdata/golden/%s belongs to no test", f.Name())
		}
	}
}

func diffLines(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	var b strings.Builder
	for i := range max(len(w), len(g)) {
		a, c := "", ""
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			c = g[i]
		}
		if a != c {
			fmt.Fprintf(&b, "%3d -%s\n    +%s\n", i+1, a, c)
		}
	}
	return b.String()
}

var sgr = regexp.MustCompile("\x1b\\[([0-9;]*)m")

func TestOnlyAllowedLooksAreUsed(t *testing.T) {
	rows := []struct {
		name    string
		colour  bool
		allowed *regexp.Regexp // of the parameters of each SGR sequence
		must    string         // some sequence of it must be there
	}{
		{"without colour bold and reverse remain, and nothing else", false,
			regexp.MustCompile(`^(|0|1|7|1;7)$`), "\x1b[1m"},
		{"with colour only the 16 of the terminal are used, and none of them is grey on black", true,
			regexp.MustCompile(`^(|0|1|7|((1|7);)*(3[1-7]|9[1-7]))$`), "\x1b[36m"},
	}
	screens := [][]string{nil, {"5"}, {"enter"}, {"5", "enter"}, {"r"}, {"f"}, {"5", "j", "c"}, {"5", "e", "o"}, {"H"},
		{"H", "v"}, {"a"}, {"l"}, {"R"}, {"R", "/"}, {"(away)", "j"}, {":"}, {"w"}, {"5", "enter", "v"}, {"q"}, {"x"},
		{"n"}, {"?"}, {"L"}}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			for fixture, made := range snapshots {
				for _, keys := range screens {
					frame := strings.Join(drive(t, made(), 160, 48).tier(term.Unicode, r.colour).press(keys...).frame(),
						"\n")
					for _, m := range sgr.FindAllStringSubmatch(frame, -1) {
						if !r.allowed.MatchString(m[1]) {
							t.Fatalf("%s %v: SGR %q", fixture, keys, m[1])
						}
					}
					if strings.Contains(sgr.ReplaceAllString(frame, ""), "\x1b") {
						t.Fatalf("%s %v: an escape sequence that is no SGR", fixture, keys)
					}
					if !strings.Contains(frame, r.must) {
						t.Errorf("%s %v: no %q at all", fixture, keys, r.must)
					}
				}
			}
		})
	}
}

func TestTChangesTheColours(t *testing.T) {
	d := drive(t, busy(), 160, 48).tier(term.Unicode, true)
	seen := map[string]string{}
	for range palettes {
		frame := strings.Join(d.press("T").frame(), "\n")
		name := d.m.palette.String()
		if !strings.Contains(frame, "theme "+name) {
			t.Errorf("%s: it does not name the theme", name)
		}
		var all []string
		for _, m := range sgr.FindAllStringSubmatch(frame, -1) {
			all = append(all, m[1])
			if name == "mono" && !regexp.MustCompile(`^(|0|1|7|1;7)$`).MatchString(m[1]) ||
				!regexp.MustCompile(`^(|0|1|7|((1|7);)*(3[1-7]|9[1-7]))$`).MatchString(m[1]) {
				t.Fatalf("%s: SGR %q", name, m[1])
			}
		}
		if was, ok := seen[strings.Join(all, " ")]; ok {
			t.Errorf("%s looks like %s", name, was)
		}
		seen[strings.Join(all, " ")] = name
	}
}

func TestEveryStateReadsWithoutColour(t *testing.T) {
	rows := []struct {
		name, fixture string
		keys          []string
		want          []string
	}{
		{"a running search says so", "busy", nil, []string{"▸ running", "1284/20000"}},
		{"a paused one too, with its reason", "paused", nil, []string{"‖ paused", "all trials of 2 batches"}},
		{"and its children", "paused", []string{"z"}, []string{"‖ paused"}},
		{"a finished one", "done", nil, []string{"✓ done", "1284/1284"}},
		{"a failed child and its reason", "busy", []string{"z"}, []string{"✗ 1280", "failed: loss is NaN"}},
		{"a repeat", "busy", []string{"z"}, []string{"✓ 1279", "repeat"}},
		{"a stopped child", "busy", []string{"z"}, []string{"▪ 1277", "stopped"}},
		{"a starred cell", "busy", nil, []string{"★   1 a9be"}},
		{"the child under the cursor", "busy", nil, []string{"▸a 1285"}},
		{"places on the DropPath chart", "busy", nil, []string{" b 1286", "c h2"}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			got := drive(t, snapshots[r.fixture](), 100, 30).press(r.keys...).text()
			for _, w := range r.want {
				if !strings.Contains(got, w) {
					t.Errorf("no %q in\n%s", w, got)
				}
			}
		})
	}
}

func TestNoTitleIsCutAt120Columns(t *testing.T) {
	cut := regexp.MustCompile(`(?m)^[╭┏].*…[^│┃]*[╮┓]$`)
	for _, keys := range [][]string{{"a"}, {"l"}, {"5", "e"}, {"5"}, {"H"}, {"R"}} {
		got := drive(t, retrained(), 120, 36).press(keys...).text()
		if line := cut.FindString(got); line != "" {
			t.Errorf("%v: %s", keys, line)
		}
	}
	if got := drive(t, busy(), 120, 36).press("5", "e").text(); !strings.Contains(got, "… 2 more") {
		t.Errorf("the editor does not say that more ops exist:\n%s", got)
	}
}
