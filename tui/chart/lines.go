package chart

import (
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/guptarohit/asciigraph"
)

// Style is how the line of a series looks without colour.
type Style int

// The line styles.
const (
	Thin Style = iota
	Heavy
	Dotted
)

// Series is one line of a chart. Its values stand at equal distances on the x axis; NaN and infinite values are gaps.
type Series struct {
	Name   string
	Values []float64
	Style  Style
	Reduce Reduce // when there are more values than columns
}

// Options say how to draw a chart.
type Options struct {
	Tier          Tier
	Width, Height int                  // of everything, in columns and rows
	Min, Max      float64              // ends of the y axis; NaN for those of the data. Values outside are drawn at the edge
	Format        func(float64) string // of the labels of the y axis; nil for as many decimals as the rows differ in
	Total         int                  // length of the x axis in values, when it is to be longer than the longest series
	Legend        bool                 // name the series with their styles in the last row
	Caption       string               // of the x axis, in the same row
	Ticks         []string             // along the x axis at equal distances, in a row of their own; nil for none
	Marks         []Mark
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

// String is the plain text, padded to the width of the chart.
func (l Line) String() string {
	var s strings.Builder
	for _, sp := range l.Spans {
		s.WriteString(sp.Text)
	}
	return s.String()
}

const (
	minPlot   = 4 // columns of plot below which labels are left out
	axisWidth = 2 // a blank and the axis
)

// Lines draws series as a line chart of exactly Height lines of exactly Width columns. Where lines meet, the later series is in front. When there is
// no room, the labels of the y axis go first, then the legend; a single row is a sparkline of the last series.
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

// row is what a chart of one row shows.
func (o Options) row(series []Series) Line {
	if len(series) == 0 {
		return Line{[]Span{{strings.Repeat(" ", o.Width), Blank, -1}}}
	}
	i := len(series) - 1
	return Line{[]Span{{Sparkline(o.Tier, series[i].Values, o.Width, o.Min, o.Max), Plot, i}}}
}

// labels are those of the rows, from the top, and the width of the widest, which begins with a blank.
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

// decimals formats numbers that differ by step so that they differ in print, if six decimals will do.
func decimals(step float64) func(float64) string {
	return func(v float64) string {
		if a := math.Abs(v); a >= 1e6 || step < 1e-6 {
			return strconv.FormatFloat(v, 'g', 4, 64)
		}
		n := 0
		for s := step; s < 1 && n < 6; s *= 10 {
			n++
		}
		if t := strconv.FormatFloat(v, 'f', n, 64); strings.Trim(t, "-0.") != "" {
			return t
		}
		return strconv.FormatFloat(0, 'f', n, 64) // no minus before a zero
	}
}

// charsets of the styles, by tier.
var charsets = map[Tier][]asciigraph.CharSet{
	Unicode: {
		chars("─", "│", "╭╮╰╯", "╶╴"),
		chars("━", "┃", "┏┓┗┛", "╺╸"),
		chars("╌", "╎", "╭╮╰╯", "╌╌"),
	},
	CP437: {
		chars("─", "│", "┌┐└┘", "──"),
		chars("═", "║", "╔╗╚╝", "══"),
		chars("·", "·", "····", "··"),
	},
	ASCII: {
		chars("-", "|", "++++", "--"),
		chars("=", "#", "####", "=="),
		chars(".", ":", "::::", ".."),
	},
}

func chars(horizontal, vertical, arcs, caps string) asciigraph.CharSet {
	a, c := []rune(arcs), []rune(caps)
	return asciigraph.CharSet{Horizontal: horizontal, VerticalLine: vertical, ArcDownRight: string(a[0]), ArcDownLeft: string(a[1]),
		ArcUpRight: string(a[2]), ArcUpLeft: string(a[3]), StartCap: string(c[0]), EndCap: string(c[1])}
}

// charset of a series; a style or tier of no row is that of the first.
func charset(t Tier, s Style) asciigraph.CharSet {
	sets := charsets[t]
	if len(sets) == 0 {
		sets = charsets[Unicode]
	}
	if s < 0 || int(s) >= len(sets) {
		s = 0
	}
	return sets[s]
}

// The colours in which asciigraph is told to draw are not seen: they mark which text is of which series. Below 16 they have other escapes.
const (
	firstColour = 16
	axisColour  = 255
	maxSeries   = axisColour - firstColour
)

var escape = regexp.MustCompile(`\x1b\[(?:38;5;)?(\d+)m`)

// plot is the axis and the lines of the series: rows lines, from the top, each of the axis and columns more.
func (o Options) plot(s scale, rows, columns int, series []Series) [][]Span {
	series = series[:min(len(series), maxSeries)]
	total := min(max(o.Total, 1), 1<<30) // so that products with columns do not overflow
	for _, x := range series {
		total = max(total, len(x.Values))
	}
	// asciigraph draws the step from each point to the next, so it takes a point more than it fills columns.
	data := [][]float64{nan(columns + 1)} // one series at least, so that there is an axis
	sets := []asciigraph.CharSet{{}}
	colours := []asciigraph.AnsiColor{axisColour}
	for i, x := range series {
		points := sample(x.Values, total, columns+1, x.Reduce)
		for j, v := range points {
			points[j] = s.at(v) * float64(rows-1)
		}
		data = append(data, points)
		sets = append(sets, charset(o.Tier, x.Style))
		colours = append(colours, asciigraph.AnsiColor(firstColour+i))
	}
	text := asciigraph.PlotMany(data,
		asciigraph.Height(rows-1), asciigraph.LowerBound(0), asciigraph.UpperBound(float64(rows-1)),
		asciigraph.Offset(3), asciigraph.YAxisValueFormatter(func(float64) string { return "" }),
		asciigraph.SeriesChars(sets...), asciigraph.SeriesColors(colours...), asciigraph.AxisColor(axisColour))
	grid := make([][]glyph, rows)
	for i, l := range strings.Split(text, "\n") {
		if i < rows {
			grid[i] = o.glyphs(l, columns)
		}
	}
	for _, m := range o.Marks {
		if columns < 1 || m.Series < 0 || m.Series >= len(series) || !(m.X >= 0 && m.X <= float64(total)) {
			continue
		}
		col := min(int(m.X/float64(max(total-1, 1))*float64(columns)), columns-1)
		if v := data[1+m.Series][col]; !math.IsNaN(v) {
			grid[rows-1-int(math.Round(v))][1+col] = glyph{plain(o.Tier, string(m.Sign))[0], Sign, m.Series}
		}
	}
	lines := make([][]Span, rows)
	for i, row := range grid {
		lines[i] = merge(row)
	}
	return lines
}

// glyph is one column of a row.
type glyph struct {
	r      rune
	kind   Kind
	series int
}

// merge joins neighbours of the same kind.
func merge(row []glyph) []Span {
	var spans []Span
	for from, i := 0, 1; i <= len(row); i++ {
		if i < len(row) && row[i].kind == row[from].kind && row[i].series == row[from].series {
			continue
		}
		var text []rune
		for _, g := range row[from:i] {
			text = append(text, g.r)
		}
		spans = append(spans, Span{string(text), row[from].kind, row[from].series})
		from = i
	}
	return spans
}

// glyphs reads one line of asciigraph: two blanks, the axis, the plot without blanks at its end.
func (o Options) glyphs(line string, columns int) []glyph {
	row := make([]glyph, 0, columns+1)
	n, colour := 0, 0
	add := func(text string) {
		for _, r := range text {
			n++
			g := glyph{r, Plot, colour - firstColour}
			switch {
			case n <= 2 || n > 3+columns:
				continue
			case n == 3 && o.Tier == ASCII:
				g = glyph{map[rune]rune{'┤': '|', '┼': '+'}[r], Axis, -1}
			case n == 3:
				g = glyph{r, Axis, -1}
			case r == ' ':
				g = glyph{r, Blank, -1}
			}
			row = append(row, g)
		}
	}
	for {
		at := escape.FindStringSubmatchIndex(line)
		if at == nil {
			break
		}
		add(line[:at[0]])
		colour, _ = strconv.Atoi(line[at[2]:at[3]])
		line = line[at[1]:]
	}
	add(line)
	for len(row) < columns+1 {
		row = append(row, glyph{' ', Blank, -1})
	}
	return row
}

// ticks is the row of the x axis: the first label begins at its left end, the last one ends at its right end. A label that would touch the one before it
// is left out.
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

func nan(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = math.NaN()
	}
	return v
}

// sample puts values, which stand at 0, 1, … of total places, on n points over all places: reduced when there are fewer points than places, else by
// linear interpolation, which does not reach over gaps.
func sample(values []float64, total, n int, how Reduce) []float64 {
	out := nan(n)
	if total > n {
		for i := range out {
			from, to := min(part(i, n, total), len(values)), min(part(i+1, n, total), len(values))
			out[i] = how.of(values[from:to])
		}
		return out
	}
	at := func(i int) float64 {
		if i >= len(values) || !finite(values[i]) {
			return math.NaN()
		}
		return values[i]
	}
	if total == 1 {
		out[0] = at(0)
		return out
	}
	for i := range out {
		p := float64(i) * float64(total-1) / float64(n-1)
		k := int(p)
		f := p - float64(k)
		a, b := at(k), at(k+1)
		switch {
		case f == 0 || math.IsNaN(b) && f < 0.5:
			out[i] = a
		case math.IsNaN(a) && f >= 0.5:
			out[i] = b
		default:
			out[i] = a*(1-f) + b*f
		}
	}
	return out
}

// footer names the series, each after two columns of its line, and then the caption, below the plot. What has no room is left out, the caption first.
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
