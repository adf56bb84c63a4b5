package tui

import (
	tea "github.com/charmbracelet/bubbletea"
)

// toggleMouse gives the mouse to the screen, or back to the terminal, which selects text with it.
func (m *model) toggleMouse() tea.Cmd {
	if m.mouse = !m.mouse; m.mouse {
		return tea.Batch(tea.EnableMouseCellMotion,
			m.say("the mouse scrolls and selects panes; to select text, hold shift, or press "+m.keyOf(actMouse)+
				" again", false))
	}
	return tea.Batch(tea.DisableMouse, m.say("the terminal has the mouse again", false))
}

// clicker is a screen that handles clicks, at a column and row of its view, below the header.
type clicker interface {
	click(m *model, x, y int) tea.Cmd
}

// mouseMoved scrolls with the wheel and passes clicks to the screen.
func (m *model) mouseMoved(msg tea.MouseMsg) tea.Cmd {
	if !m.mouse || msg.Action != tea.MouseActionPress {
		return nil
	}
	on := m.top()
	switch msg.Button {
	case tea.MouseButtonWheelUp, tea.MouseButtonWheelDown:
		a := actUp
		if msg.Button == tea.MouseButtonWheelDown {
			a = actDown
		}
		if on.scope()&(onScreens|onMenu) != 0 {
			return on.act(m, a)
		}
	case tea.MouseButtonLeft:
		if c, ok := on.(clicker); ok && msg.Y >= 1 && msg.Y < m.h-2 {
			return c.click(m, msg.X, msg.Y-1)
		}
	}
	return nil
}

// place is a pane of the dashboard in its view, in cells.
type place struct{ pane, x, y, w, h int }

// tile joins panes that cover a view of h lines without gaps.
func tile(places []place, h int, draw func(p place) []string) []string {
	drawn := make([][]string, len(places))
	for i, p := range places {
		drawn[i] = draw(p)
	}
	out := make([]string, h)
	for y := range out {
		for i, p := range places { // from left to right, as they are listed
			if y >= p.y && y-p.y < len(drawn[i]) {
				out[y] += drawn[i][y-p.y]
			}
		}
	}
	return out
}

// click focuses the pane under the mouse and selects the row.
func (d *dashboard) click(m *model, x, y int) tea.Cmd {
	for _, p := range d.layout(m, m.w, m.h-3) {
		if p.pane >= panes || x < p.x || x >= p.x+p.w || y < p.y || y >= p.y+p.h {
			continue
		}
		d.focus = p.pane
		list, c := listed(m.snap), &d.children
		switch p.pane {
		case paneTop:
			list, c = d.shown.list(m.snap, m.latency), &d.top
		case paneChildren:
		default:
			return nil
		}
		from, to := window(len(list), p.h-3, c.index(list))
		if row := from + y - p.y - 2; row >= from && row < to {
			c.move(list, row-c.index(list))
		}
	}
	return nil
}
