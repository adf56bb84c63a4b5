package chart_test

import (
	"encoding/binary"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"nasnet/tui/chart"
)

var (
	update = flag.Bool("update", false, "rewrite the golden files; read the diff")
	tiers  = []chart.Tier{chart.Unicode, chart.CP437, chart.ASCII}
	nan    = math.NaN()
)

func text(lines []chart.Line) string {
	var s strings.Builder
	for _, l := range lines {
		s.WriteString(l.String() + "\n")
	}
	return s.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

// history is a search that improves: the mean, with a gap of failed children, and the best so far.
func history() (mean, best []float64) {
	b := 0.0
	for i := range 1284 {
		v := 0.55 + 0.18*(1-math.Exp(-float64(i)/400)) + 0.01*math.Sin(float64(i)/9)
		b = max(b, v+0.02)
		best = append(best, b)
		if i >= 700 && i < 760 {
			v = nan
		}
		mean = append(mean, v)
	}
	return mean, best
}

func TestRewardChart(t *testing.T) {
	mean, best := history()
	for _, tier := range tiers {
		got := text(chart.Lines(chart.Options{Tier: tier, Width: 80, Height: 12, Min: nan, Max: nan, Legend: true,
			Caption: "x: child 0 to 1284"},
			chart.Series{Name: "mean of 50", Values: mean},
			chart.Series{Name: "best so far", Values: best, Style: chart.Heavy, Reduce: chart.Max}))
		golden(t, "reward-"+tier.String()+".txt", got)
	}
}

func TestScheduleChartWithMarksAndTicks(t *testing.T) {
	var keep []float64
	for i := range 21 {
		keep = append(keep, 1-0.4*float64(i)/20)
	}
	for _, tier := range tiers {
		golden(t, "schedule-"+tier.String()+".txt",
			text(chart.Lines(chart.Options{Tier: tier, Width: 48, Height: 8, Min: 0.6, Max: 1,
				Ticks: []string{"0%", "25%", "50%", "75%", "100%"},
				Marks: []chart.Mark{{0, 2, 'a'}, {0, 4, 'b'}, {0, 11, 'c'}, {0, 18, 'd'}, {7, 1, 'x'}, {0, -1, 'x'},
					{0, nan, 'x'}}},
				chart.Series{Values: keep})))
	}
}

func TestLines(t *testing.T) {
	for _, c := range []struct {
		name   string
		o      chart.Options
		series []chart.Series
		want   string
	}{
		{"three rows from 0 to 2", chart.Options{Width: 12, Height: 3, Min: nan, Max: nan}, []chart.Series{{Values: []float64{0, 1, 2}}}, `
 2 ┤     ╭──
 1 ┤ ╭───╯  
 0 ┼─╯      
`},
		{"a fixed scale keeps its ends, values outside are at the edge",
			chart.Options{Width: 12, Height: 3, Min: 0, Max: 1},
			[]chart.Series{{Values: []float64{0.5, 0.5, 9, 9}}}, `
 1.0 ┤  ╭───
 0.5 ┼──╯   
 0.0 ┤      
`},
		{"a constant is in the middle", chart.Options{Width: 12, Height: 3, Min: nan, Max: nan}, []chart.Series{{Values: []float64{5, 5, 5}}}, `
 5.5 ┤      
 5.0 ┼──────
 4.5 ┤      
`},
		{"nothing is an empty chart", chart.Options{Width: 12, Height: 3, Min: nan, Max: nan}, nil, `
 1.0 ┤      
 0.5 ┤      
 0.0 ┤      
`},
		{"a gap is left open", chart.Options{Width: 24, Height: 3, Min: 0, Max: 2}, []chart.Series{{Values: []float64{1, 1, nan, math.Inf(1), 1, 1}}}, `
 2 ┤                    
 1 ┼─────╴       ╶──────
 0 ┤                    
`},
		{"a longer axis leaves space for later values",
			chart.Options{Width: 23, Height: 3, Min: 0, Max: 2, Total: 21},
			[]chart.Series{{Values: []float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}}}, `
 2 ┤                   
 1 ┼──────────╴        
 0 ┤                   
`},
		{"the caption is dropped before the names", chart.Options{Width: 30, Height: 4, Min: 0, Max: 2, Legend: true,
			Caption: "x: epochs"},
			[]chart.Series{{Name: "mean", Values: []float64{1}}, {Name: "best", Values: []float64{2}, Style: chart.Heavy}}, `
 2 ┼╸                         
 1 ┼╴                         
 0 ┤                          
    ── mean   ━━ best         
`},
		{"too narrow for labels", chart.Options{Width: 6, Height: 3, Min: 0, Max: 0.002}, []chart.Series{{Values: []float64{0, 0.002}}}, `
┤   ╭─
┤ ╭─╯ 
┼─╯   
`},
		{"one row is a sparkline of the last series", chart.Options{Width: 6, Height: 1, Min: nan, Max: nan},
			[]chart.Series{{Values: []float64{1}}, {Values: []float64{0, 1, 2, 3}}}, `
▁▃▆█  
`},
		{"own labels", chart.Options{Width: 12, Height: 2, Min: 0, Max: 1,
			Format: func(v float64) string { return fmt.Sprintf("%.0f%%", 100*v) }},
			[]chart.Series{{Values: []float64{0, 1}}}, `
 100% ┤  ╭──
   0% ┼──╯  
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := "\n" + text(chart.Lines(c.o, c.series...)); got != c.want {
				t.Errorf("got%s\nwant%s", got, c.want)
			}
		})
	}
}

func TestSpansTellTheSeriesApart(t *testing.T) {
	lines := chart.Lines(chart.Options{Width: 20, Height: 5, Min: 0, Max: 3, Legend: true,
		Marks: []chart.Mark{{Series: 1, X: 1, Sign: 'a'}}},
		chart.Series{Name: "low", Values: []float64{0, 0, 0}},
		chart.Series{Name: "high", Values: []float64{3, 3, 3}, Style: chart.Heavy})
	var got []string
	for _, l := range lines {
		for _, s := range l.Spans {
			if s.Kind != chart.Blank {
				got = append(got, fmt.Sprintf("%d/%d %s", s.Kind, s.Series, strings.TrimSpace(s.Text)))
			}
		}
	}
	want := []string{
		"1/-1 3", "2/-1 ┼", "3/1 ━━━━━━━━", "5/1 a", "3/1 ━━━━━━━",
		"1/-1 2", "2/-1 ┤", "1/-1 1", "2/-1 ┤",
		"1/-1 0", "2/-1 ┼", "3/0 ────────────────",
		"3/0 ──", "4/0 low", "3/1 ━━", "4/1 high",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestSparkline(t *testing.T) {
	up := []float64{0, 1, 2, 3, 4, 5, 6, 7}
	for _, c := range []struct {
		name   string
		tier   chart.Tier
		values []float64
		width  int
		lo, hi float64
		want   string
	}{
		{"eight levels", chart.Unicode, up, 8, nan, nan, "▁▂▃▄▅▆▇█"},
		{"three in the Linux console", chart.CP437, up, 8, nan, nan, "___▄▄███"},
		{"ASCII", chart.ASCII, up, 8, nan, nan, "_.-:=+*#"},
		{"short series are padded", chart.Unicode, up[:2], 4, nan, nan, "▁█  "},
		{"long ones are reduced", chart.Unicode, up, 4, nan, nan, "▁▃▆█"},
		{"gaps are blanks", chart.Unicode, []float64{0, nan, math.Inf(1), 1}, 4, nan, nan, "▁  █"},
		{"a constant is in the middle", chart.Unicode, []float64{3, 3}, 2, nan, nan, "▅▅"},
		{"a fixed scale", chart.Unicode, []float64{0.5, 9, -9}, 3, 0, 1, "▅█▁"},
		{"nothing", chart.Unicode, nil, 3, nan, nan, "   "},
		{"no room", chart.Unicode, up, 0, nan, nan, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := chart.Sparkline(c.tier, c.values, c.width, c.lo, c.hi); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestProgress(t *testing.T) {
	for _, c := range []struct {
		tier     chart.Tier
		fraction float64
		width    int
		want     string
	}{
		{chart.Unicode, 0.5, 4, "██░░"},
		{chart.Unicode, 0.53125, 4, "██▏░"},
		{chart.Unicode, 0.7421, 4, "██▉░"},
		{chart.Unicode, 0.99999, 4, "███▉"},
		{chart.Unicode, 1, 4, "████"},
		{chart.Unicode, 7, 4, "████"},
		{chart.Unicode, math.Inf(1), 4, "████"},
		{chart.Unicode, -1, 4, "░░░░"},
		{chart.Unicode, nan, 4, "░░░░"},
		{chart.Unicode, 0.5, 0, ""},
		{chart.Unicode, 0.5, -3, ""},
		{chart.CP437, 0.4, 4, "█▌░░"},
		{chart.ASCII, 0.7, 4, "##.."},
	} {
		if got := chart.Progress(c.tier, c.fraction, c.width); got != c.want {
			t.Errorf("Progress(%v, %v, %d) = %q, want %q", c.tier, c.fraction, c.width, got, c.want)
		}
	}
	if got := chart.Bar(chart.Unicode, 0.55, 5); got != "██▊  " {
		t.Errorf("Bar is %q", got)
	}
}

func TestDownsample(t *testing.T) {
	v := []float64{1, 3, nan, 5, 9, 7, nan, nan, math.Inf(1)}
	for _, c := range []struct {
		name string
		how  chart.Reduce
		n    int
		want string
	}{
		{"means skip values that are not finite", chart.Mean, 3, "[2 7 NaN]"},
		{"minima", chart.Min, 3, "[1 5 NaN]"},
		{"maxima", chart.Max, 3, "[3 9 NaN]"},
		{"last", chart.Last, 3, "[3 7 NaN]"},
		{"fewer values than asked for stay", chart.Mean, 20, "[1 3 NaN 5 9 7 NaN NaN +Inf]"},
		{"one", chart.Mean, 1, "[5]"},
		{"none", chart.Mean, 0, "[]"},
	} {
		if got := fmt.Sprint(chart.Downsample(v, c.n, c.how)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	long := make([]float64, 100003)
	for i := range long {
		long[i] = float64(i)
	}
	var sum float64
	means := chart.Downsample(long, 250, chart.Mean)
	for i, m := range means {
		sum += m
		if i > 0 && m <= means[i-1] {
			t.Fatalf("means of a rising series do not rise at %d", i)
		}
	}
	if got := sum / 250; math.Abs(got-50001) > 1 {
		t.Errorf("the mean of the means is %v, want about 50001", got)
	}
	big := math.MaxFloat64
	if got := chart.Downsample([]float64{big, -big, big, -big}, 1, chart.Mean)[0]; !(math.Abs(got/big) <= 1e-12) {
		t.Errorf("the mean of the largest numbers of both signs is %v", got)
	}
}

// check draws every kind of chart once at one size.
func check(t *testing.T, tier chart.Tier, w, h int, o chart.Options, series []chart.Series) {
	t.Helper()
	o.Tier, o.Width, o.Height = tier, w, h
	lines := chart.Lines(o, series...)
	var all []string
	for _, l := range lines {
		all = append(all, l.String())
	}
	if len(all) != max(h, 0) {
		t.Fatalf("%dx%d: %d lines", w, h, len(all))
	}
	for _, s := range series {
		lo, hi := o.Min, o.Max
		all = append(all, chart.Sparkline(tier, s.Values, w, lo, hi))
		for i, v := range s.Values {
			if i < 5 {
				all = append(all, chart.Progress(tier, v, w), chart.Bar(tier, v, w))
			}
		}
	}
	for _, l := range all {
		if n := ansi.StringWidth(l); n != max(w, 0) {
			t.Fatalf("%v, %dx%d: a line has %d columns: %q", tier, w, h, n, l)
		}
		if strings.ContainsAny(l, "\x1b\n\r\t") {
			t.Fatalf("%q contains a control character", l)
		}
		if tier == chart.ASCII {
			for _, r := range l {
				if r > 126 {
					t.Fatalf("%q is not ASCII", l)
				}
			}
		}
	}
}

var strange = [][]float64{nil, {}, {1}, {nan}, {math.Inf(1)}, {math.Inf(-1), 1, nan, 2}, {0, 0, 0},
	{math.MaxFloat64, -math.MaxFloat64, 0},
	{math.SmallestNonzeroFloat64, 0}, {1e-300, 1, 1e300}, {-5, -5, -5}, {1e16, 1e16 + 2},
	{math.MaxFloat64, math.MaxFloat64}}

func TestEverySizeAndEverySeries(t *testing.T) {
	n := 0
	for w := -1; w <= 300; w += 1 + w/12 {
		for h := -1; h <= 100; h += 1 + h/8 {
			n++
			a, b := strange[n%len(strange)], strange[(n/len(strange))%len(strange)]
			o := chart.Options{Min: []float64{nan, 0, 5, math.Inf(-1)}[n%4], Max: []float64{nan, 1, -7}[n%3],
				Legend: n%2 == 0, Total: n % 50,
				Caption: []string{"", "x: child\x1b[31m 0…9", "世界"}[n%3],
				Marks:   []chart.Mark{{Series: 0, X: float64(n % 7), Sign: '世'}}}
			if n%3 == 0 {
				o.Ticks = []string{"0%", "fifty", "100%"}[:1+n%2]
			}
			check(t, tiers[n%3], w, h, o, []chart.Series{{Name: "a\tb", Values: a},
				{Name: "é世", Values: b, Style: chart.Style(n % 5), Reduce: chart.Reduce(n % 4)}})
		}
	}
	if n < 1000 {
		t.Errorf("only %d sizes", n)
	}
}

// A repeated value is one straight line at every width: rounding must not move parts of it to the next row.
func TestALevelSeriesIsDrawnLevel(t *testing.T) {
	for _, v := range []float64{0.003233, 1.0 / 3, 0.1, 86.02} {
		for n := 2; n < 6; n++ {
			values := make([]float64, n)
			for i := range values {
				values[i] = v
			}
			for w := 30; w < 100; w++ {
				drawn := 0
				for _, l := range chart.Lines(chart.Options{Tier: chart.Unicode, Width: w, Height: 10, Min: math.NaN(),
					Max: math.NaN()}, chart.Series{Values: values}) {
					if strings.ContainsAny(l.String(), "─╮╰╭╯") {
						drawn++
					}
				}
				if drawn != 1 {
					t.Fatalf("%d times %v at width %d: on %d rows, want 1", n, v, w, drawn)
				}
			}
		}
	}
}

func TestManySeries(t *testing.T) {
	series := make([]chart.Series, 300)
	for i := range series {
		series[i] = chart.Series{Name: fmt.Sprint(i), Values: []float64{float64(i), 0}}
	}
	check(t, chart.Unicode, 80, 24, chart.Options{Min: nan, Max: nan, Legend: true}, series)
}

func FuzzCharts(f *testing.F) {
	f.Add(80, 24, 0, nan, nan, "mean", "x", 0, []byte{0, 0, 0, 0, 0, 0, 240, 63})
	f.Add(1, 1, 1, 0.0, 1.0, "", "", 100, []byte{})
	f.Add(300, 100, 2, math.Inf(1), -1e308, "\x1b[2J", "世界", -5,
		[]byte("12345678abcdefgh\x00\x00\x00\x00\x00\x00\xf8\x7f"))
	f.Add(7, 3, 0, 1e308, -1e308, "a\u0301", "\u200b", 1<<40,
		[]byte("\xff\xff\xff\xff\xff\xff\xef\x7f\xff\xff\xff\xff\xff\xff\xef\xff"))
	f.Add(80, 24, 1, nan, nan, "", "", math.MaxInt, []byte("12345678abcdefgh"))
	f.Fuzz(func(t *testing.T, w, h, tier int, lo, hi float64, name, caption string, total int, data []byte) {
		if w > 300 || h > 100 || w < -5 || h < -5 || len(data) > 4000 {
			t.Skip()
		}
		var values []float64
		for len(data) >= 8 {
			values = append(values, math.Float64frombits(binary.LittleEndian.Uint64(data)))
			data = data[8:]
		}
		half := values[len(values)/2:]
		o := chart.Options{Min: lo, Max: hi, Legend: len(name) > 0, Caption: caption, Total: total,
			Ticks: []string{name, caption},
			Marks: []chart.Mark{{Series: 0, X: lo, Sign: []rune(caption + "x")[0]}}}
		check(t, tiers[uint(tier)%3], w, h, o, []chart.Series{
			{Name: name, Values: values, Reduce: chart.Reduce(uint(tier) % 5)},
			{Name: caption, Values: half, Style: chart.Style(tier)}})
	})
}

func BenchmarkLines(b *testing.B) {
	mean, best := history()
	b.ReportAllocs()
	for b.Loop() {
		chart.Lines(chart.Options{Width: 98, Height: 14, Min: nan, Max: nan, Legend: true}, chart.Series{Values: mean},
			chart.Series{Values: best, Style: chart.Heavy})
	}
}

func TestAScatterChartDrawsItsPointsInPlace(t *testing.T) {
	across := func(x float64) string { return strconv.FormatFloat(x, 'f', 0, 64) }
	o := chart.Options{Tier: chart.ASCII, Width: 25, Height: 6, Min: math.NaN(), Max: math.NaN(), Caption: "cost"}
	dots := []chart.Dot{{10, 0.5, 0}, {30, 0.9, 1}, {20, 0.7, 0}, {20, 0.7, 1}, {20, 0.7, 0}, {math.NaN(), 0.6, 1},
		{25, math.Inf(1), 1}}
	var got []string
	for _, l := range chart.Scatter(o, across, []rune{'.', 'o'}, dots...) {
		got = append(got, l.String())
	}
	want := []string{
		" 0.95 |                 o",
		" 0.80 |                  ",
		" 0.65 |         o        ",
		" 0.50 |.                 ",
		"      +10-15---20--25--30",
		"       cost              ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for w := range 30 {
		for h := range 8 {
			o.Width, o.Height = w, h
			for _, some := range [][]chart.Dot{nil, dots, {{1, 1, 0}}, {{1, 1, 7}, {1, 1, -1}}} {
				ls := chart.Scatter(o, across, []rune{'.', 'o'}, some...)
				if len(ls) != h {
					t.Fatalf("%dx%d: %d lines", w, h, len(ls))
				}
				for _, l := range ls {
					if n := len([]rune(l.String())); w > 0 && n != w {
						t.Fatalf("%dx%d: a line of %d", w, h, n)
					}
				}
			}
		}
	}
}

func TestTheLabelsOfAnAxisAreAtEvenSteps(t *testing.T) {
	for _, ends := range [][2]float64{{0.55, 0.7714}, {0.6234, 0.6239}, {-3, 17.2}, {0, 1}, {100, 12345}, {0.7, 0.7}} {
		for rows := 2; rows < 24; rows++ {
			var at []float64
			for _, l := range chart.Lines(chart.Options{Width: 40, Height: rows, Min: nan, Max: nan},
				chart.Series{Values: ends[:]}) {
				v, err := strconv.ParseFloat(strings.TrimSpace(l.Spans[0].Text), 64)
				if err != nil {
					t.Fatal(err)
				}
				at = append(at, v)
			}
			step := at[0] - at[1]
			for i := 1; i < rows; i++ {
				if d := at[i-1] - at[i]; !(d > 0) || math.Abs(d-step) > 1e-6*step {
					t.Errorf("%v in %d rows: labels %v", ends, rows, at)
					break
				}
			}
			if e := 1e-9 + 1e-6*math.Abs(ends[1]); at[0] < ends[1]-e || at[rows-1] > ends[0]+e ||
				ends[0] < ends[1] && at[0]-at[rows-1] > 2.2*(ends[1]-ends[0])+2e-6 {
				t.Errorf("%v in %d rows: from %v to %v", ends, rows, at[rows-1], at[0])
			}
		}
	}
}

func TestASeriesInStepsHasNoValueBetweenItsOwn(t *testing.T) {
	lines := chart.Lines(chart.Options{Width: 30, Height: 5, Min: 0, Max: 1},
		chart.Series{Values: []float64{0, 1, 1}, Steps: true})
	for _, l := range lines[1:4] {
		if got := strings.Trim(l.String()[5:], " "); strings.ContainsAny(got, "─") {
			t.Errorf("a stretch between the values: %q", l.String())
		}
	}
	sloped := chart.Lines(chart.Options{Width: 30, Height: 5, Min: 0, Max: 1},
		chart.Series{Values: []float64{0, 1, 1}})
	if !strings.Contains(sloped[2].String(), "─") {
		t.Errorf("without steps: %q", sloped[2].String())
	}
}
