package controller

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
)

// Proposal is one point of the space: Choices[d] is in [0, arity of decision d).
type Proposal struct {
	Choices []int
	// LogP[d] is the natural logarithm of the probability of Choices[d] under the proposing policy, given the earlier
	// choices. Random gives -log(arity). Evolution has no such policy and gives zeros.
	LogP []float64
}

// Sample is a proposal with its reward: any finite number; the searches here use an accuracy in [0, 1].
type Sample struct {
	Choices []int
	LogP    []float64 // as proposed; only ppo reads it
	Reward  float64
}

// Stats describes one Update. Entropies are in nats. Fields that a strategy lacks are zero.
type Stats struct {
	Samples    int     // in the batch
	MeanReward float64 // of the batch
	MaxReward  float64 // of the batch
	Baseline   float64 // moving average of rewards after the batch
	Entropy    float64 // of a whole sequence under the policy after the update: the sum of DecisionEntropy
	MaxEntropy float64 // of uniform choices: the sum of log(arity)

	// KL(policy before || policy after) of one sequence, estimated on the batch's sequences with exact distributions at
	// each decision
	KL           float64
	ClipFraction float64 // mean over the gradient steps of the fraction of ratios outside 1±clip
	GradNorm     float64 // mean over the gradient steps of the gradient's L2 norm
	Loss         float64 // at the last gradient step, before it was taken

	DecisionEntropy []float64 // per decision
}

// Controller proposes points of a space and learns from their rewards. The package comment says what every
// implementation promises.
type Controller interface {
	// Propose draws one proposal with r. It does not change the controller.
	Propose(r *rand.Rand) Proposal
	// Update learns from one batch, in the order given. An empty batch changes nothing. One invalid sample (a choice
	// out of range, a reward that is not finite) makes it refuse the whole batch.
	Update(batch []Sample) (Stats, error)
	// State returns everything that decides the controller's future, as deterministic bytes.
	State() ([]byte, error)
	// Restore replaces the state with one that State returned for the same space and size. Settings (learning rate,
	// steps, …) keep the values that the controller was made with. After an error the controller is unchanged.
	Restore(state []byte) error
}

// Explainer is implemented by controllers that can show what they prefer.
type Explainer interface {
	// Probabilities returns the distribution at each decision along the greedy path, on which every earlier decision
	// took its most probable choice: [decision][choice], each row sums to 1.
	Probabilities() [][]float64
}

// Strategy is a row of the table of controllers.
type Strategy struct {
	Name string
	New  func(arities []int, c Config) (Controller, error)
}

// Strategies lists what New can make; the first is the default. To add one, write a file and a row: the conformance
// test covers it.
var Strategies = []Strategy{
	{"ppo", newPPO},
	{"reinforce", newReinforce},
	{"evolution", newEvolution},
	{"random", newRandom},
}

// New makes the controller that c.Strategy names, for decisions with the given arities. Zero fields of c get their
// defaults.
func New(arities []int, c Config) (Controller, error) {
	c = c.WithDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := checkArities(arities); err != nil {
		return nil, err
	}
	s, err := lookup(c.Strategy)
	if err != nil {
		return nil, err
	}
	return s.New(append([]int(nil), arities...), c)
}

// Names returns the names of the strategies.
func Names() (names []string) {
	for _, s := range Strategies {
		names = append(names, s.Name)
	}
	return names
}

func lookup(name string) (Strategy, error) {
	for _, s := range Strategies {
		if s.Name == name {
			return s, nil
		}
	}
	return Strategy{}, fmt.Errorf("controller: strategy is %.40q; want one of %s", name, strings.Join(Names(), ", "))
}

func checkArities(arities []int) error {
	const most = 1 << 16 // of decisions and of choices: far above any space, and low enough that sizes cannot overflow
	if len(arities) > most {
		return fmt.Errorf("controller: %d decisions; want at most %d", len(arities), most)
	}
	open := false
	for d, a := range arities {
		if a < 1 || a > most {
			return fmt.Errorf("controller: decision %d has arity %d; want 1 to %d", d, a, most)
		}
		open = open || a > 1
	}
	if !open {
		return fmt.Errorf("controller: none of the %d decisions has two choices; there is nothing to search",
			len(arities))
	}
	return nil
}

func checkChoices(arities, choices []int) error {
	if len(choices) != len(arities) {
		return fmt.Errorf("%d choices; want %d", len(choices), len(arities))
	}
	for d, a := range choices {
		if a < 0 || a >= arities[d] {
			return fmt.Errorf("choice %d at decision %d; want 0 to %d", a, d, arities[d]-1)
		}
	}
	return nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

func checkBatch(arities []int, batch []Sample) error {
	for i, s := range batch {
		if err := checkChoices(arities, s.Choices); err != nil {
			return fmt.Errorf("controller: sample %d of %d: %w", i, len(batch), err)
		}
		if !finite(s.Reward) {
			return fmt.Errorf("controller: sample %d of %d: reward is %v; want a finite number", i,
				len(batch), s.Reward)
		}
	}
	return nil
}

// checkLogP refuses impossible log-probabilities: a wrong count, a value that is not finite, a probability above 1.
func checkLogP(batch []Sample) error {
	for i, s := range batch {
		if len(s.LogP) != len(s.Choices) {
			return fmt.Errorf("controller: sample %d of %d: %d log-probabilities; want %d, one per choice",
				i, len(batch),
				len(s.LogP), len(s.Choices))
		}
		for d, l := range s.LogP {
			if !finite(l) || l > 1e-6 {
				return fmt.Errorf("controller: sample %d of %d: log-probability %v at decision %d; want a finite "+
					"number, at most 0", i, len(batch), l, d)
			}
		}
	}
	return nil
}

// rewardStats returns the fields of Stats that every strategy has.
func rewardStats(arities []int, batch []Sample) Stats {
	s := Stats{Samples: len(batch), MaxEntropy: maxEntropy(arities)}
	for i, x := range batch {
		s.MeanReward += x.Reward / float64(len(batch))
		if i == 0 || x.Reward > s.MaxReward {
			s.MaxReward = x.Reward
		}
	}
	return s
}

func maxEntropy(arities []int) float64 {
	sum := 0.0
	for _, a := range arities {
		sum += math.Log(float64(a))
	}
	return sum
}
