package nas

import (
	"fmt"
	"math"

	"nasnet/nas/child"
)

// What a reward can be weighed by.
const (
	ByLatency = "latency" // of one image on one thread, milliseconds; measured, so no two runs are alike
	ByMAdds   = "madds"   // multiply-adds of one image
	ByParams  = "params"
)

// CostTerm makes the reward of a child accuracy × (cost/Target)^Weight: MnasNet's (arXiv 1807.11626, section 3.1, equations 2 and 3) with its two exponents
// equal, which is its soft form. A child at the target keeps its accuracy as reward, a cheaper one gets more, which may be above 1. The zero value
// leaves the accuracy as it is.
type CostTerm struct {
	By     string  `json:"by"`     // ByLatency, ByMAdds or ByParams
	Target float64 `json:"target"` // in the unit of By
	Weight float64 `json:"weight"` // below 0
}

// DefaultCostWeight is MnasNet's: they found about 5 % of accuracy to be worth twice the latency, and 2^-0.07 = 0.953.
const DefaultCostWeight = -0.07

// Validate says what is wrong with the term.
func (c CostTerm) Validate() error {
	if c == (CostTerm{}) {
		return nil
	}
	switch {
	case c.By != ByLatency && c.By != ByMAdds && c.By != ByParams:
		return fmt.Errorf("cost: by is %q; want %s, %s or %s", c.By, ByLatency, ByMAdds, ByParams)
	case !(c.Target > 0 && c.Target <= math.MaxInt64):
		return fmt.Errorf("cost: target is %v; want more than 0, in milliseconds, multiply-adds or parameters", c.Target)
	case !(c.Weight < 0 && c.Weight >= -10):
		return fmt.Errorf("cost: weight is %v; want -10 to below 0, such as %v", c.Weight, DefaultCostWeight)
	}
	return nil
}

// Reward is what a child gets for its accuracy at a cost; latency is in milliseconds.
func (c CostTerm) Reward(accuracy float64, cost child.Cost, latency float64) (float64, error) {
	var x float64
	switch c.By {
	case "":
		return accuracy, nil
	case ByLatency:
		x = latency
	case ByMAdds:
		x = float64(cost.MAdds)
	case ByParams:
		x = float64(cost.Params)
	}
	r := accuracy * math.Pow(x/c.Target, c.Weight)
	if !(x > 0) || math.IsNaN(r) || math.IsInf(r, 0) {
		return 0, fmt.Errorf("the %s is %v at an accuracy of %v, which makes no reward", c.By, x, accuracy)
	}
	return r, nil
}

// Reward is the reward of a trained child of a kind. A retrain, which has settings of its own, keeps its accuracy.
func (c Config) Reward(k Kind, o Outcome) (float64, error) {
	if k == Retrained {
		return o.Reward, nil
	}
	return c.Cost.Reward(o.Reward, o.Cost, o.Latency)
}

// MeasuresLatency reports whether the latency of the search's children is measured.
func (c Config) MeasuresLatency() bool { return c.Latency || c.Cost.By == ByLatency }

// Accuracy is the validation accuracy after the last whole epoch, in [0, 1], which the reward is made from; NaN before the first.
func (t TrialView) Accuracy() float64 {
	if len(t.Curve) == 0 {
		return math.NaN()
	}
	return t.Curve[len(t.Curve)-1].ValAcc
}
