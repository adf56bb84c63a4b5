package tui

import (
	"errors"
	"testing"

	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas"
	"nasnet/nas/experiment"
)

func TestEveryScreenOfTheTableOpensAndIsLeft(t *testing.T) {
	for _, row := range screens {
		if row.open == nil {
			continue
		}
		d := drive(t, busy(), 120, 36).press("5")
		if row.by == actStopChild {
			d.press("4")
		}
		if row.by == actCompare {
			d.press(" ", "j", " ")
		}
		below := len(d.m.stack)
		d.run(d.m.do(row.by))
		if len(d.m.stack) != below+1 || d.m.top().scope() != row.on {
			t.Errorf("%s: %T of scope %b is on top of %d screens; want %b on %d\n%s", row.name, d.m.top(), d.m.top().scope(), len(d.m.stack)-1, row.on, below, d.text())
			continue
		}
		if _, ok := d.m.top().(selector); row.holds&(trials|cells) != 0 && !ok {
			t.Errorf("%s: nothing can be selected on it", row.name)
		}
		if d.press("esc"); len(d.m.stack) != below {
			t.Errorf("%s: esc leaves %T on top", row.name, d.m.top())
		}
	}
}

// postbox is a screen that keeps what it is told.
type postbox struct {
	plainDialog
	got []tea.Msg
}

func (*postbox) scope() scope                           { return onSure }
func (*postbox) act(*model, action) tea.Cmd             { return nil }
func (*postbox) box(*model, int, int) []string          { return []string{"postbox"} }
func (p *postbox) update(_ *model, msg tea.Msg) tea.Cmd { p.got = append(p.got, msg); return nil }

// A new screen is a row: its action opens it.
func TestANewScreenIsARow(t *testing.T) {
	d := drive(t, busy(), 120, 36)
	p := &postbox{}
	d.m.screens = append([]screenRow{{name: "post", on: onSure, by: actQuitStop, open: func(*model) (screen, string) { return p, "" }}}, screens...)
	if d.run(d.m.do(actQuitStop)); d.m.top() != screen(p) {
		t.Errorf("%T is on top", d.m.top())
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

// An answer closes the form that asked, also below another run, and takes the marks of its own run.
func TestAnAnswerFindsItsFormBelowAnotherRun(t *testing.T) {
	d := drive(t, busy(), 120, 36).press("5", " ", "j", " ", "r", "right")
	r := d.m.top().(*retrainScreen)
	if r.group().name != "the 2 marked" {
		t.Fatalf("the form is for %s", r.group().name)
	}
	d.m.Update(visitMsg{row: RunRow{Name: "other"}, engine: newFake(busy())})
	d.m.marks = busy().Top[:1]
	d.m.Update(replyMsg{to: nas.Command{Do: nas.Retrain}, err: errors.New("no room"), by: r})
	if own := &d.m.visits[0]; !own.shows(r) || len(own.marks) != 2 {
		t.Error("a refusal closed the form")
	}
	d.m.Update(replyMsg{to: nas.Command{Do: nas.Retrain}, by: r})
	if own := &d.m.visits[0]; own.shows(r) || len(own.marks) != 0 || len(d.m.marks) != 1 {
		t.Errorf("open %v, %d marks of its run, %d of the other", own.shows(r), len(own.marks), len(d.m.marks))
	}
}

// What a ladder asked for comes while the help is over it.
func TestACoveredLadderTakesItsResult(t *testing.T) {
	d := drive(t, retrained(), 120, 36).press("l")
	s := d.m.top().(*standingsScreen)
	s.known, s.made = nil, false
	d.press("?")
	d.m.Update(addressed{s, ladderMsg{s.asked, experiment.OfRetrains(d.m.snap.Retrains)}})
	if !s.made || len(s.known) == 0 {
		t.Error("it has no ladder")
	}
}
