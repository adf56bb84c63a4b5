package tui

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/space"
	"nasnet/tui/celldraw"
)

type epoch = child.EpochResult

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// layout is a way to draw a cell.
type layout int

const (
	asLadder layout = iota
	asPaper
	asList
	layouts
)

// cellScreen shows one trial's cells, what is known of it, and what was made from it.
type cellScreen struct {
	ids       []int         // the list it was opened from, for prev and next
	at        int           // its place there
	last      nas.TrialView // as last seen, for a trial that has left the snapshot
	reduction bool
	layout    layout
	from      int // first line of the drawing, when it is taller than the screen
}

func newCellScreen(v nas.TrialView, list []nas.TrialView) *cellScreen {
	c := &cellScreen{last: v}
	for i, t := range list {
		c.ids = append(c.ids, t.ID)
		if t.ID == v.ID {
			c.at = i
		}
	}
	return c
}

func (c *cellScreen) scope() scope { return onCell }
func (c *cellScreen) back() bool   { return false }

func (c *cellScreen) selected(m *model) (nas.TrialView, bool) {
	if v, ok := find(m.snap, c.last.ID); ok {
		c.last = v
	}
	return c.last, true
}

func (c *cellScreen) act(m *model, a action) tea.Cmd {
	switch a {
	case actView:
		c.layout, c.from = (c.layout+1)%layouts, 0
		v, _ := c.selected(m)
		if n := paperWidth(v.Genotype) + 2; c.layout == asPaper && n > m.w {
			c.layout = asList
			return m.say(fmt.Sprintf("the layout of papers needs %d columns", n), false)
		}
	case actOther:
		c.reduction, c.from = !c.reduction, 0
	case actPrev, actNext:
		d := 1
		if a == actPrev {
			d = -1
		}
		for i := c.at + d; i >= 0 && i < len(c.ids); i += d {
			if v, ok := find(m.snap, c.ids[i]); ok {
				c.at, c.last, c.from = i, v, 0
				return nil
			}
		}
		return m.say("no further cell in this list", true)
	default:
		c.from = scroll(c.from, a, max(1, m.h/2)) // the drawing knows where its end is
	}
	return nil
}

func (c *cellScreen) header(m *model, w int) string {
	t := m.theme
	v, _ := c.selected(m)
	left := " cells " + t.g.More + " " + t.bold.Render(short(v))
	if v.Star {
		left += " " + t.star.Render(t.g.Star)
	}
	_, word, style := t.state(v.State)
	left += "   child " + v.Label() + "   " + style.Render(word)
	right := m.way("back")
	if i := slices.IndexFunc(m.snap.Top, func(x nas.TrialView) bool { return x.ID == v.ID }); i >= 0 {
		right = fmt.Sprintf("#%d of %d distinct   ", i+1, m.snap.Distinct) + right
	}
	return t.spread(left, right, w)
}

func (c *cellScreen) view(m *model, w, h int) []string {
	t := m.theme
	v, _ := c.selected(m)
	as := c.layout
	if as == asPaper && paperWidth(v.Genotype)+2 > w {
		as = asLadder
	}
	normal, reduction := c.drawn(m, v, false, as), c.drawn(m, v, true, as)
	one := normal
	if c.reduction {
		one = reduction
	}
	factsWidth := max(23, min(36, w-widest(normal)-widest(reduction)-8))
	both := w >= widest(normal)+widest(reduction)+8+factsWidth
	tall := max(len(normal), len(reduction)) + 3 // with its border and a blank line
	upper := h
	if h >= tall+9 {
		upper = tall + 1
	}
	lower := h - upper
	foot := m.keyOf(actOther) + " " + cellName(!c.reduction)
	var out []string
	switch {
	case as == asPaper && h >= len(normal)+len(reduction)+7:
		line := t.cut(" "+strings.Join(t.factLine(v, m.latency(v)), "  "), w)
		first := len(normal) + 3
		upper = first + len(reduction) + 3 + 1
		if lower = h - upper; lower < 6 {
			upper, lower = h, 0
		}
		out = append([]string{fit(line, w)}, c.drawing(m, v, normal, false, w, first, foot)...)
		out = append(out, c.drawing(m, v, reduction, true, w, upper-first-1, foot)...)
	case both:
		free := w - factsWidth - widest(normal) - widest(reduction) - 8
		left := widest(normal) + 4 + free/2
		out = beside(c.drawing(m, v, normal, false, left, upper, foot), c.drawing(m, v, reduction, true, w-factsWidth-left, upper, foot),
			pane{title: "Facts"}.draw(t, factsWidth, upper, t.facts(m, v, factsWidth-3, upper-2, lower == 0)))
	case widest(one)+3+20 <= w:
		left := max(widest(one)+3, min(57, w-23))
		if w >= 110 {
			left = max(widest(one)+4, w*60/100)
		}
		out = beside(c.drawing(m, v, one, c.reduction, left, upper, foot), pane{title: "Facts"}.draw(t, w-left, upper, t.facts(m, v, w-left-3, upper-2, lower == 0)))
	default: // no room for facts beside the drawing: the most important ones in a line
		line := t.cut(" "+strings.Join(t.factLine(v, m.latency(v)), "  "), w)
		if h < 3 {
			return []string{fit(line, w)}
		}
		out = append([]string{fit(line, w)}, c.drawing(m, v, one, c.reduction, w, upper-1, foot)...)
	}
	if lower > 0 {
		half := w / 2
		out = append(out, beside(t.curvePane(v, half, lower), t.lineagePane(m.snap, v, w-half, lower))...)
	}
	return out
}

