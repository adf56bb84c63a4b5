package tui

import (
	"fmt"
	"math"
	"strings"

	"nasnet/nas"
	"nasnet/nas/space"
)

// factLine returns a trial's facts in a few words; latency is in milliseconds, 0 if it is not known.
func (t theme) factLine(v nas.TrialView, latency float64) []string {
	var out []string
	if v.HasReward {
		out = append(out, "reward "+score(v.Reward, 4))
		if a := valAcc(v); a != v.Reward { // a cost term is in the reward
			out = append(out, "acc "+score(a, 4))
		}
	} else if v.FailText != "" {
		out = append(out, t.bad.Render(t.clean(v.FailText)))
	} else if a := valAcc(v); !math.IsNaN(a) {
		out = append(out, fmt.Sprintf("acc %s after epoch %d/%d", score(a, 4), v.Epoch, v.Epochs))
	}
	out = append(out, "params "+amount(v.Params), "MAdds "+amount(v.MAdds))
	if latency > 0 {
		out = append(out, millis(latency))
	}
	return append(out, t.from(v))
}

// facts lists everything known of a trial in at most h lines of w cells; family adds its lineage if it fits.
func (c *cellScreen) facts(m *model, v nas.TrialView, w, h int, family bool) []string {
	t := m.theme
	var out []string
	add := func(label, value string) { out = append(out, " "+t.cut(fit(label, 8)+value, w)) }
	s := m.snap
	switch {
	case v.HasReward:
		mean, sd, n := trainings(s, v)
		switch reward := t.bold.Render(score(v.Reward, 4)); {
		case n < 2:
			add("reward", reward)
		case w < 26:
			add("reward", reward+" "+t.g.PlusMinus+score(sd, 3))
		default:
			add("reward", reward)
			add("", fmt.Sprintf("%s %s%s, n=%d", score(mean, 4), t.g.PlusMinus, score(sd, 4), n))
		}
		if a := valAcc(v); a != v.Reward { // a cost term is in the reward
			add("acc", score(a, 4))
		}
	case v.State == nas.Failed || v.State == nas.Stopped:
		add("reward", "none: "+t.clean(v.FailKind))
	default:
		a := valAcc(v)
		if math.IsNaN(a) {
			add("reward", "not yet")
		} else {
			add("acc", score(a, 4)+" so far")
		}
	}
	if len(v.Curve) > 0 && (v.State == nas.Running || v.State == nas.Paused) || v.State == nas.Running {
		add("epoch", fmt.Sprintf("%d/%d", v.Epoch, v.Epochs))
		if v.Left > 0 {
			add("left", clock(v.Left))
		}
	}
	if v.Params > 0 {
		add("params", amount(v.Params))
		add("MAdds", amount(v.MAdds))
		if ms := m.latency(v); ms > 0 {
			add("latency", millis(ms))
		}
	}
	net := s.Config.Net
	if v.Retrain != nil {
		net = v.Retrain.Net
	}
	size := fmt.Sprintf("N=%d F=%d", net.N, net.Filters)
	if w >= 24 {
		size += fmt.Sprintf(" %d px", net.Image)
	}
	add("net", size)
	if v.Seconds > 0 {
		add("trained", clock(seconds(v.Seconds)))
	}
	add("from", t.from(v))
	if table := latencyTable(t, m.latencyOf(v, m.snap.Config), w); table != nil && len(out)+len(table)+1 <= h {
		out = append(append(out, ""), table...)
	}
	tally := t.tally(v.Genotype, w)
	if len(out)+len(tally)+2 <= h {
		out = append(out, "")
		out = append(out, tally...)
	}
	if v.FailText != "" && v.State == nas.Failed {
		out = append(out, "")
		for _, l := range wrap(t.clean(v.FailText), w) {
			out = append(out, " "+t.bad.Render(l))
		}
	}
	if v.Note != "" {
		out = append(out, "")
		for _, l := range wrap("note: "+t.clean(v.Note), w) {
			out = append(out, " "+l)
		}
	}
	if line := t.lineage(s, v, w); family && len(out)+3 <= h && len(line) > 1 {
		out = append(out, "")
		for _, l := range line {
			out = append(out, " "+t.cut(l, w))
		}
	}
	return out[:min(len(out), max(h, 0))]
}

// trainings returns the mean reward of a cell over its trainings at the search's settings, with any seed, the standard
// deviation, and the number of trainings.
func trainings(s *nas.Snapshot, v nas.TrialView) (mean, sd float64, n int) {
	var rewards []float64
	seen := map[int]bool{}
	for _, x := range append([]nas.TrialView{v}, s.Retrains...) {
		if seen[x.ID] || !x.HasReward || x.Cell != v.Cell || !asTheSearch(s.Config, x) {
			continue
		}
		seen[x.ID] = true
		rewards = append(rewards, x.Reward)
		mean += x.Reward
	}
	if n = len(rewards); n < 2 {
		return mean, 0, n
	}
	mean /= float64(n)
	for _, r := range rewards {
		sd += (r - mean) * (r - mean)
	}
	return mean, math.Sqrt(sd / float64(n-1)), n
}

