package controller

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// evolution is regularized evolution (Real et al. 2019, arXiv 1802.01548, algorithm 1): the population is the last P
// samples; a parent is the best of S drawn with replacement; a child is its parent with one decision changed; the
// oldest dies, however good it is. We differ in two ways. Children come in batches, all from the population that the
// previous batch left. And a mutation picks uniformly among all decisions, where the paper first picks "hidden state"
// or "op" and has an identity mutation of probability 0.05.
type evolution struct {
	arities    []int
	open       []int // decisions with a choice
	size, draw int   // P and S
	decay      float64
	version    int
	base       baseline // only for the chart
	population []individual
}

type individual struct {
	Choices []int   `json:"choices"`
	Reward  float64 `json:"reward"`
}

func newEvolution(arities []int, c Config) (Controller, error) {
	e := &evolution{arities: arities, size: c.Population, draw: c.Sample, decay: c.BaselineDecay}
	for d, a := range arities {
		if a > 1 {
			e.open = append(e.open, d)
		}
	}
	return e, nil
}

func (c *evolution) Propose(r *rand.Rand) Proposal {
	p := Proposal{LogP: make([]float64, len(c.arities))}
	if len(c.population) < c.size {
		p.Choices = uniform(r, c.arities)
		return p
	}
	best := c.population[r.IntN(len(c.population))]
	for range c.draw - 1 {
		if x := c.population[r.IntN(len(c.population))]; x.Reward > best.Reward {
			best = x
		}
	}
	p.Choices = append([]int(nil), best.Choices...)
	d := c.open[r.IntN(len(c.open))]
	p.Choices[d] = (p.Choices[d] + 1 + r.IntN(c.arities[d]-1)) % c.arities[d]
	return p
}

func (c *evolution) Update(batch []Sample) (Stats, error) {
	if err := checkBatch(c.arities, batch); err != nil {
		return Stats{}, err
	}
	st := rewardStats(c.arities, batch)
	if len(batch) > 0 {
		for _, s := range batch {
			c.population = append(c.population, individual{append([]int(nil), s.Choices...), s.Reward})
		}
		// copied, so that the dead can be freed
		c.population = append([]individual(nil), c.population[max(0, len(c.population)-c.size):]...)
		c.base.advance(batch, c.decay)
		c.version++
	}
	st.Baseline = c.base.value
	st.DecisionEntropy = c.diversity()
	for _, e := range st.DecisionEntropy {
		st.Entropy += e
	}
	return st, nil
}

// diversity returns the entropy of the choices in the population per decision, or of uniform choices while it fills up.
func (c *evolution) diversity() []float64 {
	out := make([]float64, len(c.arities))
	for d, a := range c.arities {
		if len(c.population) < c.size {
			out[d] = math.Log(float64(a))
			continue
		}
		count := make([]float64, a)
		for _, x := range c.population {
			count[x.Choices[d]]++
		}
		for _, n := range count {
			if n > 0 {
				p := n / float64(len(c.population))
				out[d] -= p * math.Log(p)
			}
		}
	}
	return out
}

func (c *evolution) State() ([]byte, error) {
	return encodeState(plainState{Format: "nasnet-evolution-1", Arities: c.arities, Version: c.version,
		Baseline: c.base.value, BaselineSet: c.base.set,
		Population: c.population})
}

func (c *evolution) Restore(state []byte) error {
	s, err := decodeState(state, "nasnet-evolution-1", c.arities)
	if err != nil {
		return err
	}
	for i, x := range s.Population {
		if err := checkChoices(c.arities, x.Choices); err != nil {
			return fmt.Errorf("controller: state: individual %d: %w", i, err)
		}
	}
	// A fork may have a smaller population than its parent: it keeps the youngest.
	c.population = s.Population[max(0, len(s.Population)-c.size):]
	c.version, c.base = s.Version, baseline{s.Baseline, s.BaselineSet}
	return nil
}