// drawn is a cell of a trial in a layout, with the times of its rungs at the right of a ladder if they were measured.
func (c *cellScreen) drawn(m *model, v nas.TrialView, reduction bool, as layout) []string {
	if as != asLadder || m.rungTime(v, reduction, 0, 1) == "" {
		return m.theme.draw(v.Genotype, reduction, as)
	}
	return m.theme.ladderWith(v.Genotype, reduction, 0, func(int, int) string { return "" }, func(block, rung int) string {
		if ms := m.rungTime(v, reduction, block, rung); ms != "" {
			return fitRight(ms, 9)
		}
		return ""
	})
}

// paperWidth is the width in cells of both cells of a genotype as papers draw them.
func paperWidth(g space.Genotype) int {
	normal, _ := celldraw.PaperSize(g.Normal)
	reduction, _ := celldraw.PaperSize(g.Reduction)
	return max(normal, reduction)
}

func widest(lines []string) int {
	n := 0
	for _, l := range lines {
		n = max(n, ansi.StringWidth(l))
	}
	return n
}

// drawing is the pane of one cell.
func (c *cellScreen) drawing(m *model, v nas.TrialView, lines []string, reduction bool, w, h int, foot string) []string {
	t := m.theme
	p := pane{title: fmt.Sprintf("Cell %s %s %s", short(v), t.g.Dot, cellName(reduction)), focus: reduction == c.reduction}
	if reduction {
		p.title += " (stride 2)"
	}
	if p.focus {
		p.foot = foot + " " + t.g.Dot + " " + m.keyOn(onCell, actPrev) + " " + m.keyOn(onCell, actNext) + " prev/next"
	}
	body := lines
	if p.focus {
		c.from = max(0, min(c.from, len(lines)-(h-2)))
	}
	if len(lines) > h-2 {
		body = scrolled(lines, c.from, h-2)
		p.right = m.keyOf(actDown) + " " + m.keyOf(actUp) + " scroll"
	} else {
		body = centred(lines, w-2, h-2)
	}
	return p.draw(t, w, h, body)
}

// factLine is the facts of a trial in a few words; latency is in milliseconds, 0 if it is not known.
func (t theme) factLine(v nas.TrialView, latency float64) []string {
	var out []string
	if v.HasReward {
		out = append(out, "reward "+score(v.Reward, 4))
		if a := valAcc(v); a != v.Reward { // weighed by a cost
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

// facts is everything that is known of a trial, in at most h lines of w cells, with its family if there is room.
func (t theme) facts(m *model, v nas.TrialView, w, h int, family bool) []string {
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
			add("", fmt.Sprintf("%s %s%s, %d times", score(mean, 4), t.g.PlusMinus, score(sd, 4), n))
		}
		if a := valAcc(v); a != v.Reward { // weighed by a cost
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
	if table := m.latencyTable(v, w); table != nil && len(out)+len(table)+1 <= h {
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

// trainings is the mean reward of a cell over its trainings as the search trains, with other seeds, its standard deviation, and their number.
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

// asTheSearch says that a trial was trained and judged as the search trains and judges.
func asTheSearch(c nas.Config, v nas.TrialView) bool {
	r := v.Retrain
	if r == nil {
		return true
	}
	own, its := c.Train.WithDefaults(), r.Train.WithDefaults()
	own.Shards, its.Shards = max(1, own.Shards), max(1, its.Shards)
	return r.Net.WithDefaults() == c.Net.WithDefaults() && its == own && r.Data.Name == c.Data && r.Data.Dir == c.DataDir && !r.Data.Test &&
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

// lineage is the trial, what it was made from and what was made from it, in lines for w cells.
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
				if now, ok := find(s, x.ID); ok { // one that runs is in two lists
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
	body = append(body, "", " normal     "+t.cut(v.Genotype.Normal.Text(), w-15), " reduction  "+t.cut(v.Genotype.Reduction.Text(), w-15))
	return pane{title: "Lineage"}.draw(t, w, h, body)
}

// curvePane is the accuracy of a trial by epoch.
func (t theme) curvePane(v nas.TrialView, w, h int) []string {
	p := pane{title: fmt.Sprintf("Accuracy by epoch, %d/%d", len(v.Curve), v.Epochs)}
	if len(v.Curve) == 0 {
		return p.draw(t, w, h, []string{"", " no epoch yet"})
	}
	last := v.Curve[len(v.Curve)-1]
	body := t.plot(w-3, h-2, "",
		line{name: "train", values: series(v.Curve, func(e epoch) float64 { return e.TrainAcc }), style: t.mean},
		line{name: "val", values: series(v.Curve, func(e epoch) float64 { return e.ValAcc }), style: t.best, heavy: true})
	p.right = fmt.Sprintf("val %s  train %s", score(last.ValAcc, 4), score(last.TrainAcc, 4))
	const border = 8 // and the blanks
	if len(p.title)+len(p.right)+border > w {
		p.title = fmt.Sprintf("Accuracy, %d/%d", len(v.Curve), v.Epochs)
	}
	if len(p.title)+len(p.right)+border > w {
		p.right = "val " + score(last.ValAcc, 4)
	}
	return p.draw(t, w, h, body)
}
