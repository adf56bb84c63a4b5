package tui

import "slices"

// screenRow is one kind of screen or dialog. To add one: write its file with the methods of [screen], add its row here,
// and in keys.go its scope, unless it shares one, and the rows of its keys.
type screenRow struct {
	place string // the name of the scope in the list of keys
	on    scope
	holds holds
	// the action that opens it from anywhere; actNone: only other screens open it
	by   action
	open func(m *model) (s screen, why string) // why it cannot be opened now
}

// holds is a set of things that a screen can have; they decide which keys make sense on it.
type holds uint

const (
	common holds = 1 << iota // the keys that all screens have
	trials                   // a child may be selected
	cells                    // a cell may be selected
	answer                   // text or an answer, instead of the common keys
)

// screens is the table of screens. Lists of places keep its order.
var screens = []screenRow{
	{place: "dashboard", on: onDash, holds: common | trials | cells},
	{place: "cell", on: onCell, holds: common | trials | cells},
	{place: "log", on: onLog, holds: common, by: actLog, open: openLog},
	{place: "help", on: onHelp, holds: common, by: actHelp, open: openHelp},
	{place: "compare", on: onCompare, holds: common | cells, by: actCompare, open: openCompare},
	{place: "edit", on: onEdit, holds: common, by: actEdit, open: openEdit},
	{place: "policy", on: onPolicy, holds: common, by: actPolicy, open: openPolicy},
	{place: "runs", on: onRuns, holds: common, by: actRuns, open: openRuns},
	{place: "form", on: onForm, holds: answer, by: actRetrain, open: openRetrain},
	{place: "form", on: onForm, holds: answer, by: actFork, open: openFork},
	{place: "quit dialog", on: onQuit, holds: answer},
	{place: "question", on: onSure, holds: answer, by: actStopChild, open: openStopChild},
	{place: "text", on: onInput, holds: answer, by: actNote, open: openNote},
	{place: "digest", on: onDigest}, // any key closes it
	{place: "menu", on: onMenu, holds: answer, by: actPalette, open: openPalette},
	{place: "menu", on: onMenu, holds: answer, by: actWrite, open: openWrite},
	{place: "front", on: onFront, holds: common | trials | cells, by: actFront, open: openFront},
	{place: "standings", on: onStandings, holds: common | trials | cells, by: actStandings, open: openStandings},
}

// places names a set of scopes, each place once.
func (s scope) places() (names []string) {
	for _, r := range screens {
		if s&r.on != 0 && !slices.Contains(names, r.place) {
			names = append(names, r.place)
		}
	}
	return names
}

// opens returns the screen that an action opens.
func opens(rows []screenRow, a action) (r screenRow, ok bool) {
	for _, r := range rows {
		if r.by == a && r.open != nil {
			return r, true
		}
	}
	return r, false
}
