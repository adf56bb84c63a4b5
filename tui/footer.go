package tui

import (
	"slices"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/x/ansi"

	"nasnet/nas"
)

// footer lists the keys of a scope, as many as fit, always with the keys to quit and for help. It skips the actions in
// but, which are impossible now. If resumes, the key that pauses the search resumes it.
func (l *look) footer(on scope, w int, resumes bool, but ...action) string {
	t := l.theme
	var parts []string
	last := ""
	for _, b := range l.keys {
		if b.on&on == 0 || b.short == "" || slices.Contains(but, b.do) {
			continue
		}
		k, _, _ := strings.Cut(t.shown(b), " ")
		short := b.short
		if b.do == actPause && resumes {
			short = "resume"
		}
		s := t.key.Render(k) + " " + short
		if b.do == actQuit || b.do == actHelp {
			last = strings.TrimSpace(last + "  " + s)
			continue
		}
		parts = append(parts, s)
	}
	room := w - 1
	if last != "" {
		room -= ansi.StringWidth(last) + 2
	}
	var line strings.Builder
	used := 0
	for _, s := range parts {
		n := ansi.StringWidth(s) + 2
		if used+n > room+2 {
			continue
		}
		line.WriteString(s + "  ")
		used += n
	}
	return " " + line.String() + last
}

// newsLine shows the newest events, as many as fit into w cells.
func (t theme) newsLine(s *nas.Snapshot, w int) string {
	line, used := "", 0
	for i := len(s.Events) - 1; i >= 0; i-- {
		e := s.Events[i]
		if e.Kind.Common() {
			continue
		}
		text := e.Time.Local().Format("15:04:05") + "  " + t.event(e)
		n := ansi.StringWidth(text)
		if used > 0 && used+n+10 > w {
			break
		}
		style, _ := t.level(e.Level)
		if used > 0 {
			line += strings.Repeat(" ", 10)
			used += 10
		}
		line += style.Render(t.cut(text, w-2))
		if used += n; used+40 > w {
			break
		}
	}
	return " " + line
}

// event describes an event in one line.
func (t theme) event(e nas.Event) string {
	parts := e.Sentence()
	for i, p := range parts {
		parts[i] = t.clean(p)
	}
	return strings.Join(parts, " "+t.g.Dot+" ")
}

// level returns the style of an event's level, and its letter in the log.
func (t theme) level(level string) (style lipgloss.Style, letter string) {
	switch level {
	case nas.Warn:
		return t.warn, "W"
	case nas.Error:
		return t.bad, "E"
	}
	return t.plain, "I"
}
