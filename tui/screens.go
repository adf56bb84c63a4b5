package tui

// screenRow is one kind of screen or dialog. To add one: its file with the methods of [screen], its row here, and the rows of
// its keys in the key table.
type screenRow struct {
	name  string
	on    scope
	holds holds
	by    action                                // the action that opens it from anywhere; actNone: only other screens open it
	open  func(m *model) (s screen, why string) // why it cannot be opened now
}

// holds is what a screen has, and so which keys make sense on it.
type holds uint

const (
	common holds = 1 << iota // the keys that all screens have; forms and dialogs take text or an answer instead
	trials                   // a child may be selected
	cells                    // a cell may be selected
)

// screens is the table of screens.
var screens = []screenRow{
	{name: "dashboard", on: onDash, holds: common | trials | cells},
	{name: "cell", on: onCell, holds: common | trials | cells},
	{name: "compare", on: onCompare, holds: common | cells, by: actCompare, open: openCompare},
	{name: "edit", on: onEdit, holds: common, by: actEdit, open: openEdit},
	{name: "Pareto front", on: onFront, holds: common | trials | cells, by: actFront, open: openFront},
	{name: "ladder", on: onStandings, holds: common | trials | cells, by: actStandings, open: openStandings},
	{name: "policy", on: onPolicy, holds: common, by: actPolicy, open: openPolicy},
	{name: "runs", on: onRuns, holds: common, by: actRuns, open: openRuns},
	{name: "log", on: onLog, holds: common, by: actLog, open: openLog},
	{name: "help", on: onHelp, holds: common, by: actHelp, open: openHelp},
	{name: "retrain", on: onForm, by: actRetrain, open: openRetrain},
	{name: "fork", on: onForm, by: actFork, open: openFork},
	{name: "quit", on: onQuit},
	{name: "stop a child", on: onSure, by: actStopChild, open: openStopChild},
	{name: "note", on: onInput, by: actNote, open: openNote},
	{name: "commands", on: onMenu, by: actPalette, open: openPalette},
	{name: "write", on: onMenu, by: actWrite, open: openWrite},
	{name: "digest", on: onDigest},
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
