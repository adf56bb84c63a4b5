// Package term is the terminal as the screens need it: which glyphs it can show, and a writer that sends it only the
// cells of a frame that changed.
//
// [Detect] picks a [Tier] from the environment, [GlyphsOf] gives its signs. [Differ] stands behind tea.WithOutput:
// Bubble Tea keeps pacing, alternate screen, cursor and restoring, and rewrites a whole line when one cell of it
// changes; the differ turns those lines into the changed cells, which is an eighth of the bytes when panes stand side
// by side (and tmux passes the bytes on nearly unchanged). Importing this package also keeps Bubble Tea from asking the
// terminal for its background at start; see package quiet.
//
// It draws nothing itself and knows nothing of searches.
package term

import (
	_ "github.com/charmbracelet/bubbletea" // so that its init has run when ours gives TERM back
	"github.com/charmbracelet/lipgloss"

	"nasnet/tui/term/quiet"
)

func init() {
	quiet.Restore()
	// only the 16 colours of the terminal's own theme are used; nothing depends on this, and nothing may ask
	lipgloss.SetHasDarkBackground(true)
}
