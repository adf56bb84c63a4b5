package tui

import (
	"fmt"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/charmbracelet/x/ansi"

	"nasnet/nas"
	"nasnet/tui/term"
)

// clean makes text from outside (names, notes, messages) fit for a screen: one line, no control or direction
// characters, and only what the terminal can show.
func (t theme) clean(s string) string { return strings.TrimSpace(t.printable(s)) }

// printable is clean, but keeps spaces at the ends.
func (t theme) printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case term.Obeyed(r), r == unicode.ReplacementChar:
			return -1
		case r > 126 && t.g.Tier == term.ASCII:
			return '?'
		}
		return r
	}, ansi.Strip(s))
}

// Numbers look as in the sentences of events.
var (
	fixed = nas.FormatFixed
	score = nas.FormatScore

	number = nas.FormatNumber
	clock  = nas.FormatTime
	plural = nas.FormatCount
)

// fit cuts or pads a line to exactly w cells.
func fit(s string, w int) string {
	if w <= 0 {
		return ""
	}
	n := ansi.StringWidth(s)
	if n > w {
		s = ansi.Truncate(s, w, "")
		n = ansi.StringWidth(s)
	}
	return s + strings.Repeat(" ", w-n)
}

// fitRight is fit, aligned to the right.
func fitRight(s string, w int) string {
	if n := ansi.StringWidth(s); n < w {
		return strings.Repeat(" ", w-n) + s
	}
	return fit(s, w)
}

// cut shortens a line to at most w cells and ends it with an ellipsis if it was longer.
func (t theme) cut(s string, w int) string {
	if ansi.StringWidth(s) <= w {
		return s
	}
	if w <= 1 {
		return fit(s, w)
	}
	return ansi.Truncate(s, w-1, "") + t.g.Ellipsis
}

// withPath puts a path after a text in w cells. It shortens the path from the left, and then drops the text to keep the
// file's name whole.
func (t theme) withPath(text, path string, w int) string {
	n, name := ansi.StringWidth(path), ansi.StringWidth(filepath.Base(path))
	left := w - ansi.StringWidth(text) - 1
	switch {
	case n <= left:
	case name+2 <= left:
		path = ansi.TruncateLeft(path, n-left+1, t.g.Ellipsis)
	default:
		return t.cut(filepath.Base(path), w)
	}
	return text + " " + path
}

// spread puts left and right at the ends of a line of w cells. It cuts left, and drops right only if nothing else fits.
func (t theme) spread(left, right string, w int) string {
	r := ansi.StringWidth(right)
	if r+1 >= w {
		return fit(left, w)
	}
	return fit(t.cut(left, w-r-1), w-r) + right
}

// overlay puts a box of lines over other lines, at column x, row y.
func overlay(under, box []string, x, y, w int) []string {
	out := append([]string(nil), under...)
	for i, line := range box {
		if y+i < 0 || y+i >= len(out) {
			continue
		}
		n := ansi.StringWidth(line)
		u := fit(out[y+i], w)
		rest := max(0, w-x-n)
		right := ansi.TruncateLeft(u, x+n, "")
		if ansi.StringWidth(right) > rest { // the box covers the left half of a wide glyph
			right = ansi.TruncateLeft(u, x+n+1, "")
		}
		out[y+i] = fit(ansi.Truncate(u, x, ""), x) + line + fitRight(right, rest)
	}
	return out
}

// wrap breaks text into lines of at most w cells at spaces.
func wrap(s string, w int) []string {
	if w < 1 {
		return nil
	}
	return strings.Split(ansi.Wrap(s, w, ""), "\n")
}

// amount writes a count with at most four characters and a unit: 812, 5.2k, 0.31M, 41.2M, 1.20G.
func amount(n int64) string {
	x := float64(n)
	scaled := func(x float64, unit string) string {
		switch {
		case x < 9.995:
			return fmt.Sprintf("%.2f%s", x, unit)
		case x < 99.95:
			return fmt.Sprintf("%.1f%s", x, unit)
		}
		return fmt.Sprintf("%.0f%s", x, unit)
	}
	switch {
	case n < 1000:
		return fmt.Sprint(n)
	case x < 99950:
		return fmt.Sprintf("%.1fk", x/1e3)
	case x < 999.5e6:
		return scaled(x/1e6, "M")
	}
	return scaled(x/1e9, "G")
}

// signed writes a difference with its sign and n decimals; a zero has no sign.
func signed(x float64, n int) string {
	s := fmt.Sprintf("%+.*f", n, x)
	if strings.Trim(s, "+-0.") == "" {
		return s[1:]
	}
	return s
}

// ofMost writes an entropy and the largest possible one, which estimates and rounding must not exceed: 2.64 of 2.64.
func ofMost(x, most float64, n int) string { return fixed(min(x, most), n) + " of " + fixed(most, n) }

// rate writes a learning rate: 0.0247, 3.5e-4.
func rate(x float64) string {
	if x == 0 {
		return "0"
	}
	if x < 1e-3 {
		return strings.Replace(strings.Replace(fmt.Sprintf("%.1e", x), "e-0", "e-", 1), ".0e", "e", 1)
	}
	s := strings.TrimRight(fmt.Sprintf("%.4f", x), "0")
	return strings.TrimSuffix(s, ".")
}
