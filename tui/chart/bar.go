package chart

import (
	"math"
	"strings"
)

// levels returns the signs of a sparkline, from low to high.
func levels(t Tier) []rune {
	switch t {
	case ASCII:
		return []rune("_.-:=+*#")
	case CP437:
		return []rune("_▄█")
	}
	return []rune("▁▂▃▄▅▆▇█")
}

// Sparkline draws values in one row of width columns, one per column from the left; a longer series is reduced to
// means. lo and hi are the ends of the scale; NaN takes the end of the data. A gap is a blank; a constant series is in
// the middle.
func Sparkline(t Tier, values []float64, width int, lo, hi float64) string {
	if width <= 0 {
		return ""
	}
	values = Downsample(values, width, Mean)
	s := scaleOf(lo, hi, values)
	signs := levels(t)
	row := []rune(strings.Repeat(" ", width))
	for i, v := range values {
		if p := s.at(v); !math.IsNaN(p) {
			row[i] = signs[min(int(p*float64(len(signs))), len(signs)-1)]
		}
	}
	return string(row)
}

// Progress draws a fraction in [0, 1] as a bar of width columns over a track, in eighths of a column in the Unicode
// tier, halves in CP437, whole columns in ASCII. NaN counts as 0. The bar is full only at 1, and empty only below one
// step.
func Progress(t Tier, fraction float64, width int) string {
	return bar(t, fraction, width, map[Tier]string{Unicode: "░", CP437: "░", ASCII: "."}[t])
}

// Bar is Progress over blanks.
func Bar(t Tier, fraction float64, width int) string {
	return bar(t, fraction, width, " ")
}

func bar(t Tier, fraction float64, width int, rest string) string {
	if width <= 0 {
		return ""
	}
	steps, full := []rune("▏▎▍▌▋▊▉"), "█" // parts of a column
	switch t {
	case CP437:
		steps = []rune("▌")
	case ASCII:
		steps, full = nil, "#"
	}
	per := len(steps) + 1
	n := 0
	if fraction > 0 { // not NaN
		n = int(min(fraction, 1) * float64(width*per))
	}
	s := strings.Repeat(full, n/per)
	left := width - n/per
	if n%per > 0 {
		s += string(steps[n%per-1])
		left--
	}
	return s + strings.Repeat(rest, left)
}
