package tui

import (
	"fmt"
	"math"
	"slices"

	"nasnet/nas"
	"nasnet/nas/space"
)

// decisions are the beliefs of a snapshot with their names.
type decisions struct {
	*nas.Beliefs
	space  space.Space
	names  []string
	labels [][]string
	most   []float64 // nats of a uniform choice
}

// decisionsOf returns nil if a snapshot has no beliefs, or beliefs that do not fit its space.
func decisionsOf(s *nas.Snapshot) *decisions {
	sp, err := s.Config.Space()
	if err != nil || s.Beliefs == nil {
		return nil
	}
	d := &decisions{Beliefs: s.Beliefs, space: sp}
	for _, x := range sp.Decisions() {
		d.names, d.labels, d.most = append(d.names, x.Name), append(d.labels, x.Labels),
			append(d.most, math.Log(float64(x.Arity)))
	}
	fits := len(s.Beliefs.Probabilities) == len(d.names) || len(s.Beliefs.Probabilities) == 0
	for i, row := range s.Beliefs.Probabilities {
		fits = fits && len(row) == len(d.labels[i])
	}
	for _, p := range s.Beliefs.Entropy {
		fits = fits && len(p.Nats) == len(d.names)
	}
	if !fits {
		return nil
	}
	return d
}

// decisionsPerBlock is the number of decisions of a block in a space: in1, in2, op1, op2, combine.
const decisionsPerBlock = 5

var decisionKinds = [decisionsPerBlock]string{"in1", "in2", "op1", "op2", "combine"}

// of returns the index of a block's decision.
func (d *decisions) of(reduction bool, block, kind int) int {
	at := block*decisionsPerBlock + kind
	if reduction {
		at += d.space.Blocks * decisionsPerBlock
	}
	return at
}

// sure counts the decisions with a choice of probability p or more.
func (d *decisions) sure(p float64) (n int) {
	for _, row := range d.Probabilities {
		if len(row) > 1 && slices.Max(row) >= p {
			n++
		}
	}
	return n
}

// Thresholds of the alarms. We chose them on runs of the quick preset, where a policy that learns ends with at least a
// third of the largest entropy.
const (
	collapsedAt = 0.1  // of the largest entropy
	fallingBy   = 0.25 // of the largest entropy in ten updates
	stepTooFar  = 1.0  // nats of KL an update, mean of the last five
	sureAt      = 0.9  // probability of a choice
)

// verdictOnPolicy describes the state of the policy in a sentence; bad means that the user should act.
func verdictOnPolicy(s *nas.Snapshot) (text string, bad bool) {
	v, n := s.Policy, len(s.Updates)
	strategy := s.Config.Controller.Strategy
	switch {
	case s.Beliefs != nil && !s.Beliefs.Exact:
		return strategy + " learns no policy: these are the shares of each choice among its last proposals", false
	case n == 0:
		return "no update yet: every choice is about equally likely; the first comes after " +
			plural(s.Config.Batch, "sample", "samples"), false
	case v.MaxEntropy <= 0:
		return "the policy's entropy is not known", false
	}
	before := s.Updates[max(0, n-11)]
	mean := func(f func(nas.PolicyView) float64) (sum float64) {
		last := s.Updates[max(0, n-5):]
		for _, u := range last {
			sum += f(u) / float64(len(last))
		}
		return sum
	}
	drop := before.Entropy - v.Entropy
	switch kl := mean(func(u nas.PolicyView) float64 { return u.KL }); {
	case v.Entropy < collapsedAt*v.MaxEntropy:
		return fmt.Sprintf("collapsed: %s of %.1f nats are left, so it proposes almost the same cell each time. A "+
			"fork from an earlier policy with a larger entropy bonus keeps exploring.", fixed(v.Entropy, 1),
			v.MaxEntropy), true
	case v.Version-before.Version <= 10 && drop > fallingBy*v.MaxEntropy:
		return fmt.Sprintf("collapsing: the entropy fell by %.1f of %.1f nats in %s", drop, v.MaxEntropy,
			plural(v.Version-before.Version, "update", "updates")), true
	case kl > stepTooFar:
		return fmt.Sprintf("steps are large: each update moves the policy by %.2f nats (KL); a smaller learning rate "+
			"learns more steadily", kl), true
	}
	text = "entropy " + signed(-drop, 1) + " nats in the last update"
	if n := v.Version - before.Version; n > 1 {
		text = fmt.Sprintf("entropy %s nats in the last %d updates", signed(-drop, 1), n)
	}
	if d := decisionsOf(s); d != nil && len(d.Probabilities) > 0 {
		text += fmt.Sprintf("; %d of %d decisions are above %.0f %%", d.sure(sureAt), len(d.names), 100*sureAt)
		if i, p := d.extreme(1); i >= 0 {
			text += fmt.Sprintf("; surest %s %s %.0f %%", d.names[i],
				d.labels[i][slices.Index(d.Probabilities[i], p)], 100*p)
		}
	}
	return text, false
}

