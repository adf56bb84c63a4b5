package tui

import (
	"context"

	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas"
)

// visit is a run that was left behind on the screen while another is looked at.
type visit struct {
	engine nas.Engine
	snap   *nas.Snapshot
	stack  []screen
	marks  []nas.TrialView
	leave  func() // ends what is being looked at
}

type visitMsg struct {
	row    RunRow
	engine nas.Engine
	close  func()
	err    error
}

// visit opens a run to look at it.
func (m *model) visit(x RunRow) tea.Cmd {
	switch {
	case x.Err != nil:
		return m.say(x.Name+" cannot be read", true)
	case x.UUID != "" && x.UUID == m.snap.UUID:
		m.stack = m.stack[:1]
		return m.say("this is the run on the screen", false)
	case len(m.visits) > 0 && x.UUID == m.visits[0].snap.UUID:
		return m.endVisit()
	case m.options.OpenRun == nil:
		return m.say("runs cannot be opened from here", true)
	}
	return tea.Batch(m.say("opening "+x.Name, false), m.safe("open", func() tea.Msg {
		e, done, err := m.options.OpenRun(m.ctx, x)
		return visitMsg{x, e, done, err}
	}))
}

// visiting says that the screen shows another run than its own.
func (m *model) visiting() bool { return len(m.visits) > 0 }

// own is the newest snapshot of the run that the screen was opened for.
func (m *model) own() *nas.Snapshot {
	if m.visiting() {
		return m.visits[0].snap
	}
	return m.snap
}

// beginVisit shows a run that was opened.
func (m *model) beginVisit(msg visitMsg) tea.Cmd {
	if msg.err != nil {
		return m.say(msg.row.Name+": "+msg.err.Error(), true)
	}
	if m.visiting() { // from one visit to another: the first is over
		m.endVisit()
	}
	ctx, cancel := context.WithCancel(m.ctx)
	m.visits = append(m.visits, visit{m.engine, m.snap, m.stack, m.marks, func() {
		cancel()
		if msg.close != nil {
			msg.close()
		}
	}})
	m.engine, m.snap, m.marks, m.asked = msg.engine, msg.engine.Snapshot(), nil, 0
	m.stack = []screen{newDashboard()}
	return tea.Batch(m.subscribe(ctx), m.say(msg.row.Name+" to look at; "+m.keyOf(actBack)+" goes back", false))
}

// endVisit goes back to the run that the screen was opened for.
func (m *model) endVisit() tea.Cmd {
	v := m.visits[len(m.visits)-1]
	m.visits = m.visits[:len(m.visits)-1]
	m.engine, m.snap, m.stack, m.marks, m.asked = v.engine, v.snap, v.stack, v.marks, 0
	go v.leave() // may wait for a connection to close
	m.rev++
	told := tea.Batch(m.seeControl(), m.refresh())
	if s, ok := m.top().(*runsScreen); ok {
		return tea.Batch(told, s.init(m))
	}
	return told
}
