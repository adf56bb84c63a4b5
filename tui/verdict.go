package tui

import (
	"fmt"

	"github.com/charmbracelet/x/ansi"

	"nasnet/nas"
)

// verdictLine says in at most w cells whether the controller beats random cells: the verdict's sentence, or a shorter
// form that fits.
func (t theme) verdictLine(v *nas.Verdict, w int) string {
	if v == nil {
		return ""
	}
	word, style := "no better than random yet", t.plain
	switch v.Claim {
	case nas.Better:
		word, style = "beats random", t.good
	case nas.Worse:
		word, style = "worse than random", t.bad
	}
	gain := fmt.Sprintf("%s %s", word, nas.FormatSigned(v.Gain))
	lines := []string{v.Text, fmt.Sprintf("%s (95 %% %s to %s)", gain, nas.FormatSigned(v.Low),
		nas.FormatSigned(v.High)), gain, word}
	if v.Low == 0 && v.High == 0 {
		lines = []string{v.Text, fmt.Sprintf("too early to tell: %d random", v.Randoms),
			fmt.Sprintf("%d random", v.Randoms)}
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
