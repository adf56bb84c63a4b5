package tui

import "nasnet/nas"

// cursor is a place in a list of trials that changes under it. Before it is moved it stays at the first row; then it
// stays with its trial, and where that has left the list, at the row where it was.
type cursor struct {
	set    bool
	id, at int
}

// index is the row of the cursor; -1 in an empty list.
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

// move sets the cursor d rows further, or to the end it would pass, and says by how many rows it could not go.
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

// stride is how many rows an action moves a cursor or a text, 0 if it moves none: for the ends far more than there are.
func stride(a action, page int) int {
	return map[action]int{actUp: -1, actDown: 1, actPageUp: -page, actPageDown: page, actTop: -farEnd,
		actBottom: farEnd}[a]
}

// farEnd is further than any text is long.
const farEnd = 1 << 20

// scroll is the first line of a text after an action; what draws the text puts it within its lines.
func scroll(from int, a action, page int) int {
	return max(0, min(from+stride(a, page), farEnd))
}
