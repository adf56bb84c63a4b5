package tui

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"nasnet/nas"
	"nasnet/nas/space"
)

func edited(d *driver) *editScreen {
	d.t.Helper()
	e, ok := d.m.top().(*editScreen)
	if !ok {
		d.t.Fatalf("%T is on top, not the editor", d.m.top())
	}
	return e
}

func TestEditorKeysChangeTheirDecisions(t *testing.T) {
	rows := []struct {
		name string
		keys []string
		want string // differences from NASNet-A, in the words of [space.Diff]
	}{
		{"o is the next op", []string{"o"}, "normal b0.op1: sep5x5, sep7x7"},
		{"O the one before", []string{"O"}, "normal b0.op1: sep5x5, sep3x3"},
		{"ops wrap around", []string{"j", "j", "o", "o", "o", "o"}, "normal b1.op1: sep5x5, conv1x7_7x1"},
		{"j goes to the second operand", []string{"j", "o"}, "normal b0.op2: sep3x3, sep5x5"},
		{"i is the next input", []string{"i"}, "normal b0.in1: h[i], h[i-1]"},
		{"inputs wrap around", []string{"i", "i"}, ""},
		{"a later block has more inputs", []string{"G", "i", "i"}, "normal b4.in2: h[i], b0"},
		{"a switches to concat", []string{"j", "j", "a"}, "normal b1.combine: add, concat"},
		{"tab is the reduction cell", []string{"tab", "o"}, "reduction b0.op1: sep5x5, sep7x7"},
		{"n removes the block from the output", []string{"G", "n"}, "normal concat: [p01234], [p0123]"},
		{"N removes the input of the operand", []string{"j", "N"}, "normal concat: [p01234], [01234]"},
		{"u undoes", []string{"o", "j", "o", "u"}, "normal b0.op1: sep5x5, sep7x7"},
		{"U redoes", []string{"o", "j", "i", "u", "u", "U", "U"},
			"normal b0.op1: sep5x5, sep7x7; normal b0.in2: h[i-1], h[i]"},
		{"u at the start does nothing", []string{"u", "u"}, ""},
		{"a new change forgets undone ones", []string{"o", "u", "i", "U"}, "normal b0.in1: h[i], h[i-1]"},
		{"changes of one decision are one step", []string{"o", "o", "o", "u"}, ""},
		{"changing it back is no step", []string{"j", "o", "O"}, ""},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			e := edited(drive(t, busy(), 100, 30).press("5", "e").press(r.keys...))
			var got []string
			for _, d := range space.Diff(mustCell("nasnet-a"), e.genotype()) {
				got = append(got, d.String())
			}
			if s := strings.Join(got, "; "); s != r.want {
				t.Errorf("got  %s\nwant %s", s, r.want)
			}
			if n := strings.Count(r.want, "; "); r.want != "" && e.now != n+1 {
				t.Errorf("%d steps", e.now)
			}
		})
	}
}

func TestTheEditorSendsItsCell(t *testing.T) {
	d := drive(t, busy(), 100, 30).press("5", "e", "o", "t")
	c := d.last()
	if c.Do != nas.Submit || c.Parent == nil || *c.Parent != 1107 || c.Cell == nil ||
		c.Cell.Normal.Blocks[0].Op1 != "sep7x7" || c.Cell.Name != "" || c.Text != "from a9be: b0.op1=sep7x7" {
		t.Fatalf("got %+v %+v", c, c.Cell)
	}
	if _, still := d.press("esc").m.top().(*editScreen); still {
		t.Error("esc asks although the cell was sent")
	}
	d = drive(t, busy(), 100, 30).press("5", "e", "o", "r", "enter")
	if c := d.last(); c.Do != nas.Retrain || *c.Parent != 1107 || c.Cell.Normal.Blocks[0].Op1 != "sep7x7" {
		t.Errorf("r: got %+v", c)
	}
}

func TestARefusedCellIsNotLost(t *testing.T) {
	d := drive(t, busy(), 100, 30).press("5", "e", "o")
	d.e.refuse = errors.New("another screen has control")
	d.press("t")
	if got := d.text(); strings.Contains(got, "sent to training") ||
		!strings.Contains(got, "another screen has control") {
		t.Errorf("refused, and the screen shows\n%s", got)
	}
	if _, asks := d.press("esc").m.top().(*sureDialog); !asks {
		t.Fatal("esc does not ask before the edit is lost")
	}
	d.e.refuse = nil
	if d.press("esc", "t"); !strings.Contains(d.text(), "sent to training") {
		t.Errorf("sent again, and the screen shows\n%s", d.text())
	}
}

