package tui

import (
	"slices"
	"strings"
)

// look is how the interface looks, and its keys.
type look struct {
	theme   theme
	palette palette
	keys    keyTable
}

// keyOf returns the first key of an action, on the first screens that have it.
func (l *look) keyOf(a action) string { return l.keyOn(^scope(0), a) }

// keyOn returns the first key of an action on a screen.
func (l *look) keyOn(on scope, a action) string {
	for _, b := range l.keys {
		if b.do == a && b.on&on != 0 {
			k, _, _ := strings.Cut(l.theme.shown(b), " ")
			return k
		}
	}
	return ""
}

// hint writes the keys of actions in a scope with their words, for the edge of a pane.
func (l *look) hint(on scope, actions ...action) string {
	var parts []string
	for _, a := range actions {
		for _, b := range l.keys {
			if b.do == a && b.on&on != 0 {
				k, _, _ := strings.Cut(l.theme.shown(b), " ")
				word := b.short
				if word == "" {
					word, _, _ = strings.Cut(b.Help().Desc, " (")
				}
				parts = append(parts, k+" "+word)
				break
			}
		}
	}
	return strings.Join(parts, " "+l.theme.g.Dot+" ")
}

// answers writes the two keys of a dialog: the one that accepts, and the one that cancels.
func (l *look) answers(on scope, do action, yes, no string) string {
	key := l.theme.key.Render
	return "   " + key(l.keyOn(on, do)) + "  " + yes + "      " + key(l.keyOn(on, actBack)) + "  " + no
}

// leadOf returns the sign before a row: a mark if any of its trials is marked.
func (l *look) leadOf(v *runView, ids ...int) string {
	if slices.ContainsFunc(ids, func(id int) bool { return v.markOf(id) >= 0 }) {
		return l.theme.mark.Render(l.theme.g.Mark)
	}
	return " "
}
