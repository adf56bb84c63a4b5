package controller

import (
	"math"
	"math/rand/v2"
)

// random draws uniformly. It keeps a baseline only for the chart.
type random struct {
	arities []int
	decay   float64
	version int
	base    baseline
}

func newRandom(arities []int, c Config) (Controller, error) {
	return &random{arities: arities, decay: c.BaselineDecay}, nil
}

func (c *random) Propose(r *rand.Rand) Proposal {
	p := Proposal{Choices: uniform(r, c.arities), LogP: make([]float64, len(c.arities))}
	for d, a := range c.arities {
		p.LogP[d] = -math.Log(float64(a))
	}
	return p
}

func uniform(r *rand.Rand, arities []int) []int {
	choices := make([]int, len(arities))
	for d, a := range arities {
		choices[d] = r.IntN(a)
	}
	return choices
}

func (c *random) Update(batch []Sample) (Stats, error) {
	if err := checkBatch(c.arities, batch); err != nil {
		return Stats{}, err
	}
	st := rewardStats(c.arities, batch)
	if len(batch) > 0 {
		c.base.advance(batch, c.decay)
		c.version++
	}
	st.Baseline, st.Entropy = c.base.value, st.MaxEntropy
	for _, a := range c.arities {
		st.DecisionEntropy = append(st.DecisionEntropy, math.Log(float64(a)))
	}
	return st, nil
}

func (c *random) State() ([]byte, error) {
	return encodeState(plainState{Format: "nasnet-random-1", Arities: c.arities, Version: c.version,
		Baseline: c.base.value, BaselineSet: c.base.set})
}

func (c *random) Restore(state []byte) error {
	s, err := decodeState(state, "nasnet-random-1", c.arities)
	if err != nil {
		return err
	}
	c.version, c.base = s.Version, baseline{s.Baseline, s.BaselineSet}
	return nil
}
