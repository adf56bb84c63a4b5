package tui

import (
	"testing"

	"nasnet/nas/space"
	"nasnet/tui/term"
)

func TestEveryFamilyOfOpsHasAColourThatTheThemeKnows(t *testing.T) {
	theme := newTheme(term.ASCII, asTerminal)
	for _, row := range space.Families {
		if _, ok := familyColours[row.Colour]; !ok && row.Colour != "" {
			t.Errorf("family %s has the colour %q on terminals, which theme.go does not know", row.Name, row.Colour)
		}
		if painted := theme.family(row.Name).Render("x") != "x"; painted != (row.Colour != "") {
			t.Errorf("family %s: painted %v, with the colour %q", row.Name, painted, row.Colour)
		}
	}
}
