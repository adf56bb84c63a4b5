package tui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas"
)

// send gives the engine a command, after all that were sent before, and brings back its answer.
func (m *model) send(c nas.Command) tea.Cmd {
	return m.inTurn(m.ctx, m.engine, "command "+string(c.Do), func(do func(nas.Command) (nas.Reply, error)) replyMsg {
		r, err := do(c)
		return replyMsg{to: c, reply: r, err: err}
	})
}

// queue sends commands one at a time: each waits until the one before is answered.
type queue struct {
	last chan struct{} // closed when the last one is answered; nil before the first
}

// inTurn runs f with the engine once every earlier command is answered.
func (q *queue) inTurn(ctx context.Context, engine nas.Engine, where string,
	f func(do func(nas.Command) (nas.Reply, error)) replyMsg) tea.Cmd {
	before, answered := q.last, make(chan struct{})
	q.last = answered
	return safe(where, func() tea.Msg {
		defer close(answered)
		if before != nil {
			select {
			case <-before:
			case <-ctx.Done():
			}
		}
		return f(func(c nas.Command) (nas.Reply, error) { return engine.Do(ctx, c) })
	})
}

// askWorkers asks for more or fewer workers than there are now, or than the last request that has no answer yet.
func (m *model) askWorkers(more int) tea.Cmd {
	n := m.asked
	if n == 0 {
		n = m.snap.Workers
	}
	if n += more; n < 1 {
		return m.say("a search needs one worker; "+m.keyOf(actPause)+" pauses it", true)
	}
	m.asked = n
	return m.send(nas.Command{Do: nas.SetWorkers, N: m.asked})
}

// undoStop resumes the selected child if it was stopped, or else the one stopped last.
func (m *model) undoStop() tea.Cmd {
	v, ok := m.picked()
	if !ok || v.State != nas.Stopped {
		i := slices.IndexFunc(m.snap.Recent, func(x nas.TrialView) bool { return x.State == nas.Stopped })
		if i < 0 {
			return m.say("no child has been stopped", true)
		}
		v = m.snap.Recent[i]
	}
	return m.send(nas.Command{Do: nas.UndoStop, Trial: v.ID})
}

// onTrial performs the actions on the selected trial.
func (m *model) onTrial(s selector, a action) (tea.Cmd, bool) {
	var do nas.Action
	switch a {
	case actPauseChild:
		do = nas.ToggleTrial
	case actStar:
		do = nas.Star
	case actMark:
	case actUnmark:
		n := len(m.marks)
		m.marks = nil
		return m.say(plural(n, "mark", "marks")+" removed", false), true
	default:
		return nil, false
	}
	t, ok := s.selected(m)
	if a == actMark && ok {
		var others []int
		if l, ok := s.(rowMates); ok {
			others = l.beside(m)
		}
		m.mark(t, others)
		return nil, true
	}
	switch {
	case !ok:
		return m.say("no child or cell is selected", true), true
	case do == nas.ToggleTrial && t.State != nas.Running && t.State != nas.Paused:
		return m.say(fmt.Sprintf("%s is not in training", m.theme.trial(t)), true), true
	}
	return m.send(nas.Command{Do: do, Trial: t.ID}), true
}

// answer shows what a command did.
func (m *model) answer(msg replyMsg) tea.Cmd {
	if msg.to.Do == nas.SetWorkers && msg.to.N == m.asked {
		m.asked = 0
	}
	if msg.err != nil {
		if errors.Is(msg.err, nas.ErrClosed) && m.outcome != Finished {
			return tea.Quit
		}
		if msg.to.Do == nas.Drain && !m.quitting {
			m.leaving, m.outcome = false, Finished
		}
		return m.say(string(msg.to.Do)+": "+msg.err.Error(), true)
	}
	switch msg.to.Do {
	case nas.Stop:
		return tea.Quit
	case nas.Toggle, nas.Resume:
		// the search was to end, but continues, and so does its screen
		if m.leaving && !m.visiting() && !m.snap.WaitsForSpace() {
			m.leaving, m.outcome = false, Finished
		}
	case nas.StopTrial:
		return m.say(msg.reply.Message+"; "+m.keyOf(actUndoStop)+" undoes the stop", false)
	}
	text := msg.reply.Message
	if msg.reply.Dir != "" && !strings.Contains(text, msg.reply.Dir) {
		text += "  " + msg.reply.Dir
	}
	return m.say(text, false)
}

// replyTo addresses a command's message to the screen that asked.
func replyTo(s receiver, ask tea.Cmd) tea.Cmd {
	return func() tea.Msg { return addressed{s, ask()} }
}

// say shows a line until the next one or for a while.
func (m *model) say(text string, bad bool) tea.Cmd {
	m.toast = toast{text: m.theme.clean(text), bad: bad, id: m.toast.id + 1}
	id := m.toast.id
	return m.after(toastTime, func(time.Time) tea.Msg { return toastEndMsg{id} })
}
