package chart

import (
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/guptarohit/asciigraph"
)

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
	return asciigraph.CharSet{Horizontal: horizontal, VerticalLine: vertical, ArcDownRight: string(a[0]),
		ArcDownLeft: string(a[1]),
		ArcUpRight:  string(a[2]), ArcUpLeft: string(a[3]), StartCap: string(c[0]), EndCap: string(c[1])}
}

// charset returns the characters of a style in a tier; an unknown style or tier gets the first.
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

// Nobody sees the colours that asciigraph draws in: they mark which text belongs to which series. Colours below 16 use
// other escapes.
const (
	firstColour = 16
	axisColour  = 255
	maxSeries   = axisColour - firstColour
)

var escape = regexp.MustCompile(`\x1b\[(?:38;5;)?(\d+)m`)

// plot draws the axis and the series: rows lines, from the top, each with the axis and columns more.
func (o Options) plot(s scale, rows, columns int, series []Series) [][]Span {
	series = series[:min(len(series), maxSeries)]
	total := min(max(o.Total, 1), 1<<30) // so that products with columns do not overflow
	for _, x := range series {
		total = max(total, len(x.Values))
	}
	// asciigraph draws the step from each point to the next, so it needs one point more than columns.
	data := [][]float64{nan(columns + 1)} // at least one series, so that there is an axis
	sets := []asciigraph.CharSet{{}}
	colours := []asciigraph.AnsiColor{axisColour}
	for i, x := range series {
		points := sample(x.Values, total, columns+1, x.Reduce, x.Steps)
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

// merge joins neighbours of the same kind and series.
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

// glyphs reads one line of asciigraph: two blanks, the axis, the plot without trailing blanks.
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

func nan(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = math.NaN()
	}
	return v
}

// sample spreads values, the first of total places, over n points: reduced if there are fewer points than places,
// otherwise in steps or by linear interpolation, which does not bridge gaps.
func sample(values []float64, total, n int, how Reduce, steps bool) []float64 {
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
		case steps || f == 0 || a == b || math.IsNaN(b) && f < 0.5:
			// a level stretch stays exactly level, on one line of the chart
			out[i] = a
		case math.IsNaN(a) && f >= 0.5:
			out[i] = b
		default:
			out[i] = a*(1-f) + b*f
		}
	}
	return out
}
