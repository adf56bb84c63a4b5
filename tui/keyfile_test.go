package tui

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestAKeyFileChangesTheTable(t *testing.T) {
	rows := []struct {
		name, file string
		key        string // on the dashboard
		want       action
	}{
		{"nothing", "", "p", actPause},
		{"comments and tables are skipped", "# mine\n\n[keys]\n", "p", actPause},
		{"one key", `fork = "K"`, "K", actFork},
		{"its old key is free", `fork = "K"`, "f", actNone},
		{"several", `fork = ["K", "ctrl+k"] # both`, "ctrl+k", actFork},
		{"single quotes", `fork = 'K'`, "K", actFork},
		{"the quote and the backslash", `fork = ["\"", "\\"]`, `"`, actFork},
		{"a blank by its name", "mark = []\nfork = \"space\"", " ", actFork},
		{"none", `fork = []`, "f", actNone},
		{"two actions swap keys", "fork = \"r\"\nretrain = \"f\"", "r", actFork},
		{"panes", `pane = ["B", "b", "d", "g", "h"]` + "\n" + `top = "home"`, "d", actPane3},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			k, err := ReadKeys("keys.toml", []byte(r.file))
			if err != nil {
				t.Fatal(err)
			}
			if got := k.rows().lookup(keyMsg(r.key), onDash); got != r.want {
				t.Errorf("%q does %d, want %d", r.key, got, r.want)
			}
		})
	}
	if keys.lookup(keyMsg("f"), onDash) != actFork {
		t.Error("reading a file has changed the default table")
	}
}

func TestAWrongKeyFileNamesItsLines(t *testing.T) {
	rows := []struct{ name, file, want string }{
		{"a clash with a default", `fork = "p"`,
			`keys.toml:1: "p" is both fork and pause (by default; another line can change it) in: dashboard, cell`},
		{"a clash of two lines", "\nfork = \"K\"\n\nretrain = \"K\"",
			`keys.toml:4: "K" is both retrain and fork (line 2) in: dashboard, cell`},
		{"an unknown action", `frok = "K"`, `keys.toml:1: unknown action "frok"; nasnet keys lists them`},
		{"an unknown key", `fork = "f5"`, `keys.toml:1: fork: unknown key "f5"`},
		{"a key that does not arrive", `fork = "ctrl+i"`, "terminals send ctrl+i as tab or enter"},
		{"no quotes", `fork = K`, "want a key in quotes"},
		{"an open quote", `fork = "K`, "a quote is not closed"},
		{"an open list", `fork = ["K"`, "want a comma or ]"},
		{"text after it", `fork = "K" x`, `want nothing after the keys, got "x"`},
		{"twice the same key", `fork = ["K", "K"]`, `"K" occurs twice`},
		{"twice the same action", "fork = \"K\"\nfork = \"J\"", "fork is already set in line 1"},
		{"no way out", `quit = []`, "quit needs a key"},
		{"too few panes", `pane = ["1", "2"]`, "pane needs 5 keys"},
		{"a line without a value", `fork`, "want name"},
		{"bytes", "\xff", "UTF-8"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			if _, err := ReadKeys("keys.toml", []byte(r.file)); err == nil || !strings.Contains(err.Error(), r.want) {
				t.Errorf("got  %v\nwant %s", err, r.want)
			}
		})
	}
	_, err := ReadKeys("k", []byte("a = 1\nfork = \"p\"\nb = 2"))
	if n := strings.Count(fmt.Sprint(err), "\n"); n != 2 {
		t.Errorf("not every line is named: %v", err)
	}
	_, err = ReadKeys("k", []byte(strings.Repeat("a = 1\n", 10000)))
	if n := strings.Count(fmt.Sprint(err), "\n") + 1; n != maxKeyErrors {
		t.Errorf("%d of 10,000 wrong lines are named, want %d", n, maxKeyErrors)
	}
}

func TestChangedKeysShowEverywhere(t *testing.T) {
	k, err := ReadKeys("keys.toml", []byte("fork = [\"ctrl+k\", \"K\"]\nopen = \"J\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	d := drive(t, busy(), 160, 48)
	d.m.keys = k.rows()
	if got := d.press("5").text(); !strings.Contains(got, "^k fork") || !strings.Contains(got, "J open") ||
		strings.Contains(got, "enter open") {
		t.Errorf("footer or hint:\n%s", got)
	}
	if got := d.press("?").text(); !strings.Contains(got, "^k K*") {
		t.Errorf("help:\n%s", got)
	}
	if d.press("esc", "K"); len(d.m.stack) != 2 {
		t.Error("the changed key does nothing")
	}
	if k, err = ReadKeys("keys.toml", []byte("quit-drain = \"s\"\nquit-stop = \"w\"\nyes = \"Y\"\n")); err != nil {
		t.Fatal(err)
	}
	d = drive(t, busy(), 120, 36)
	d.m.keys = k.rows()
	if got := d.press("q").text(); !strings.Contains(got, "s     end after the running children") ||
		!strings.Contains(got, "w     stop now") {
		t.Errorf("the keys that end a search:\n%s", got)
	}
	if got := d.press("esc", "4", "x").text(); !strings.Contains(got, "Y  yes      esc  no") {
		t.Errorf("a question:\n%s", got)
	}
}

func TestTheTableReadsBackAsAFile(t *testing.T) {
	var b strings.Builder
	names := map[string]bool{}
	for _, r := range (Keys{}).Rows() {
		if names[r.Name] || r.Name == "" || len(r.Places) == 0 {
			t.Errorf("row %+v", r)
		}
		names[r.Name] = true
		var quoted []string
		for _, k := range r.Keys {
			quoted = append(quoted, QuoteKey(k))
		}
		fmt.Fprintf(&b, "%s = [%s]\n", r.Name, strings.Join(quoted, ", "))
	}
	if len(names) != len(keys) {
		t.Errorf("%d names for %d rows", len(names), len(keys))
	}
	k, err := ReadKeys("keys.toml", []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range k.rows() {
		if r.changed != 0 || !slices.Equal(r.Keys(), keys[i].Keys()) {
			t.Errorf("%s reads back as %q", r.name, r.Keys())
		}
	}
}

func FuzzReadKeys(f *testing.F) {
	for _, s := range []string{"fork = \"K\"", "fork = [\"K\", 'J'] # x", "[a]\n\n#", "pane = [\"1\"", "a = [",
		"fork = \"\\", "fork = \"\\\"\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := ReadKeys("f", b)
		if err != nil {
			if s := err.Error(); !strings.HasPrefix(s, "f:") || len(s) > 10000 {
				t.Fatalf("error %q", s)
			}
			return
		}
		for i, s := range places {
			seen := map[string]bool{}
			for _, r := range k.rows() {
				for _, x := range r.Keys() {
					if r.on&s != 0 && seen[x] {
						t.Fatalf("%s: %q twice from %q", i, x, b)
					}
					seen[x] = seen[x] || r.on&s != 0
				}
			}
		}
	})
}
