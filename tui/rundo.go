package tui

import (
	"strings"

	tea "github.com/charmbracelet/bubbletea"
)

// runDoneMsg reports that something was done with a run of the list.
type runDoneMsg struct {
	text string
	err  error
}

// onRun does something with a run and reports to the list.
func (r *runsScreen) onRun(m *model, what string, do func() error, done string) tea.Cmd {
	return replyTo(r, safe(what, func() tea.Msg { return runDoneMsg{done, do()} }))
}

// told shows what was done with a run, and reads the store again.
func (r *runsScreen) told(m *model, msg runDoneMsg) tea.Cmd {
	if msg.err != nil {
		return tea.Batch(m.say(msg.err.Error(), true), r.init(m))
	}
	return tea.Batch(m.say(msg.text, false), r.init(m))
}

// resume asks, then resumes the run under the cursor in a process of its own.
func (r *runsScreen) resume(m *model, list []RunRow) tea.Cmd {
	i := r.index(list)
	switch {
	case i < 0:
		return m.say("there is no run to resume", true)
	case list[i].Err != nil:
		return m.say(list[i].Name+" cannot be read", true)
	case list[i].Live:
		return m.say(list[i].Name+" is live; "+m.keyOf(actOpen)+" shows it", true)
	case m.options.ResumeRun == nil:
		return m.say("runs cannot be resumed from here", true)
	}
	x := list[i]
	return m.push(&sureDialog{question: "Resume " + m.theme.clean(x.Name) + "?",
		more: "It runs in its own process, without a screen, beside what runs here.",
		yes: func(m *model) tea.Cmd {
			return tea.Batch(m.say("resuming "+x.Name, false),
				r.onRun(m, "resume", func() error { return m.options.ResumeRun(m.ctx, x) },
					x.Name+" is running; "+m.keyOf(actOpen)+" shows it"))
		}})
}

// delete asks for the name of the run under the cursor, then deletes it.
func (r *runsScreen) delete(m *model, list []RunRow) tea.Cmd {
	i := r.index(list)
	switch {
	case i < 0:
		return m.say("there is no run to delete", true)
	case list[i].Live:
		return m.say(list[i].Name+" is live: a process owns it, so it is not deleted", true)
	case m.options.DeleteRun == nil:
		return m.say("runs cannot be deleted from here", true)
	}
	return m.push(&deleteDialog{runs: r, run: list[i], input: newLineEdit("", 64)})
}

// deleteDialog asks for the name of the run to delete.
type deleteDialog struct {
	plainDialog
	runs  *runsScreen
	run   RunRow
	input lineEdit
}

func (*deleteDialog) scope() scope { return onInput }

func (d *deleteDialog) act(m *model, a action) tea.Cmd {
	if a != actAccept {
		return nil
	}
	m.pop()
	if strings.TrimSpace(d.input.value()) != d.run.Name {
		return m.say("that is not the run's name; nothing was deleted", true)
	}
	x := d.run
	return tea.Batch(m.say("deleting "+x.Name, false),
		d.runs.onRun(m, "delete", func() error { return m.options.DeleteRun(m.ctx, x) }, x.Name+" is deleted"))
}

func (d *deleteDialog) typed(_ *model, msg tea.KeyMsg) tea.Cmd {
	d.input.press(msg)
	return nil
}

func (d *deleteDialog) box(m *model, w, h int) []string {
	t := m.theme
	what := "with all its networks and files, for good"
	if d.run.Err == nil {
		what = plural(d.run.Done, "trained child", "trained children") + ", " + what
	}
	return t.boxed("Delete "+t.clean(d.run.Name)+"?",
		[]string{"", " " + what, "", " type its name: " + fit(d.input.view(t, 36), 38), "",
			m.answers(onInput, actAccept, "delete", "cancel"), ""}, w, h)
}
