package tui

import (
	"context"
	"os"
	"runtime/debug"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas"
)

// model is the root: the run shown, the runs below it, the window's size and the last message. Only Update changes it.
type model struct {
	ctx     context.Context // ends with the program, and so do commands and the subscription
	options Options
	screens []screenRow
	after   func(time.Duration, func(time.Time) tea.Msg) tea.Cmd // a timer
	terminal
	look
	w, h int

	runView           // the run shown
	visits  []runView // the runs below it; [0] is the program's own
	knowledge
	queue
	person
	toast toast
	ending

	rev   int // grows with every message that is not a snapshot
	drawn picture
}

// terminal is how the program reaches the terminal.
type terminal struct {
	program  *tea.Program            // nil in tests
	suspends bool                    // a shell can bring the program back
	tty      *os.File                // nil if the output is no terminal
	mouse    bool                    // mouse events come to the screen
	clip     func(text string) error // nil: there is no clipboard
}

// person records when somebody last pressed a key, and what the screen showed then.
type person struct {
	keyed time.Time
	seen  *nas.Snapshot
}

// ending says when and how the program ends.
type ending struct {
	outcome  Outcome
	leaving  bool // when the search has ended
	quitting bool // now
	crash    *crash
}

// picture is the last frame. It holds as long as version, rev and size stay the same.
type picture struct {
	version   uint64
	rev, w, h int
	frame     string
}

// toast is the message above the footer: the last answer or error.
type toast struct {
	text string
	bad  bool
	id   int
	path string // after the text, shortened from the left
}

// Messages.
type (
	subscribedMsg struct{ from source }
	snapMsg       struct {
		snap *nas.Snapshot
		from source
	}
	replyMsg struct {
		to    nas.Command
		reply nas.Reply
		err   error
	}
	// source is where snapshots come from.
	source struct {
		ctx     context.Context // of the subscription
		engine  nas.Engine
		updated <-chan struct{}
	}
	toastEndMsg struct{ id int }
	crashMsg    struct{ *crash }
)

const (
	toastTime = 8 * time.Second
	busyPace  = 100 * time.Millisecond // between snapshots
	idlePace  = 500 * time.Millisecond // when nobody has pressed a key for idleAfter
	idleAfter = time.Minute
)

func newModel(ctx context.Context, e nas.Engine, o Options, t theme) *model {
	m := &model{ctx: ctx, options: o, screens: screens, after: tea.Tick, look: look{theme: t, keys: o.Keys.rows()},
		runView: runView{engine: e, snap: e.Snapshot(), stack: []screen{newDashboard()}},
		ending:  ending{outcome: Finished}}
	m.keyed, m.seen = time.Now(), m.snap
	return m
}

// Init implements tea.Model.
func (m *model) Init() tea.Cmd { return m.subscribe(m.ctx) }

// watch waits for the next snapshot, and at least for pace.
func watch(from source, pace time.Duration) tea.Cmd {
	return safe("subscription", func() tea.Msg {
		t := time.NewTimer(pace)
		defer t.Stop()
		select {
		case <-from.ctx.Done():
			return nil
		case <-t.C:
		}
		select {
		case <-from.ctx.Done():
			return nil
		case <-from.updated:
		}
		return snapMsg{from.engine.Snapshot(), from}
	})
}

// safe makes a command of f. If f panics, the program ends and restores the terminal.
func safe(where string, f func() tea.Msg) tea.Cmd {
	return func() (msg tea.Msg) {
		defer func() {
			if v := recover(); v != nil {
				msg = crashMsg{&crash{where, v, debug.Stack()}}
			}
		}()
		return f()
	}
}

// Update implements tea.Model.
func (m *model) Update(msg tea.Msg) (next tea.Model, cmd tea.Cmd) {
	defer func() {
		if v := recover(); v != nil {
			m.crash = &crash{"update", v, debug.Stack()}
			next, cmd = m, tea.Quit
		}
	}()
	switch msg := msg.(type) {
	case subscribedMsg:
		return m, watch(msg.from, 0)
	case snapMsg:
		pace := busyPace
		if time.Since(m.keyed) > idleAfter {
			pace = idlePace
		}
		return m, tea.Batch(m.arrived(msg), watch(msg.from, pace))
	}
	m.rev++
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.w, m.h = msg.Width, msg.Height
	case tea.KeyMsg:
		return m, m.key(msg)
	case replyMsg:
		return m, m.answer(msg)
	case toastEndMsg:
		if msg.id == m.toast.id {
			m.toast.text = ""
		}
	case addressed:
		// to the program first: it shows answers and keeps measurements even if the screen is gone
		_, heard := m.Update(msg.msg)
		return m, tea.Batch(heard, m.deliver(msg))
	case visitMsg:
		return m, m.beginVisit(msg)
	case tea.MouseMsg:
		return m, m.mouseMoved(msg)
	case writtenMsg:
		return m, m.written(msg)
	case costMsg:
		m.keepCost(msg)
	case planMsg:
		m.keepPlan(msg)
	case measuredMsg:
		return m, tea.Batch(m.learn(msg), m.tell(msg))
	case crashMsg:
		m.crash = msg.crash
		return m, tea.Quit
	}
	return m, nil
}

