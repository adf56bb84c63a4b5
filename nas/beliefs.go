package nas

import "math"

// Beliefs shows what the newest policy would choose and how sure it is of each decision. Decisions are in the order of
// [space.Space.Decisions].
type Beliefs struct {
	Version int `json:"version"` // of the policy
	// Exact: Probabilities are the policy's own, along its greedy path, where every earlier decision took its most
	// probable choice. Otherwise the strategy has no such policy, and they are shares among the latest samples.
	Exact bool `json:"exact"`
	// [decision][choice], each row sums to 1; nil while there is nothing to count
	Probabilities [][]float64 `json:"probabilities"`
	// oldest first, at most maxEntropyPoints; nil for a strategy without a policy
	Entropy []EntropyPoint `json:"entropy"`
}

// EntropyPoint is the entropy of each decision over a group of batches, estimated by the mean of -log p of the drawn
// choices.
type EntropyPoint struct {
	Batch int       `json:"batch"` // last batch of the group
	Nats  []float64 `json:"nats"`  // by decision
}

const (
	maxEntropyPoints = 64
	sharesOf         = 100 // samples
)

// Beliefs returns what the policy believes: its own probabilities, rounded in place, or, if it has none, the share of
// each choice among the latest samples.
func (l *Ledger) Beliefs(probs [][]float64, arities []int) *Beliefs {
	b := &Beliefs{Version: l.applied, Exact: probs != nil, Probabilities: probs}
	if probs == nil {
		b.Probabilities = shares(l.proposals, arities)
	}
	for _, row := range b.Probabilities {
		for i := range row {
			row[i] = math.Round(row[i]*1e4) / 1e4 // a snapshot may go over a wire
		}
	}
	b.Entropy = l.entropy.points()
	return b
}

// shares returns the share of each choice among the latest samples.
func shares(proposals []*Trial, arities []int) [][]float64 {
	out, n := make([][]float64, len(arities)), 0.0
	for d, a := range arities {
		out[d] = make([]float64, a)
	}
	for i := len(proposals) - 1; i >= 0 && n < sharesOf; i-- {
		t := proposals[i]
		if t.Kind != Sampled || len(t.Choices) != len(arities) {
			continue
		}
		n++
		for d, c := range t.Choices {
			out[d][c]++
		}
	}
	if n == 0 {
		return nil
	}
	for _, row := range out {
		for c := range row {
			row[c] /= n
		}
	}
	return out
}

// entropySums holds, per batch and decision, the sum of -log p over the samples.
type entropySums []entropySum

type entropySum struct {
	proposals int
	nats      []float64
}

// add counts a sample; other trials are ignored.
func (e *entropySums) add(t *Trial) {
	if t.Kind != Sampled || t.Batch < 0 || len(t.LogP) == 0 {
		return
	}
	for len(*e) <= t.Batch {
		*e = append(*e, entropySum{})
	}
	d := &(*e)[t.Batch]
	if d.nats == nil {
		d.nats = make([]float64, len(t.LogP))
	}
	d.proposals++
	for i, p := range t.LogP[:min(len(t.LogP), len(d.nats))] {
		d.nats[i] -= p
	}
}

// points groups the batches and returns the mean of -log p over the samples of each group.
func (e entropySums) points() (points []EntropyPoint) {
	size, any := max(1, (len(e)+maxEntropyPoints-1)/maxEntropyPoints), false
	for from := 0; from < len(e); from += size {
		var p EntropyPoint
		n := 0
		for k, b := range e[from:min(from+size, len(e))] {
			if b.proposals == 0 {
				continue
			}
			if p.Nats == nil {
				p.Nats = make([]float64, len(b.nats))
			}
			p.Batch, n = from+k, n+b.proposals
			for i, x := range b.nats[:min(len(b.nats), len(p.Nats))] {
				p.Nats[i] += x
				any = any || x != 0
			}
		}
		if n == 0 {
			continue
		}
		for i, x := range p.Nats {
			p.Nats[i] = math.Round(x/float64(n)*1e3) / 1e3
		}
		points = append(points, p)
	}
	if !any { // the strategy gives its proposals no probabilities
		return nil
	}
	return points
}
