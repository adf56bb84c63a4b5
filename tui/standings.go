package tui

import (
	"fmt"
	"math"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"nasnet/nas"
	"nasnet/nas/experiment"
	"nasnet/tui/chart"
	"nasnet/tui/term"
)

// standingsScreen shows the ladder of a run's retrains: for each rung, the cells by accuracy beside their rewards in
// the search.
type standingsScreen struct {
	rung  experiment.Rung // the one shown; without a name, the first
	cell  string          // under the cursor, as text
	row   int             // the cell's row, used once the cell is gone
	asked string          // state of the retrains that known is or will be made from; empty at first
	known []experiment.Result
	made  bool // known has been made at least once
}

func openStandings(*model) (screen, string) { return &standingsScreen{}, "" }

func (s *standingsScreen) scope() scope { return onStandings }
func (s *standingsScreen) back() bool   { return false }

// ladderMsg delivers a ladder that a screen asked for.
type ladderMsg struct {
	of    string // what was asked
	known []experiment.Result
}

func (s *standingsScreen) init(m *model) tea.Cmd { return s.snapshot(m.snap) }

// snapshot implements follower: it makes the ladder again if a retrain began or ended, or its cell got a reward, since
// the last time.
func (s *standingsScreen) snapshot(now *nas.Snapshot) tea.Cmd {
	var b strings.Builder
	b.WriteString("retrains ")
	for _, v := range now.Retrains {
		fmt.Fprint(&b, v.ID, v.State, v.Found != nil, ' ')
	}
	if state := b.String(); s.asked != state {
		s.asked = state
		retrains := now.Retrains
		return replyTo(s, safe("ladder", func() tea.Msg { return ladderMsg{state, experiment.OfRetrains(retrains)} }))
	}
	return nil
}

// update implements receiver.
func (s *standingsScreen) update(_ *model, msg tea.Msg) tea.Cmd {
	if msg, ok := msg.(ladderMsg); ok && msg.of == s.asked { // otherwise a newer one is coming or already here
		s.known, s.made = msg.known, true
	}
	return nil
}

// beside implements rowMates: the row has its sign by any of its trainings.
func (s *standingsScreen) beside(m *model) []int {
	rows, at := s.rows(m)
	if at < 0 {
		return nil
	}
	return rows[at].Trials
}

// result returns the rung shown and its place; nil if there is none.
func (s *standingsScreen) result() (r *experiment.Result, place int) {
	for i := range s.known {
		if s.known[i].Rung.Same(s.rung) {
			return &s.known[i], i
		}
	}
	if len(s.known) == 0 {
		return nil, 0
	}
	return &s.known[0], 0
}

// standing is a row of the table: a cell, its trainings, and the training that keys act on: the running one, or else
// the newest.
type standing struct {
	experiment.Standing
	all   []nas.TrialView
	trial nas.TrialView
	sign  string
}

// rows returns the table of the rung shown and the cursor's row, -1 if there is none.
func (s *standingsScreen) rows(m *model) (rows []standing, at int) {
	r, _ := s.result()
	if r == nil {
		return nil, -1
	}
	for _, x := range r.Standings {
		row := standing{Standing: x, sign: " "}
		for _, id := range x.Trials {
			v, ok := find(m.snap, id)
			if !ok { // the ladder was made from another snapshot
				continue
			}
			row.all = append(row.all, v)
			if row.trial.State != nas.Running && row.trial.State != nas.Paused || v.State == nas.Running {
				row.trial = v
			}
		}
		if len(row.all) > 0 {
			rows = append(rows, row)
		}
	}
	at = min(s.row, len(rows)-1)
	if i := slices.IndexFunc(rows, func(x standing) bool { return x.Text == s.cell }); i >= 0 {
		at = i
	}
	return rows, at
}

func (s *standingsScreen) selected(m *model) (nas.TrialView, bool) {
	if rows, at := s.rows(m); at >= 0 {
		return rows[at].trial, true
	}
	return nas.TrialView{}, false
}

func (s *standingsScreen) act(m *model, a action) tea.Cmd {
	rows, at := s.rows(m)
	if at < 0 {
		return m.say("no cell has been retrained yet", true)
	}
	if d := stride(a, max(1, m.h/6)); d != 0 {
		s.row = max(0, min(at+d, len(rows)-1))
		s.cell = rows[s.row].Text
	}
	switch a {
	case actView:
		if len(s.known) == 1 {
			return m.say("this is the only rung", false)
		}
		_, i := s.result()
		s.rung = s.known[(i+1)%len(s.known)].Rung
	case actOpen:
		var trials []nas.TrialView
		for _, x := range rows {
			trials = append(trials, x.trial)
		}
		m.push(newCellScreen(trials[at], trials))
	}
	return nil
}