// The compared cell may be replaced by one with fewer blocks while the cursor is below them.
func TestCompareStaysWithinASmallerCell(t *testing.T) {
	s := busy()
	small, err := space.ParseText("normal=h.s3+p.i reduction=h.s3+p.a3")
	if err != nil {
		t.Fatal(err)
	}
	s.Top[0].Genotype, s.Top[2].Genotype = small, small
	d := drive(t, s, 120, 36).press("5", " ", "j", " ", "c", "G", "v", "]", "enter")
	if d.m.crash != nil {
		t.Errorf("%v", d.m.crash.value)
	}
	if _, still := d.m.top().(*compareScreen); !still {
		t.Errorf("enter on equal rows leads to %T", d.m.top())
	}
}

func TestCompareScrollsOneLadderWithinItsLines(t *testing.T) {
	d := drive(t, busy(), 80, 14).press("5", "j", "c", "v")
	top := d.text()
	end := d.press("G").text()
	up := d.press("k").text()
	if end == top || up == end {
		t.Errorf("G moves %v, and k after it %v", end != top, up != end)
	}
	if got := d.press("g").text(); got != top {
		t.Errorf("g does not lead back:\n%s", got)
	}
}

func TestTheDrawingOfACellScrollsByHalfAPage(t *testing.T) {
	d := drive(t, busy(), 80, 14).press("5", "enter")
	c := d.m.top().(*cellScreen)
	at := []int{}
	for _, k := range []string{"j", "ctrl+d", "ctrl+u", "G", "g"} {
		d.press(k)
		at = append(at, c.from)
	}
	if at[0] != 1 || at[1] != 8 || at[2] != 1 || at[3] <= at[1] || at[4] != 0 {
		t.Errorf("after j, half a page down, up, the end and the top it begins at %v", at)
	}
}

// The cost of a cell depends on the run's network.
func TestTheCostOfAnEditIsForTheNetworkOfTheRunShown(t *testing.T) {
	d := drive(t, busy(), 120, 36).press("5", "e", "o")
	g := edited(d).genotype()
	before := d.m.cost(g, d.m.snap.Config)
	s := *d.m.snap
	s.Config.Net.Filters *= 2
	d.m.snap = &s
	if now := d.m.cost(g, d.m.snap.Config); !before.known() || now.asked {
		t.Errorf("known %v; at twice the filters %+v before it was asked for", before.known(), now)
	}
	d.run(d.m.askCost(g))
	d.m.snap = &s
	if now := d.m.cost(g, d.m.snap.Config); now.Params != 2*before.Params {
		t.Errorf("%d parameters, %d at twice the filters", before.Params, now.Params)
	}
}

func TestTheEditorSendsOnlyTrainableCells(t *testing.T) {
	for _, r := range []struct{ name, want, keys string }{
		{"no change", "nothing has changed", "t"},
		{"a block that nothing reads", "normal b0 is unused", "n t"},
	} {
		t.Run(r.name, func(t *testing.T) {
			d := drive(t, busy(), 100, 30).press("5", "e").press(strings.Fields(r.keys)...)
			if n := len(d.e.commands()); n != 0 {
				t.Errorf("%d commands were sent", n)
			}
			if got := d.text(); !strings.Contains(got, r.want) {
				t.Errorf("no %q in\n%s", r.want, got)
			}
		})
	}
}

func TestTheEditorAsksBeforeEditsAreLost(t *testing.T) {
	d := drive(t, busy(), 100, 30).press("5", "e", "o", "esc")
	if _, asks := d.m.top().(*sureDialog); !asks {
		t.Fatal("it does not ask")
	}
	if d.press("esc"); edited(d).now != 1 {
		t.Error("esc at the question loses the edit")
	}
	d.press("esc", "y")
	if _, ok := d.m.top().(*dashboard); !ok {
		t.Errorf("y leaves to %T", d.m.top())
	}
	d.press("e", "esc")
	if _, ok := d.m.top().(*dashboard); !ok {
		t.Error("it asks even without edits")
	}
}

func TestCompareTakesARowFromTheOtherCell(t *testing.T) {
	s := busy()
	for row := range 11 { // each row of the table in turn
		d := drive(t, s, 120, 36).press("5", " ", "j", " ", "c")
		for range row {
			d.press("j")
		}
		e := edited(d.press("enter"))
		for _, r := range compareCells(e.genotype().Normal, s.Top[1].Genotype.Normal)[row : row+1] {
			if r.differs {
				t.Errorf("row %s still differs: %+v", r.name, r)
			}
		}
		if n := len(space.Diff(s.Top[0].Genotype, e.genotype())); n < 1 || n > 3 {
			t.Errorf("row %d: %d decisions changed", row, n)
		}
	}
}

