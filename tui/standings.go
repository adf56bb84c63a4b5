package tui

import (
	"fmt"
	"math"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas"
	"nasnet/nas/experiment"
	"nasnet/tui/chart"
	"nasnet/tui/term"
)

// standingsScreen is the ladder of a run's retrains: for each rung the cells by their accuracy, beside the rewards that the search gave them.
type standingsScreen struct {
	rung  string // its name; of the newest one if there is none of that name
	at    cursor
	of    []nas.TrialView // the retrains that results are of
	known []experiment.Result
}

func openStandings(*model) (screen, string) { return &standingsScreen{}, "" }

func (s *standingsScreen) scope() scope { return onStandings }
func (s *standingsScreen) back() bool   { return false }

// results is the ladder, made again when a retrain began or ended.
func (s *standingsScreen) results(m *model) []experiment.Result {
	now := m.snap.Retrains
	if len(now) != len(s.of) || len(now) > 0 && &now[0] != &s.of[0] {
		s.of, s.known = now, experiment.OfRetrains(now)
	}
	return s.known
}

// result is the rung that is shown and its place; nil if there is none any more.
func (s *standingsScreen) result(m *model) (r *experiment.Result, place int) {
	all := s.results(m)
	for i := range all {
		if all[i].Rung.Name == s.rung {
			return &all[i], i
		}
	}
	if len(all) == 0 {
		return nil, 0
	}
	return &all[0], 0
}

// standing is a row of the table: a cell and the newest of its trainings.
type standing struct {
	experiment.Standing
	trial nas.TrialView
	sign  string
}

// rows is the table of a rung, and the trials that the cursor goes through.
func (s *standingsScreen) rows(m *model) (rows []standing, trials []nas.TrialView) {
	r, _ := s.result(m)
	if r == nil {
		return nil, nil
	}
	for _, x := range r.Standings {
		v, ok := find(m.snap, x.Trials[len(x.Trials)-1])
		if !ok { // of a snapshot that is being taken
			continue
		}
		rows, trials = append(rows, standing{x, v, " "}), append(trials, v)
	}
	return rows, trials
}

func (s *standingsScreen) selected(m *model) (nas.TrialView, bool) {
	_, trials := s.rows(m)
	if i := s.at.index(trials); i >= 0 {
		return trials[i], true
	}
	return nas.TrialView{}, false
}

func (s *standingsScreen) act(m *model, a action) tea.Cmd {
	_, trials := s.rows(m)
	page := max(1, m.h/6)
	switch a {
	case actView:
		if r, i := s.result(m); r != nil {
			all := s.results(m)
			s.rung = all[(i+1)%len(all)].Rung.Name
		}
	case actUp:
		s.at.move(trials, -1)
	case actDown:
		s.at.move(trials, 1)
	case actPageUp:
		s.at.move(trials, -page)
	case actPageDown:
		s.at.move(trials, page)
	case actTop:
		s.at.move(trials, -1<<20)
	case actBottom:
		s.at.move(trials, 1<<20)
	case actOpen:
		if i := s.at.index(trials); i >= 0 {
			m.push(newCellScreen(trials[i], trials))
		}
	}
	return nil
}

func (s *standingsScreen) header(m *model, w int) string {
	r, i := s.result(m)
	if r == nil {
		return m.theme.spread(" retrain ladder", m.way("back"), w)
	}
	left := " retrain ladder   " + m.theme.bold.Render(m.theme.clean(r.Rung.Name))
	if n := len(s.results(m)); n > 1 {
		left += fmt.Sprintf("   rung %d of %d", i+1, n)
	}
	return m.theme.spread(left, m.way("back"), w)
}

func (s *standingsScreen) view(m *model, w, h int) []string {
	r, _ := s.result(m)
	if r == nil {
		return pane{title: "Standings", focus: true}.draw(m.theme, w, h, []string{"", " no cell is retrained yet; " + m.keyOf(actMark) + " marks cells and " + m.keyOf(actRetrain) + " retrains them"})
	}
	rows, trials := s.rows(m)
	if w >= wideFront {
		side := max(44, w*2/5)
		says := s.sayings(m, r, side)
		low := min(len(says)+2, h/2)
		return beside(s.table(m, r, rows, trials, w-side, h), append(s.chart(m, r, side, h-low), pane{title: "What it says"}.draw(m.theme, side, low, says)...))
	}
	says := s.sayings(m, r, w)
	low := len(says) + 2
	if h-low < 6 { // no room for both
		return s.table(m, r, rows, trials, w, h)
	}
	return append(s.table(m, r, rows, trials, w, h-low), pane{title: "What it says"}.draw(m.theme, w, low, says)...)
}

