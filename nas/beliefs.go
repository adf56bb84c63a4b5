package nas

import (
	"math"

	"nasnet/checkpoints"
	"nasnet/nas/controller"
)

// Beliefs is what the newest policy would choose, and how sure it has become of each decision. Decisions stand in the order of [space.Space.Decisions].
type Beliefs struct {
	Version int `json:"version"` // of the policy
	// Exact says that Probabilities are the policy's own, along its greedy path: every earlier decision took its most probable choice. Else the strategy
	// has no such policy, and they are shares among the last proposals.
	Exact         bool           `json:"exact"`
	Probabilities [][]float64    `json:"probabilities"` // [decision][choice], each row sums to 1; nil before there is anything to count
	Entropy       []EntropyPoint `json:"entropy"`       // oldest first, at most maxEntropyPoints; nil for a strategy without a policy
}

// EntropyPoint is the entropy of each decision in a group of batches, estimated by the mean of -log p of the choices that were drawn.
type EntropyPoint struct {
	Batch int       `json:"batch"` // the last of the group
	Nats  []float64 `json:"nats"`  // by decision
}

const (
	maxEntropyPoints = 64
	sharesOf         = 100 // proposals
)

// probabilities are those of a controller that has some, else nil.
func probabilities(c controller.Controller) [][]float64 {
	if e, ok := c.(controller.Explainer); ok {
		return e.Probabilities()
	}
	return nil
}

// believe makes the beliefs anew from the probabilities of the policy as it is.
func (s *Search) believe(probs [][]float64) {
	b := &Beliefs{Version: s.version, Exact: probs != nil, Probabilities: probs}
	if probs == nil {
		b.Probabilities = shares(s.samples, s.space.Arities())
	}
	for _, row := range b.Probabilities {
		for i := range row {
			row[i] = math.Round(row[i]*1e4) / 1e4 // a snapshot may go over a wire
		}
	}
	b.Entropy = entropies(s.doubts)
	s.beliefs = b
}

// shares counts the choices of the last proposals.
func shares(samples []*trial, arities []int) [][]float64 {
	out, n := make([][]float64, len(arities)), 0.0
	for d, a := range arities {
		out[d] = make([]float64, a)
	}
	for i := len(samples) - 1; i >= 0 && n < sharesOf; i-- {
		if samples[i].Kind != Sampled || len(samples[i].choices) != len(arities) {
			continue
		}
		n++
		for d, c := range samples[i].choices {
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

// doubt is the sum of -log p over the controller's proposals of a batch, by decision.
type doubt struct {
	proposals int
	nats      []float64
}

// doubt counts a proposal for the entropies.
func (s *Search) doubt(t *trial) {
	if t.Kind != Sampled || t.Batch < 0 || len(t.logp) == 0 {
		return
	}
	for len(s.doubts) <= t.Batch {
		s.doubts = append(s.doubts, doubt{})
	}
	d := &s.doubts[t.Batch]
	if d.nats == nil {
		d.nats = make([]float64, len(t.logp))
	}
	d.proposals++
	for i, l := range t.logp[:min(len(t.logp), len(d.nats))] {
		d.nats[i] -= l
	}
}

// entropies groups the batches and takes the mean of -log p over the proposals of each group.
func entropies(batches []doubt) (points []EntropyPoint) {
	size, any := max(1, (len(batches)+maxEntropyPoints-1)/maxEntropyPoints), false
	for from := 0; from < len(batches); from += size {
		var p EntropyPoint
		n := 0
		for k, b := range batches[from:min(from+size, len(batches))] {
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
	if !any { // a strategy whose proposals have no probability
		return nil
	}
	return points
}

// ReadSnapshot is the picture of a run that no process has to have open: of a closed one as it was left, of a live one as far as it is stored.
func ReadSnapshot(dir string) (*Snapshot, error) {
	st, err := checkpoints.OpenReadOnly(dir)
	if err != nil {
		return nil, err
	}
	defer st.Close()
	s, err := loadFrom(dir, st, Options{})
	if err != nil {
		return nil, err
	}
	return s.Snapshot(), nil
}
