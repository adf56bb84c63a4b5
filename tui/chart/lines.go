package chart

import (
	"math"
	"strconv"
	"strings"
)

// Style is the look of a series' line without colour.
type Style int

// The line styles.
const (
	Thin Style = iota
	Heavy
	Dotted
)

// Series is one line of a chart. Its values are equally spaced on the x axis; NaN and infinite values are gaps.
type Series struct {
	Name   string
	Values []float64
	Style  Style
	Reduce Reduce // for more values than columns
	Steps  bool   // each value lasts until the next, without a slope between them
}

// Options say how to draw a chart.
type Options struct {
	Tier          Tier
	Width, Height int // of everything, in columns and rows
	// ends of the y axis; NaN takes the end of the data, or if both are NaN a little more, so that the rows are at even
	// steps. Values outside are drawn at the edge
	Min, Max float64
	Format   func(float64) string // of the y axis's labels; nil for as many decimals as the rows need to differ
	// length of the x axis in values, if longer than the longest series
	Total   int
	Legend  bool     // name the series with their styles in the last row
	Caption string   // of the x axis, in the same row
	Ticks   []string // equally spaced along the x axis, in their own row; nil for none
	Marks   []Mark
}

// Mark is a sign on the line of a series.
type Mark struct {
	Series int
	X      float64 // place on the x axis, in values: 0 is the first
	Sign   rune    // one column wide
}

// Kind is what a span of text shows.
type Kind uint8

// The kinds of spans.
const (
	Blank Kind = iota
	Label      // of the y axis
	Axis
	Plot   // the line of a series, or its sign in the legend
	Legend // the name of a series, or the caption
	Sign   // of a Mark
)

// Span is a run of text of one kind. Series is its index for Plot, Sign and the name in the legend, else -1.
type Span struct {
	Text   string
	Kind   Kind
	Series int
}

// Line is one line of a chart.
type Line struct{ Spans []Span }

// String returns the plain text, padded to the width of the chart.
func (l Line) String() string {
	var s strings.Builder
	for _, sp := range l.Spans {
		s.WriteString(sp.Text)
	}
	return s.String()
}

const (
	minPlot   = 4 // columns of plot below which labels are dropped
	axisWidth = 2 // a blank and the axis
)

// Lines draws series as a line chart of exactly Height lines of exactly Width columns. Where lines meet, the later
// series is in front. If space is short, the labels of the y axis are dropped first, then the legend; a single row is
// a sparkline of the last series.
func Lines(o Options, series ...Series) []Line {
	if o.Width <= 0 || o.Height <= 0 {
		return make([]Line, max(o.Height, 0))
	}
	values := make([][]float64, len(series))
	for i, s := range series {
		values[i] = s.Values
	}
	sc := scaleOf(o.Min, o.Max, values...)
	rows := o.Height
	foot := (o.Legend && len(series) > 0 || o.Caption != "") && rows > 2
	if foot {
		rows--
	}
	ticks := len(o.Ticks) > 0 && rows > 2
	if ticks {
		rows--
	}
	if rows < 2 {
		return []Line{o.row(series)}
	}
	sc = o.even(sc, rows)
	labels, lw := o.labels(sc, rows)
	plot := o.Width - lw - axisWidth
	if plot < minPlot {
		labels, lw = nil, -1
		plot = o.Width - 1
	}
	lines := make([]Line, 0, o.Height)
	for i, spans := range o.plot(sc, rows, plot, series) {
		var l Line
		if labels != nil {
			l.Spans = append(l.Spans, Span{fitRight(o.Tier, labels[i], lw) + " ", Label, -1})
		}
		l.Spans = append(l.Spans, spans...)
		lines = append(lines, l)
	}
	if ticks {
		lines = append(lines, o.ticks(lw, plot))
	}
	if foot {
		lines = append(lines, o.footer(lw, series))
	}
	return lines
}

// even makes the rows of a scale even, unless the options set an end of it.
func (o Options) even(s scale, rows int) scale {
	if finite(o.Min) || finite(o.Max) {
		return s
	}
	return s.even(rows)
}