// table lists the cells of a rung, the best first.
func (s *standingsScreen) table(m *model, r *experiment.Result, rows []standing, trials []nas.TrialView, w, h int) []string {
	t := m.theme
	judged := "validation"
	if r.Rung.Data.Test {
		judged = "test"
	}
	p := pane{title: "Standings", right: judged + " accuracy", focus: true, foot: m.hint(onStandings, actOpen, actMark, actView)}
	accuracy := func(x standing) string {
		if len(x.Accuracy) == 0 {
			return t.g.None
		}
		return score(x.Mean, 4)
	}
	counted := func(n int64) string {
		if n == 0 { // not before a training has ended
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
			if x.SD == 0 {
				return t.g.None
			}
			return score(x.SD, 4)
		}},
		{head: "ENDED", width: 5, right: true, cell: func(x standing, _ int) string { return fmt.Sprintf("%d/%d", len(x.Accuracy), len(x.Trials)) }},
		{head: "REWARD", width: 6, right: true, cell: func(x standing, _ int) string {
			if x.trial.Found == nil {
				return t.g.None
			}
			return score(x.Reward, 4)
		}},
		{head: "MADDS", width: 5, right: true, from: 46, cell: func(x standing, _ int) string { return counted(x.MAdds) }},
		{head: "PARAMS", width: 6, right: true, from: 70, cell: func(x standing, _ int) string { return counted(x.Params) }},
		{head: "", width: 14, grow: 1, from: 50, cell: func(x standing, w int) string { return t.cut(t.clean(whatStands(x)), w) }},
	}, w-4, 1)
	body := []string{" " + t.title.Render(row(cols, 1, nil))}
	at := s.at.index(trials)
	from, to := window(len(rows), h-3, at)
	for i := from; i < to; i++ {
		x := rows[i]
		body = append(body, t.tableLine(m.lead(x.trial.ID), i == at, &x.sign, func() string { return row(cols, 1, &x) }))
	}
	return p.draw(t, w, h, body)
}

// whatStands says what a cell is and what it lacks.
func whatStands(x standing) string {
	var parts []string
	switch {
	case x.Failed != "":
		parts = append(parts, "failed: "+x.Failed)
	case x.Open > 0 && x.trial.State == nas.Running:
		parts = append(parts, fmt.Sprintf("epoch %d/%d", x.trial.Epoch, x.trial.Epochs))
	case x.Open > 0:
		parts = append(parts, plural(x.Open, "waits", "wait"))
	}
	switch {
	case x.trial.Found == nil && x.Name[:4] != "cell": // a baseline
		parts = append(parts, x.Name)
	case x.trial.Found == nil:
		parts = append(parts, x.Baseline)
	case x.trial.Found.Kind == nas.Sampled:
		parts = append(parts, "child "+nas.TrialLabel(x.trial.Found.Trial))
	default:
		parts = append(parts, kind(x.trial.Found.Kind)+" "+nas.TrialLabel(x.trial.Found.Trial))
	}
	if x.trial.Star {
		parts = append(parts, "starred")
	}
	return strings.Join(parts, ", ")
}

// sayings is what the rung says about the search, in words.
func (s *standingsScreen) sayings(m *model, r *experiment.Result, w int) (out []string) {
	add := func(text string) {
		for _, l := range wrap(text, w-4) {
			out = append(out, " "+l)
		}
	}
	for _, x := range []struct {
		name string
		iv   *experiment.Interval
	}{{"reward", r.Reward}, {"multiply-adds", r.MAdds}, {"reward, given the multiply-adds", r.Partial}} {
		if x.iv != nil {
			add(fmt.Sprintf("rank correlation with %s: %.2f (95 %% %.2f to %.2f, %d cells)", x.name, x.iv.Value, x.iv.Low, x.iv.High, x.iv.N))
		}
	}
	if r.Reward == nil {
		add("three cells with different rewards and accuracies give a rank correlation")
	}
	if r.Curse != "" {
		add(m.theme.clean(r.Curse))
	}
	return out
}

// chart draws accuracy against reward.
func (s *standingsScreen) chart(m *model, r *experiment.Result, w, h int) []string {
	t := m.theme
	signs := []rune{'●', '◆'}
	switch t.g.Tier {
	case term.CP437:
		signs = []rune{'o', '♦'}
	case term.ASCII:
		signs = []rune{'o', '@'}
	}
	rows, trials := s.rows(m)
	at := s.at.index(trials)
	var dots []chart.Dot
	for i, x := range rows {
		if x.trial.Found != nil && len(x.Accuracy) > 0 {
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
	p.right = fmt.Sprintf("%c under the cursor", signs[1])
	format := func(y float64) string { return score(y, 3) }
	var body []string
	for _, l := range chart.Scatter(chart.Options{Tier: t.g.Tier, Width: w - 4, Height: h - 2, Min: math.NaN(), Max: math.NaN(), Format: format}, format, signs, dots...) {
		body = append(body, " "+t.scattered(l, t.bold, t.mark))
	}
	return p.draw(t, w, h, body)
}

// exports are those of the cell under the cursor, and the whole ladder.
func (s *standingsScreen) exports(m *model) []export {
	var out []export
	if v, ok := s.selected(m); ok {
		out = cellExports(m.theme, v)
	}
	results := s.results(m)
	return append(out, export{"retrain ladder (CSV)", "retrains.csv", func() ([]byte, error) {
		rows := [][]string{{"rung", "place", "name", "accuracy", "sd", "seeds", "reward", "madds", "params", "genotype"}}
		for _, r := range results {
			for _, x := range r.Standings {
				accuracy, reward := "", ""
				if len(x.Accuracy) > 0 {
					accuracy = numbers(x.Mean)[0]
				}
				if x.Reward > 0 {
					reward = numbers(x.Reward)[0]
				}
				rows = append(rows, []string{r.Rung.Name, fmt.Sprint(x.Place), x.Name, accuracy, numbers(x.SD)[0], fmt.Sprint(len(x.Accuracy)), reward, fmt.Sprint(x.MAdds), fmt.Sprint(x.Params), x.Text})
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
