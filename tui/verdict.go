package tui

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"nasnet/nas"
)

// verdictLine says in at most w cells whether the controller beats random cells: the verdict's sentence, or its words
// with as many numbers as fit.
func (t theme) verdictLine(v *nas.Verdict, w int) string {
	if v == nil {
		return ""
	}
	words, _, _ := strings.Cut(v.Text, ":")
	style := t.plain
	switch v.Claim {
	case nas.Better:
		style = t.good
	case nas.Worse:
		style = t.bad
	}
	gain := words + " " + nas.FormatSigned(v.Gain)
	lines := []string{v.Text, fmt.Sprintf("%s (95 %% %s to %s)", gain, nas.FormatSigned(v.Low),
		nas.FormatSigned(v.High)), gain, words}
	if v.Low == 0 && v.High == 0 {
		lines = []string{v.Text, fmt.Sprintf("%s: %d random", words, v.Randoms), fmt.Sprintf("%d random", v.Randoms)}
	}
	for _, l := range lines {
		if ansi.StringWidth(l) <= w {
			return style.Render(l)
		}
	}
	return ""
}

// topLine compares, in one line, the top cells of the controller and of random search after equal numbers of proposals.
// It returns nil while there is nothing to compare.
func topLine(v *nas.Verdict) []string {
	if v == nil || len(v.Tops) == 0 {
		return nil
	}
	last := v.Tops[len(v.Tops)-1]
	means := func(m [3]float64) (s string) {
		for _, x := range m {
			if x > 0 {
				s += " " + score(x, 3)
			}
		}
		return s
	}
	return []string{fmt.Sprintf(" top 1 5 25 of %d: controller%s, random%s", last.N, means(last.Controller),
		means(last.Random))}
}
