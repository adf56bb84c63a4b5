package tui

import (
	"fmt"
	"math"
	"slices"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"nasnet/nas"
)

// RunCurve is the reward curve of a run.
type RunCurve struct {
	Rewards, Randoms []nas.RewardPoint // as in [nas.Snapshot]
	Verdict          *nas.Verdict
}

// runCurve is a curve that was asked for.
type runCurve struct {
	RunCurve
	of    time.Time // when the run had last changed before it was read
	known bool
	err   error
}

type curveMsg struct {
	dir string
	runCurve
}

// mark draws a run's curve over the one under the cursor, or removes it. A third mark replaces the oldest; dropped is
// that run's folder.
func (r *runsScreen) mark(dir string) (dropped string) {
	if i := slices.Index(r.marks, dir); i >= 0 {
		r.marks = slices.Delete(slices.Clone(r.marks), i, i+1)
		return ""
	}
	if r.marks = append(slices.Clone(r.marks), dir); len(r.marks) > 2 {
		dropped, r.marks = r.marks[0], r.marks[1:]
	}
	return dropped
}

// compared returns the run under the cursor and the marked ones.
func (r *runsScreen) compared() (out []RunRow) {
	list := r.list()
	if i := r.index(list); i >= 0 {
		out = append(out, list[i])
	}
	for _, dir := range r.marks {
		if i := slices.IndexFunc(r.rows, func(x RunRow) bool { return x.Dir == dir }); i >= 0 &&
			(len(out) == 0 || out[0].Dir != dir) {
			out = append(out, r.rows[i])
		}
	}
	return out
}

// askCurves reads the curves to show that are not known, or are older than the last change of their run.
func (r *runsScreen) askCurves(m *model) tea.Cmd {
	if m.options.RunCurve == nil {
		return nil
	}
	var cmds []tea.Cmd
	for _, x := range r.compared() {
		if c, ok := r.curves[x.Dir]; x.Err != nil || ok && !c.of.Before(x.Changed) {
			continue
		}
		c := r.curves[x.Dir]
		c.of = x.Changed
		r.curves[x.Dir] = c // asked for
		cmds = append(cmds, replyTo(r, safe("curve", func() tea.Msg {
			got, err := m.options.RunCurve(m.ctx, x)
			return curveMsg{x.Dir, runCurve{got, x.Changed, true, err}}
		})))
	}
	return tea.Batch(cmds...)
}

// took keeps a curve that was read.
func (r *runsScreen) took(msg curveMsg) {
	if !msg.of.Before(r.curves[msg.dir].of) {
		r.curves[msg.dir] = msg.runCurve
	}
}

// rewardLine shows a run's curve in one line, and its best reward against that of the run it was forked from. It is
// empty if the run has no reward.
func (r *runsScreen) rewardLine(t theme, x RunRow, w int) string {
	if !x.HasBest {
		return ""
	}
	text := "best " + score(x.Best, 4)
	for _, p := range r.rows {
		if x.Parent != "" && p.UUID == x.Parent && p.HasBest {
			text += fmt.Sprintf(", %s over %s", signed(x.Best-p.Best, 4), t.clean(p.Name))
		}
	}
	c := r.curves[x.Dir]
	if n := len(c.Rewards); n > 0 {
		text = fmt.Sprintf("mean %s  ", score(c.Rewards[n-1].Mean, 3)) + text
		text = t.spark(series(c.Rewards, func(p nas.RewardPoint) float64 { return p.Mean }),
			max(0, min(24, w-ansi.StringWidth(text)-2)), math.NaN(), math.NaN()) + "  " + text
	}
	return text
}

// curvesPane charts the mean rewards of the run under the cursor and of the marked ones, by child.
func (r *runsScreen) curvesPane(m *model, x RunRow, w, h int) []string {
	t := m.theme
	p := pane{title: "Reward, mean of 20", right: "by child"}
	if m.options.RunCurve == nil {
		return p.draw(t, w, h, []string{"", " the curves of stored runs cannot be read from here"})
	}
	all := r.compared()
	last, state := 0, ""
	for _, x := range all {
		switch c := r.curves[x.Dir]; {
		case c.err != nil:
			state = t.bad.Render(t.clean(x.Name + ": " + c.err.Error()))
		case !c.known && x.Err == nil:
			state = "reading the rewards"
		case len(c.Rewards) > 0:
			last = max(last, c.Rewards[len(c.Rewards)-1].Trial)
		}
	}
	if last == 0 {
		if state == "" {
			state = "no child has finished yet"
		}
		return p.draw(t, w, h, []string{"", " " + t.cut(state, w-4)})
	}
	var lines []line
	for i := len(all) - 1; i >= 0; i-- { // the one under the cursor on top
		c := r.curves[all[i].Dir]
		if len(c.Rewards) == 0 {
			continue
		}
		l := line{name: t.clean(all[i].Name), values: byTrial(c.Rewards, last, w), style: t.mean}
		switch i {
		case 0:
			l.style, l.heavy = t.best, true
		case 2:
			l.style, l.dotted = t.plain, true
		}
		lines = append(lines, l)
	}
	if c := r.curves[x.Dir]; len(all) == 1 && len(c.Randoms) > 0 {
		lines = append([]line{{name: "random cells", values: byTrial(c.Randoms, last, w), style: t.plain,
			dotted: true}}, lines...)
	}
	rows := h - 2
	var foot []string
	if v := t.verdictLine(r.curves[x.Dir].Verdict, w-4); v != "" && rows > 6 {
		foot, rows = []string{" " + v}, rows-1
	}
	return p.draw(t, w, h, append(t.plot(w-3, rows, fmt.Sprintf("child 0 to %d", last), lines...), foot...))
}

// byTrial spreads a curve over n values by trial number, so that curves of unequal length share an axis. Children
// without a reward repeat the value before.
func byTrial(points []nas.RewardPoint, last, n int) []float64 {
	out := make([]float64, n)
	at, value := 0, math.NaN()
	for i := range out {
		trial := i * last / max(1, n-1)
		for at < len(points) && points[at].Trial <= trial {
			value = points[at].Mean
			at++
		}
		if out[i] = value; at == len(points) && trial > points[at-1].Trial {
			out[i] = math.NaN()
		}
	}
	return out
}
