package tui

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas"
	"nasnet/nas/experiment"
)

// opened opens a screen of the table as a user does, and returns how many screens are below it.
func opened(t *testing.T, row screenRow, s *nas.Snapshot) (d *driver, below int) {
	t.Helper()
	d = drive(t, s, 120, 36)
	if row.open == nil { // no action opens it
		keys, ok := map[string][]string{"dashboard": nil, "cell": {"5", "enter"}, "quit dialog": {"q"},
			"digest": {"(away)", "j"}}[row.place]
		if !ok {
			t.Errorf("%s: nothing opens it", row.place)
		}
		if d.press(keys...); row.on == onDash {
			return d, 0
		}
		return d, 1
	}
	switch row.by {
	case actStopChild:
		d.press("4")
	case actCompare:
		d.press("5", " ", "j", " ")
	default:
		d.press("5")
	}
	d.run(d.m.do(row.by))
	return d, 1
}

func TestEveryScreenOfTheTableOpensFitsAnyTerminalAndClosesWithEsc(t *testing.T) {
	for _, row := range screens {
		d, below := opened(t, row, busy())
		on := d.m.top()
		if len(d.m.stack) != below+1 || on.scope() != row.on {
			t.Errorf("%s: %T of scope %b is on top of %d screens; want %b on %d\n%s",
				row.place, on, on.scope(), len(d.m.stack)-1, row.on, below, d.text())
			continue
		}
		if _, ok := on.(selector); row.holds&(trials|cells) != 0 && !ok {
			t.Errorf("%T: nothing can be selected on it", on)
		}
		for _, s := range [][2]int{{80, 24}, {160, 48}, {300, 100}, {40, 10}, {7, 3}, {1, 1}} {
			d.m.Update(tea.WindowSizeMsg{Width: s[0], Height: s[1]})
			d.frame()
		}
		if d.press("esc"); len(d.m.stack) != max(1, below) {
			t.Errorf("%T: esc leaves %T on top", on, d.m.top())
		}
	}
}

// Every key that the table has for a screen changes the frame, sends a command, ends the program, or says why it
// cannot.
func TestEveryKeyOfAScreenDoesSomethingOrSaysWhyNot(t *testing.T) {
	// What may have to come first, so that there is something to do.
	first := [][]action{nil, {actDown, actDown}, {actTop}, {actNext}, {actLeft}, {actNextOp}, {actNextOp, actUndo},
		{actZoom}, {actView}, {actView, actDown, actDown}, {actUp, actUp}}
	fixtures := map[scope]*nas.Snapshot{onStandings: retrained(), onFront: costs()}
	works := func(row screenRow, b binding, first []action, w, h int) bool {
		s := fixtures[row.on]
		if s == nil {
			s = busy()
		}
		d, _ := opened(t, row, s)
		d.m.Update(tea.WindowSizeMsg{Width: w, Height: h})
		for _, a := range first {
			d.run(d.m.top().act(d.m, a))
		}
		frame, top, said, sent := d.m.View(), d.m.top(), d.m.toast.id, len(d.e.commands())
		_, cmd := d.m.Update(keyMsg(b.Keys()[0]))
		if b.do == actRedraw {
			return cmd != nil && cmd() == tea.ClearScreen()
		}
		d.run(cmd)
		return d.quit || d.m.View() != frame || d.m.top() != top || d.m.toast.id != said || len(d.e.commands()) != sent
	}
	for _, row := range screens {
		for _, b := range keys {
			if b.on&row.on != 0 && !slices.ContainsFunc(first, func(as []action) bool {
				return works(row, b, as, 120, 36) || works(row, b, as, 80, 14)
			}) {
				t.Errorf("%s: %s, %q, does nothing and does not say why", row.place, b.Keys()[0], b.Help().Desc)
			}
		}
	}
}

// While a run has nothing yet, the keys that need something say so.
func TestEveryKeyOfAnEmptyRunSaysWhyItDoesNothing(t *testing.T) {
	s := fresh()
	s.Running = nil
	table := keys
	for _, keys := range [][]string{{}, {"5"}, {"H"}, {"L"}, {"l"}} {
		for _, b := range table {
			d := drive(t, s, 120, 36).press(keys...)
			if b.on&d.m.top().scope() == 0 || b.do == actRedraw || stride(b.do, 1) != 0 {
				continue
			}
			frame, top, said, sent := d.text(), d.m.top(), d.m.toast.id, len(d.e.commands())
			if d.press(b.Keys()[0]); !d.quit && d.text() == frame && d.m.top() == top && d.m.toast.id == said &&
				len(d.e.commands()) == sent {
				t.Errorf("after %q: %s, %q, does nothing and does not say why", keys, b.Keys()[0], b.Help().Desc)
			}
		}
	}
}

// postbox is a screen that keeps the messages it gets.
type postbox struct {
	plainDialog
	got []tea.Msg
	yes int
}

func (*postbox) scope() scope                           { return onSure }
func (p *postbox) act(_ *model, a action) tea.Cmd       { p.yes++; return nil }
func (*postbox) box(*model, int, int) []string          { return []string{"postbox"} }
func (p *postbox) update(_ *model, msg tea.Msg) tea.Cmd { p.got = append(p.got, msg); return nil }

