package tui

import (
	"slices"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"nasnet/tui/term"
)

// scope is a set of places where a key works.
type scope uint

const (
	onDash scope = 1 << iota
	onCell
	onLog
	onHelp
	onCompare
	onEdit
	onPolicy
	onRuns
	onForm  // a dialog with fields
	onQuit  // the quit dialog
	onSure  // a question answered with y
	onInput // a line of text
	onDigest
	onMenu // a list to choose from
	onFront
	onStandings
)

// Sets of scopes, from the table of screens.
var (
	onScreens = scopesOf(common)
	onTrials  = scopesOf(trials)
	onCells   = scopesOf(cells)
	onDialogs = scopesOf(answer)
)

// scopesOf returns the scopes of the screens that hold something.
func scopesOf(what holds) (on scope) {
	for _, r := range screens {
		if r.holds&what != 0 {
			on |= r.on
		}
	}
	return on
}

// action is what a key asks for.
type action int

const (
	actNone action = iota
	actUp
	actDown
	actLeft
	actRight
	actPageUp
	actPageDown
	actTop
	actBottom
	actNextPane
	actPrevPane
	actPane1
	actPane2
	actPane3
	actPane4
	actPane5
	actOpen
	actBack
	actZoom
	actOther // the other cell of a genotype
	actPrev
	actNext
	actPause
	actPauseChild
	actStopChild
	actUndoStop
	actStar
	actNote
	actMore
	actFewer
	actRetrain
	actFork
	actLog
	actHelp
	actRedraw
	actSuspend
	actQuit
	actAccept
	actReset
	actYes
	actQuitDetach
	actQuitDrain
	actQuitStop
	actFollow
	actNextMatch
	actPrevMatch
	actView // the next view of the screen
	actMark
	actCompare
	actDifference
	actSwap
	actEdit
	actNextOp
	actPrevOp
	actNextInput
	actPrevInput
	actCombine
	actConcat
	actConcatInput
	actUndo
	actRedo
	actTrain
	actPolicy
	actFront
	actStandings
	actUnmark
	actMeasure
	actMeasureTime
	actTake
	actRuns
	actResumeRun
	actDeleteRun
	actSort
	actFilter
	actPalette
	actCopy
	actWrite
	actTheme
	actMouse
)

// binding is one row of the key table: it drives dispatch, footer, help and the list of the keys.
type binding struct {
	key.Binding        // the keys, how they are written, and what they do
	do          action // what they ask for
	on          scope  // where it works
	name        string // in the key file
	changed     int    // line of that file that changed the row, or 0
	short       string // its word in the footer; empty: not shown
	group       string // its column in the help
}

// keyTable lists rows in the order of footer and help. Within a scope, the first row with a key wins.
type keyTable []binding

func bind(name string, do action, on scope, group, short, shown, does string, keys ...string) binding {
	return binding{Binding: key.NewBinding(key.WithKeys(keys...), key.WithHelp(shown, does)), do: do, on: on,
		name: name, short: short, group: group}
}

// Groups of the help, in its order.
const (
	groupRun        = "RUN"
	groupLists      = "LISTS"
	groupCell       = "CELL"
	groupCompare    = "COMPARE"
	groupEdit       = "EDIT A CELL"
	groupEverywhere = "EVERYWHERE"
	groupDialogs    = "DIALOGS"
)

var groups = []string{groupRun, groupLists, groupCell, groupCompare, groupEdit, groupEverywhere, groupDialogs}

