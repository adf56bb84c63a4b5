package tui

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"nasnet/nas"
)

// topRow is one line of the table of best cells.
type topRow struct {
	nas.TrialView
	sign string
	rank int
}

// topColumns returns the columns of the table of best cells. latency is nil if no cell has one.
func (t theme) topColumns(latency func(nas.TrialView) string) []column[topRow] {
	cols := []column[topRow]{
		{head: "", width: 2, cell: func(r topRow, _ int) string {
			if r.Star {
				return r.sign + t.star.Render(t.g.Star)
			}
			return r.sign
		}},
		{head: "#", width: 3, right: true, cell: func(r topRow, _ int) string { return rankText(r.rank, t.g.None) }},
		{head: "CELL", width: 4, cell: func(r topRow, _ int) string { return short(r.TrialView) }},
		{head: "REWARD", width: 6, right: true, cell: func(r topRow, _ int) string { return score(r.Reward, 4) }},
		{head: "PARAMS", width: 6, right: true, cell: func(r topRow, _ int) string { return amount(r.Params) }},
		{head: "MADDS", width: 5, right: true, cell: func(r topRow, _ int) string { return amount(r.MAdds) }},
		{head: "LATENCY", width: 7, right: true, from: 100,
			cell: func(r topRow, _ int) string { return latency(r.TrialView) }},
		{head: "CHILD", width: 5, right: true, from: 110, cell: func(r topRow, _ int) string { return r.Label() }},
		{head: "KIND", width: 7, from: 130, cell: func(r topRow, _ int) string { return r.Kind.Word() }},
		{head: "TIME", width: 5, right: true, from: 130,
			cell: func(r topRow, _ int) string { return clock(seconds(r.Seconds)) }},
		{head: "NORMAL CELL (h h[i], p h[i-1], 0-4)", width: 34, grow: 2,
			cell: func(r topRow, w int) string { return t.cut(r.Genotype.Normal.Text(), w) }},
		{head: "REDUCTION CELL", width: 24, grow: 2, from: 190,
			cell: func(r topRow, w int) string { return t.cut(r.Genotype.Reduction.Text(), w) }},
		{head: "NOTE", width: 8, grow: 1, from: 100,
			cell: func(r topRow, w int) string { return t.cut(t.clean(r.Note), w) }},
	}
	if latency == nil {
		cols = slices.DeleteFunc(cols, func(c column[topRow]) bool { return c.head == "LATENCY" })
	}
	return cols
}

// topOrders are the ways to sort the best cells. Ranks stay by reward. The word is for the command line.
var topOrders = []struct {
	name, word string
	less       func(a, b nas.TrialView, latency latencyOf) int
}{
	{"reward", "reward", func(a, b nas.TrialView, _ latencyOf) int { return 0 }}, // as the snapshot has them
	{"params", "params", func(a, b nas.TrialView, _ latencyOf) int { return cmp.Compare(a.Params, b.Params) }},
	{"MAdds", "madds", func(a, b nas.TrialView, _ latencyOf) int { return cmp.Compare(a.MAdds, b.MAdds) }},
	{"latency", "latency", func(a, b nas.TrialView, of latencyOf) int {
		return cmp.Compare(known(of(a)), known(of(b)))
	}},
	{"training time", "time", func(a, b nas.TrialView, _ latencyOf) int { return cmp.Compare(a.Seconds, b.Seconds) }},
	{"newest", "newest", func(a, b nas.TrialView, _ latencyOf) int { return b.Finished.Compare(a.Finished) }},
}

// latencyOf returns a trial's latency in milliseconds, or 0 if it is not known.
type latencyOf func(nas.TrialView) float64

// once asks for the latency of each trial at most once.
func (of latencyOf) once() latencyOf {
	known := map[int]float64{}
	return func(v nas.TrialView) float64 {
		ms, ok := known[v.ID]
		if !ok {
			ms = of(v)
			known[v.ID] = ms
		}
		return ms
	}
}

// known makes a latency that was not measured infinite, so that it sorts last.
func known(latency float64) float64 {
	if latency > 0 {
		return latency
	}
	return math.Inf(1)
}

// topView says which of the best cells their table shows, and in which order.
type topView struct {
	order  int // of topOrders
	filter string
}

// list returns the best cells of a snapshot, filtered and sorted.
func (v topView) list(s *nas.Snapshot, latency latencyOf) []nas.TrialView {
	if v == (topView{}) {
		return s.Top
	}
	out := slices.Clone(s.Top)
	if v.filter != "" { // which also finds starred cells that are not ranked
		out, _ = passing(slices.Concat(s.Top, s.Starred), v.filter, latency) // the dialog refuses a wrong filter
	}
	sortTop(out, v.order, latency)
	return out
}

// sortTop sorts cells by one of topOrders and keeps equal ones in their order.
func sortTop(cells []nas.TrialView, order int, latency latencyOf) {
	latency = latency.once()
	slices.SortStableFunc(cells, func(a, b nas.TrialView) int { return topOrders[order].less(a, b, latency) })
}