func (s *standingsScreen) header(m *model, w int) string {
	left, name := s.title(m)
	return m.theme.spread(left+m.theme.bold.Render(name), m.way("back"), w)
}

// title returns the screen's title and the name of the rung.
func (s *standingsScreen) title(m *model) (what, name string) {
	r, i := s.result()
	if r == nil {
		return " retrain ladder", ""
	}
	what = " retrain ladder   "
	if n := len(s.known); n > 1 {
		what += fmt.Sprintf("rung %d of %d   ", i+1, n)
	}
	return what, m.theme.clean(r.Rung.Name)
}

func (s *standingsScreen) view(m *model, w, h int) []string {
	r, _ := s.result()
	if r == nil {
		said := " …"
		if s.made {
			said = " no cell has been retrained yet; " + m.keyOf(actMark) + " marks cells and " + m.keyOf(actRetrain) +
				" retrains them"
		}
		return pane{title: "Standings", focus: true}.draw(m.theme, w, h, []string{"", said})
	}
	rows, at := s.rows(m)
	if w >= wideFront {
		side := max(44, w*2/5)
		found := s.findings(m, r, side)
		low := min(len(found)+2, h/2)
		return beside(s.table(m, r, rows, at, w-side, h),
			append(s.chart(m, rows, at, side, h-low), pane{title: "Findings"}.draw(m.theme, side, low, found)...))
	}
	found := s.findings(m, r, w)
	low := len(found) + 2
	if h-low < 6 { // not both fit
		return s.table(m, r, rows, at, w, h)
	}
	return append(s.table(m, r, rows, at, w, h-low), pane{title: "Findings"}.draw(m.theme, w, low, found)...)
}

// table lists the cells of a rung, best first.
func (s *standingsScreen) table(m *model, r *experiment.Result, rows []standing, at int, w, h int) []string {
	t := m.theme
	judged := "validation"
	if r.Rung.Data.Test {
		judged = "test"
	}
	p := pane{title: "Standings", right: judged + " accuracy", focus: true,
		foot: m.hint(onStandings, actOpen, actMark, actView)}
	accuracy := func(x standing) string {
		if len(x.Accuracy) == 0 {
			return t.g.None
		}
		return score(x.Mean, 4)
	}
	counted := func(n int64) string {
		if n == 0 { // not known before a training has finished
			return t.g.None
		}
		return amount(n)
	}
	cols := columnsFor([]column[standing]{
		{head: "", width: 1, cell: func(x standing, _ int) string { return x.sign }},
		{head: "#", width: 3, right: true, cell: func(x standing, _ int) string { return fmt.Sprint(x.Place) }},
		{head: "CELL", width: 4, cell: func(x standing, _ int) string { return short(x.trial) }},
		{head: "ACC", width: 5, right: true, cell: func(x standing, _ int) string { return accuracy(x) }},
		{head: "SD", width: 5, right: true, from: 56, cell: func(x standing, _ int) string {
			if len(x.Accuracy) < 2 {
				return t.g.None
			}
			return score(x.SD, 4)
		}},
		{head: "DONE", width: 4, right: true, cell: func(x standing, _ int) string {
			return fmt.Sprintf("%d/%d", len(x.Accuracy), len(x.Trials))
		}},
		{head: "REWARD", width: 6, right: true, cell: func(x standing, _ int) string {
			if x.Found == nil {
				return t.g.None
			}
			return score(x.Reward, 4)
		}},
		{head: "MADDS", width: 5, right: true, from: 46,
			cell: func(x standing, _ int) string { return counted(x.MAdds) }},
		{head: "PARAMS", width: 6, right: true, from: 70,
			cell: func(x standing, _ int) string { return counted(x.Params) }},
		{head: "", width: 14, grow: 1, from: 50, cell: func(x standing, w int) string {
			return t.cut(t.clean(x.progress()), w)
		}},
	}, w-4, 1)
	body := []string{" " + t.title.Render(row(cols, 1, nil))}
	from, to := window(len(rows), h-3, at)
	for i := from; i < to; i++ {
		x := rows[i]
		body = append(body, t.tableLine(m.leadOf(&m.runView, x.Trials...), i == at, &x.sign,
			func() string { return row(cols, 1, &x) }))
	}
	return p.draw(t, w, h, body)
}

