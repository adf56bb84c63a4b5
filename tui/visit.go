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

// visit opens another run, which can only be viewed.
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

// visiting reports whether the screen shows a run other than its own.
func (m *model) visiting() bool { return len(m.visits) > 0 }

// beginVisit shows a run that has been opened.
func (m *model) beginVisit(msg visitMsg) tea.Cmd {
	if msg.err != nil {
		return m.say(msg.row.Name+": "+msg.err.Error(), true)
	}
	if m.visiting() { // from one visit to another: end the first
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
	return tea.Batch(m.subscribe(ctx), m.say("viewing "+msg.row.Name+"; "+m.keyOf(actBack)+" returns", false))
}

// endVisit returns to the program's own run.
func (m *model) endVisit() tea.Cmd {
	go m.leave() // may wait for a connection to close
	m.runView = m.visits[len(m.visits)-1]
	m.visits, m.asked = m.visits[:len(m.visits)-1], 0
	m.rev++
	told := m.seeControl()
	if s, ok := m.top().(starter); ok { // the store may have changed since
		return tea.Batch(told, s.init(m))
	}
	return told
}
