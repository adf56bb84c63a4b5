package chart

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"

	"nasnet/tui/term"
)

// Tier is the set of glyphs to draw with.
type Tier = term.Tier

// The tiers.
const (
	Unicode = term.Unicode
	CP437   = term.CP437
	ASCII   = term.ASCII
)

// plain makes every character of s one column wide: one that is wider, has no width, controls the terminal or is not in
// the tier becomes a question mark.
func plain(t Tier, s string) []rune {
	r := []rune(s)
	for i, c := range r {
		kind := width.LookupRune(c).Kind()
		if !unicode.IsGraphic(c) || unicode.In(c, unicode.Mn, unicode.Me, unicode.Cf, unicode.Zl, unicode.Zp) ||
			c == '\uFFFD' ||
			kind == width.EastAsianWide || kind == width.EastAsianFullwidth || t == ASCII && (c < 32 || c > 126) {
			r[i] = '?'
		}
	}
	return r
}

// fitRight cuts or pads s to n columns, with the blanks on the left.
func fitRight(t Tier, s string, n int) string {
	r := plain(t, s)
	if len(r) > n {
		return string(r[:max(n, 0)])
	}
	return strings.Repeat(" ", n-len(r)) + string(r)
}
