package tui

import (
	"context"
	"strings"
	"testing"
	"time"

	"nasnet/nas"
)

// sharedFake is a fakeEngine that other screens show too.
type sharedFake struct {
	*fakeEngine
	control nas.Control
	taken   int
}

func (f *sharedFake) Control() nas.Control {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.control
}

func (f *sharedFake) TakeControl(context.Context) error {
	f.mu.Lock()
	f.taken++
	f.mu.Unlock()
	f.see(nas.Control{Mine: true, Viewers: 1, Holder: nas.Holder{PID: 1, TTY: "pts/1"}})
	return nil
}

func (f *sharedFake) see(c nas.Control) {
	f.mu.Lock()
	f.control = c
	f.mu.Unlock()
	f.publish(f.Snapshot())
}

// driveShared is drive on an engine whose control the test sets.
func driveShared(t testing.TB, s *nas.Snapshot, c nas.Control) (*driver, *sharedFake) {
	d := drive(t, s, 160, 48)
	f := &sharedFake{fakeEngine: d.e, control: c}
	d.m.engine = f
	d.m.seeControl()
	return d, f
}

// sees passes the newest snapshot to the model, as the subscription does.
func (d *driver) sees() string {
	d.run(d.m.take(d.m.engine.Snapshot()))
	return d.text()
}

var other = nas.Holder{PID: 4711, TTY: "pts/3", Since: time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)}

func TestBothScreensSeeWhoHasControl(t *testing.T) {
	d, f := driveShared(t, busy(), nas.Control{Mine: true})
	if text := d.text(); strings.Contains(text, "watch") {
		t.Errorf("a single screen shows others\n%s", text)
	}
	f.see(nas.Control{Mine: true, Viewers: 1})
	if text := d.sees(); !strings.Contains(text, "1 other screen watches") {
		t.Errorf("a viewer is not seen\n%s", text)
	}
	f.see(nas.Control{Holder: other, Viewers: 1})
	if text := d.sees(); !strings.Contains(text, "pts/3 (process 4711) has taken control; W takes it back") {
		t.Errorf("the loss is not shown\n%s", text)
	}
	d.m.toast.text = ""
	d.m.rev++
	if text := d.text(); !strings.Contains(text, "watching: pts/3 (process 4711) has control since 12:00, W "+
		"takes it") {
		t.Errorf("who has it is not shown\n%s", text)
	}
	d.press("W")
	if text := d.sees(); f.taken != 1 || !strings.Contains(text, "this screen has control") {
		t.Errorf("taken %d times\n%s", f.taken, text)
	}
	d.press("W")
	if f.taken != 1 {
		t.Error("control is taken although the screen has it")
	}
	f.see(nas.Control{ReadOnly: true})
	d.sees()
	d.m.toast.text = ""
	d.m.rev++
	if text := d.text(); !strings.Contains(text, "watching: nobody has control, W takes it") {
		t.Errorf("it is not shown that nobody has it\n%s", text)
	}
}

func TestAWatchingScreenLeavesWithoutAQuestion(t *testing.T) {
	d, _ := driveShared(t, busy(), nas.Control{Holder: other})
	if d.press("q"); !d.quit || d.m.outcome != Detached {
		t.Errorf("quit %v, outcome %q\n%s", d.quit, d.m.outcome, d.text())
	}
}

func TestTheScreenStaysOpenAndSaysWhyWhenItsProgramIsGone(t *testing.T) {
	d, f := driveShared(t, busy(), nas.Control{Mine: true})
	s := *f.Snapshot()
	s.State = nas.Stopped
	f.snap = &s
	f.see(nas.Control{Lost: "the program that ran it (process 4711) died without saying why"})
	for _, when := range []string{"at once", "later"} {
		if text := d.sees(); !strings.Contains(text, "process 4711) died without saying why") || d.quit {
			t.Errorf("%s: quit %v\n%s", when, d.quit, text)
		}
		d.m.toast.text = ""
		d.m.rev++
	}
	if !strings.Contains(d.text(), "q leaves") {
		t.Error(d.text())
	}
	if d.press("q"); !d.quit {
		t.Error("q does not leave")
	}
}