// asTheSearch reports whether a trial was trained and judged as the search trains and judges.
func asTheSearch(c nas.Config, v nas.TrialView) bool {
	r := v.Retrain
	if r == nil {
		return true
	}
	own, its := c.Train.WithDefaults(), r.Train.WithDefaults()
	own.Shards, its.Shards = max(1, own.Shards), max(1, its.Shards)
	return r.Net.WithDefaults() == c.Net.WithDefaults() && its == own && r.Data.Name == c.Data &&
		r.Data.Dir == c.DataDir && !r.Data.Test &&
		r.Data.TrainImages == c.TrainImages && r.Data.ValImages == c.ValImages
}

// tally counts the ops of both cells.
func (t theme) tally(g space.Genotype, w int) []string {
	bars := max(4, min(10, (w-9)/2))
	normal, reduction := "normal", "reduct."
	if bars < 8 {
		normal, reduction = "norm", "red."
	}
	out := []string{" " + fit("op", 9) + fit(normal, bars) + t.cut(reduction, bars)}
	for _, op := range space.Ops {
		n, r := countOp(g.Normal, op.Name), countOp(g.Reduction, op.Name)
		if n+r == 0 {
			continue
		}
		bar := func(n int) string {
			return t.family(op.Family).Render(fit(strings.Repeat(t.g.Full, min(n, bars-1)), bars))
		}
		out = append(out, " "+fit(op.Label, 9)+bar(n)+bar(r))
	}
	return out
}

// lineage lists a trial's parent, the trial and its descendants, in lines of w cells.
func (t theme) lineage(s *nas.Snapshot, v nas.TrialView, w int) []string {
	tell := func(x nas.TrialView) string {
		sign, word, style := t.state(x.State)
		text := fmt.Sprintf("%-6s %-8s ", x.Label(), x.Kind.Word())
		if w < 24 {
			text, word = fmt.Sprintf("%-5s ", x.Label()), sign
		}
		switch {
		case x.HasReward:
			text += score(x.Reward, 4)
		case x.State == nas.Running || x.State == nas.Paused:
			text += fmt.Sprintf("%d/%d %s", x.Epoch, x.Epochs, style.Render(word))
		default:
			text += style.Render(word)
		}
		return text
	}
	var out []string
	if v.Parent >= 0 {
		if p, ok := find(s, v.Parent); ok {
			out = append(out, tell(p))
		} else {
			out = append(out, nas.TrialLabel(v.Parent))
		}
	}
	out = append(out, t.bold.Render(stripped(tell(v))))
	var made []nas.TrialView
	seen := map[int]bool{v.ID: true}
	for _, list := range [][]nas.TrialView{s.Retrains, s.Running, s.Recent, s.Top} {
		for _, x := range list {
			if x.Parent == v.ID && !seen[x.ID] {
				seen[x.ID] = true
				if now, ok := find(s, x.ID); ok { // a running trial is in two lists
					x = now
				}
				made = append(made, x)
			}
		}
	}
	for i, x := range made {
		branch := t.g.Branch
		if i == len(made)-1 {
			branch = t.g.LastBranch
		}
		out = append(out, branch+" "+tell(x))
	}
	return out
}

func (t theme) lineagePane(s *nas.Snapshot, v nas.TrialView, w, h int) []string {
	var body []string
	for _, l := range t.lineage(s, v, w-4) {
		body = append(body, " "+l)
	}
	body = append(body, "", " normal     "+t.cut(v.Genotype.Normal.Text(), w-15),
		" reduction  "+t.cut(v.Genotype.Reduction.Text(), w-15))
	return pane{title: "Lineage"}.draw(t, w, h, body)
}

// curvePane charts the accuracy of a trial by epoch.
func (t theme) curvePane(v nas.TrialView, w, h int) []string {
	p := pane{title: fmt.Sprintf("Accuracy by epoch, %d/%d", len(v.Curve), v.Epochs)}
	if len(v.Curve) == 0 {
		return p.draw(t, w, h, []string{"", " no epoch yet"})
	}
	last := v.Curve[len(v.Curve)-1]
	body := t.plot(w-3, h-2, "",
		line{name: "train", values: series(v.Curve, func(e epoch) float64 { return e.TrainAcc }), style: t.mean},
		line{name: "val", values: series(v.Curve, func(e epoch) float64 { return e.ValAcc }), style: t.best,
			heavy: true})
	p.right = fmt.Sprintf("val %s  train %s", score(last.ValAcc, 4), score(last.TrainAcc, 4))
	const border = 8 // with the blanks
	if len(p.title)+len(p.right)+border > w {
		p.title = fmt.Sprintf("Accuracy, %d/%d", len(v.Curve), v.Epochs)
	}
	if len(p.title)+len(p.right)+border > w {
		p.right = "val " + score(last.ValAcc, 4)
	}
	return p.draw(t, w, h, body)
}