func TestANewScreenNeedsOnlyARow(t *testing.T) {
	d := drive(t, busy(), 120, 36)
	p := &postbox{}
	open := func(*model) (screen, string) { return p, "" }
	d.m.screens = append([]screenRow{{place: "post", on: onSure, by: actQuitStop, open: open}}, screens...)
	d.run(d.m.do(actQuitStop))
	frame := d.text()
	if d.m.top() != screen(p) || !strings.Contains(frame, "postbox") || !strings.Contains(frame, " y yes") {
		t.Errorf("%T is on top:\n%s", d.m.top(), frame)
	}
	if d.press("y", "esc"); p.yes != 1 || d.m.shows(p) {
		t.Errorf("it has %d keys and is shown: %v", p.yes, d.m.shows(p))
	}
}

func TestAMessageReachesItsScreenWhereverItIs(t *testing.T) {
	p := &postbox{}
	d := drive(t, busy(), 120, 36)
	send := func(want int, where string) {
		t.Helper()
		if d.m.Update(addressed{p, "hello"}); len(p.got) != want {
			t.Errorf("%s: it has %d messages; want %d", where, len(p.got), want)
		}
	}
	send(0, "before it is open")
	d.m.push(p)
	send(1, "on top")
	d.m.push(&helpScreen{})
	send(2, "covered by another screen")
	d.m.Update(visitMsg{row: RunRow{Name: "other"}, engine: newFake(busy())})
	if d.m.shows(p) || !d.m.visiting() {
		t.Fatal("no other run is on the screen")
	}
	send(3, "in a run below another")
	d.m.endVisit()
	d.m.close(p)
	send(3, "after it was closed")
}

// An answer closes the form that asked, even below another run, and removes the marks of its own run.
func TestAnAnswerFindsItsFormBelowAnotherRun(t *testing.T) {
	d := drive(t, busy(), 120, 36).press("5", " ", "j", " ", "r", "right")
	r := d.m.top().(*retrainScreen)
	if r.group().name != "the 2 marked" {
		t.Fatalf("the form is for %s", r.group().name)
	}
	d.m.Update(visitMsg{row: RunRow{Name: "other"}, engine: newFake(busy())})
	d.m.marks = busy().Top[:1]
	d.m.Update(addressed{r, replyMsg{to: nas.Command{Do: nas.Retrain}, err: errors.New("no room")}})
	if own := &d.m.visits[0]; !own.shows(r) || len(own.marks) != 2 {
		t.Error("a refusal closed the form")
	}
	d.m.Update(addressed{r, replyMsg{to: nas.Command{Do: nas.Retrain}}})
	if own := &d.m.visits[0]; own.shows(r) || len(own.marks) != 0 || len(d.m.marks) != 1 {
		t.Errorf("open %v, %d marks of its run, %d of the other", own.shows(r), len(own.marks), len(d.m.marks))
	}
}

func TestAnAnswerToAClosedFormIsStillShownAndKept(t *testing.T) {
	d := drive(t, busy(), 120, 36).press("5", "r")
	r := d.m.top().(*retrainScreen)
	d.press("esc")
	d.m.Update(addressed{r, replyMsg{to: nas.Command{Do: nas.Retrain}, reply: nas.Reply{Message: "retrain m7 waits"}}})
	if d.m.toast.text != "retrain m7 waits" {
		t.Errorf("the line says %q", d.m.toast.text)
	}
	d.m.measuring = true
	d.m.Update(addressed{r, planMsg{"of a network", plan{asked: true}}})
	keep := func(k *knowledge) { k.keepPlan(planMsg{"of another", plan{asked: true}}) }
	d.m.Update(measuredMsg{finding: finding{"it takes long", keep}})
	if !d.m.plans["of a network"].asked || !d.m.plans["of another"].asked {
		t.Errorf("plans %v", d.m.plans)
	}
	if d.m.measuring || d.m.toast.text != "it takes long" {
		t.Errorf("measuring %v, the line says %q", d.m.measuring, d.m.toast.text)
	}
}

// The child finishes while another run is shown, and has left the lists when the user returns.
func TestACellBelowAnotherRunSeesItsChildFinish(t *testing.T) {
	d := drive(t, busy(), 120, 36).press("enter")
	c := d.m.top().(*cellScreen)
	ended, gone := busy(), busy()
	ended.Running = slices.Clone(ended.Running)
	last := &ended.Running[slices.IndexFunc(ended.Running, func(v nas.TrialView) bool { return v.ID == c.last.ID })]
	last.State, last.HasReward, last.Reward = nas.Done, true, 0.875
	gone.Running = nil
	if _, ok := find(gone, c.last.ID); ok {
		t.Fatal("the child is in another list")
	}
	d.m.Update(visitMsg{row: RunRow{Name: "other"}, engine: newFake(busy())})
	for _, s := range []*nas.Snapshot{ended, gone} {
		d.m.Update(snapMsg{s, source{context.Background(), d.e, d.e.updated}})
	}
	d.m.endVisit()
	if v, _ := c.selected(d.m); d.m.snap != gone || v.Reward != 0.875 {
		t.Errorf("the cell is %s with reward %v", v.State, v.Reward)
	}
}

func TestACoveredLadderGetsItsResult(t *testing.T) {
	d := drive(t, retrained(), 120, 36).press("l")
	s := d.m.top().(*standingsScreen)
	s.known, s.made = nil, false
	d.press("?")
	d.m.Update(addressed{s, ladderMsg{s.asked, experiment.OfRetrains(d.m.snap.Retrains)}})
	if !s.made || len(s.known) == 0 {
		t.Error("it has no ladder")
	}
}