// progress describes how far the trainings of a cell are, and where the cell comes from.
func (x standing) progress() string {
	var parts []string
	queued := 0
	for _, v := range x.all {
		switch v.State {
		case nas.Running:
			parts = append(parts, fmt.Sprintf("epoch %d/%d", v.Epoch, v.Epochs))
		case nas.Paused:
			parts = append(parts, fmt.Sprintf("paused at epoch %d/%d", v.Epoch, v.Epochs))
		case nas.Proposed:
			queued++
		}
	}
	if queued > 0 {
		parts = append(parts, fmt.Sprintf("%d queued", queued))
	}
	if x.Failed != "" {
		parts = append(parts, "failed: "+x.Failed)
	}
	switch {
	case x.Found == nil:
		parts = append(parts, x.Name+": "+x.Baseline)
	case x.Found.Kind == nas.Sampled:
		parts = append(parts, "child "+nas.TrialLabel(x.Found.Trial))
	default:
		parts = append(parts, x.Found.Kind.Word()+" "+nas.TrialLabel(x.Found.Trial))
	}
	if x.trial.Star {
		parts = append(parts, "starred")
	}
	return strings.Join(parts, ", ")
}

// findings states what the rung shows about the search.
func (s *standingsScreen) findings(m *model, r *experiment.Result, w int) (out []string) {
	add := func(text string) {
		for _, l := range wrap(text, w-4) {
			out = append(out, " "+l)
		}
	}
	if what, name := s.title(m); ansi.StringWidth(what+name+" "+m.way("back")) > m.w { // the header cuts it off
		add(name)
	}
	for _, text := range r.Says() {
		add(m.theme.clean(text))
	}
	return out
}

// chart draws accuracy against reward.
func (s *standingsScreen) chart(m *model, rows []standing, at, w, h int) []string {
	t := m.theme
	signs := []rune{'●', '◆'}
	switch t.g.Tier {
	case term.CP437:
		signs = []rune{'o', '♦'}
	case term.ASCII:
		signs = []rune{'o', '@'}
	}
	var dots []chart.Dot
	for i, x := range rows {
		if x.Found != nil && len(x.Accuracy) > 0 {
			d := chart.Dot{X: x.Reward, Y: x.Mean}
			if i == at {
				d.Series = 1
			}
			dots = append(dots, d)
		}
	}
	p := pane{title: "Accuracy against reward"}
	if len(dots) == 0 {
		return p.draw(t, w, h, []string{"", " no cell with a reward has been trained here yet"})
	}
	p.right = fmt.Sprintf("%c cursor", signs[1])
	format := func(y float64) string { return score(y, 3) }
	var body []string
	for _, l := range chart.Scatter(chart.Options{Tier: t.g.Tier, Width: w - 4, Height: h - 2, Min: math.NaN(),
		Max: math.NaN(), Format: format}, format, signs, dots...) {
		body = append(body, " "+t.scattered(l, t.bold, t.mark))
	}
	return p.draw(t, w, h, body)
}

// exports offers the cell under the cursor and the whole ladder.
func (s *standingsScreen) exports(m *model) []export {
	var out []export
	if v, ok := s.selected(m); ok {
		out = cellExports(m.theme, v)
	}
	results := s.known
	return append(out, export{"retrain ladder (CSV)", "retrains.csv", func() ([]byte, error) {
		rows := [][]string{{"rung", "place", "name", "accuracy", "sd", "seeds", "reward", "madds",
			"params", "genotype"}}
		for _, r := range results {
			for _, x := range r.Standings {
				accuracy, reward := "", ""
				if len(x.Accuracy) > 0 {
					accuracy = numbers(x.Mean)[0]
				}
				if x.Reward > 0 {
					reward = numbers(x.Reward)[0]
				}
				rows = append(rows, []string{r.Rung.Name, fmt.Sprint(x.Place), x.Name, accuracy, numbers(x.SD)[0],
					fmt.Sprint(len(x.Accuracy)), reward, fmt.Sprint(x.MAdds), fmt.Sprint(x.Params), x.Text})
			}
		}
		return table(rows)
	}})
}

func (s *standingsScreen) yank(m *model) (what, text string) {
	if v, ok := s.selected(m); ok {
		return yankCell(v)
	}
	return "", ""
}
