package tui

import (
	"fmt"
	"math"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas"
)

// policyScreen shows what the controller would choose: the probabilities of every decision, how sure it became of each,
// and the size of its steps.
type policyScreen struct {
	reduction bool
	shown     policyView
	from      int // first line shown of the list of decisions or updates
}

type policyView int

const (
	policyHeat      policyView = iota // the probabilities, with the rest below if it fits
	policyDecisions                   // entropy of every decision
	policySteps                       // KL, clip fraction and gradient of every update
	policyViews
)

func openPolicy(*model) (screen, string) {
	return &policyScreen{}, ""
}

func (p *policyScreen) scope() scope { return onPolicy }

func (p *policyScreen) back() bool { return false }

func (p *policyScreen) act(m *model, a action) tea.Cmd {
	p.from = scroll(p.from, a, max(1, m.h/2)) // the panes limit it to their lists
	switch a {
	case actOther:
		p.reduction = !p.reduction
	case actView:
		p.shown, p.from = (p.shown+1)%policyViews, 0
	}
	return nil
}

func (p *policyScreen) header(m *model, w int) string {
	t, v := m.theme, m.snap.Policy
	c := m.snap.Config
	left := fmt.Sprintf(" policy %s   %s", t.bold.Render(fmt.Sprint(v.Version)), t.clean(c.Controller.Strategy))
	if v.MaxEntropy > 0 && v.Entropy > 0 {
		left += "   entropy " + ofMost(v.Entropy, v.MaxEntropy, 1) + " nats"
	}
	return t.spread(left, fmt.Sprintf("update every %d   %s", c.Batch, m.way("back")), w)
}

// heatHeight is the height of the map of five blocks over fourteen ops.
const heatHeight = 27

func (p *policyScreen) view(m *model, w, h int) []string {
	t := m.theme
	text, bad := verdictOnPolicy(m.snap)
	style := t.plain
	if bad {
		style, text = t.bad, "! "+text
	}
	var out []string
	for _, l := range wrap(t.clean(text), max(1, w-2)) {
		if len(out) < 2 && h > 6 {
			out = append(out, fit(" "+style.Render(l), w))
		}
	}
	h -= len(out)
	switch p.shown {
	case policyDecisions:
		return append(out, p.decisionsPane(m, w, h)...)
	case policySteps:
		return append(out, p.stepsPane(m, w, h)...)
	}
	lower := 0
	if h >= heatHeight+9 {
		lower = h - heatHeight
	}
	upper := h - lower
	if w >= 2*56 {
		out = append(out, beside(p.heatPane(m, false, w/2, upper), p.heatPane(m, true, w-w/2, upper))...)
	} else {
		out = append(out, p.heatPane(m, p.reduction, w, upper)...)
	}
	if lower > 0 {
		half := w / 2
		out = append(out, beside(p.kindsPane(m, half, lower), p.klPane(m, w-half, lower))...)
	}
	return out
}

func (p *policyScreen) heatPane(m *model, reduction bool, w, h int) []string {
	t := m.theme
	box := pane{title: "Probabilities " + t.g.Dot + " " + cellName(reduction),
		focus: w == m.w || reduction == p.reduction}
	if w == m.w {
		box.foot = m.hint(onPolicy, actOther, actView)
	}
	d := decisionsOf(m.snap)
	if d == nil || len(d.Probabilities) == 0 {
		return box.draw(t, w, h, []string{"", " the probabilities are not known yet"})
	}
	box.right = "percent, along the greedy path"
	if !d.Exact {
		box.right = "percent of the last proposals"
	}
	if w < 70 {
		box.right = "percent"
	}
	groups := d.heatRows(reduction)
	room := h - 2 - 1 - len(groups[1]) - len(groups[2])
	gap := 0
	if room >= len(groups[0])+2 {
		gap = 1
	}
	groups[0] = others(groups[0], max(3, room-2*gap))
	const label = 10
	operands := 2 * d.space.Blocks
	cell := max(4, min(6, (w-3-label)/operands))
	operands = max(0, min(operands, (w-2-label)/cell))
	head := fit("", label)
	for c := range operands {
		name := fmt.Sprintf("b%d.%d", c/2, c%2+1)
		if len(name) >= cell {
			name = name[1:]
		}
		head += fitRight(name, cell)
	}
	body := []string{t.title.Render(head)}
	for g, rows := range groups {
		if g > 0 && gap > 0 {
			body = append(body, "")
		}
		for _, r := range rows {
			l := t.family(r.op).Render(fit(" "+r.label, label))
			for c := range operands {
				l += t.heat(r.p[c], cell, r.best[c])
			}
			body = append(body, l)
		}
	}
	return box.draw(t, w, h, body)
}

// heat draws one field of the map: a shade and the percentage, a dot below half a percent, nothing for NaN. The most
// probable choice is bold.
func (t theme) heat(p float64, w int, best bool) string {
	if math.IsNaN(p) || p < 0.005 {
		s := ""
		if p < 0.005 {
			s = t.g.Dot
		}
		return fitRight(s, w)
	}
	percent, last := int(math.Round(100*p)), len(t.g.Shades)-1
	shade := t.g.Shades[min(last, 1+percent*last/100)] // from the number shown, so that equal numbers look alike
	s := fitRight(shade+fmt.Sprintf("%2d", min(99, percent)), w)
	if best {
		return t.bold.Render(s)
	}
	return s
}

