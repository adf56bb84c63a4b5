package tui

import (
	"fmt"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"nasnet/nas"
)

// logScreen lists the run's last events, newest last. A filter hides events that do not match, until n or N jumps from
// match to match among all of them.
type logScreen struct {
	follow bool  // the cursor stays at the newest event
	id     int64 // time of the event under the cursor, which stays when the list changes
	filter string
	around bool // show events that do not match the filter, too
}

// passes reports whether an event matches the filter or, if there is none, is a warning or an error.
func (l *logScreen) passes(t theme, e nas.Event) bool {
	if l.filter == "" {
		return e.Level == nas.Warn || e.Level == nas.Error
	}
	return matches(l.filter, string(e.Kind), e.Level, t.event(e))
}

// events returns the events to show.
func (l *logScreen) events(m *model) []nas.Event {
	if l.filter == "" || l.around {
		return m.snap.Events
	}
	return l.found(m)
}

func (l *logScreen) found(m *model) (out []nas.Event) {
	for _, e := range m.snap.Events {
		if l.passes(m.theme, e) {
			out = append(out, e)
		}
	}
	return out
}

// jump moves to the next event that passes, upwards for d = -1.
func (l *logScreen) jump(m *model, d int) tea.Cmd {
	events := l.events(m)
	if len(events) == 0 {
		return m.say("no event matches the filter", true)
	}
	under := events[l.index(events)]
	events = m.snap.Events
	l.around = true
	at := slices.IndexFunc(events, func(e nas.Event) bool {
		return e.Time.Equal(under.Time) && e.Kind == under.Kind && e.Trial == under.Trial
	})
	for i := at + d; at >= 0 && i >= 0 && i < len(events); i += d {
		if l.passes(m.theme, events[i]) {
			l.follow, l.id = false, events[i].Time.UnixNano()
			return nil
		}
	}
	what := "warnings or errors"
	if l.filter != "" {
		what = "events with " + l.filter
	}
	return m.say("no more "+what+" "+map[int]string{-1: "above", 1: "below"}[d], false)
}

func openLog(m *model) (screen, string) {
	if _, ok := m.top().(*logScreen); ok {
		return nil, "this is the event log; " + m.keyOf(actBack) + " leaves it"
	}
	return &logScreen{follow: true}, ""
}

func (l *logScreen) scope() scope { return onLog }
func (l *logScreen) back() bool   { return false }

// index returns the cursor's place in the events.
func (l *logScreen) index(events []nas.Event) int {
	if l.follow {
		return len(events) - 1
	}
	for i, e := range events {
		if e.Time.UnixNano() >= l.id {
			return i
		}
	}
	return len(events) - 1
}

func (l *logScreen) act(m *model, a action) tea.Cmd {
	if a == actFilter {
		return m.push(&filterDialog{what: "events", input: newLineEdit(l.filter, 60),
			apply: func(s string) { l.filter, l.around = s, false }})
	}
	if a == actNextMatch || a == actPrevMatch {
		return l.jump(m, map[action]int{actNextMatch: 1, actPrevMatch: -1}[a])
	}
	events := l.events(m)
	if a == actFollow && l.follow {
		return m.say("already following the log", false)
	}
	if len(events) == 0 {
		return nil
	}
	at, page := l.index(events), max(1, m.h/2)
	switch a {
	case actUp:
		at--
	case actDown:
		at++
	case actPageUp:
		at -= page
	case actPageDown:
		at += page
	case actTop:
		at = 0
	case actBottom, actFollow:
		at = len(events) - 1
	default:
		return nil
	}
	at = max(0, min(at, len(events)-1))
	l.follow, l.id = at == len(events)-1, events[at].Time.UnixNano()
	return nil
}

func (l *logScreen) header(m *model, w int) string {
	follow := "follow off (" + m.keyOf(actBottom) + " follows)"
	if l.follow {
		follow = "following"
	}
	t := m.theme
	n := plural(len(m.snap.Events), "event", "events")
	if l.filter != "" {
		follow += "   / " + t.clean(l.filter)
		n = fmt.Sprintf("%d of %s", len(l.found(m)), n)
	}
	return t.spread(" "+t.bold.Render("log")+"   "+t.clean(m.snap.Config.Name)+"   "+follow, n+"   "+m.way("back"), w)
}

func (l *logScreen) view(m *model, w, h int) []string {
	t, events := m.theme, l.events(m)
	at := l.index(events)
	var stored []string
	if at >= 0 {
		b, err := events[at].MarshalJSON()
		if err != nil {
			b = []byte(err.Error())
		}
		for _, l := range strings.Split(ansi.Hardwrap(t.clean(string(b)), max(1, w-4), true), "\n") {
			stored = append(stored, " "+l)
		}
	}
	detail := max(4, min(len(stored)+2, h/3))
	if h < 12 {
		detail = 0
	}
	from, to := window(len(events), h-2-detail, at)
	var body []string
	for i := from; i < to; i++ {
		e := events[i]
		sign := "  "
		if l.around && l.filter != "" && l.passes(t, e) {
			sign = t.mark.Render(t.g.Mark) + " "
		}
		style, letter := t.level(e.Level)
		line := fmt.Sprintf("%s %s %-17s  %s", e.Time.Local().Format("15:04:05"), style.Render(letter),
			t.clean(string(e.Kind)), t.event(e))
		if i == at {
			sign = t.g.Cursor + " "
			line = t.bold.Render(stripped(line))
		}
		body = append(body, t.cut(sign+line, w-2))
	}
	out := pane{title: "Events", focus: true, foot: "newest last " + t.g.Dot + " " +
		m.hint(onLog, actFilter, actNextMatch)}.draw(t, w, h-detail, body)
	if detail > 0 {
		out = append(out, pane{title: "Event as stored"}.draw(t, w, detail, stored)...)
	}
	return out
}
