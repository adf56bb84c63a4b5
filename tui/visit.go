package tui

import (
	"context"

	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas"
)

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
	return tea.Batch(m.say("opening "+x.Name, false), safe("open", func() tea.Msg {
		e, done, err := m.options.OpenRun(m.ctx, x)
		return visitMsg{x, e, done, err}
	}))
}

// visiting says that the screen shows another run than its own.
func (m *model) visiting() bool { return len(m.visits) > 0 }

// beginVisit shows a run that was opened.
func (m *model) beginVisit(msg visitMsg) tea.Cmd {
	if msg.err != nil {
		return m.say(msg.row.Name+": "+msg.err.Error(), true)
	}
	if m.visiting() { // from one visit to another: the first is over
		m.endVisit()
	}
	ctx, cancel := context.WithCancel(m.ctx)
	m.visits = append(m.visits, m.runView)
	m.runView = runView{engine: msg.engine, snap: msg.engine.Snapshot(), stack: []screen{newDashboard()},
		leave: func() {
			cancel()
			if msg.close != nil {
				msg.close()
			}
		}}
	return tea.Batch(m.subscribe(ctx), m.say(msg.row.Name+" to look at; "+m.keyOf(actBack)+" goes back", false))
}

// endVisit goes back to the run that the screen was opened for.
func (m *model) endVisit() tea.Cmd {
	go m.leave() // may wait for a connection to close
	m.runView = m.visits[len(m.visits)-1]
	m.visits, m.asked = m.visits[:len(m.visits)-1], 0
	m.rev++
	told := m.seeControl()
	if s, ok := m.top().(starter); ok { // the store may have changed meanwhile
		return tea.Batch(told, s.init(m))
	}
	return told
}
