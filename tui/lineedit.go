package tui

import (
	"slices"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"nasnet/tui/term"
)

// lineEdit is a line of text with a cursor. The cursor does not blink: a timer would wake an idle screen. It uses no
// keys of screen, tmux or flow control, and no clipboard: the terminal pastes.
type lineEdit struct {
	text  []rune
	at    int // the cursor is before text[at]
	limit int // runes
}

func newLineEdit(text string, limit int) lineEdit {
	e := lineEdit{limit: limit}
	e.insert([]rune(text))
	return e
}

func (e *lineEdit) value() string { return string(e.text) }

func (e *lineEdit) set(text string) {
	e.text, e.at = nil, 0
	e.insert([]rune(text))
}

func (e *lineEdit) insert(rs []rune) {
	for _, r := range rs {
		if r == '\n' || r == '\t' {
			r = ' '
		}
		if term.Obeyed(r) || len(e.text) >= e.limit {
			continue
		}
		e.text = slices.Insert(e.text, e.at, r)
		e.at++
	}
}

// press edits the text with a key.
func (e *lineEdit) press(msg tea.KeyMsg) {
	if msg.Alt {
		return
	}
	switch msg.Type {
	case tea.KeyRunes, tea.KeySpace:
		e.insert(msg.Runes)
	case tea.KeyLeft:
		e.at = max(0, e.at-1)
	case tea.KeyRight:
		e.at = min(len(e.text), e.at+1)
	case tea.KeyHome:
		e.at = 0
	case tea.KeyEnd:
		e.at = len(e.text)
	case tea.KeyBackspace:
		if e.at > 0 {
			e.at--
			e.text = slices.Delete(e.text, e.at, e.at+1)
		}
	case tea.KeyDelete:
		if e.at < len(e.text) {
			e.text = slices.Delete(e.text, e.at, e.at+1)
		}
	case tea.KeyCtrlU:
		e.text, e.at = slices.Delete(e.text, 0, e.at), 0
	case tea.KeyCtrlK:
		e.text = e.text[:e.at]
	case tea.KeyCtrlW:
		from := e.at
		for from > 0 && e.text[from-1] == ' ' {
			from--
		}
		for from > 0 && e.text[from-1] != ' ' {
			from--
		}
		e.text, e.at = slices.Delete(e.text, from, e.at), from
	}
}

// view returns the text around the cursor that fits into w cells, with the cursor in reverse.
func (e *lineEdit) view(t theme, w int) string {
	from := 0
	for from < e.at && ansi.StringWidth(string(e.text[from:e.at]))+1 > w {
		from++
	}
	under, after := " ", ""
	if e.at < len(e.text) {
		under, after = string(e.text[e.at]), string(e.text[e.at+1:])
	}
	s := t.printable(string(e.text[from:e.at])) + t.selected.Render(t.printable(under)) + t.printable(after)
	return ansi.Truncate(s, w, "")
}
