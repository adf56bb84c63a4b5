package tui

import (
	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"nasnet/nas"
)

// screen is one thing that fills the terminal, or a dialog over it. A screen keeps only cursors; what it shows comes
// from the model's snapshot.
type screen interface {
	scope() scope                          // the rows of the key table that work here
	act(m *model, a action) tea.Cmd        // an action that the model does not perform itself
	back() bool                            // a step back within the screen; false: leave it
	header(m *model, w int) string         // the first line
	view(m *model, w, h int) (ls []string) // the lines between header and footer: at most h, each of w cells
}

// selector is a screen with a selected trial, for star, note, pause, stop, retrain and fork.
type selector interface {
	selected(m *model) (nas.TrialView, bool)
}

// typist is a screen that accepts keys as text.
type typist interface {
	typed(m *model, msg tea.KeyMsg) tea.Cmd
}

// receiver is a screen that gets the answers to what it asked, and each measuredMsg, even while another screen or run
// is shown over it. A closed screen gets none.
type receiver interface {
	screen
	update(m *model, msg tea.Msg) tea.Cmd
}

// addressed is a message for a screen.
type addressed struct {
	to  receiver
	msg tea.Msg
}

// follower is a screen that sees every snapshot of its run, even while another screen or run is shown over it, because
// a later one may lack what it needs.
type follower interface {
	snapshot(s *nas.Snapshot) tea.Cmd
}

// rowMates is a selector with rows of several trials; beside returns all trials of the selected row.
type rowMates interface {
	beside(m *model) []int
}

// guard is a screen that may ask before it closes; leave returns nil if it need not.
type guard interface {
	leave(m *model) *sureDialog
}

// starter is a screen that runs a command when it opens.
type starter interface {
	init(m *model) tea.Cmd
}

// dialog is a screen drawn as a box over the screen below it.
type dialog interface {
	screen
	box(m *model, w, h int) []string // at most h lines of at most w cells, all of one width
}

// picked returns the selected trial of the topmost selector.
func (m *model) picked() (nas.TrialView, bool) {
	for i := len(m.stack) - 1; i >= 0; i-- {
		if s, ok := m.stack[i].(selector); ok {
			return s.selected(m)
		}
	}
	return nas.TrialView{}, false
}

// find returns the newest view of a trial.
func find(s *nas.Snapshot, id int) (nas.TrialView, bool) {
	for _, list := range [][]nas.TrialView{s.Running, s.Top, s.Starred, s.Retrains, s.Recent} {
		for _, t := range list {
			if t.ID == id {
				return t, true
			}
		}
	}
	if s.Best != nil && s.Best.ID == id {
		return *s.Best, true
	}
	return nas.TrialView{}, false
}

// trial names a trial in a sentence.
func (t theme) trial(v nas.TrialView) string { return "child " + v.Label() + " (" + short(v) + ")" }

// short returns the first characters of a cell's hash.
func short(v nas.TrialView) string {
	if len(v.Cell) > 4 {
		return v.Cell[:4]
	}
	return v.Cell
}

func stripped(s string) string { return ansi.Strip(s) }
