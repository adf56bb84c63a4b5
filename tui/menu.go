package tui

import (
	tea "github.com/charmbracelet/bubbletea"
)

// menuItem is a line of a menu and what it does.
type menuItem struct {
	label, hint string
	run         func(m *model) tea.Cmd
}

// menuDialog is a list to choose an item from, with the arrow keys or by typing until it is the first match.
type menuDialog struct {
	plainDialog
	title string
	items []menuItem
	input lineEdit
	at    int
}

func (*menuDialog) scope() scope { return onMenu }

// fitting returns the items that match what was typed.
func (d *menuDialog) fitting() []menuItem {
	var out []menuItem
	for _, x := range d.items {
		if matches(d.input.value(), x.label, x.hint) {
			out = append(out, x)
		}
	}
	return out
}

func (d *menuDialog) act(m *model, a action) tea.Cmd {
	list := d.fitting()
	switch a {
	case actUp:
		d.at--
	case actDown:
		d.at++
	case actPageUp:
		d.at -= 8
	case actPageDown:
		d.at += 8
	case actAccept:
		if len(list) == 0 {
			return m.say("nothing matches what was typed", true)
		}
		x := list[d.cursor(len(list))]
		m.pop()
		return x.run(m)
	}
	d.at = d.cursor(len(list))
	return nil
}

func (d *menuDialog) cursor(n int) int { return max(0, min(d.at, n-1)) }

func (d *menuDialog) typed(_ *model, msg tea.KeyMsg) tea.Cmd {
	d.input.press(msg)
	d.at = 0
	return nil
}

func (d *menuDialog) box(m *model, w, h int) []string {
	t := m.theme
	list := d.fitting()
	width := min(w, 64) - 3
	first := " " + d.input.view(t, width-2)
	if d.input.value() == "" {
		first = " " + d.input.view(t, 1) + " type to search"
	}
	lines := []string{fit(first, width)}
	at := d.cursor(len(list))
	from, to := window(len(list), max(1, min(h-3, 16)), at)
	for i := from; i < to; i++ {
		sign, label := "  ", t.clean(list[i].label)
		if i == at {
			sign, label = t.g.Cursor+" ", t.bold.Render(label)
		}
		lines = append(lines, fit(t.spread(" "+sign+label, t.key.Render(t.clean(list[i].hint))+" ", width), width))
	}
	if len(list) == 0 {
		lines = append(lines, fit("   no match", width))
	}
	return t.boxed(d.title, lines, w, h)
}

// openPalette offers everything that keys do on the screen below.
func openPalette(m *model) (screen, string) {
	on := m.top().scope()
	d := &menuDialog{title: "Menu", input: newLineEdit("", 60)}
	for _, b := range m.keys {
		if b.on&on == 0 || b.do == actPalette || b.do == actPane1 {
			continue
		}
		do := b.do
		d.items = append(d.items, menuItem{b.Help().Desc, m.theme.shown(b), func(m *model) tea.Cmd { return m.do(do) }})
	}
	return d, ""
}
