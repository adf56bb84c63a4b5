package tui

import (
	"context"
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

// sharing is what is known of the other screens that show a run; the zero value is an engine that cannot be shared, or
// was not asked yet.
type sharing struct {
	seen    bool
	control nas.Control
}

// lookingOn reports whether commands of this screen would be refused.
func (s sharing) lookingOn() bool { return s.seen && !s.control.Mine }

// seeControl takes note of who steers, and says so when that changed.
func (m *model) seeControl() tea.Cmd {
	s, ok := m.engine.(nas.Shared)
	if !ok {
		return nil
	}
	was, now := m.sharing, s.Control()
	if m.sharing = (sharing{true, now}); was == m.sharing {
		return nil
	}
	m.rev++
	switch {
	case !was.seen:
	case now.Lost != "" && was.control.Lost == "":
		return m.say(now.Lost, true)
	case was.control.Mine && !now.Mine:
		return m.say(holderText(now.Holder)+" has taken the control; "+m.keyOf(actTake)+" takes it back", true)
	case !was.control.Mine && now.Mine:
		return m.say("this screen has control", false)
	}
	return nil
}

// takeControl makes this screen the one that steers.
func (m *model) takeControl() tea.Cmd {
	s, ok := m.engine.(nas.Shared)
	if !ok || m.control.Mine {
		return m.say("this screen has control", false)
	}
	return safe("taking the control", func() tea.Msg {
		if err := s.TakeControl(m.ctx); err != nil {
			return replyMsg{to: nas.Command{Do: "take the control"}, err: err}
		}
		return nil // the change comes as a newer snapshot does
	})
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

// besideControl puts who steers at the right end of a line, if other screens show the run: what this screen does may be
// refused, or watched.
func (l *look) besideControl(s sharing, line string, w int) string {
	if !s.seen {
		return line
	}
	t, c := l.theme, s.control
	text, style := "", t.plain
	switch {
	case c.Lost != "": // the line says it
	case !c.Mine && c.Holder == (nas.Holder{}):
		text, style = "looking on: nobody has control, "+l.keyOf(actTake)+" takes it", t.warn
	case !c.Mine:
		text, style = "looking on: "+holderText(c.Holder)+" has control since "+
			c.Holder.Since.Local().Format("15:04")+", "+l.keyOf(actTake)+" takes it", t.warn
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

// suspend gives the terminal back to the shell until its user brings the job to the foreground. Behind a launcher
// (package cli) only the launcher is stopped, and the search goes on.
func (t *terminal) suspend(ctx context.Context) tea.Msg {
	if err := t.program.ReleaseTerminal(); err != nil {
		return replyMsg{to: nas.Command{Do: "suspend"}, err: err}
	}
	back := make(chan os.Signal, 1)
	signal.Notify(back, syscall.SIGCONT)
	defer signal.Stop(back)
	_ = syscall.Kill(0, syscall.SIGTSTP)
	select {
	case <-back:
	case <-ctx.Done():
		return nil
	}
	// A job that the shell lets go on in the background may not draw; and bringing it from there to the foreground
	// sends no signal.
	for t.tty != nil && !term.InForeground(t.tty) {
		select {
		case <-back:
		case <-time.After(time.Second / 4):
		case <-ctx.Done():
			return nil
		}
	}
	if err := t.program.RestoreTerminal(); err != nil {
		return replyMsg{to: nas.Command{Do: "suspend"}, err: err}
	}
	return tea.ResumeMsg{}
}
