package tui

import (
	"io"
	"os"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"

	"nasnet/nas"
	"nasnet/nas/space"
	"nasnet/tui/term"
)

// theme is how things look: the glyphs of the terminal and every style. It uses only the 16 colours of the terminal's
// theme, so that it is readable on light and on dark. Colour is never the only mark: each state has a sign or a word
// too. Without colour, bold and reverse remain.
type theme struct {
	g term.Glyphs

	plain, bold, selected lipgloss.Style
	frame, focus, title   lipgloss.Style // of panes
	key, mark             lipgloss.Style // keys in the footer; letters of children on the DropPath chart
	good, warn, bad, star lipgloss.Style
	mean, best            lipgloss.Style // lines of the reward chart
	families              map[space.Family]lipgloss.Style
}

// palette says which of the terminal's 16 colours to use.
type palette int

const (
	asTerminal palette = iota // the normal ones, which most terminals make readable on their background
	forLight                  // dark ones, for terminals with yellow and cyan too pale on white
	forDark                   // bright ones
	mono                      // none: bold and reverse remain
	palettes
)

func (p palette) String() string { return [...]string{"auto", "light", "dark", "mono"}[p] }

// colour returns the palette's colour for one of the terminal's normal colours.
func (p palette) colour(ansi string) string {
	switch p {
	case forLight:
		return map[string]string{"1": "1", "2": "4", "3": "5", "5": "5", "6": "4"}[ansi]
	case forDark:
		return map[string]string{"1": "9", "2": "10", "3": "11", "5": "13", "6": "14"}[ansi]
	}
	return ansi
}

// nextTheme switches to the next palette.
func (m *model) nextTheme() tea.Cmd {
	m.palette = (m.palette + 1) % palettes
	m.theme = newTheme(m.theme.g.Tier, m.palette)
	return m.say("theme "+m.palette.String(), false)
}

// newTheme returns the theme for a tier of glyphs and a palette.
func newTheme(tier term.Tier, p palette) theme {
	r := lipgloss.NewRenderer(io.Discard)
	r.SetColorProfile(termenv.ANSI)
	r.SetHasDarkBackground(true)
	plain := r.NewStyle().Inline(true)
	paint := func(ansi string) lipgloss.Style {
		if p == mono {
			return plain
		}
		return plain.Foreground(lipgloss.Color(p.colour(ansi)))
	}
	bold := plain.Bold(true)
	t := theme{
		g: term.GlyphsOf(tier), plain: plain, bold: bold, selected: plain.Reverse(true),
		frame: plain, focus: paint("6"), title: bold,
		key: paint("6").Bold(true), mark: paint("5").Bold(true),
		good: paint("2"), warn: paint("3"), bad: paint("1").Bold(true), star: paint("3"),
		mean: paint("6"), best: paint("2").Bold(true), families: map[space.Family]lipgloss.Style{},
	}
	for _, row := range space.Families {
		if t.families[row.Name] = plain; row.Colour != "" {
			t.families[row.Name] = paint(familyColours[row.Colour])
		}
	}
	return t
}

// detectTheme reads the environment.
func detectTheme() (theme, palette) {
	p := asTerminal
	if os.Getenv("NO_COLOR") != "" {
		p = mono
	}
	return newTheme(term.Detect(os.Getenv), p), p
}

// state returns the sign, word and style of s.
func (t theme) state(s nas.State) (sign, word string, style lipgloss.Style) {
	switch s {
	case nas.Running:
		return t.g.Running, "running", t.good
	case nas.Paused:
		return t.g.Paused, "paused", t.warn
	case nas.Done:
		return t.g.Done, "done", t.good
	case nas.Failed:
		return t.g.Failed, "failed", t.bad
	case nas.Stopped:
		return t.g.Stopped, "stopped", t.warn
	case nas.Draining:
		return t.g.Running, "draining", t.warn
	}
	return t.g.None, s.Word(), t.plain
}

// familyColours maps the colour names in the table of families to the terminal's colours.
var familyColours = map[string]string{"green": "2", "yellow": "3", "magenta": "5", "cyan": "6"}

// family returns the style of a family of ops, plain if it is unknown.
func (t theme) family(f space.Family) lipgloss.Style {
	if style, ok := t.families[f]; ok {
		return style
	}
	return t.plain
}