func TestCompareFindsItsPair(t *testing.T) {
	rows := []struct {
		name string
		keys []string
		want string
	}{
		{"the two marked, in order", []string{"5", "j", " ", "k", " ", "c"}, "A c791 child 900  ×  B a9be"},
		{"a third mark replaces the first", []string{"5", " ", "j", " ", "j", " ", "c"},
			"A c791 child 900  ×  B a887 child 937"},
		{"space again removes the mark", []string{"5", " ", " ", "j", " ", "j", "c"}, "A c791 child 900"},
		{"a single cell is compared with the best", []string{"5", "j", "c"}, "A c791 child 900  ×  B a9be"},
		{"the best has no cell to be compared with", []string{"5", "c"}, "mark two cells"},
		{"S swaps", []string{"5", "j", "c", "S"}, "A a9be child 1107 ★  ×  B c791"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			if got := drive(t, busy(), 100, 30).press(r.keys...).text(); !strings.Contains(got, r.want) {
				t.Errorf("no %q in\n%s", r.want, got)
			}
		})
	}
}

func TestTheOperandBeingEditedIsInView(t *testing.T) {
	under := regexp.MustCompile(`[^h]\[[a-z]\S+\]`) // an op in brackets, not a state
	for _, size := range [][2]int{{80, 20}, {60, 12}, {160, 16}} {
		d := drive(t, busy(), size[0], size[1]).press("5", "j", "e")
		for range 2 {
			for range 2 * len(edited(d).cell().Blocks) {
				if got := d.text(); !under.MatchString(got) {
					t.Errorf("%v: operand %d is out of view:\n%s", size, edited(d).at, got)
				}
				d.press("j")
			}
			d.press("g", "tab")
		}
	}
}

// Retraining an edited cell counts as sending it, and its parent's trainings are not its own.
func TestRetrainingAnEditedCellSendsIt(t *testing.T) {
	d := drive(t, busy(), 120, 36).press("5", "e", "o", "r")
	if got := d.text(); strings.Contains(got, "1107   cifar10") {
		t.Errorf("the trainings of the edited cell are those of another:\n%s", got)
	}
	if d.press("enter"); d.last().Do != nas.Retrain {
		t.Fatalf("sent %+v", d.last())
	}
	if d.press("esc"); d.m.top().scope() == onSure {
		t.Errorf("it asks before leaving edits that were sent:\n%s", d.text())
	}
}

// This holds below another screen, too.
func TestATrialThatLeftTheListsIsShownAsLastSeen(t *testing.T) {
	for _, keys := range [][]string{{"enter"}, {"enter", "L"}, {" ", "j", " ", "c"}, {" ", "j", " ", "c", "L"}} {
		s := busy()
		d := drive(t, s, 120, 36).press("4")
		id := s.Running[0].ID
		d.press(keys...)
		ended, gone := *s, *s
		ended.Running = slices.Clone(s.Running[1:])
		v := s.Running[0]
		v.State, v.Epoch, v.HasReward, v.Reward = nas.Done, v.Epochs, true, 0.4321
		ended.Recent, ended.Version = []nas.TrialView{v}, s.Version+1
		gone.Running, gone.Recent, gone.Version = ended.Running, nil, s.Version+2
		for _, now := range []*nas.Snapshot{&ended, &gone} {
			d.e.publish(now)
			d.run(d.m.take(now))
		}
		if keys[len(keys)-1] == "L" {
			d.press("esc")
		}
		if v, _ := d.m.picked(); v.ID != id || v.Reward != 0.4321 {
			t.Errorf("%v: child %d of reward %g is shown, want %d\n%s", keys, v.ID, v.Reward, id, d.text())
		}
	}
}

// The cost term is in the reward, not in the accuracy; an unknown number equals nothing.
func TestComparedNumbersAreCorrect(t *testing.T) {
	s := busy()
	s.Top[0].Reward, s.Top[1].Params = 0.6123, 0
	got := drive(t, s, 160, 48).press("5", " ", "j", " ", "c").text()
	for _, want := range []string{`reward +\.6123 +\.7689 +\+\.1566`, `acc +\.7714 +\.7689`, `params +0\.33M +\S+ +–`} {
		if !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}

func TestScrollingReachesTheEndAndStopsThere(t *testing.T) {
	s := busy()
	for _, r := range []struct {
		what, want string
		w, h       int
		keys       []string
	}{
		{"updates", `(?m)^. +1  +\.`, 80, 24, []string{"H", "v", "v", "G"}},
		{"updates", `(?m)^. +1  +\.`, 120, 36, []string{"H", "v", "v", "G"}},
		{"decisions", `red\. b4\.join`, 80, 24, []string{"H", "v", "G"}},
		{"a drawing", `concat.*h\[i\+1\]`, 60, 15, []string{"5", "enter", "G"}},
	} {
		if got := drive(t, s, r.w, r.h).press(r.keys...).text(); !regexp.MustCompile(r.want).MatchString(got) {
			t.Errorf("%s at %dx%d: no %s in\n%s", r.what, r.w, r.h, r.want, got)
		}
	}
	d := drive(t, s, 80, 24).press("H", "v", "G")
	end := d.text()
	if d.press("k").text() == end {
		t.Errorf("one up from the end does nothing:\n%s", end)
	}
}
