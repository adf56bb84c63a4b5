package tui

import (
	"context"
	"os"
	"runtime/debug"
	"slices"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas"
	"nasnet/nas/child"
)

// model is the root: the newest snapshot, the size, the stack of screens and the line of the last answer.
type model struct {
	ctx      context.Context // ends with the program; commands and the subscription live as long
	engine   nas.Engine
	options  Options
	theme    theme
	keys     keyTable
	after    func(time.Duration, func(time.Time) tea.Msg) tea.Cmd // a timer
	program  *tea.Program                                         // nil in tests
	suspends bool                                                 // a shell is there to bring the program back

	snap      *nas.Snapshot
	w, h      int
	stack     []screen // [0] is the dashboard
	visits    []visit  // runs below the one that is looked at
	toast     toast
	keyed     time.Time     // of the last key
	seen      *nas.Snapshot // at the last key
	costs     map[costKey]costed
	plans     map[string]plan          // by what planOf says
	latencies map[string]child.Latency // by latencyKey
	measuring bool
	palette   palette
	mouse     bool                    // the screen has the mouse
	clip      func(text string) error // nil: the terminal has no clipboard
	marks     []nas.TrialView         // trials to compare or to retrain together, as they were marked, the newest last
	outcome   Outcome
	leaving   bool // the program ends when the search has ended
	quitting  bool // it ends now
	crash     *crash

	sending chan struct{} // closed when the last command that was sent is answered
	asked   int           // workers that were asked for and not yet answered, 0 if none

	sharing sharing
	tty     *os.File // the terminal, nil if it is none

	rev    int // grows with every message that is not a snapshot
	cached frameKey
	frame  string
}

// frameKey tells frames apart: equal keys, equal frames.
type frameKey struct {
	version   uint64
	rev, w, h int
}

// toast is the last answer or error.
type toast struct {
	text string
	bad  bool
	id   int
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
		by    asker // the form that asked; nil: none
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
	m := &model{ctx: ctx, engine: e, options: o, theme: t, keys: o.Keys.rows(), snap: e.Snapshot(), stack: []screen{newDashboard()}, keyed: time.Now(), outcome: Finished, after: tea.Tick}
	m.seen = m.snap
	return m
}

// Init implements tea.Model.
func (m *model) Init() tea.Cmd { return m.subscribe(m.ctx) }

// subscribe asks the engine to tell of newer snapshots for as long as a context lasts.
func (m *model) subscribe(ctx context.Context) tea.Cmd {
	e := m.engine
	return m.safe("subscription", func() tea.Msg {
		updated, cancel := e.Subscribe()
		context.AfterFunc(ctx, cancel)
		return subscribedMsg{source{ctx, e, updated}}
	})
}

// watch waits for the next snapshot, at least pace from now.
func (m *model) watch(from source, pace time.Duration) tea.Cmd {
	return m.safe("subscription", func() tea.Msg {
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

// safe makes a command whose panic ends the program in order.
func (m *model) safe(where string, f func() tea.Msg) tea.Cmd {
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
		return m, m.watch(msg.from, 0)
	case snapMsg:
		pace := busyPace
		if time.Since(m.keyed) > idleAfter {
			pace = idlePace
		}
		return m, tea.Batch(m.arrived(msg), m.watch(msg.from, pace))
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
	case runsMsg:
		return m, msg.to.take(m, msg)
	case runsDueMsg:
		if m.shows(msg.to) && msg.n == msg.to.reads {
			return m, msg.to.init(m)
		}
	case curveMsg:
		msg.to.took(msg)
	case runDoneMsg:
		return m, msg.to.told(m, msg)
	case visitMsg:
		return m, m.beginVisit(msg)
	case tea.MouseMsg:
		return m, m.mouseMoved(msg)
	case writtenMsg:
		return m, m.written(msg)
	case costMsg:
		if m.costs == nil || len(m.costs) > 1000 {
			m.costs = map[costKey]costed{}
		}
		m.costs[msg.of] = msg.costed
	case ladderMsg:
		msg.to.took(msg)
	case latencyMsg:
		return m, m.measured(msg)
	case planMsg:
		m.keepPlan(msg)
		if r, ok := m.top().(*retrainScreen); ok {
			r.settle(m)
		}
	case epochMsg:
		return m, m.epochMeasured(msg)
	case crashMsg:
		m.crash = msg.crash
		return m, tea.Quit
	}
	return m, nil
}

// arrived takes a snapshot to where its engine is shown.
func (m *model) arrived(msg snapMsg) tea.Cmd {
	if msg.from.engine == m.engine {
		return m.take(msg.snap)
	}
	for i := range m.visits {
		if m.visits[i].engine == msg.from.engine {
			m.visits[i].snap = msg.snap
			if m.leaving && over(msg.snap) {
				return tea.Quit
			}
		}
	}
	return nil
}

// take makes a snapshot the one that is shown.
func (m *model) take(s *nas.Snapshot) tea.Cmd {
	m.snap = s
	told := tea.Batch(m.seeControl(), m.refresh())
	if m.leaving && over(s) && !m.visiting() {
		return tea.Quit
	}
	return told
}

// refresh lets screens, also those below others, take from the snapshot what it may not have later.
func (m *model) refresh() tea.Cmd {
	var asked []tea.Cmd
	for _, s := range m.stack {
		switch s := s.(type) {
		case *cellScreen:
			s.selected(m)
		case *compareScreen:
			s.pair(m)
		case *standingsScreen:
			asked = append(asked, s.ask(m))
		}
	}
	return tea.Batch(asked...)
}

// over says that the run has come to its end or has been stopped.
func over(s *nas.Snapshot) bool {
	return s.State == nas.Done || s.State == nas.Stopped || s.State == nas.Failed
}

// key gives a key to the screen, unless it is the first one of somebody who comes back.
func (m *model) key(msg tea.KeyMsg) tea.Cmd {
	gone, since := time.Since(m.keyed), m.seen
	m.keyed, m.seen = time.Now(), m.snap
	if _, open := m.top().(*digestDialog); !open && gone >= awayAfter && m.away(since) {
		return nil
	}
	if msg.Type != tea.KeyRunes || msg.Paste || len(msg.Runes) < 2 {
		return m.press(msg)
	}
	var cmds []tea.Cmd
	for _, r := range msg.Runes { // keys that came over a slow link at once are a message of all of them
		one := msg
		one.Runes = []rune{r}
		cmds = append(cmds, m.press(one))
	}
	return tea.Batch(cmds...)
}

// press gives a key to the screen on top: first what the key table says, then as text.
func (m *model) press(msg tea.KeyMsg) tea.Cmd {
	on := m.top()
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

// do carries out an action on the screen on top.
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
			return m.say("there is no shell to go back to", true)
		}
		return m.safe("suspending", func() tea.Msg { return m.suspend(m.tty) })
	case actBack:
		if on.back() {
			return nil
		}
		if len(m.stack) == 1 {
			if m.visiting() {
				return m.endVisit()
			}
			return nil
		}
		if k, ok := on.(keeper); ok {
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
	if open := opener(a); open != nil {
		s, why := open(m)
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

func (m *model) top() screen { return m.stack[len(m.stack)-1] }

// push shows a screen over the others, and what it asks for at its beginning is done.
func (m *model) push(s screen) tea.Cmd {
	m.stack = append(m.stack, s)
	if i, ok := s.(starter); ok {
		return i.init(m)
	}
	return nil
}

// shows says that a screen is on the stack of what is shown.
func (m *model) shows(s screen) bool { return slices.Contains(m.stack, s) }

func (m *model) pop() { m.stack = m.stack[:len(m.stack)-1] }
