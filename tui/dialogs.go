package tui

import (
	"fmt"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"nasnet/nas"
)

// plainDialog is what dialogs share: they have no header or body, and esc closes them.
type plainDialog struct{}

func (plainDialog) back() bool                     { return false }
func (plainDialog) header(*model, int) string      { return "" }
func (plainDialog) view(*model, int, int) []string { return nil }

// boxed draws lines in a box as wide as they need, at most w by h.
func (t theme) boxed(title string, lines []string, w, h int) []string {
	n := ansi.StringWidth(title) + 6
	for _, l := range lines {
		n = max(n, ansi.StringWidth(l)+3)
	}
	return pane{title: title, focus: true}.draw(t, min(n, w), min(len(lines)+2, h), lines)
}

// quitDialog asks what should happen to the search. Enter detaches if that is possible and otherwise does nothing;
// ctrl-c and esc cancel.
type quitDialog struct{ plainDialog }

func (*quitDialog) scope() scope { return onQuit }

func (q *quitDialog) box(m *model, w, h int) []string {
	t, s := m.theme, m.snap
	n := len(s.Running)
	var lines []string
	add := func(k, text string) { lines = append(lines, fit("   "+t.key.Render(k), 9)+text) }
	lines = append(lines, "")
	if m.options.CanDetach {
		add(m.keyOn(onQuit, actQuitDetach), "detach: the search continues without this screen (enter)")
	}
	if drain := m.keyOn(onQuit, actQuitDrain); m.leaving {
		add(drain, fmt.Sprintf("leave now; %s still", plural(n, "child trains", "children train")))
	} else {
		add(drain, fmt.Sprintf("end after the running children (%d)", n))
	}
	add(m.keyOn(onQuit, actQuitStop), "stop now; running children continue after a resume")
	add(m.keyOn(onQuit, actBack), "cancel")
	lines = append(lines, "", " Finished children are kept in any case.")
	return t.boxed("Leave the search?", append(lines, ""), w, h)
}

func (q *quitDialog) act(m *model, a action) tea.Cmd {
	switch a {
	case actQuitDetach:
		if !m.options.CanDetach {
			return m.say("the search cannot continue without this screen", true)
		}
		m.outcome = Detached
		return tea.Quit
	case actQuitDrain:
		if m.leaving || len(m.snap.Running) == 0 {
			m.outcome, m.quitting = QuitDrain, true
			return tea.Sequence(m.send(nas.Command{Do: nas.Drain}), tea.Quit)
		}
		m.pop()
		m.leaving, m.outcome = true, QuitDrain
		return m.send(nas.Command{Do: nas.Drain})
	case actQuitStop:
		m.outcome = QuitStop
		return m.send(nas.Command{Do: nas.Stop})
	}
	return nil
}

// sureDialog asks before something that cannot be undone. Its answer is a different key from the one that opened it.
type sureDialog struct {
	plainDialog
	question, more string
	yes            func(m *model) tea.Cmd
}

func (*sureDialog) scope() scope { return onSure }

func (d *sureDialog) act(m *model, a action) tea.Cmd {
	if a != actYes {
		return nil
	}
	m.pop()
	return d.yes(m)
}

func (d *sureDialog) box(m *model, w, h int) []string {
	t := m.theme
	lines := []string{""}
	for _, l := range wrap(d.more, max(1, min(w-6, 64))) {
		lines = append(lines, " "+l)
	}
	return t.boxed(d.question, append(lines, "", m.answers(onSure, actYes, "yes", "no"), ""), w, h)
}

func openStopChild(m *model) (screen, string) {
	v, ok := m.picked()
	if !ok {
		return nil, "no child is selected"
	}
	if v.State != nas.Running && v.State != nas.Paused {
		return nil, m.theme.trial(v) + " is not in training"
	}
	return &sureDialog{question: "Stop " + m.theme.trial(v) + "?",
		yes: func(m *model) tea.Cmd { return m.send(nas.Command{Do: nas.StopTrial, Trial: v.ID}) },
		more: fmt.Sprintf("It is %.0f%% trained and will have no reward. %s undoes the stop.", v.Progress*100,
			m.keyOf(actUndoStop))}, ""
}

// noteDialog edits the note on a trial.
type noteDialog struct {
	plainDialog
	trial nas.TrialView
	input lineEdit
}

func openNote(m *model) (screen, string) {
	v, ok := m.picked()
	if !ok {
		return nil, "no child or cell is selected"
	}
	return &noteDialog{trial: v, input: newLineEdit(v.Note, 200)}, ""
}

func (*noteDialog) scope() scope { return onInput }

func (d *noteDialog) act(m *model, a action) tea.Cmd {
	if a != actAccept {
		return nil
	}
	m.pop()
	return m.send(nas.Command{Do: nas.Note, Trial: d.trial.ID, Text: d.input.value()})
}

func (d *noteDialog) typed(_ *model, msg tea.KeyMsg) tea.Cmd {
	d.input.press(msg)
	return nil
}

func (d *noteDialog) box(m *model, w, h int) []string {
	t := m.theme
	return t.boxed("Note on "+t.trial(d.trial), []string{"", fit(" "+d.input.view(t, 54), 56), "",
		m.answers(onInput, actAccept, "keep", "cancel"), ""}, w, h)
}
