package tui

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"nasnet/nas"
	"nasnet/tui/term"
)

func typeName(v any) string { return fmt.Sprintf("%T", v) }

// places maps the names of places to their scopes.
var places = func() map[string]scope {
	on := map[string]scope{}
	for _, r := range screens {
		on[r.place] = r.on
	}
	return on
}()

func TestNoKeyCollidesWithAnotherProgram(t *testing.T) {
	taken := regexp.MustCompile(`^(ctrl\+[abqsim]|ctrl\+\\|alt\+.*|f[0-9]+|shift\+enter|ctrl\+enter)$`)
	for _, b := range keys {
		for _, k := range b.Keys() {
			if taken.MatchString(k) {
				t.Errorf("%q (%s) is a key of screen, tmux, flow control, or does not reach every program", k,
					b.Help().Desc)
			}
		}
	}
}

func TestAKeyHasOneMeaningPerPlace(t *testing.T) {
	for name, s := range places {
		seen := map[string]string{}
		for _, b := range keys {
			if b.on&s == 0 {
				continue
			}
			for _, k := range b.Keys() {
				if was, ok := seen[k]; ok {
					t.Errorf("%s: %q is both %q and %q", name, k, was, b.Help().Desc)
				}
				seen[k] = b.Help().Desc
			}
		}
	}
}

func TestEveryRowIsComplete(t *testing.T) {
	for _, b := range keys {
		if b.do == actNone || b.on == 0 || b.Help().Key == "" || b.Help().Desc == "" ||
			!slices.Contains(groups, b.group) || len(b.Keys()) == 0 {
			t.Errorf("row %+v is not complete", b)
		}
	}
}

func TestTheHelpListsEveryKey(t *testing.T) {
	for _, tier := range []term.Tier{term.Unicode, term.ASCII} {
		th := newTheme(tier, mono)
		for _, w := range []int{40, 76, 156} {
			help := strings.Join((&look{theme: th, keys: keys}).helpLines(w), "\n")
			for _, b := range keys {
				if !strings.Contains(stripped(help), b.Help().Desc) || !strings.Contains(stripped(help), th.shown(b)) {
					t.Errorf("%v, %d wide: no %q %q", tier, w, th.shown(b), b.Help().Desc)
				}
			}
		}
	}
}

// names maps how a key is written to what Bubble Tea calls it.
var names = map[string]string{"^u": "ctrl+u", "^d": "ctrl+d", "^l": "ctrl+l", "^z": "ctrl+z", "^c": "ctrl+c",
	"^r": "ctrl+r", "^t": "ctrl+t", "↑": "up", "↓": "down",
	"←": "left", "→": "right", "←→": "left", "1-5": "3", "space": " ", "pgdn": "pgdown", "shift-tab": "shift+tab"}

func TestTheKeysShownAreTheKeysThatWork(t *testing.T) {
	for _, b := range keys {
		for _, k := range strings.Fields(b.Help().Key) {
			if n, ok := names[k]; ok {
				k = n
			}
			if !slices.Contains(b.Keys(), k) {
				t.Errorf("%q is written for %q, which has %q", k, b.Help().Desc, b.Keys())
			}
		}
	}
}

func TestTheKeysInTheFooterWork(t *testing.T) {
	th := newTheme(term.Unicode, mono)
	part := regexp.MustCompile(`(\S+) ([a-z][a-z/ ]*?)(?:  |$)`)
	for name, s := range places {
		if s == onDigest { // any key closes it
			continue
		}
		for _, w := range []int{30, 80, 160} {
			footer := strings.TrimSpace(stripped((&look{theme: th, keys: keys}).footer(s, w, false)))
			found := part.FindAllStringSubmatch(footer, -1)
			if len(found) == 0 {
				t.Errorf("%s: no keys in the footer %q", name, footer)
			}
			for _, f := range found {
				k := f[1]
				if n, ok := names[k]; ok {
					k = n
				}
				a := keys.lookup(keyMsg(k), s)
				i := slices.IndexFunc(keys, func(b binding) bool { return b.do == a && b.on&s != 0 && b.short == f[2] })
				if a == actNone || i < 0 {
					t.Errorf("%s: %q in the footer is not %q", name, f[1], f[2])
				}
			}
			if s&onScreens != 0 && !strings.HasSuffix(footer, "q quit  ? help") {
				t.Errorf("%s at %d columns: the footer %q does not end with the keys to quit and for help",
					name, w, footer)
			}
		}
	}
}

func TestTheKeyThatPausesSaysWhenItResumes(t *testing.T) {
	for state, want := range map[nas.State]string{nas.Running: " p pause ", nas.Paused: " p resume ",
		nas.Draining: " p resume "} {
		s := *busy()
		s.State = state
		if got := drive(t, &s, 80, 24).text(); !strings.Contains(got, want) {
			t.Errorf("%s: no %q in\n%s", state, want, got)
		}
	}
}

func TestIrreversibleActionsAskForAnotherKey(t *testing.T) {
	d := drive(t, busy(), 80, 24)
	d.press("x", "x", "enter", " ", "Y")
	if n := len(d.e.commands()); n != 0 {
		t.Fatalf("%d commands were sent without a yes", n)
	}
	d.press("y")
	if c := d.last(); c.Do != "stop-trial" || c.Trial != 1285 {
		t.Errorf("got %+v", c)
	}
	d = drive(t, busy(), 80, 24)
	d.press("q", "q", "enter", "y", "d", "esc", "ctrl+c", "ctrl+c")
	if n := len(d.e.commands()); n != 0 || d.quit {
		t.Errorf("%d commands, quit %v: the quit dialog acts on keys that are not its own", n, d.quit)
	}
}

func TestTheHelpNamesTheLog(t *testing.T) {
	d := drive(t, busy(), 80, 24)
	if got := d.press("?").text(); strings.Contains(got, "errors are in") {
		t.Errorf("a log is named, but there is none:\n%s", got)
	}
	d.m.options.LogPath = "runs/a1/interface.log"
	if got := d.press("j").text(); !strings.Contains(got, "errors are in runs/a1/interface.log") {
		t.Errorf("no path of the log in\n%s", got)
	}
}
