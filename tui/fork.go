package tui

import (
	"fmt"
	"slices"

	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas"
	"nasnet/nas/setting"
)

// forkDialog asks where a new run begins and which settings it changes.
type forkDialog struct {
	plainDialog
	form
	latest int
	config nas.Config // of the parent
}

// forkSettings are the settings that a fork of a live run may change.
func forkSettings() setting.Table[nas.Config] { return nas.Settings().For(setting.Fork) }

func openFork(m *model) (screen, string) {
	s := m.snap
	c := s.Config
	at, latest := s.Policy.Version, s.Policy.Version
	if cell, ok := m.top().(*cellScreen); ok { // from a cell: where it was proposed
		if v, _ := cell.selected(m); v.Kind == nas.Sampled && v.Policy >= 0 && v.Policy <= latest {
			at = v.Policy
		}
	}
	name := func(s string) error {
		if s == "" {
			return nil
		}
		return nas.CheckName(s)
	}
	fields := []field{
		{name: "at", label: "from policy", value: fmt.Sprint(at), check: whole(0, latest),
			hint: fmt.Sprintf("0 untrained, %d the latest", latest)},
		{name: "name", label: "name", check: name, hint: "empty: " + c.Name + "-fork-N"},
	}
	for _, r := range forkSettings() {
		fields = append(fields, settingField(r, c))
	}
	fields = append(fields, field{name: "start", label: "start", value: "later", choices: []string{"later", "now"},
		hint: "now: beside this run; later: by resume"})
	return &forkDialog{form: newForm(fields...), latest: latest, config: c}, ""
}

func (*forkDialog) scope() scope { return onForm }

func (f *forkDialog) back() bool { return false }

func (f *forkDialog) typed(_ *model, msg tea.KeyMsg) tea.Cmd {
	f.form.typed(msg)
	return nil
}

// command returns the fork that the fields describe; unchanged settings stay the parent's.
func (f *forkDialog) command() nas.Command {
	s := nas.ForkSpec{At: f.integer("at"), Name: f.get("name"), Start: f.get("start") == "now"}
	now := f.config
	changed := slices.DeleteFunc(forkSettings().Names(), func(name string) bool { return !f.changed(name) })
	giveSettings(&f.form, forkSettings().Only(changed...), &now)
	s.Take(f.config, now)
	return nas.Command{Do: nas.Fork, Fork: &s}
}

func (f *forkDialog) act(m *model, a action) tea.Cmd {
	if a == actMeasureTime {
		return m.say("only the time of a retrain can be measured", true)
	}
	if f.form.act(a) || a != actAccept {
		return nil
	}
	if f.sent {
		return m.say("already sent; waiting for the answer", false)
	}
	if i, err := f.wrong(); err != nil {
		f.at = i
		return m.say(err.Error(), true)
	}
	f.sent = true
	return replyTo(f, m.send(f.command()))
}

// update implements receiver: the dialog closes once the fork is accepted.
func (f *forkDialog) update(m *model, msg tea.Msg) tea.Cmd {
	if r, ok := msg.(replyMsg); ok {
		if f.sent = false; r.err == nil {
			m.viewOf(f).close(f)
		}
	}
	return nil
}

func (f *forkDialog) box(m *model, w, h int) []string {
	t := m.theme
	w = min(w, 72)
	lines := append([]string{""}, f.form.lines(t, w-2, max(1, h-8))...)
	lines = append(lines, "", t.cut(" A new run beside this one. It starts with that policy, its state and", w-3),
		t.cut(" the trials up to it. This run continues.", w-3), "")
	for i := range lines {
		lines[i] = fit(lines[i], w-3)
	}
	return t.boxed("Fork "+t.clean(m.snap.Config.Name), lines, w, h)
}
