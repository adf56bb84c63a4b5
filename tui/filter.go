package tui

import (
	"strings"

	tea "github.com/charmbracelet/bubbletea"
)

// filterDialog is a line of text that filters a list while it is typed. Enter keeps the filter, esc removes it. A
// filter that check refuses is not applied.
type filterDialog struct {
	plainDialog
	what  string
	hint  string // may be empty
	input lineEdit
	check func(string) error // may be nil
	wrong error
	apply func(string)
}

func (*filterDialog) scope() scope { return onInput }
func (*filterDialog) low() bool    { return true }

func (d *filterDialog) back() bool {
	d.apply("")
	return false
}

func (d *filterDialog) act(m *model, a action) tea.Cmd {
	if a == actAccept && d.wrong == nil {
		m.pop()
	}
	return nil
}

func (d *filterDialog) typed(_ *model, msg tea.KeyMsg) tea.Cmd {
	d.input.press(msg)
	text := strings.TrimSpace(d.input.value())
	if d.check != nil {
		d.wrong = d.check(text)
	}
	if d.wrong == nil {
		d.apply(text)
	}
	return nil
}

func (d *filterDialog) box(m *model, w, h int) []string {
	t := m.theme
	lines := []string{fit(" "+d.input.view(t, 40), 44)}
	if d.wrong != nil {
		for _, l := range wrap(t.clean(d.wrong.Error()), w-4) {
			lines = append(lines, " "+t.bad.Render(l))
		}
	} else if d.hint != "" {
		lines = append(lines, " "+d.hint)
	}
	return t.boxed("Filter "+d.what, lines, w, h)
}

// matches reports whether every word of a filter is in one of the texts, ignoring case. A word after a minus must be in
// none.
func matches(filter string, texts ...string) bool {
	all := strings.ToLower(strings.Join(texts, "\x00"))
	for _, word := range strings.Fields(strings.ToLower(filter)) {
		wanted := true
		if rest, ok := strings.CutPrefix(word, "-"); ok && rest != "" {
			word, wanted = rest, false
		}
		if strings.Contains(all, word) != wanted {
			return false
		}
	}
	return true
}
