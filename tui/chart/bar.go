package chart

import (
	"math"
	"strconv"
	"strings"
)

// levels are the signs of a sparkline, from low to high.
func levels(t Tier) []rune {
	switch t {
	case ASCII:
		return []rune("_.-:=+*#")
	case CP437:
		return []rune("_▄█")
	}
	return []rune("▁▂▃▄▅▆▇█")
}

// Sparkline draws values as one row of width columns, one a column from the left; a longer series is reduced to means. lo and hi are the ends of
// the scale, NaN for those of the data. A gap is a blank; a constant series is in the middle.
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

// Progress draws a fraction in [0, 1] as a bar of width columns over a track: eighths of a column in the Unicode tier, halves in CP437, whole columns
// in ASCII. NaN is 0. It is full only when the fraction is 1, and empty only when it is 0 or less than one step.
func Progress(t Tier, fraction float64, width int) string {
	return bar(t, fraction, width, map[Tier]string{Unicode: "░", CP437: "░", ASCII: "."}[t])
}

// Bar is Progress on blanks.
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

// Row is one bar of [Bars].
type Row struct {
	Label string
	Value float64
	Text  string // after the bar; "" for the value itself
}

// Bars draws rows as horizontal bars of one scale from 0 to the largest value, labels on the left and texts on the right, each line width columns.
// Values that are negative or not finite have no bar.
func Bars(t Tier, rows []Row, width int) []string {
	width = max(width, 0)
	var most float64
	label, text := 0, 0
	texts := make([]string, len(rows))
	for i, r := range rows {
		if texts[i] = r.Text; r.Text == "" {
			texts[i] = strconv.FormatFloat(r.Value, 'g', 4, 64)
		}
		label, text = max(label, len([]rune(r.Label))), max(text, len([]rune(texts[i])))
		if finite(r.Value) {
			most = max(most, r.Value)
		}
	}
	label = min(label, width/3)
	text = min(text, width/3)
	room := max(width-label-text-2, 0)
	lines := make([]string, len(rows))
	for i, r := range rows {
		var f float64
		if most > 0 && finite(r.Value) {
			f = r.Value / most
		}
		lines[i] = fit(t, fit(t, r.Label, label)+" "+Bar(t, f, room)+" "+fitRight(t, texts[i], text), width)
	}
	return lines
}
