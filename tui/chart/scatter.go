package chart

import "math"

// Dot is a point of a scatter chart. Series is the index of its sign, and of the series in its span.
type Dot struct {
	X, Y   float64
	Series int
}

// ticksOfScatter is how many labels the x axis has, if they fit.
const ticksOfScatter = 5

// Scatter draws points in exactly Height lines of exactly Width columns, each as the sign of its series. Where points
// meet, the later series is in front. It uses the options Tier, Width, Height, Min, Max, Format and Caption; across
// formats the labels of the x axis. It skips points that are not finite.
func Scatter(o Options, across func(float64) string, signs []rune, dots ...Dot) []Line {
	if o.Width <= 0 || o.Height <= 0 {
		return make([]Line, max(o.Height, 0))
	}
	var xs, ys []float64
	for _, d := range dots {
		if finite(d.X) && finite(d.Y) {
			xs, ys = append(xs, d.X), append(ys, d.Y)
		}
	}
	sx, sy := scaleOf(math.NaN(), math.NaN(), xs), scaleOf(o.Min, o.Max, ys)
	rows := o.Height
	foot := o.Caption != "" && rows > 3
	if foot {
		rows--
	}
	ticks := rows > 2
	if ticks {
		rows--
		o.Ticks = nil
		for i := range ticksOfScatter {
			o.Ticks = append(o.Ticks, across(sx.value(float64(i)/(ticksOfScatter-1))))
		}
	}
	labels, lw := make([]string, rows), -1
	if rows > 1 {
		sy = o.even(sy, rows)
		labels, lw = o.labels(sy, rows)
	}
	columns := o.Width - lw - axisWidth
	if columns < minPlot {
		lw, columns = -1, o.Width-1
	}
	tick := '┤'
	if o.Tier == ASCII {
		tick = '|'
	}
	grid := make([][]glyph, rows)
	for y := range grid {
		grid[y] = append(grid[y], glyph{tick, Axis, -1})
		for range columns {
			grid[y] = append(grid[y], glyph{' ', Blank, -1})
		}
	}
	for _, d := range dots {
		if columns < 1 || !finite(d.X) || !finite(d.Y) || d.Series < 0 || d.Series >= len(signs) {
			continue
		}
		at := &grid[rows-1-int(math.Round(sy.at(d.Y)*float64(rows-1)))][1+
			int(math.Round(sx.at(d.X)*float64(columns-1)))]
		if at.series <= d.Series {
			*at = glyph{plain(o.Tier, string(signs[d.Series]))[0], Sign, d.Series}
		}
	}
	var lines []Line
	for y, row := range grid {
		var l Line
		if lw >= 0 {
			l.Spans = append(l.Spans, Span{fitRight(o.Tier, labels[y], lw) + " ", Label, -1})
		}
		l.Spans = append(l.Spans, merge(row)...)
		lines = append(lines, l)
	}
	if ticks {
		lines = append(lines, o.ticks(lw, columns))
	}
	if foot {
		lines = append(lines, o.footer(lw, nil))
	}
	return lines
}
