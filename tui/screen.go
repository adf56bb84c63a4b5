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
	act(m *model, a action) tea.Cmd        // an action that the model does not carry out itself
	back() bool                            // a step back within the screen; false: leave it
	header(m *model, w int) string         // the first line
	view(m *model, w, h int) (ls []string) // the lines between header and footer: at most h, each of w cells
}

// selector is a screen with a selected trial, which star, note, pause, stop, retrain and fork are about.
type selector interface {
	selected(m *model) (nas.TrialView, bool)
}

// typist is a screen that takes keys as text.
type typist interface {
	typed(m *model, msg tea.KeyMsg) tea.Cmd
}

// receiver is a screen that gets answers to what it asked, and is told of each measuredMsg. It gets them also while
// another screen, or another run, is shown over it; one that was closed gets none.
type receiver interface {
	screen
	update(m *model, msg tea.Msg) tea.Cmd
}

// addressed is a message for a screen.
type addressed struct {
	to  receiver
	msg tea.Msg
}

// follower is a screen that takes from each snapshot of its run what a later one may not have, also while another
// screen, or another run, is shown over it.
type follower interface {
	snapshot(s *nas.Snapshot) tea.Cmd
}

// rowMates is a selector whose rows stand for several trials: those beside the selected one.
type rowMates interface {
	beside(m *model) []int
}

// guard is a screen that asks before it is left: nil if it may go.
type guard interface {
	leave(m *model) *sureDialog
}

// starter is a screen that asks for something when it is shown.
type starter interface {
	init(m *model) tea.Cmd
}

// dialog is a screen that is drawn as a box over the screen below it.
type dialog interface {
	screen
	box(m *model, w, h int) []string // at most h lines of at most w cells, all of one width
}

// picked is the selected trial of the topmost screen that has one.
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

// short is the first signs of a cell's hash.
func short(v nas.TrialView) string {
	if len(v.Cell) > 4 {
		return v.Cell[:4]
	}
	return v.Cell
}

func stripped(s string) string { return ansi.Strip(s) }
