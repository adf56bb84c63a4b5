package tui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"nasnet/nas"
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

	snap    *nas.Snapshot
	w, h    int
	stack   []screen // [0] is the dashboard
	visits  []visit  // runs below the one that is looked at
	toast   toast
	keyed   time.Time         // of the last key
	seen    *nas.Snapshot     // at the last key
	costs   map[string]costed // by the text of a genotype
	palette palette
	mouse   bool                    // the screen has the mouse
	clip    func(text string) error // nil: the terminal has no clipboard
	marks   []int                   // trials to compare, at most two, the newest last
	outcome Outcome
	leaving bool // the program ends when the search has ended
	crash   *crash

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

// send carries out a command of the engine, after all that were sent before, and brings back its answer.
func (m *model) send(c nas.Command) tea.Cmd {
	before, answered := m.sending, make(chan struct{})
	m.sending = answered
	return m.safe("command "+string(c.Do), func() tea.Msg {
		defer close(answered)
		if before != nil {
			select {
			case <-before:
			case <-m.ctx.Done():
			}
		}
		r, err := m.engine.Do(m.ctx, c)
		return replyMsg{c, r, err}
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
			m.costs = map[string]costed{}
		}
		m.costs[msg.of] = msg.costed
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
	told := m.seeControl()
	if m.leaving && over(s) && !m.visiting() {
		return tea.Quit
	}
	return told
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

// askWorkers asks for more or fewer workers than there are, or than were asked for last.
func (m *model) askWorkers(more int) tea.Cmd {
	if m.asked == 0 {
		m.asked = m.snap.Workers
	}
	if m.asked+more < 1 {
		return m.say("one worker is the least; "+m.keyOf(actPause)+" pauses the search", true)
	}
	m.asked += more
	return m.send(nas.Command{Do: nas.SetWorkers, N: m.asked})
}

// undoStop takes up again the selected child if it was stopped, or else the one that was stopped last.
func (m *model) undoStop() tea.Cmd {
	v, ok := m.picked()
	if !ok || v.State != nas.Stopped {
		i := slices.IndexFunc(m.snap.Recent, func(x nas.TrialView) bool { return x.State == nas.Stopped })
		if i < 0 {
			return m.say("no child was stopped", true)
		}
		v = m.snap.Recent[i]
	}
	return m.send(nas.Command{Do: nas.UndoStop, Trial: v.ID})
}

// onTrial carries out the actions that are about the selected trial.
func (m *model) onTrial(s selector, a action) (tea.Cmd, bool) {
	var do nas.Action
	switch a {
	case actPauseChild:
		do = nas.ToggleTrial
	case actStar:
		do = nas.Star
	case actMark:
	default:
		return nil, false
	}
	t, ok := s.selected(m)
	if a == actMark && ok {
		m.mark(t.ID)
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
		m.leaving = m.leaving && msg.to.Do != nas.Drain
		return m.say(string(msg.to.Do)+": "+msg.err.Error(), true)
	}
	switch msg.to.Do {
	case nas.Stop:
		return tea.Quit
	case nas.StopTrial:
		return m.say(msg.reply.Message+"; "+m.keyOf(actUndoStop)+" lets it go on after all", false)
	case nas.Retrain, nas.Fork: // the form has done its work; after an error it stays
		if m.top().scope() == onForm {
			m.pop()
		}
	}
	text := msg.reply.Message
	if msg.reply.Dir != "" && !strings.Contains(text, msg.reply.Dir) {
		text += "  " + msg.reply.Dir
	}
	return m.say(text, false)
}

// say shows a line until the next one or for a while.
func (m *model) say(text string, bad bool) tea.Cmd {
	m.toast = toast{m.theme.clean(text), bad, m.toast.id + 1}
	id := m.toast.id
	return m.after(toastTime, func(time.Time) tea.Msg { return toastEndMsg{id} })
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

// View implements tea.Model. Equal versions, sizes and cursors give the frame that was made before.
func (m *model) View() (frame string) {
	defer func() {
		if v := recover(); v != nil {
			frame = ""
			if m.crash == nil {
				c := &crash{"view", v, debug.Stack()}
				if m.program == nil {
					panic(fmt.Sprintf("%v\n%s", c.value, c.stack))
				}
				go m.program.Send(crashMsg{c})
			}
		}
	}()
	if m.crash != nil {
		return ""
	}
	k := frameKey{m.snap.Version, m.rev, m.w, m.h}
	if k != m.cached || m.frame == "" {
		m.cached, m.frame = k, strings.Join(m.draw(), "\n")
	}
	return m.frame
}

// draw makes the h lines of w cells of a frame: the topmost screen that fills the terminal, and the dialogs over it.
func (m *model) draw() []string {
	if m.w <= 0 || m.h <= 0 {
		return nil
	}
	at := len(m.stack) - 1
	for at > 0 {
		if _, ok := m.stack[at].(dialog); !ok {
			break
		}
		at--
	}
	s := m.stack[at]
	lines := make([]string, 0, m.h)
	if m.h > 1 {
		lines = append(lines, fit(s.header(m, m.w), m.w))
	}
	lower := m.lower()
	lower = lower[max(0, len(lower)-max(0, (m.h-1)/4)):] // a low terminal keeps its lines for the screen
	body := s.view(m, m.w, m.h-len(lines)-len(lower))
	for i := range m.h - len(lines) - len(lower) {
		if i < len(body) {
			lines = append(lines, body[i])
		} else {
			lines = append(lines, strings.Repeat(" ", m.w))
		}
	}
	lines = append(lines, lower...)
	for _, s := range m.stack[at+1:] {
		box := s.(dialog).box(m, min(m.w, 76), m.h-1)
		w := 0
		if len(box) > 0 {
			w = ansi.StringWidth(box[0])
		}
		y := max(0, (m.h-1-len(box))/2)
		if l, ok := s.(interface{ low() bool }); ok && l.low() {
			y = max(0, m.h-2-len(box))
		}
		lines = overlay(lines, box, max(0, (m.w-w)/2), y, m.w)
	}
	return lines
}

// lower is the line of the last answer or event, and the footer.
func (m *model) lower() []string {
	var but []action
	if !m.options.CanDetach {
		but = append(but, actQuitDetach)
	}
	return []string{fit(m.newsLine(m.w), m.w), fit(m.theme.footer(m.keys, m.top().scope(), m.w, but...), m.w)}
}

// newsLine is the last answer, or else the newest events.
func (m *model) newsLine(w int) string {
	t := m.theme
	if m.toast.text != "" {
		style, sign := t.good, t.g.Running
		if m.toast.bad {
			style, sign = t.bad, "!"
		}
		return " " + style.Render(t.cut(sign+" "+m.toast.text, w-2))
	}
	if m.visiting() {
		return " " + t.warn.Render(t.cut(t.clean(m.snap.Config.Name)+" to look at: nothing can be changed; esc goes back to "+t.clean(m.visits[0].snap.Config.Name), w-2))
	}
	if why := m.sharing.now.Lost; why != "" {
		return " " + t.bad.Render(t.cut("! "+t.clean(why)+"; "+m.keyOf(actQuit)+" leaves", w-2))
	}
	if over(m.snap) {
		sign, word, style := t.state(m.snap.State)
		text := sign + " the search is " + word
		if b := m.snap.Best; b != nil {
			text += fmt.Sprintf(": best %s (%s)", score(b.Reward, 4), short(*b))
		}
		return " " + style.Render(t.cut(text+"; "+m.keyOf(actRetrain)+" retrains a cell, "+m.keyOf(actQuit)+" leaves", w-2))
	}
	return m.besideControl(t.newsLine(m.snap, w), w)
}
