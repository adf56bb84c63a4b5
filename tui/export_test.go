package tui

import (
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas"
	"nasnet/nas/space"
)

func TestEveryScreenWritesWhatItShows(t *testing.T) {
	rows := []struct {
		name  string
		keys  []string
		files []string
	}{
		{"dashboard", []string{"5"}, []string{"cell-a9be73.json", "cell-a9be73.svg", "cell-a9be73.dot",
			"cell-a9be73.txt", "cell-a9be73-darts.txt", "curve-1107.csv", "top-cells.csv",
			"rewards.csv", "updates.csv", "snapshot.json", "screen.txt", "screen.svg"}},
		{"cell", []string{"5", "enter"}, []string{"cell-a9be73.json", "curve-1107.csv", "screen.txt", "screen.svg"}},
		{"editor", []string{"5", "e", "o"}, []string{"cell-ac8995.json", "screen.txt", "screen.svg"}},
		{"compare", []string{"5", "j", "c"}, []string{"compare-c791-a9be.csv", "cell-a9be73.svg", "screen.txt",
			"screen.svg"}},
		{"policy", []string{"H"}, []string{"probabilities.csv", "entropies.csv", "updates.csv", "screen.txt",
			"screen.svg"}},
		{"log", []string{"L"}, []string{"events.jsonl", "screen.txt", "screen.svg"}},
		{"runs", []string{"R"}, []string{"runs.csv", "screen.txt", "screen.svg"}},
		{"help", []string{"?"}, []string{"screen.txt", "screen.svg"}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			d := drive(t, busy(), 120, 36).press(r.keys...).press("w")
			menu, ok := d.m.top().(*menuDialog)
			if !ok {
				t.Fatalf("w opens %T", d.m.top())
			}
			var have []string
			for _, x := range menu.items {
				have = append(have, x.hint)
			}
			for range menu.items { // each in turn: write, and open the menu again
				d.press("enter")
				if m, again := d.m.top().(*menuDialog); again {
					t.Fatalf("the menu stays: %+v", m)
				}
				at := menu.at
				d.press("w")
				menu = d.m.top().(*menuDialog)
				for range at + 1 {
					d.press("down")
				}
			}
			for _, f := range r.files {
				if !slices.Contains(have, f) {
					t.Errorf("%s is not offered: %q", f, have)
				} else if d.e.files[f] == "" {
					t.Errorf("%s was not written, or is empty", f)
				}
			}
			for name, content := range d.e.files {
				checkFile(t, name, content)
			}
		})
	}
}

