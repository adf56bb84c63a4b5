package tui

import "slices"

// screenRow is one kind of screen or dialog. To add one: its file with the methods of [screen], its row here, and in
// keys.go its scope, if it shares none, and the rows of its keys.
type screenRow struct {
	place string // the name of the scope in the list of the keys
	on    scope
	holds holds
	// the action that opens it from anywhere; actNone: only other screens open it
	by   action
	open func(m *model) (s screen, why string) // why it cannot be opened now
}

// holds is what a screen has, and so which keys make sense on it.
type holds uint

const (
	common holds = 1 << iota // the keys that all screens have; forms and dialogs take text or an answer instead
	trials                   // a child may be selected
	cells                    // a cell may be selected
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
	{place: "form", on: onForm, by: actRetrain, open: openRetrain},
	{place: "form", on: onForm, by: actFork, open: openFork},
	{place: "quit dialog", on: onQuit},
	{place: "question", on: onSure, by: actStopChild, open: openStopChild},
	{place: "text", on: onInput, by: actNote, open: openNote},
	{place: "digest", on: onDigest},
	{place: "menu", on: onMenu, by: actPalette, open: openPalette},
	{place: "menu", on: onMenu, by: actWrite, open: openWrite},
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

// opens is the screen that an action opens.
func opens(rows []screenRow, a action) (r screenRow, ok bool) {
	for _, r := range rows {
		if r.by == a && r.open != nil {
			return r, true
		}
	}
	return r, false
}
