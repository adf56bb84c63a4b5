package tui

import (
	"fmt"
	"math"
	"strings"

	"nasnet/nas"
)

// controllerPane shows what the controller has learned: the policy's entropy, the baseline, and the size of the last
// step.
func (d *dashboard) controllerPane(m *model, w, h int) []string {
	t, s := m.theme, m.snap
	p := pane{title: "2 Controller", focus: d.focus == paneController}
	c := s.Config.Controller
	if w >= 44 {
		p.right = fmt.Sprintf("%s, update every %d", t.clean(c.Strategy), s.Config.Batch)
	}
	if text, bad := verdictOnPolicy(s); bad {
		what, _, _ := strings.Cut(text, ":")
		p.foot = t.bad.Render("! "+what) + " " + t.g.Dot + " " + m.hint(onDash, actPolicy)
	}
	in := w - 4
	var lines []string
	add := func(l string) { lines = append(lines, " "+l) }
	entropies := series(s.Updates, func(u nas.PolicyView) float64 { return u.Entropy })
	v := s.Policy
	if h < 8 { // two lines
		if len(entropies) == 0 {
			add(t.clean(c.Strategy) + ": no update yet")
			add("first after " + plural(s.Config.Batch, "sample", "samples"))
			return p.draw(t, w, h, lines)
		}
		value := fixed(min(v.Entropy, v.MaxEntropy), 1) + " nats"
		add(t.spread("entropy "+t.spark(entropies, max(4, in-9-len(value)), math.NaN(), math.NaN()), value, in))
		add(t.spread(fmt.Sprintf("base %s lr %s", score(v.Baseline, 3), rate(c.LearningRate)),
			fmt.Sprintf("upd %d", v.Version), in+1))
		if h > 4 {
			add(fmt.Sprintf("mean %s  KL %s  clip %.0f%%", score(v.MeanReward, 3), number(v.KL), 100*v.ClipFraction))
		}
		if h > 5 {
			add(fmt.Sprintf("grad %s  max %.1f nats", number(v.GradNorm), v.MaxEntropy))
		}
		return p.draw(t, w, h, lines)
	}
	if len(entropies) == 0 {
		add("")
		add("no update yet: the policy is untrained")
		add("the first comes after " + plural(s.Config.Batch, "sample", "samples"))
		return p.draw(t, w, h, lines)
	}
	labelled := func(name string, values []float64, value string) {
		add(t.spread(fmt.Sprintf("%-9s", name)+t.spark(values, max(4, in-11-len(value)), math.NaN(), math.NaN()), value,
			in))
	}
	labelled("entropy", entropies, ofMost(v.Entropy, v.MaxEntropy, 1)+" nats")
	labelled("baseline", series(s.Updates, func(u nas.PolicyView) float64 { return u.Baseline }), score(v.Baseline, 4))
	labelled("batch", series(s.Updates, func(u nas.PolicyView) float64 { return u.MeanReward }), score(v.MeanReward, 4))
	labelled("step KL", series(s.Updates, func(u nas.PolicyView) float64 { return u.KL }), number(v.KL))
	add("")
	add(t.spread(fmt.Sprintf("update %d   lr %s", v.Version, rate(c.LearningRate)),
		plural(max(c.Steps, 1), "step", "steps")+" per batch", in))
	add(t.spread(fmt.Sprintf("clipped %.0f%%", 100*v.ClipFraction), "gradient "+number(v.GradNorm), in))
	add(t.spread("advantage "+signed(v.MeanReward-v.Baseline, 3), "entropy bonus "+rate(c.Entropy), in))
	if h >= 14 {
		add("")
		add(t.title.Render("UPDATE   MEAN    MAX  BASELINE  ENTROPY     KL  CLIP   GRAD"))
		for i := len(s.Updates) - 1; i >= 0 && len(lines) < h-2; i-- {
			u := s.Updates[i]
			add(fmt.Sprintf("%6d  %5s  %5s     %5s  %7.1f  %5s  %3.0f%%  %5s", u.Version, score(u.MeanReward, 4),
				score(u.MaxReward, 4), score(u.Baseline, 4), u.Entropy,
				number(u.KL), 100*u.ClipFraction, number(u.GradNorm)))
		}
	}
	return p.draw(t, w, h, lines)
}

func series[T any](xs []T, f func(T) float64) []float64 {
	out := make([]float64, len(xs))
	for i, x := range xs {
		out[i] = f(x)
	}
	return out
}