// row draws a chart of one row.
func (o Options) row(series []Series) Line {
	if len(series) == 0 {
		return Line{[]Span{{strings.Repeat(" ", o.Width), Blank, -1}}}
	}
	i := len(series) - 1
	return Line{[]Span{{Sparkline(o.Tier, series[i].Values, o.Width, o.Min, o.Max), Plot, i}}}
}

// labels returns the labels of the rows, from the top, and the width of the widest with a blank before it.
func (o Options) labels(s scale, rows int) ([]string, int) {
	format := o.Format
	if format == nil {
		format = decimals((s.hi/2 - s.lo/2) / float64(rows-1) * 2)
	}
	labels := make([]string, rows)
	w := 0
	for i := range labels {
		labels[i] = format(s.value(float64(rows-1-i) / float64(rows-1)))
		w = max(w, len([]rune(labels[i])))
	}
	return labels, w + 1
}

// decimals formats numbers that are step apart so that they look different, with at most six decimals.
func decimals(step float64) func(float64) string {
	return func(v float64) string {
		if a := math.Abs(v); a >= 1e6 || step < 1e-6 {
			return strconv.FormatFloat(v, 'g', 4, 64)
		}
		n := 0
		for s := step; s < 1 && n < 6; s *= 10 {
			n++
		}
		// a quarter needs one decimal more to look even
		if x := step * math.Pow10(n); n < 6 && math.Abs(x-math.Round(x)) > 1e-6 &&
			math.Abs(10*x-math.Round(10*x)) < 1e-6 {
			n++
		}
		if t := strconv.FormatFloat(v, 'f', n, 64); strings.Trim(t, "-0.") != "" {
			return t
		}
		return strconv.FormatFloat(0, 'f', n, 64) // no minus before a zero
	}
}

// ticks draws the x axis: the first label begins at its left end, the last one ends at its right end. A label that
// would touch the one before it is dropped.
func (o Options) ticks(lw, columns int) Line {
	corner, dash := '┼', '─'
	if o.Tier == ASCII {
		corner, dash = '+', '-'
	}
	row := make([]glyph, 0, lw+axisWidth+columns)
	for range lw + 1 {
		row = append(row, glyph{' ', Blank, -1})
	}
	row = append(row, glyph{corner, Axis, -1})
	start := len(row)
	for range columns {
		row = append(row, glyph{dash, Axis, -1})
	}
	free := 0
	for i, t := range o.Ticks {
		label := plain(o.Tier, t)
		at := 0
		if i > 0 {
			at = i*columns/(len(o.Ticks)-1) - len(label)/2
		}
		at = min(at, columns-len(label))
		if at < free {
			continue
		}
		for k, r := range label {
			row[start+at+k] = glyph{r, Label, -1}
		}
		free = at + len(label) + 1
	}
	return Line{merge(row)}
}

// footer names the series below the plot, each after two columns of its line, and then the caption. What does not fit
// is dropped, the caption first.
func (o Options) footer(lw int, series []Series) Line {
	indent := max(lw+axisWidth, 1)
	if indent >= o.Width {
		indent = 0
	}
	l := Line{[]Span{{strings.Repeat(" ", indent), Blank, -1}}}
	room := o.Width - indent
	add := func(sp Span) {
		r := plain(o.Tier, sp.Text)
		r = r[:min(len(r), room)]
		if len(r) > 0 {
			room -= len(r)
			sp.Text = string(r)
			l.Spans = append(l.Spans, sp)
		}
	}
	if o.Legend {
		for i, s := range series {
			if i > 0 {
				add(Span{"   ", Blank, -1})
			}
			add(Span{strings.Repeat(charset(o.Tier, s.Style).Horizontal, 2), Plot, i})
			add(Span{" " + s.Name, Legend, i})
		}
	}
	if c := plain(o.Tier, o.Caption); len(c) > 0 && len(c)+3 <= room || !o.Legend {
		if o.Legend && len(series) > 0 {
			add(Span{"   ", Blank, -1})
		}
		add(Span{string(c), Legend, -1})
	}
	if room > 0 {
		l.Spans = append(l.Spans, Span{strings.Repeat(" ", room), Blank, -1})
	}
	return l
}
