package tui

import (
	"fmt"

	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas"
)

// logScreen is the list of the run's last events, newest last.
type logScreen struct {
	follow bool  // the cursor stays at the newest event
	id     int64 // time of the event under the cursor, which outlives the list's changes
	filter string
}

// events are those that pass the filter.
func (l *logScreen) events(m *model) []nas.Event {
	if l.filter == "" {
		return m.snap.Events
	}
	var out []nas.Event
	for _, e := range m.snap.Events {
		if matches(l.filter, e.Kind, e.Level, m.theme.event(e)) {
			out = append(out, e)
		}
	}
	return out
}

func openLog(m *model) (screen, string) {
	if _, ok := m.top().(*logScreen); ok {
		return nil, "this is the event log; " + m.keyOf(actBack) + " leaves it"
	}
	return &logScreen{follow: true}, ""
}

func (l *logScreen) scope() scope { return onLog }
func (l *logScreen) back() bool   { return false }

// index is the place of the cursor in the events.
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
		return m.push(&filterDialog{what: "events", input: newLineEdit(l.filter, 60), apply: func(s string) { l.filter = s }})
	}
	events := l.events(m)
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
		n = fmt.Sprintf("%d of %s", len(l.events(m)), n)
	}
	return t.spread(" "+t.bold.Render("log")+"   "+t.clean(m.snap.Config.Name)+"   "+follow, n+"   "+m.way("back"), w)
}

func (l *logScreen) view(m *model, w, h int) []string {
	t, events := m.theme, l.events(m)
	at := l.index(events)
	detail := 4
	if h < 12 {
		detail = 0
	}
	from, to := window(len(events), h-2-detail, at)
	var body []string
	for i := from; i < to; i++ {
		e := events[i]
		sign := "  "
		level := map[string]string{"warn": t.warn.Render("W"), "error": t.bad.Render("E")}[e.Level]
		if level == "" {
			level = "I"
		}
		line := fmt.Sprintf("%s %s %-17s  %s", e.Time.Local().Format("15:04:05"), level, t.clean(e.Kind), t.event(e))
		if i == at {
			sign = t.g.Cursor + " "
			line = t.bold.Render(stripped(line))
		}
		body = append(body, t.cut(sign+line, w-2))
	}
	out := pane{title: "Events", focus: true, foot: "newest last " + t.g.Dot + " " + m.hint(onLog, actFilter)}.draw(t, w, h-detail, body)
	if detail > 0 && at >= 0 {
		b, err := events[at].MarshalJSON()
		if err != nil {
			b = []byte(err.Error())
		}
		text := wrap(t.clean(string(b)), w-4)
		for i := range text {
			text[i] = " " + text[i]
		}
		out = append(out, pane{title: "Event as stored"}.draw(t, w, detail, text)...)
	} else if detail > 0 {
		out = append(out, pane{title: "Event as stored"}.draw(t, w, detail, nil)...)
	}
	return out
}