// kindsPane charts the entropy of each kind of decision over the run.
func (p *policyScreen) kindsPane(m *model, w, h int) []string {
	t := m.theme
	d := decisionsOf(m.snap)
	box := pane{title: "Entropy by kind of decision", right: m.hint(onPolicy, actView)}
	if d == nil || len(d.Entropy) == 0 {
		return box.draw(t, w, h, []string{"", " not known: no proposal has a probability yet"})
	}
	body := []string{t.title.Render(t.spread(" nats a decision, by batch", "first "+t.g.To+" last of max ", w-2))}
	for _, reduction := range []bool{false, true} {
		for k, name := range decisionKinds {
			most := 0.0
			for b := range d.space.Blocks {
				most += d.most[d.of(reduction, b, k)] / float64(d.space.Blocks)
			}
			values := series(d.Entropy, func(e nas.EntropyPoint) (sum float64) {
				for b := range d.space.Blocks {
					sum += e.Nats[d.of(reduction, b, k)] / float64(d.space.Blocks)
				}
				return sum
			})
			body = append(body, t.entropyLine(fmt.Sprintf("%-8s %s", name, cellName(reduction)), 18, values, most, w-3))
		}
	}
	return box.draw(t, w, h, body)
}

// entropyLine draws a name, the curve of an entropy, and its first and last value.
func (t theme) entropyLine(name string, label int, values []float64, most float64, w int) string {
	tail := fmt.Sprintf(" %s %s %s", fixed(min(values[0], most), 2), t.g.To, ofMost(values[len(values)-1], most, 2))
	return t.spread(" "+fit(name, label)+" "+t.spark(values, max(4, w-label-3-len([]rune(tail))), 0, max(most, 1e-9)),
		tail, w)
}

// decisionsPane charts the entropy of every decision.
func (p *policyScreen) decisionsPane(m *model, w, h int) []string {
	t := m.theme
	d := decisionsOf(m.snap)
	box := pane{title: "Entropy of every decision, nats", focus: true, foot: m.hint(onPolicy, actView)}
	if d == nil || len(d.Entropy) == 0 {
		return box.draw(t, w, h, []string{"", " not known: no proposal has a probability yet"})
	}
	box.right = fmt.Sprintf("batch 0 to %d", d.Entropy[len(d.Entropy)-1].Batch)
	var lines []string
	columns := 1
	if w >= 120 {
		columns = 2
	}
	width := (w - 2) / columns
	for i, name := range d.names {
		best := ""
		if len(d.Probabilities) > 0 {
			c := slices.Index(d.Probabilities[i], slices.Max(d.Probabilities[i]))
			best = fmt.Sprintf("%s %.0f%%", d.labels[i][c], 100*d.Probabilities[i][c])
		}
		name = strings.Replace(strings.Replace(name, "reduction ", "red. ", 1), "combine", "join", 1)
		lines = append(lines, t.entropyLine(fit(name, 16)+" "+t.cut(best, 16), 33,
			series(d.Entropy, func(e nas.EntropyPoint) float64 { return e.Nats[i] }), d.most[i], width-1))
	}
	rows := (len(lines) + columns - 1) / columns
	p.from = max(0, min(p.from, rows-(h-2)))
	var body []string
	for r := p.from; r < rows; r++ {
		l := ""
		for c := range columns {
			if i := r + c*rows; i < len(lines) {
				l += fit(lines[i], width)
			}
		}
		body = append(body, l)
	}
	return box.draw(t, w, h, body)
}

// klPane charts the size of the steps: how far each update moved the policy, and the share of ratios it clipped.
func (p *policyScreen) klPane(m *model, w, h int) []string {
	t, us := m.theme, m.snap.Updates
	box := pane{title: "KL and clip fraction by update", right: plural(m.snap.Policy.Version, "update", "updates")}
	if len(us) == 0 {
		return box.draw(t, w, h, []string{"", " no update yet"})
	}
	v := us[len(us)-1]
	kl := series(us, func(u nas.PolicyView) float64 { return u.KL })
	body := t.plot(w-3, max(2, h-4), "", line{name: "KL, nats", values: kl, style: t.best, heavy: true})
	clipped := fmt.Sprintf(" %.0f%% ", 100*v.ClipFraction)
	body = append(body, t.spread(" clip "+t.spark(series(us, func(u nas.PolicyView) float64 { return u.ClipFraction }),
		w-9-len(clipped), 0, math.NaN()), clipped, w-2))
	grad := fmt.Sprintf(" %s ", number(v.GradNorm))
	body = append(body, t.spread(" grad "+t.spark(series(us, func(u nas.PolicyView) float64 { return u.GradNorm }),
		w-9-len(grad), 0, math.NaN()), grad, w-2))
	return box.draw(t, w, h, body)
}

// stepsPane draws the chart of the updates and, below it, their table.
func (p *policyScreen) stepsPane(m *model, w, h int) []string {
	t, us := m.theme, m.snap.Updates
	upper := 0
	if h >= 18 {
		upper = max(8, h*2/5)
	}
	out := p.klPane(m, w, upper)
	box := pane{title: "Updates, newest first", focus: true, foot: m.hint(onPolicy, actView)}
	body := []string{" " + t.title.Render("UPDATE   MEAN    MAX  BASELINE  ENTROPY     KL  CLIP   GRAD  SAMPLES")}
	p.from = max(0, min(p.from, len(us)-(h-upper-3)))
	for i := len(us) - 1 - p.from; i >= 0 && len(body) < h-upper-2; i-- {
		u := us[i]
		body = append(body, fmt.Sprintf(" %6d  %5s  %5s     %5s  %7.1f  %5s  %3.0f%%  %5s  %7d", u.Version,
			score(u.MeanReward, 4), score(u.MaxReward, 4),
			score(u.Baseline, 4), u.Entropy, number(u.KL), 100*u.ClipFraction, number(u.GradNorm), u.Samples))
	}
	return append(out, box.draw(t, w, h-upper, body)...)
}
