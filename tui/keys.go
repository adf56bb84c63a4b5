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
	onForm  // a dialog with fields
	onQuit  // the quit dialog
	onSure  // a question that wants y
	onInput // a line of text

	onScreens = onDash | onCell | onLog | onHelp
	onLists   = onDash | onLog | onHelp
	onTrials  = onDash | onCell // screens where a trial is selected
	onDialogs = onForm | onQuit | onSure | onInput
)

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
)

// binding is one row of the key table: it drives dispatch, footer and help.
type binding struct {
	key.Binding        // the keys as Bubble Tea names them, how they are written, and what they do
	do          action //
	on          scope  // where it works
	short       string // its word in the footer; empty: not there
	group       string // its column in the help
}

func bind(do action, on scope, group, short, shown, does string, keys ...string) binding {
	return binding{key.NewBinding(key.WithKeys(keys...), key.WithHelp(shown, does)), do, on, short, group}
}

// Groups of the help, in its order.
const (
	groupEverywhere = "EVERYWHERE"
	groupLists      = "LISTS"
	groupRun        = "RUN"
	groupCell       = "CELL"
	groupDialogs    = "DIALOGS"
)

// keys is the key table; within a scope the first row that has the key wins. The order is that of the footer and of the help.
//
// Left alone are ctrl-a (screen), ctrl-b (tmux), ctrl-s and ctrl-q (flow control), alt (an escape over a slow link), function keys and what terminals
// cannot tell apart (ctrl-i, ctrl-m, shift-enter).
var keys = []binding{
	bind(actPause, onScreens, groupRun, "pause", "p", "pause, resume search", "p"),
	bind(actPauseChild, onTrials, groupRun, "", "P", "pause, resume child", "P"),
	bind(actFork, onTrials, groupRun, "fork", "f", "fork the search", "f"),
	bind(actRetrain, onTrials, groupRun, "retrain", "r", "retrain a cell", "r"),
	bind(actStopChild, onTrials, groupRun, "stop", "x", "stop child (asks)", "x"),
	bind(actMore, onTrials, groupRun, "", "+", "one worker more", "+", "="),
	bind(actFewer, onTrials, groupRun, "", "-", "one worker fewer", "-", "_"),

	bind(actOther, onCell, groupCell, "normal/reduction", "tab", "normal, reduction", "tab", "shift+tab"),
	bind(actOther, onDash, groupCell, "", "v", "the best cell's other cell", "v"),
	bind(actPrev, onCell, groupCell, "", "[", "previous cell", "["),
	bind(actNext, onCell, groupCell, "", "]", "next cell", "]"),
	bind(actStar, onTrials, groupLists, "star", "s", "star", "s"),
	bind(actNote, onTrials, groupLists, "note", "n", "note", "n"),

	bind(actOpen, onDash, groupLists, "open", "enter", "open", "enter"),
	bind(actUp, onScreens, groupLists, "", "k ↑", "up", "k", "up"),
	bind(actDown, onScreens, groupLists, "", "j ↓", "down", "j", "down"),
	bind(actPageUp, onScreens, groupLists, "", "^u pgup", "half page up", "ctrl+u", "pgup"),
	bind(actPageDown, onScreens, groupLists, "", "^d pgdn", "half page down", "ctrl+d", "pgdown"),
	bind(actTop, onScreens, groupLists, "", "g home", "top", "g", "home"),
	bind(actBottom, onScreens, groupLists, "", "G end", "end", "G", "end"),
	bind(actFollow, onLog, groupLists, "follow", "F", "follow the log", "F"),

	bind(actZoom, onDash, groupEverywhere, "zoom", "z", "zoom pane", "z"),
	bind(actNextPane, onDash, groupEverywhere, "pane", "tab", "next pane", "tab"),
	bind(actPrevPane, onDash, groupEverywhere, "", "shift-tab", "previous pane", "shift+tab"),
	bind(actPane1, onDash, groupEverywhere, "", "1-5", "pane", "1", "2", "3", "4", "5"),
	bind(actLog, onScreens, groupEverywhere, "log", "L", "event log", "L"),
	bind(actBack, onCell|onLog|onHelp, groupEverywhere, "back", "esc", "one step back", "esc"),
	bind(actBack, onDash, groupEverywhere, "", "esc", "unzoom", "esc"),
	bind(actRedraw, onScreens|onDialogs, groupEverywhere, "", "^l", "redraw", "ctrl+l"),
	bind(actSuspend, onScreens, groupEverywhere, "", "^z", "suspend this screen", "ctrl+z"),
	bind(actQuit, onScreens, groupEverywhere, "quit", "q ^c", "quit (asks)", "q", "ctrl+c"),
	bind(actHelp, onScreens, groupEverywhere, "help", "?", "this help", "?"),

	bind(actAccept, onForm|onInput, groupDialogs, "accept", "enter", "accept", "enter"),
	bind(actDown, onForm, groupDialogs, "field", "tab ↓", "next field", "tab", "down"),
	bind(actUp, onForm, groupDialogs, "", "↑", "previous field", "shift+tab", "up"),
	bind(actLeft, onForm, groupDialogs, "choice", "←→", "choose", "left"),
	bind(actRight, onForm, groupDialogs, "", "→", "choose the next", "right"),
	bind(actReset, onForm, groupDialogs, "reset", "^r", "the search's own settings", "ctrl+r"),
	bind(actYes, onSure, groupDialogs, "yes", "y", "yes", "y"),
	bind(actQuitDetach, onQuit, groupDialogs, "detach", "d enter", "detach: the search goes on", "d", "enter"),
	bind(actQuitDrain, onQuit, groupDialogs, "after children", "w", "end after running children", "w"),
	bind(actQuitStop, onQuit, groupDialogs, "stop now", "s", "stop now", "s"),
	bind(actBack, onForm|onInput|onQuit|onSure, groupDialogs, "cancel", "esc", "cancel", "esc", "ctrl+c"),
}

// lookup returns the action of a key in a scope.
func lookup(msg tea.KeyMsg, on scope) action {
	for _, b := range keys {
		if b.on&on != 0 && key.Matches(msg, b.Binding) {
			if b.do == actPane1 {
				return actPane1 + action(slices.Index(b.Keys(), msg.String()))
			}
			return b.do
		}
	}
	return actNone
}

// shown is how the keys of a binding are written in a tier.
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