// rank returns the place of a trial by reward, or 0 if it is not among the best.
func rank(s *nas.Snapshot, id int) int {
	return 1 + slices.IndexFunc(s.Top, func(t nas.TrialView) bool { return t.ID == id })
}

// rankText writes a rank for a table: none if the cell is not among the best.
func rankText(rank int, none string) string {
	if rank == 0 {
		return none
	}
	return fmt.Sprint(rank)
}

// topPane draws the table of best cells.
func (d *dashboard) topPane(m *model, w, h int) []string {
	t, s := m.theme, m.snap
	p := pane{title: "5 Top cells", focus: d.focus == paneTop, right: "by " + topOrders[d.shown.order].name}
	top := d.shown.list(s, m.latency)
	if w >= 110 {
		p.right += fmt.Sprintf(", %d finished, %d distinct", s.Finished, s.Distinct)
	}
	if d.shown.filter != "" {
		p.right = fmt.Sprintf("%d of %d with %s, ", len(top), len(s.Top), t.clean(d.shown.filter)) + p.right
	}
	if p.focus {
		p.foot = m.hint(onDash, actOpen, actMark, actSort, actFilter, actFront)
	}
	at := d.top.index(top)
	var latency func(nas.TrialView) string
	if slices.ContainsFunc(top, func(v nas.TrialView) bool { return m.latency(v) > 0 }) {
		latency = func(v nas.TrialView) string { return latencyText(t, m.latency(v)) }
	}
	gap := 1
	if w >= 130 {
		gap = 2
	}
	cols := columnsFor(t.topColumns(latency), w-4, gap)
	body := []string{" " + t.title.Render(row(cols, gap, nil))}
	from, to := window(len(top), h-3, at)
	for i := from; i < to; i++ {
		r := topRow{TrialView: top[i], sign: " ", rank: rank(s, top[i].ID)}
		body = append(body, t.tableLine(m.leadOf(&m.runView, r.ID), p.focus && i == at, &r.sign,
			func() string { return row(cols, gap, &r) }))
	}
	if len(s.Top) > 0 && len(top) == 0 {
		body = append(body, " no cell matches the filter")
	}
	if len(s.Top) == 0 {
		body = append(body, " none yet: a cell is ranked when its child has finished")
	}
	return p.draw(t, w, h, body)
}

// bestCell draws the best cell so far.
func (d *dashboard) bestCell(m *model) []string {
	if m.snap.Best == nil {
		return nil
	}
	return m.theme.ladder(m.snap.Best.Genotype, d.reduction)
}

func (d *dashboard) bestPane(m *model, cell []string, w, h int) []string {
	t, b := m.theme, m.snap.Best
	p := pane{title: "Best cell", foot: m.keyOn(onDash, actOther) + " " + cellName(!d.reduction)}
	if b == nil {
		return p.draw(t, w, h, []string{"", " the best cell is drawn here when the first child has finished"})
	}
	p.title = fmt.Sprintf("Best cell %s %s %s", short(*b), t.g.Dot, cellName(d.reduction))
	p.right = t.star.Render(t.g.Star) + " " + score(b.Reward, 4)
	return p.draw(t, w, h, centred(cell, w-2, h-2))
}

func cellName(reduction bool) string {
	if reduction {
		return "reduction"
	}
	return "normal"
}

// centred indents a drawing a little if there is space around it.
func centred(lines []string, w, h int) []string {
	n := 0
	for _, l := range lines {
		n = max(n, ansi.StringWidth(l))
	}
	pad := strings.Repeat(" ", max(0, min(2, w-n)))
	var out []string
	if h > len(lines) {
		out = append(out, "")
	}
	for _, l := range lines {
		out = append(out, pad+l)
	}
	return out
}

// figures draws the run's counts, beside its charts.
func (d *dashboard) figures(m *model, w, h int) []string {
	t, s := m.theme, m.snap
	perHour := 0.0
	if s.Elapsed > 0 {
		perHour = float64(s.Finished) / s.Elapsed.Hours()
	}
	c := s.Config
	lines := []string{
		t.spread(fmt.Sprintf(" %.0f img/s   %.0f children/h", s.ImageRate, perHour),
			plural(s.Distinct, "distinct cell", "distinct cells")+" ", w-2),
		t.spread(fmt.Sprintf(" %s, %s", plural(s.Cached, "repeat", "repeats"), plural(s.Failed, "failure", "failures")),
			fmt.Sprintf("policy %d, seed %d ", s.Policy.Version, c.Seed), w-2),
		t.spread(fmt.Sprintf(" N=%d F=%d %d px", c.Net.N, c.Net.Filters, c.Net.Image),
			fmt.Sprintf("%s on %d images ", plural(c.Train.Epochs, "epoch", "epochs"), c.TrainImages), w-2),
		" " + t.cut(t.clean(s.Dir), w-4),
	}
	if s.Parent != "" {
		lines = append(lines, fmt.Sprintf(" forked at policy %d of %.8s", s.ForkAt, t.clean(s.Parent)))
	}
	return pane{title: "Run"}.draw(t, w, h, lines)
}
