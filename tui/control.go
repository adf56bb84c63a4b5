package tui

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"nasnet/nas"
	"nasnet/tui/term"
)

// sharing is what the model knows of the other screens that show its run; the zero value is an engine that cannot be shared.
type sharing struct {
	of  nas.Engine // whom control is about
	now nas.Control
}

// shared returns the engine as one that other screens show too, if it is one.
func (m *model) shared() (nas.Shared, bool) {
	s, ok := m.engine.(nas.Shared)
	return s, ok
}

// lookingOn says that commands of this screen would be refused.
func (m *model) lookingOn() bool {
	return m.sharing.of == m.engine && !m.sharing.now.Mine
}

// seeControl takes note of who steers, and says so when that changed.
func (m *model) seeControl() tea.Cmd {
	s, ok := m.shared()
	if !ok {
		return nil
	}
	was, now := m.sharing, s.Control()
	if m.sharing = (sharing{m.engine, now}); was == m.sharing {
		return nil
	}
	m.rev++
	switch {
	case was.of != m.engine: // another run
	case now.Lost != "" && was.now.Lost == "":
		return m.say(now.Lost, true)
	case was.now.Mine && !now.Mine:
		return m.say(holderText(now.Holder)+" has taken the control; "+m.keyOf(actTake)+" takes it back", true)
	case !was.now.Mine && now.Mine:
		return m.say("this screen has the control", false)
	}
	return nil
}

// takeControl makes this screen the one that steers.
func (m *model) takeControl() tea.Cmd {
	s, ok := m.shared()
	if !ok || m.sharing.now.Mine {
		return m.say("this screen has the control", false)
	}
	return m.safe("taking the control", func() tea.Msg {
		if err := s.TakeControl(m.ctx); err != nil {
			return replyMsg{to: nas.Command{Do: "take the control"}, err: err}
		}
		return nil // the change comes as a newer snapshot does
	})
}

// keyOf is the first key of an action, on the first screens that have it.
func (m *model) keyOf(a action) string { return m.keyOn(^scope(0), a) }

// keyOn is the first key of an action on a screen.
func (m *model) keyOn(on scope, a action) string {
	for _, b := range m.keys {
		if b.do == a && b.on&on != 0 {
			k, _, _ := strings.Cut(m.theme.shown(b), " ")
			return k
		}
	}
	return ""
}

// holderText names a screen in a sentence.
func holderText(h nas.Holder) string {
	switch {
	case h.PID == 0:
		return "nobody"
	case h.TTY == "":
		return fmt.Sprintf("process %d", h.PID)
	}
	return fmt.Sprintf("%s (process %d)", h.TTY, h.PID)
}

// besideControl puts who steers at the right end of a line, if other screens show the run: what this screen does may be refused, or watched.
func (m *model) besideControl(line string, w int) string {
	if m.sharing.of != m.engine {
		return line
	}
	t, c := m.theme, m.sharing.now
	text, style := "", t.plain
	switch {
	case c.Lost != "": // the line says it
	case !c.Mine && c.Holder == (nas.Holder{}):
		text, style = "looking on: nobody has the control, "+m.keyOf(actTake)+" takes it", t.warn
	case !c.Mine:
		text, style = "looking on: "+holderText(c.Holder)+" has the control since "+c.Holder.Since.Local().Format("15:04")+", "+m.keyOf(actTake)+" takes it", t.warn
	case c.Viewers > 0:
		text = plural(c.Viewers, "other looks on", "others look on")
	}
	if text == "" {
		return line
	}
	right := style.Render(t.cut(t.clean(text), w-2)) + " "
	room := max(0, w-ansi.StringWidth(right)-1)
	if room < 30 { // too little of the line would be left to say anything
		line = ""
	}
	return fit(t.cut(strings.TrimRight(line, " "), room), room) + " " + right
}

// suspend gives the terminal back to the shell until its user brings the job to the foreground. Behind a front (package cli) only the front is stopped, and
// the search goes on.
func (m *model) suspend(tty *os.File) tea.Msg {
	if err := m.program.ReleaseTerminal(); err != nil {
		return replyMsg{to: nas.Command{Do: "suspend"}, err: err}
	}
	back := make(chan os.Signal, 1)
	signal.Notify(back, syscall.SIGCONT)
	defer signal.Stop(back)
	_ = syscall.Kill(0, syscall.SIGTSTP)
	select {
	case <-back:
	case <-m.ctx.Done():
		return nil
	}
	// A job that the shell lets go on in the background may not draw; and bringing it from there to the foreground sends no signal.
	for tty != nil && !term.InForeground(tty) {
		select {
		case <-back:
		case <-time.After(time.Second / 4):
		case <-m.ctx.Done():
			return nil
		}
	}
	if err := m.program.RestoreTerminal(); err != nil {
		return replyMsg{to: nas.Command{Do: "suspend"}, err: err}
	}
	return tea.ResumeMsg{}
}
