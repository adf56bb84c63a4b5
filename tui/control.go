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

// sharing is what is known of the other screens that show a run. The zero value is for an engine that cannot be shared
// or has not been asked yet.
type sharing struct {
	seen    bool
	control nas.Control
}

// lookingOn reports whether commands of this screen would be refused.
func (s sharing) lookingOn() bool { return s.seen && !s.control.Mine }

// seeControl notes who has control, and says so when that changes.
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
		return m.say(holderText(now.Holder)+" has taken control; "+m.keyOf(actTake)+" takes it back", true)
	case !was.control.Mine && now.Mine:
		return m.say("this screen has control", false)
	}
	return nil
}

// takeControl gives this screen control.
func (m *model) takeControl() tea.Cmd {
	s, ok := m.engine.(nas.Shared)
	if !ok || m.control.Mine {
		return m.say("this screen has control", false)
	}
	return safe("taking control", func() tea.Msg {
		if err := s.TakeControl(m.ctx); err != nil {
			return replyMsg{to: nas.Command{Do: "take control"}, err: err}
		}
		return nil // the change arrives with a newer snapshot
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

// besideControl adds who has control at the right end of a line if other screens show the run, because commands of this
// screen may be refused, or watched.
func (l *look) besideControl(s sharing, line string, w int) string {
	if !s.seen {
		return line
	}
	t, c := l.theme, s.control
	text, style := "", t.plain
	switch {
	case c.Lost != "": // the line itself says it
	case !c.Mine && c.Holder == (nas.Holder{}):
		text, style = "watching: nobody has control, "+l.keyOf(actTake)+" takes it", t.warn
	case !c.Mine:
		text, style = "watching: "+holderText(c.Holder)+" has control since "+
			c.Holder.Since.Local().Format("15:04")+", "+l.keyOf(actTake)+" takes it", t.warn
	case c.Viewers > 0:
		text = plural(c.Viewers, "other screen watches", "other screens watch")
	}
	if text == "" {
		return line
	}
	right := style.Render(t.cut(t.clean(text), w-2)) + " "
	room := max(0, w-ansi.StringWidth(right)-1)
	if room < 30 { // the rest of the line would be too short to read
		line = ""
	}
	return fit(t.cut(strings.TrimRight(line, " "), room), room) + " " + right
}

// suspend gives the terminal back to the shell until its user brings the job to the foreground. Behind a launcher
// (package cli) only the launcher stops, and the search continues.
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
	// A job that the shell continues in the background may not draw, and bringing it to the foreground from there sends
	// no signal.
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