// checkFile parses a file as its users will.
func checkFile(t *testing.T, name, content string) {
	t.Helper()
	var err error
	switch {
	case strings.HasSuffix(name, ".csv"):
		var rows [][]string
		if rows, err = csv.NewReader(strings.NewReader(content)).ReadAll(); err == nil && len(rows) < 2 {
			err = errors.New("no rows")
		}
	case strings.HasSuffix(name, ".svg"):
		for d := xml.NewDecoder(strings.NewReader(content)); err == nil; {
			_, err = d.Token()
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
	case strings.HasPrefix(name, "cell-") && strings.HasSuffix(name, ".json"):
		_, err = space.ParseJSON([]byte(content))
	case strings.HasSuffix(name, ".json"):
		err = json.Unmarshal([]byte(content), new(nas.Snapshot))
	case strings.HasSuffix(name, ".jsonl"):
		for _, l := range strings.Split(strings.TrimSpace(content), "\n") {
			if err = json.Unmarshal([]byte(l), new(map[string]any)); err != nil {
				break
			}
		}
	case strings.HasSuffix(name, ".dot"):
		if !strings.HasPrefix(content, "digraph") || strings.Count(content, "{") != strings.Count(content, "}") {
			err = errors.New("no digraph")
		}
	case strings.Contains(content, "\x1b"):
		err = errors.New("an escape sequence in a text")
	}
	if err != nil {
		t.Errorf("%s: %v\n%.300s", name, err, content)
	}
}

func TestCopyGoesToTheClipboardAndToAFile(t *testing.T) {
	for _, r := range []struct {
		name string
		keys []string
		want string
	}{
		{"a cell as text that reads back", []string{"5"}, "h.s5+p.s3"},
		{"the edited cell", []string{"5", "e", "o"}, "h.s7+p.s3"},
		{"the event under the cursor", []string{"L"}, `"t":"trial_finished"`},
		{"the folder of a run", []string{"R", "j"}, "checkpoints/cifar10-a18"},
		{"what differs", []string{"5", "j", "c"}, "normal b0.op1: avg3x3, sep5x5"},
	} {
		t.Run(r.name, func(t *testing.T) {
			d := drive(t, busy(), 120, 36)
			clip := ""
			d.m.clip = func(s string) error { clip = s; return nil }
			d.press(r.keys...).press("y")
			if !strings.Contains(clip, r.want) || d.e.files["copied.txt"] != clip+"\n" {
				t.Errorf("clipboard %q, file %q", clip, d.e.files["copied.txt"])
			}
			if got := d.text(); !strings.Contains(got, "to checkpoints/cifar10-a17/exports/copied.txt") {
				t.Errorf("the path is not shown:\n%s", got)
			}
			if strings.HasPrefix(r.want, "h.") {
				if _, err := space.Parse(clip); err != nil {
					t.Error(err)
				}
			}
		})
	}
	d := drive(t, busy(), 120, 36)
	d.e.refuse = errors.New("the disk is full")
	if got := d.press("5", "y").text(); !strings.Contains(got, "the disk is full") {
		t.Errorf("got\n%s", got)
	}
}

func TestThePaletteDoesWhatKeysDo(t *testing.T) {
	d := drive(t, busy(), 120, 36).press(":").typeText("more worker").press("enter")
	if c := d.last(); c.Do != nas.SetWorkers || c.N != 5 {
		t.Errorf("got %+v", c)
	}
	if _, ok := d.press(":").typeText("policy").press("enter").m.top().(*policyScreen); !ok {
		t.Errorf("%T is on top", d.m.top())
	}
	if got := d.press(":").typeText("nothing of the kind").press("enter").text(); !strings.Contains(got,
		"nothing matches what was typed") {
		t.Errorf("got\n%s", got)
	}
	// It does not offer what does not work here.
	d = drive(t, busy(), 120, 36).press("L", ":")
	for _, x := range d.m.top().(*menuDialog).items {
		if x.label == "stop child (asks)" {
			t.Error("the log offers to stop a child")
		}
	}
}

func TestTheMouseIsOffUntilM(t *testing.T) {
	d := drive(t, busy(), 160, 48)
	dash := d.m.stack[0].(*dashboard)
	click := func(x, y int, b tea.MouseButton) {
		_, cmd := d.m.Update(tea.MouseMsg{X: x, Y: y, Button: b, Action: tea.MouseActionPress})
		d.run(cmd)
		d.frame()
	}
	click(5, 5, tea.MouseButtonLeft)
	if dash.focus != paneChildren {
		t.Fatal("a click works although the mouse is off")
	}
	d.press("M")
	click(5, 5, tea.MouseButtonLeft)
	if dash.focus != paneReward {
		t.Errorf("focus %d after a click on the reward pane", dash.focus)
	}
	// Each row of each table, found by its text.
	found := 0
	for y, l := range strings.Split(d.text(), "\n") {
		for _, v := range append(slices.Clone(d.m.snap.Top[:4]), d.m.snap.Running...) {
			if regexp.MustCompile(`^.{4,6} +(\d+ +`+short(v)+` .* )?`+v.Label()+` `).MatchString(l) &&
				strings.Contains(l, short(v)) {
				found++
				click(20, y, tea.MouseButtonLeft)
				if got, _ := dash.selected(d.m); got.ID != v.ID {
					t.Errorf("line %d selects child %s, want %s", y, got.Label(), v.Label())
				}
			}
		}
	}
	if found != 8 {
		t.Errorf("%d rows were found", found)
	}
	d.press("5", "g")
	click(0, 0, tea.MouseButtonWheelDown)
	if v, _ := dash.selected(d.m); v.ID != d.m.snap.Top[1].ID {
		t.Errorf("the wheel selects child %s", v.Label())
	}
	for x := -1; x < 170; x += 17 {
		for y := -1; y < 50; y++ {
			click(x, y, tea.MouseButtonLeft)
		}
	}
	if d.press("M"); d.m.mouse {
		t.Error("M does not switch it off")
	}
}

func TestThePathOfAWrittenFileKeepsItsName(t *testing.T) {
	folder := "/home/" + strings.Repeat("somebody/", 12)
	for w, want := range map[int]string{200: "wrote the cell to " + folder + "cell-a9be73.json",
		80: "wrote the cell to …", 40: "wrote the cell to …", 24: " cell-a9be73.json"} {
		d := drive(t, busy(), w, 24)
		d.m.written(writtenMsg{what: "wrote the cell", path: folder + "cell-a9be73.json"})
		if got := d.text(); !strings.Contains(got, want) || !strings.Contains(got, "cell-a9be73.json") {
			t.Errorf("%d columns:\n%s", w, got)
		}
	}
}
