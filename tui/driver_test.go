package tui

import (
	"context"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"nasnet/nas"
	"nasnet/tui/term"
)

// driver is the model without a terminal: keys go in, frames come out.
type driver struct {
	t    testing.TB
	e    *fakeEngine
	m    *model
	quit bool
}

func drive(t testing.TB, s *nas.Snapshot, w, h int) *driver {
	e := newFake(s)
	d := &driver{t: t, e: e, m: newModel(context.Background(), e,
		Options{Version: "nasnet 1.0", DataSets: []string{"fashion-mnist-10k", "cifar10", "cifar100"}, Cost: fakeCost,
			Latency: fakeLatency, Plan: fakePlan, Estimate: fakeEstimate, Runs: fakeRuns, OpenRun: fakeOpen,
			RunCurve: fakeCurve, Write: e.write}, newTheme(term.Unicode, mono))}
	d.m.w, d.m.h = w, h
	d.m.after = func(time.Duration, func(time.Time) tea.Msg) tea.Cmd { return nil } // no timer ends in a test
	return d
}

func (d *driver) tier(tier term.Tier, colour bool) *driver {
	if d.m.palette = mono; colour {
		d.m.palette = asTerminal
	}
	d.m.theme = newTheme(tier, d.m.palette)
	return d
}

// press sends keys to the model, by their names in Bubble Tea, and runs their commands. The key "(away)" is three hours
// without a key.
func (d *driver) press(keys ...string) *driver {
	for _, k := range keys {
		if k == "(away)" {
			d.m.keyed, d.m.seen = time.Now().Add(-3*time.Hour), earlier()
			continue
		}
		_, cmd := d.m.Update(keyMsg(k))
		d.run(cmd)
	}
	return d
}

func (d *driver) typeText(text string) *driver {
	for _, r := range text {
		d.press(string(r))
	}
	return d
}

// run runs a command and sends its message to the model; it skips subscriptions and timers.
func (d *driver) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	got := make(chan tea.Msg, 1)
	go func() { got <- cmd() }()
	var msg tea.Msg
	select {
	case msg = <-got:
	case <-time.After(2 * time.Minute):
		d.t.Fatal("a command does not end")
	}
	switch msg := msg.(type) {
	case nil:
	case subscribedMsg: // what comes next waits for the engine
	case tea.QuitMsg:
		d.quit = true
	case tea.BatchMsg:
		for _, c := range msg {
			d.run(c)
		}
	default:
		if strings.HasSuffix(typeName(msg), "sequenceMsg") {
			d.quit = true // the only sequences end with Quit
			return
		}
		_, next := d.m.Update(msg)
		if !d.m.visiting() {
			d.m.snap = d.e.Snapshot()
		}
		d.run(next)
	}
}

// frame returns the lines of the frame, and checks that each has the terminal's width.
func (d *driver) frame() []string {
	d.t.Helper()
	lines := strings.Split(d.m.View(), "\n")
	if len(lines) != d.m.h {
		d.t.Fatalf("%dx%d: the frame has %d lines", d.m.w, d.m.h, len(lines))
	}
	for i, l := range lines {
		if n := ansi.StringWidth(l); n != d.m.w {
			d.t.Fatalf("%dx%d: line %d is %d cells wide: %q", d.m.w, d.m.h, i, n, l)
		}
	}
	return lines
}

// text returns the frame without looks and trailing blanks.
func (d *driver) text() string {
	d.t.Helper()
	var b strings.Builder
	for _, l := range d.frame() {
		b.WriteString(strings.TrimRight(ansi.Strip(l), " ") + "\n")
	}
	return b.String()
}

func (d *driver) last() nas.Command {
	d.t.Helper()
	cs := d.e.commands()
	if len(cs) == 0 {
		d.t.Fatal("no command was sent")
	}
	return cs[len(cs)-1]
}

var namedKeys = map[string]tea.KeyType{
	"enter": tea.KeyEnter, "esc": tea.KeyEsc, "tab": tea.KeyTab, "shift+tab": tea.KeyShiftTab, "up": tea.KeyUp,
	"down": tea.KeyDown, "left": tea.KeyLeft,
	"right": tea.KeyRight, "home": tea.KeyHome, "end": tea.KeyEnd, "pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown,
	"backspace": tea.KeyBackspace,
	"delete":    tea.KeyDelete, "ctrl+c": tea.KeyCtrlC, "ctrl+d": tea.KeyCtrlD, "ctrl+u": tea.KeyCtrlU,
	"ctrl+l": tea.KeyCtrlL, "ctrl+z": tea.KeyCtrlZ,
	"ctrl+r": tea.KeyCtrlR, "ctrl+t": tea.KeyCtrlT, "ctrl+w": tea.KeyCtrlW, "ctrl+k": tea.KeyCtrlK,
}

func keyMsg(name string) tea.KeyMsg {
	if k, ok := namedKeys[name]; ok {
		return tea.KeyMsg{Type: k}
	}
	if name == " " {
		return tea.KeyMsg{Type: tea.KeySpace, Runes: []rune{' '}}
	}
	return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(name)}
}