// keys is the key table before a key file changes it.
//
// It avoids ctrl-a (screen), ctrl-b (tmux), ctrl-s and ctrl-q (flow control), alt (an escape over a slow link),
// function keys, and what terminals cannot tell apart (ctrl-i, ctrl-m, shift-enter).
var keys = keyTable{
	bind("take", actOpen, onCompare, groupCompare, "take from B", "enter", "edit A, taking this from B", "enter"),
	bind("next-difference", actDifference, onCompare, groupCompare, "next difference", "d", "next difference", "d"),
	bind("swap", actSwap, onCompare, groupCompare, "swap", "S", "swap A and B", "S"),
	bind("compare-previous", actPrev, onCompare, groupCompare, "", "[", "previous cell as B", "["),
	bind("compare-next", actNext, onCompare, groupCompare, "", "]", "next cell as B", "]"),
	bind("compare-view", actView, onCompare, groupCompare, "view", "v", "table, ladder A, ladder B", "v"),

	bind("next-op", actNextOp, onEdit, groupEdit, "op", "o →", "next op", "o", "right", "l"),
	bind("previous-op", actPrevOp, onEdit, groupEdit, "", "O ←", "previous op", "O", "left", "h"),
	bind("next-input", actNextInput, onEdit, groupEdit, "input", "i", "next input", "i"),
	bind("previous-input", actPrevInput, onEdit, groupEdit, "", "I", "previous input", "I"),
	bind("combine", actCombine, onEdit, groupEdit, "combine", "a", "add or concat the two", "a"),
	bind("concat", actConcat, onEdit, groupEdit, "concat", "n", "block in the output", "n"),
	bind("concat-input", actConcatInput, onEdit, groupEdit, "", "N", "its input in the output", "N"),
	bind("undo", actUndo, onEdit, groupEdit, "undo", "u", "undo", "u"),
	bind("redo", actRedo, onEdit, groupEdit, "redo", "U", "redo", "U"),
	bind("train", actTrain, onEdit, groupEdit, "train", "t", "train it", "t"),

	bind("pause", actPause, onScreens&^onEdit, groupRun, "pause", "p", "pause, resume search", "p"),
	bind("pause-child", actPauseChild, onTrials, groupRun, "", "P", "pause, resume child", "P"),
	bind("fork", actFork, onTrials, groupRun, "fork", "f", "fork the search", "f"),
	bind("edit", actEdit, onCells, groupRun, "edit", "e", "edit a cell by hand", "e"),
	bind("retrain", actRetrain, onCells|onEdit, groupRun, "retrain", "r", "retrain a cell", "r"),
	bind("stop-child", actStopChild, onTrials, groupRun, "stop", "x", "stop child (asks)", "x"),
	bind("undo-stop", actUndoStop, onTrials, groupRun, "", "U", "undo the stop of a child", "U"),
	bind("more-workers", actMore, onTrials, groupRun, "", "+", "one more worker", "+", "="),
	bind("fewer-workers", actFewer, onTrials, groupRun, "", "-", "one fewer worker", "-", "_"),
	bind("take-control", actTake, onScreens, groupRun, "", "W", "take control", "W"),

	bind("open", actOpen, onDash|onRuns|onFront|onStandings, groupLists, "open", "enter", "open", "enter"),
	bind("filter", actFilter, onDash|onRuns|onLog, groupLists, "filter", "/", "filter", "/"),
	bind("sort", actSort, onDash|onRuns, groupLists, "", "o", "sort", "o"),
	bind("front", actFront, onDash|onCell, groupLists, "", "a", "Pareto front (by cost)", "a"),
	bind("standings", actStandings, onDash|onCell|onFront|onCompare, groupLists, "", "l",
		"retrain ladder", "l"),
	bind("mark", actMark, onTrials, groupLists, "", "space", "mark to compare, retrain", " "),
	bind("unmark", actUnmark, onTrials, groupLists, "", "u", "remove all marks", "u"),
	bind("compare", actCompare, onTrials, groupLists, "compare", "c", "compare marked cells", "c"),
	bind("up", actUp, onScreens, groupLists, "", "k ↑", "up", "k", "up"),
	bind("down", actDown, onScreens, groupLists, "", "j ↓", "down", "j", "down"),
	bind("page-up", actPageUp, onScreens, groupLists, "", "^u pgup", "half page up", "ctrl+u", "pgup"),
	bind("page-down", actPageDown, onScreens, groupLists, "", "^d pgdn", "half page down", "ctrl+d", "pgdown"),
	bind("top", actTop, onScreens, groupLists, "", "g home", "top", "g", "home"),
	bind("bottom", actBottom, onScreens, groupLists, "", "G end", "end", "G", "end"),
	bind("follow", actFollow, onLog, groupLists, "follow", "F", "follow the log", "F"),
	bind("next-match", actNextMatch, onLog, groupLists, "next", "n", "next match, or warning", "n"),
	bind("previous-match", actPrevMatch, onLog, groupLists, "", "N", "previous one", "N"),
	bind("star", actStar, onCells, groupLists, "star", "s", "star", "s"),
	bind("note", actNote, onCells, groupLists, "note", "n", "note", "n"),

	bind("other", actOther, onCell|onCompare|onEdit|onPolicy, groupCell, "normal/reduction", "tab", "normal, reduction",
		"tab", "shift+tab"),
	bind("best-other", actOther, onDash, groupCell, "", "v", "the best cell's other cell", "v"),
	bind("layout", actView, onCell, groupCell, "layout", "v", "ladder, as in papers, list", "v"),
	bind("policy-view", actView, onPolicy, groupCell, "view", "v", "heat map, entropies, steps", "v"),
	bind("front-view", actView, onFront, groupCell, "other cost", "v", "params, MAdds, latency", "v"),
	bind("standings-view", actView, onStandings, groupCell, "other rung", "v", "the next rung", "v"),
	bind("measure", actMeasure, onCell|onFront, groupCell, "", "m", "measure the latency", "m"),
	bind("previous", actPrev, onCell, groupCell, "", "[", "previous cell", "["),
	bind("next", actNext, onCell, groupCell, "", "]", "next cell", "]"),

	bind("zoom", actZoom, onDash, groupEverywhere, "zoom", "z", "zoom pane", "z"),
	bind("next-pane", actNextPane, onDash, groupEverywhere, "pane", "tab", "next pane", "tab"),
	bind("previous-pane", actPrevPane, onDash, groupEverywhere, "", "shift-tab", "previous pane", "shift+tab"),
	bind("pane", actPane1, onDash, groupEverywhere, "", "1-5", "pane", "1", "2", "3", "4", "5"),
	bind("policy", actPolicy, onScreens&^(onEdit|onPolicy), groupEverywhere, "policy", "H", "policy: heat map", "H"),
	bind("runs", actRuns, onScreens&^(onEdit|onRuns), groupEverywhere, "runs", "R", "runs of the store", "R"),
	bind("resume-run", actResumeRun, onRuns, groupLists, "resume", "R", "resume a run (asks)", "R"),
	bind("delete-run", actDeleteRun, onRuns, groupLists, "delete", "D", "delete a run (asks)", "D"),
	bind("mark-run", actMark, onRuns, groupLists, "mark", "space", "compare curves of runs", " "),
	bind("log", actLog, onScreens, groupEverywhere, "log", "L", "event log", "L"),
	bind("back", actBack, onScreens&^onDash, groupEverywhere, "back", "esc", "one step back", "esc"),
	bind("unzoom", actBack, onDash, groupEverywhere, "", "esc", "unzoom", "esc"),
	bind("command", actPalette, onScreens, groupEverywhere, "menu", ":", "every command here", ":"),
	bind("copy", actCopy, onScreens, groupEverywhere, "", "y", "copy, also to a file", "y"),
	bind("write", actWrite, onScreens, groupEverywhere, "", "w", "write to a file", "w"),
	bind("theme", actTheme, onScreens, groupEverywhere, "", "T", "theme", "T"),
	bind("mouse", actMouse, onScreens, groupEverywhere, "", "M", "mouse on, off", "M"),
	bind("redraw", actRedraw, onScreens|onDialogs, groupEverywhere, "", "^l", "redraw", "ctrl+l"),
	bind("suspend", actSuspend, onScreens, groupEverywhere, "", "^z", "suspend this screen", "ctrl+z"),
	bind("quit", actQuit, onScreens, groupEverywhere, "quit", "q ^c", "quit (asks)", "q", "ctrl+c"),
	bind("help", actHelp, onScreens, groupEverywhere, "help", "?", "this help", "?"),

	bind("accept", actAccept, onForm|onInput|onMenu, groupDialogs, "accept", "enter", "accept", "enter"),
	bind("next-field", actDown, onForm, groupDialogs, "field", "tab ↓", "next field", "tab", "down"),
	bind("previous-field", actUp, onForm, groupDialogs, "", "↑", "previous field", "shift+tab", "up"),
	bind("choose-previous", actLeft, onForm, groupDialogs, "choice", "←→", "choose", "left"),
	bind("choose-next", actRight, onForm, groupDialogs, "", "→", "next choice", "right"),
	bind("menu-down", actDown, onMenu, groupDialogs, "", "↓", "next line", "down", "tab"),
	bind("menu-up", actUp, onMenu, groupDialogs, "", "↑", "previous line", "up", "shift+tab"),
	bind("menu-page-down", actPageDown, onMenu, groupDialogs, "", "pgdn", "next page", "pgdown"),
	bind("menu-page-up", actPageUp, onMenu, groupDialogs, "", "pgup", "previous page", "pgup"),
	bind("reset", actReset, onForm, groupDialogs, "reset", "^r", "the search's own settings", "ctrl+r"),
	bind("measure-time", actMeasureTime, onForm, groupDialogs, "", "^t", "measure a retrain's time", "ctrl+t"),
	bind("yes", actYes, onSure, groupDialogs, "yes", "y", "yes", "y"),
	bind("quit-detach", actQuitDetach, onQuit, groupDialogs, "detach", "d enter", "detach: search continues",
		"d", "enter"),
	bind("quit-drain", actQuitDrain, onQuit, groupDialogs, "after children", "w", "end after running children", "w"),
	bind("quit-stop", actQuitStop, onQuit, groupDialogs, "stop now", "s", "stop now", "s"),
	bind("cancel", actBack, onForm|onInput|onQuit|onSure|onMenu, groupDialogs, "cancel", "esc", "cancel",
		"esc", "ctrl+c"),
}

// lookup returns the action of a key in a scope.
func (k keyTable) lookup(msg tea.KeyMsg, on scope) action {
	for _, b := range k {
		if b.on&on != 0 && key.Matches(msg, b.Binding) {
			if b.do == actPane1 {
				return actPane1 + action(slices.Index(b.Keys(), msg.String()))
			}
			return b.do
		}
	}
	return actNone
}

// shown writes the keys of a binding for the terminal's tier.
func (t theme) shown(b binding) string {
	s := b.Help().Key
	if t.g.Tier != term.ASCII {
		return s
	}
	var out []rune
	for _, r := range s {
		if i := slices.Index([]rune("↑↓←→"), r); i >= 0 {
			if len(out) > 0 && out[len(out)-1] != ' ' {
				out = append(out, '/')
			}
			out = append(out, []rune([]string{"up", "down", "left", "right"}[i])...)
		} else {
			out = append(out, r)
		}
	}
	return string(out)
}

// way returns the key that leaves the top screen and a word, for the end of a header.
func (m *model) way(word string) string {
	if k := m.keyOn(m.top().scope(), actBack); k != "" {
		return k + " " + word + " "
	}
	return ""
}