// extreme returns the decision with the most (sign 1) or least (-1) probable top choice, and that probability. It skips
// decisions with a single choice.
func (d *decisions) extreme(sign float64) (at int, p float64) {
	at = -1
	for i, row := range d.Probabilities {
		if len(row) < 2 {
			continue
		}
		if x := slices.Max(row); at < 0 || sign*x > sign*p {
			at, p = i, x
		}
	}
	return at, p
}

// heatRow is a choice over all columns of a heat map: probabilities by operand, NaN where there is no such choice.
type heatRow struct {
	label string
	p     []float64
	best  []bool
	op    space.Family
}

func (r heatRow) most() float64 {
	top := 0.0
	for _, p := range r.p {
		if p > top {
			top = p
		}
	}
	return top
}

// heatRows returns the rows of a cell's heat map in three groups: ops, inputs, combines.
func (d *decisions) heatRows(reduction bool) (groups [3][]heatRow) {
	blocks := d.space.Blocks
	add := func(g int, label string, family space.Family, kinds [2]int, choice func(kind int) int) {
		r := heatRow{label: label, op: family}
		for b := range blocks {
			for _, k := range kinds {
				p, best := math.NaN(), false
				if k >= 0 {
					row := d.Probabilities[d.of(reduction, b, k)]
					if c := choice(k); c < len(row) {
						p, best = row[c], row[c] == slices.Max(row)
					}
				}
				r.p, r.best = append(r.p, p), append(r.best, best)
			}
		}
		groups[g] = append(groups[g], r)
	}
	for c, name := range d.space.Ops {
		op, _ := space.OpByName(name)
		add(0, op.Label, op.Family, [2]int{2, 3}, func(int) int { return c })
	}
	for c := range blocks + 1 {
		add(1, space.StateName(c), "", [2]int{0, 1}, func(int) int { return c })
	}
	for c, label := range []string{space.Add, space.Concat} {
		add(2, label, "", [2]int{-1, 4}, func(int) int { return c })
	}
	return groups
}

// others merges the least probable rows into one so that at most n are left.
func others(rows []heatRow, n int) []heatRow {
	if len(rows) <= n || n < 2 {
		return rows
	}
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch x, y := rows[a].most(), rows[b].most(); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	kept := slices.Sorted(slices.Values(order[:n-1]))
	out := make([]heatRow, 0, n)
	for _, i := range kept {
		out = append(out, rows[i])
	}
	rest := heatRow{label: fmt.Sprintf("%d others", len(rows)-n+1), p: make([]float64, len(rows[0].p)),
		best: make([]bool, len(rows[0].p))}
	for _, i := range order[n-1:] {
		for c, p := range rows[i].p {
			if !math.IsNaN(p) {
				rest.p[c] += p
			}
		}
	}
	return append(out, rest)
}
