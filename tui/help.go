package tui

import (
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
)

// helpScreen lists every row of the key table and explains the signs.
type helpScreen struct{ from int }

func openHelp(m *model) (screen, string) {
	if _, ok := m.top().(*helpScreen); ok {
		return nil, "this is the help; " + m.keyOf(actBack) + " leaves it"
	}
	return &helpScreen{}, ""
}

func (s *helpScreen) scope() scope { return onHelp }
func (s *helpScreen) back() bool   { return false }

func (s *helpScreen) act(m *model, a action) tea.Cmd {
	s.from = max(0, min(s.from+stride(a, max(1, m.h/2)), len(m.helpLines(m.w-4))-(m.h-5)))
	return nil
}

func (s *helpScreen) header(m *model, w int) string {
	t := m.theme
	log := ""
	if m.options.LogPath != "" {
		log = "   errors are in " + t.clean(m.options.LogPath)
	}
	return t.spread(" "+t.bold.Render("help")+log, t.clean(m.options.Version)+"   "+m.way("close"), w)
}

func (s *helpScreen) view(m *model, w, h int) []string {
	t := m.theme
	lines := m.helpLines(w - 4)
	from := max(0, min(s.from, len(lines)-(h-2)))
	p := pane{title: "Keys", focus: true}
	if len(lines) > h-2 {
		p.foot = fmt.Sprintf("%s %s scroll %s %d of %d lines", m.keyOf(actDown), m.keyOf(actUp), t.g.Dot,
			min(len(lines), from+h-2), len(lines))
	}
	body := []string{}
	for _, l := range scrolled(lines, s.from, h-2) {
		body = append(body, " "+l)
	}
	return p.draw(t, w, h, body)
}

// changedMark follows the keys of a row that a key file has changed.
func changedMark(b binding) string {
	if b.changed > 0 {
		return "*"
	}
	return ""
}

// helpLines returns the key table and the signs in as many columns as fit.
func (l *look) helpLines(w int) []string {
	t := l.theme
	const width = 38
	var blocks [][]string
	for _, g := range groups {
		block := []string{t.title.Render(g)}
		for _, b := range l.keys {
			if b.group == g {
				block = append(block, fit(t.key.Render(t.shown(b))+changedMark(b), 11)+b.Help().Desc)
			}
		}
		blocks = append(blocks, append(block, ""))
	}
	signs := []string{t.title.Render("SIGNS")}
	for _, s := range [][2]string{
		{t.g.Running, "running"}, {t.g.Paused, "paused"}, {t.g.Done, "done"}, {t.g.Failed, "failed"},
		{t.g.Stopped, "stopped"}, {t.g.Star, "starred"}, {t.g.Mark, "marked to compare"}, {t.g.Differs, "differs"},
		{"*", "a key that you changed"}, {"a b", "places on DropPath chart"},
		{"h p 0-4", "h[i], h[i-1], blocks"}, {"s5 a3", "sep 5x5, avg 3x3"},
	} {
		signs = append(signs, fit(s[0], 11)+s[1])
	}
	blocks = append(blocks, signs)
	n := max(1, min(4, w/width))
	columns := make([][]string, n)
	total := 0
	for _, b := range blocks {
		total += len(b)
	}
	c := 0
	for _, b := range blocks { // in order, each column about as long as the others
		if c < n-1 && len(columns[c]) > 0 && len(columns[c])+len(b)/2 > total/n {
			c++
		}
		columns[c] = append(columns[c], b...)
	}
	var out []string
	for i := 0; ; i++ {
		var row strings.Builder
		any := false
		for _, col := range columns {
			s := ""
			if i < len(col) {
				s, any = col[i], true
			}
			row.WriteString(fit(ansi.Truncate(s, w/n-1, ""), w/n))
		}
		if !any {
			return out
		}
		out = append(out, strings.TrimRight(row.String(), " "))
	}
}
