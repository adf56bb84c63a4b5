package tui

import (
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"nasnet/nas"
)

// View implements tea.Model. It reuses the last frame until the snapshot, the size or the model changes.
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
	k := picture{m.snap.Version, m.rev, m.w, m.h, m.drawn.frame}
	if k != m.drawn || k.frame == "" {
		k.frame = strings.Join(m.draw(), "\n")
		m.drawn = k
	}
	return k.frame
}

// draw makes a frame of h lines of w cells: the topmost screen that fills the terminal, and the dialogs over it.
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
	var but []action
	if !m.options.CanDetach {
		but = append(but, actQuitDetach)
	}
	resumes := m.snap.State == nas.Paused || m.snap.State == nas.Draining
	lower := []string{fit(m.newsLine(m.w), m.w), fit(m.footer(m.top().scope(), m.w, resumes, but...), m.w)}
	lower = lower[max(0, len(lower)-max(0, (m.h-1)/4)):] // a low terminal saves its lines for the screen
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

// newsLine shows the last answer, or else the newest events.
func (m *model) newsLine(w int) string {
	t := m.theme
	if m.toast.text != "" {
		style, sign := t.good, t.g.Running
		if m.toast.bad {
			style, sign = t.bad, "!"
		}
		text := sign + " " + m.toast.text
		if m.toast.path != "" {
			text = t.withPath(text, m.toast.path, w-2)
		}
		return " " + style.Render(t.cut(text, w-2))
	}
	if m.visiting() {
		return " " + t.warn.Render(t.cut("viewing "+t.clean(m.snap.Config.Name)+": nothing can be changed; "+
			m.keyOf(actBack)+" returns to "+t.clean(m.visits[0].snap.Config.Name), w-2))
	}
	if why := m.control.Lost; why != "" {
		return " " + t.bad.Render(t.cut("! "+t.clean(why)+"; "+m.keyOf(actQuit)+" leaves", w-2))
	}
	if over(m.snap) {
		sign, word, style := t.state(m.snap.State)
		text := sign + " the search is " + word
		if b := m.snap.Best; b != nil {
			text += fmt.Sprintf(": best %s (%s)", score(b.Reward, 4), short(*b))
		}
		return " " + style.Render(t.cut(text+"; "+m.keyOf(actRetrain)+" retrains a cell, "+m.keyOf(actQuit)+
			" leaves", w-2))
	}
	return m.besideControl(m.sharing, t.newsLine(m.snap, w), w)
}
