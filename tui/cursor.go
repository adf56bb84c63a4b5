package tui

import "nasnet/nas"

// cursor is a place in a changing list of trials. It stays at the first row until it is moved; then it stays with its
// trial or, if the trial has left the list, at the trial's last row.
type cursor struct {
	set    bool
	id, at int
}

// index returns the cursor's row, or -1 in an empty list.
func (c cursor) index(list []nas.TrialView) int {
	if !c.set {
		return min(0, len(list)-1)
	}
	for i, t := range list {
		if t.ID == c.id {
			return i
		}
	}
	return min(c.at, len(list)-1)
}

// move moves the cursor by d rows, but not past an end, and returns the rows it could not go.
func (c *cursor) move(list []nas.TrialView, d int) (beyond int) {
	if len(list) == 0 {
		return d
	}
	to := c.index(list) + d
	switch {
	case to < 0:
		beyond, to = to, 0
	case to >= len(list):
		beyond, to = to-len(list)+1, len(list)-1
	}
	*c = cursor{true, list[to].ID, to}
	return beyond
}

// stride returns how many rows an action moves a cursor or a text, 0 if it does not; to an end, more than any list has.
func stride(a action, page int) int {
	return map[action]int{actUp: -1, actDown: 1, actPageUp: -page, actPageDown: page, actTop: -farEnd,
		actBottom: farEnd}[a]
}

// farEnd is more rows than any list or text has.
const farEnd = 1 << 20

// scroll returns the first line shown of a text after an action; whoever draws the text limits it to the lines there
// are.
func scroll(from int, a action, page int) int {
	return max(0, min(from+stride(a, page), farEnd))
}
