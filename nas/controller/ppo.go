package controller

import (
	"fmt"
	"math"
	"math/rand/v2"

	"nasnet/nas/rng"
)

// policy is the paper's controller: strategies ppo and reinforce.
type policy struct {
	arities []int // of the space
	open    []int // decisions with two or more choices, which the network makes
	config  Config
	obj     objective

	net     *network[float32]
	adam    *adam[float32]
	base    baseline
	version int // updates applied

	graph *graph[float32] // for the last batch size; derived, not state
}

func newPPO(arities []int, c Config) (Controller, error) {
	return newPolicy(arities, c, objective{clipped: true, joint: c.Joint, clip: c.Clip, entropy: max(0, c.Entropy)})
}

// newReinforce makes the policy gradient of Williams 1992 with the same baseline, entropy bonus and optimizer. It takes
// one step per batch, whatever Steps is: a second step would no longer be on the policy that drew the samples.
func newReinforce(arities []int, c Config) (Controller, error) {
	c.Steps = 1
	return newPolicy(arities, c, objective{entropy: max(0, c.Entropy)})
}

func newPolicy(arities []int, c Config, obj objective) (*policy, error) {
	p := &policy{arities: arities, config: c, obj: obj}
	var sizes []int
	for d, a := range arities {
		if a > 1 {
			p.open, sizes = append(p.open, d), append(sizes, a)
		}
	}
	p.net = newNetwork[float32](sizes, c.Hidden, c.Embedding, c.Seed)
	p.adam = newAdam(p.net.params)
	return p, nil
}

func (p *policy) Propose(r *rand.Rand) Proposal {
	out := Proposal{Choices: make([]int, len(p.arities)), LogP: make([]float64, len(p.arities))}
	p.net.walk(func(i int, logp []float64) int {
		k := draw(r.Float64(), logp)
		out.Choices[p.open[i]], out.LogP[p.open[i]] = k, logp[k]
		return k
	})
	return out
}

// draw returns the choice at u in [0, 1) of the cumulative distribution.
func draw(u float64, logp []float64) int {
	for k, l := range logp {
		if u -= math.Exp(l); u < 0 {
			return k
		}
	}
	return len(logp) - 1
}

// Probabilities implements Explainer.
func (p *policy) Probabilities() [][]float64 {
	out := make([][]float64, len(p.arities))
	for d := range out {
		out[d] = []float64{1}
	}
	p.net.walk(func(i int, logp []float64) int {
		probs, best := make([]float64, len(logp)), 0
		for k, l := range logp {
			probs[k] = math.Exp(l)
			if l > logp[best] {
				best = k
			}
		}
		out[p.open[i]] = probs
		return best
	})
	return out
}

// Update computes the advantages, takes the gradient steps and moves the baseline. If it returns an error, including
// for overflows, nothing has changed.
func (p *policy) Update(batch []Sample) (Stats, error) {
	if err := checkBatch(p.arities, batch); err != nil {
		return Stats{}, err
	}
	st := rewardStats(p.arities, batch)
	if len(batch) == 0 {
		st.Baseline = p.base.value
		p.ownEntropy(&st)
		return st, nil
	}
	if p.obj.clipped {
		if err := checkLogP(batch); err != nil {
			return Stats{}, err
		}
	}
	before := p.checkpoint()
	adv := p.base.advance(batch, p.config.BaselineDecay)
	if p.config.Normalize {
		normalize(adv)
	}
	if err := p.learn(batch, adv, &st); err != nil {
		p.rollback(before)
		return Stats{}, fmt.Errorf("controller: update %d: %w", p.version+1, err)
	}
	p.version++
	st.Baseline = p.base.value
	return st, nil
}

