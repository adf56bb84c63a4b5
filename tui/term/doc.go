// Package term is what screens need of a terminal: the glyphs it can show, and a writer that sends it only the changed
// cells of a frame.
//
// [Detect] picks a [Tier] from the environment, and [GlyphsOf] returns its signs. [Differ] is the output of Bubble Tea
// (tea.WithOutput). Bubble Tea still does the pacing, the alternate screen, the cursor and the restoring, and rewrites
// a whole line if one of its cells changes; the differ turns those lines into the changed cells, an eighth of the bytes
// when panes are side by side (and tmux passes the bytes on nearly unchanged). Importing this package also keeps Bubble
// Tea from asking the terminal for its background at start; see package quiet.
//
// It draws nothing itself and knows nothing of searches.
package term

import (
	_ "github.com/charmbracelet/bubbletea" // so that its init has run when ours restores TERM
	"github.com/charmbracelet/lipgloss"

	"nasnet/tui/term/quiet"
)

func init() {
	quiet.Restore()
	// only the 16 colours of the terminal's theme are used: nothing depends on this, and nothing may ask
	lipgloss.SetHasDarkBackground(true)
}
