package nas

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"nasnet/nas/child"
	"nasnet/nas/setting"
)

// What a reward can be weighed by.
const (
	ByLatency = "latency" // of one image on one thread, milliseconds; measured, so no two runs are alike
	ByMAdds   = "madds"   // multiply-adds of one image
	ByParams  = "params"
)

// CostTerm makes the reward of a child accuracy × (cost/Target)^Weight: MnasNet's (arXiv 1807.11626, section 3.1,
// equations 2 and 3) with its two exponents equal, which is its soft form. A child at the target keeps its accuracy as
// reward, a cheaper one gets more, which may be above 1. The zero value leaves the accuracy as it is.
type CostTerm struct {
	By     string  `json:"by"`     // ByLatency, ByMAdds or ByParams
	Target float64 `json:"target"` // in the unit of By
	Weight float64 `json:"weight"` // below 0
}

// DefaultCostWeight is MnasNet's: they found about 5 % of accuracy to be worth twice the latency, and 2^-0.07 = 0.953.
const DefaultCostWeight = -0.07

// costSettings are the settings of the term.
var costSettings = setting.Table[CostTerm]{
	{Name: "cost", Key: "by", Use: setting.Search, None: "none",
		Choices: func() []string { return []string{ByLatency, ByMAdds, ByParams} },
		Help: "weigh the reward by a cost: latency (measured, of one image on one thread), madds, params or none;\n" +
			"the reward is accuracy * (cost/target)^weight",
		At: func(c *CostTerm) any { return &c.By },
		Resets: func(c *CostTerm, by string) {
			if by != c.By {
				*c = CostTerm{Weight: DefaultCostWeight}
			}
		},
		Then: func(c *CostTerm, given func(string) bool) error {
			if c.By != "" {
				return nil
			}
			if given("cost-target") || given("cost-weight") {
				return errors.New("cost none has neither cost-target nor cost-weight")
			}
			*c = CostTerm{}
			return nil
		}},
	{Name: "cost-target", Key: "target", Use: setting.Search,
		Help: "cost at which the reward is the accuracy: a time such as 2ms, or a number such as 5M",
		At:   func(c *CostTerm) any { return (*costTarget)(c) }},
	{Name: "cost-weight", Key: "weight", Use: setting.Search, Range: setting.Range{Low: -10, High: 0, Below: true},
		Help: fmt.Sprintf("exponent, below 0; at -0.07 twice the cost takes 5 %% of the reward (default %v)",
			DefaultCostWeight),
		At: func(c *CostTerm) any { return &c.Weight }},
}

// costTarget is the target of a term as text in the unit of its cost: 2ms, 5M. Of a term without a cost it is either.
type costTarget CostTerm

func (t *costTarget) String() string {
	if t.By == ByLatency {
		return time.Duration(t.Target * float64(time.Millisecond)).String()
	}
	return strconv.FormatFloat(t.Target, 'g', -1, 64)
}

func (t *costTarget) Set(text string) error {
	d, err := time.ParseDuration(text)
	if t.By == ByLatency || t.By == "" && err == nil {
		if err != nil {
			return errors.New("want a time such as 2ms")
		}
		t.Target = float64(d) / float64(time.Millisecond)
		return nil
	}
	number, unit := text, 1.0
	for sign, x := range map[string]float64{"k": 1e3, "M": 1e6, "G": 1e9} {
		if s, ok := strings.CutSuffix(text, sign); ok {
			number, unit = s, x
		}
	}
	x, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return errors.New("want a number such as 300k or 5M")
	}
	t.Target = x * unit
	return nil
}

// Validate says what is wrong with the term.
func (c CostTerm) Validate() error {
	if c == (CostTerm{}) {
		return nil
	}
	if c.By == "" {
		return errors.New("cost: by is \"\"; want what the reward is weighed by")
	}
	if err := costSettings.Check(c); err != nil {
		return fmt.Errorf("cost: %w", err)
	}
	if !(c.Target > 0 && c.Target <= math.MaxInt64) {
		return fmt.Errorf("cost: target is %v; want more than 0, in milliseconds, multiply-adds or "+
			"parameters", c.Target)
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

// Accuracy is the validation accuracy after the last whole epoch, in [0, 1], which the reward is made from; NaN before
// the first.
func (t TrialView) Accuracy() float64 {
	if len(t.Curve) == 0 {
		return math.NaN()
	}
	return t.Curve[len(t.Curve)-1].ValAcc
}