// arrived passes a snapshot to the run that its engine belongs to.
func (m *model) arrived(msg snapMsg) tea.Cmd {
	if msg.from.engine == m.engine {
		return m.take(msg.snap)
	}
	for i := range m.visits {
		if m.visits[i].engine == msg.from.engine {
			told := m.visits[i].take(msg.snap)
			if m.leaving && over(msg.snap) {
				return tea.Quit
			}
			return told
		}
	}
	return nil
}

// take shows a snapshot.
func (m *model) take(s *nas.Snapshot) tea.Cmd {
	told := tea.Batch(m.runView.take(s), m.seeControl())
	if m.leaving && over(s) && !m.visiting() {
		return tea.Quit
	}
	return told
}

// over reports whether the run is done, stopped or failed.
func over(s *nas.Snapshot) bool {
	return s.State == nas.Done || s.State == nas.Stopped || s.State == nas.Failed
}

// key gives a key to the screen, unless it is the first one of somebody who comes back.
func (m *model) key(msg tea.KeyMsg) tea.Cmd {
	gone, since := time.Since(m.keyed), m.seen
	m.keyed, m.seen = time.Now(), m.snap
	if _, open := m.top().(*digestDialog); !open && gone >= awayAfter && m.away(since, 0) {
		return nil
	}
	if msg.Type != tea.KeyRunes || msg.Paste || len(msg.Runes) < 2 {
		return m.press(msg)
	}
	var cmds []tea.Cmd
	for _, r := range msg.Runes { // over a slow link, several keys arrive in one message
		one := msg
		one.Runes = []rune{r}
		cmds = append(cmds, m.press(one))
	}
	return tea.Batch(cmds...)
}

// press passes a key to the top screen: as an action if the key table has it, otherwise as text. The message above the
// footer ends when the key leads to another screen.
func (m *model) press(msg tea.KeyMsg) tea.Cmd {
	on, said := m.top(), m.toast.id
	defer func() {
		if m.top() != on && m.toast.id == said {
			m.toast.text = ""
		}
	}()
	a := actNone
	if !msg.Paste {
		a = m.keys.lookup(msg, on.scope())
	}
	if a == actNone {
		if t, ok := on.(typist); ok {
			return t.typed(m, msg)
		}
		return nil
	}
	return m.do(a)
}

// do performs an action on the top screen.
func (m *model) do(a action) tea.Cmd {
	on := m.top()
	switch a {
	case actTheme:
		return m.nextTheme()
	case actMouse:
		return m.toggleMouse()
	case actMeasure:
		return m.measure()
	case actCopy:
		return m.copyText()
	case actRedraw:
		return tea.ClearScreen
	case actSuspend:
		if !m.suspends {
			return m.say("there is no shell to return to", true)
		}
		return safe("suspending", func() tea.Msg { return m.suspend(m.ctx) })
	case actBack:
		if on.back() {
			return nil
		}
		if len(m.stack) == 1 {
			if m.visiting() {
				return m.endVisit()
			}
			return m.say("this is the dashboard; "+m.keyOf(actQuit)+" leaves", false)
		}
		if k, ok := on.(guard); ok {
			if d := k.leave(m); d != nil {
				return m.push(d)
			}
		}
		m.pop()
		return nil
	case actQuit:
		if m.visiting() {
			return m.endVisit()
		}
		if over(m.snap) {
			m.outcome = Finished
			return tea.Quit
		}
		if m.lookingOn() {
			m.outcome = Detached
			return tea.Quit
		}
		m.push(&quitDialog{})
		return nil
	case actTake:
		return m.takeControl()
	case actPause:
		return m.send(nas.Command{Do: nas.Toggle})
	case actUndoStop:
		return m.undoStop()
	case actMore:
		return m.askWorkers(1)
	case actFewer:
		return m.askWorkers(-1)
	}
	if row, ok := opens(m.screens, a); ok {
		s, why := row.open(m)
		if s == nil {
			return m.say(why, true)
		}
		return m.push(s)
	}
	if t, ok := on.(selector); ok {
		if cmd, done := m.onTrial(t, a); done {
			return cmd
		}
	}
	return on.act(m, a)
}

// push shows a screen over the others and starts it.
func (m *model) push(s screen) tea.Cmd {
	m.stack = append(m.stack, s)
	if i, ok := s.(starter); ok {
		return i.init(m)
	}
	return nil
}

// deliver passes a message to its screen, if that is still open in the run shown or in one below.
func (m *model) deliver(l addressed) tea.Cmd {
	if m.viewOf(l.to) == nil {
		return nil
	}
	return l.to.update(m, l.msg)
}

// tell passes a message to every open screen, shown or not.
func (m *model) tell(msg tea.Msg) tea.Cmd {
	var cmds []tea.Cmd
	for _, v := range append(m.visits[:len(m.visits):len(m.visits)], m.runView) {
		for _, s := range v.stack {
			if r, ok := s.(receiver); ok {
				cmds = append(cmds, r.update(m, msg))
			}
		}
	}
	return tea.Batch(cmds...)
}

// viewOf returns the run in which a screen is open, or nil if it was closed.
func (m *model) viewOf(s screen) *runView {
	if m.shows(s) {
		return &m.runView
	}
	for i := range m.visits {
		if m.visits[i].shows(s) {
			return &m.visits[i]
		}
	}
	return nil
}