// learn takes the gradient steps and fills in their statistics.
func (p *policy) learn(batch []Sample, adv []float64, st *Stats) error {
	choices, logp := make([][]int, len(batch)), make([][]float64, len(batch))
	for i, s := range batch {
		for _, d := range p.open {
			choices[i] = append(choices[i], s.Choices[d])
			if p.obj.clipped {
				logp[i] = append(logp[i], s.LogP[d])
			} else {
				logp[i] = append(logp[i], 0)
			}
		}
	}
	if len(batch) == 1 { // The graph needs two rows; the mean of a row and its copy equals the row's.
		choices, logp, adv = append(choices, choices[0]), append(logp, logp[0]), append(adv, adv[0])
	}
	if p.graph == nil || p.graph.rows != len(choices) {
		g, err := newGraph(p.net, p.obj, len(choices))
		if err != nil {
			return err
		}
		p.graph = g
	}
	p.graph.load(choices, logp, adv)
	var old [][]float32 // distributions before the first step
	for step := range p.config.Steps {
		loss, err := p.graph.run()
		if err != nil {
			return err
		}
		norm := 0.0
		for _, g := range p.graph.grads {
			for _, x := range g {
				norm += float64(x) * float64(x)
			}
		}
		norm = math.Sqrt(norm)
		if !finite(loss) || !finite(norm) {
			return fmt.Errorf("step %d: loss is %v, gradient norm %v; want finite numbers", step+1, loss, norm)
		}
		if step == 0 {
			for _, l := range p.graph.logp {
				old = append(old, append([]float32(nil), l...))
			}
		}
		st.Loss = loss
		st.GradNorm += norm / float64(p.config.Steps)
		st.ClipFraction += p.clipped(choices, logp) / float64(p.config.Steps)
		p.adam.apply(p.net.params, p.graph.grads, p.config.LearningRate)
	}
	if err := p.graph.evaluate(); err != nil {
		return err
	}
	st.DecisionEntropy = make([]float64, len(p.arities))
	for i, d := range p.open {
		kl, entropy := divergence(old[i], p.graph.logp[i], p.graph.rows)
		st.KL += kl
		st.Entropy += entropy
		st.DecisionEntropy[d] = entropy
	}
	if !finite(st.KL) || !finite(st.Entropy) {
		return fmt.Errorf("the new policy has entropy %v and KL %v; want finite numbers", st.Entropy, st.KL)
	}
	return nil
}

// clipped returns the fraction of ratios outside 1±clip for the graph's current log-probabilities.
func (p *policy) clipped(choices [][]int, logp [][]float64) float64 {
	if !p.obj.clipped {
		return 0
	}
	out, all := 0, 0
	for i := range choices {
		joint := 0.0
		for d, a := range p.net.arities {
			diff := float64(p.graph.logp[d][i*a+choices[i][d]]) - logp[i][d]
			joint += diff
			if !p.obj.joint {
				all++
				if math.Abs(math.Exp(diff)-1) > p.obj.clip {
					out++
				}
			}
		}
		if p.obj.joint {
			all++
			if math.Abs(math.Exp(joint)-1) > p.obj.clip {
				out++
			}
		}
	}
	return float64(out) / float64(all)
}

// divergence returns the means over rows of KL(old || now) and of the entropy of now. Both are log-probabilities,
// (rows, arity).
func divergence(old, now []float32, rows int) (kl, entropy float64) {
	for k, l := range now {
		po := math.Exp(float64(old[k]))
		kl += po * (float64(old[k]) - float64(l))
		entropy -= math.Exp(float64(l)) * float64(l)
	}
	return max(0, kl/float64(rows)), entropy / float64(rows)
}

// ownEntropy estimates the entropy on sequences drawn from the policy itself, for an Update that has none.
func (p *policy) ownEntropy(st *Stats) {
	const sequences = 20
	st.DecisionEntropy = make([]float64, len(p.arities))
	r := rng.Stream(p.config.Seed, "controller-entropy", uint64(p.version))
	for range sequences {
		p.net.walk(func(i int, logp []float64) int {
			for _, l := range logp {
				st.DecisionEntropy[p.open[i]] -= math.Exp(l) * l / sequences
			}
			return draw(r.Float64(), logp)
		})
	}
	for _, e := range st.DecisionEntropy {
		st.Entropy += e
	}
}

// checkpoint copies what learn changes; rollback restores it.
func (p *policy) checkpoint() *policyState {
	s := &policyState{version: p.version, step: p.adam.step, base: p.base}
	for i, q := range p.net.params {
		s.w = append(s.w, append([]float32(nil), q.value...))
		s.m = append(s.m, append([]float32(nil), p.adam.m[i]...))
		s.v = append(s.v, append([]float32(nil), p.adam.v[i]...))
	}
	return s
}

func (p *policy) rollback(s *policyState) {
	p.version, p.adam.step, p.base = s.version, s.step, s.base
	for i, q := range p.net.params {
		copy(q.value, s.w[i]) // in place, because the graph's inputs alias it
		copy(p.adam.m[i], s.m[i])
		copy(p.adam.v[i], s.v[i])
	}
}

// policyState is the state of a policy; w, m and v are in the order of the network's parameters.
type policyState struct {
	version, step int
	base          baseline
	w, m, v       [][]float32
}
