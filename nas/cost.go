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

// The costs that can weigh a reward.
const (
	ByLatency = "latency" // time for one image on one thread, milliseconds; measured, so no two runs are equal
	ByMAdds   = "madds"   // multiply-adds of one image
	ByParams  = "params"
)

// CostTerm makes a child's reward accuracy × (cost/Target)^Weight. This is MnasNet's reward (arXiv 1807.11626,
// section 3.1, equations 2 and 3) in its soft form, with both exponents equal. A child at the target gets its accuracy
// as reward; a cheaper one gets more, possibly above 1. With the zero value the reward is the accuracy.
type CostTerm struct {
	By     string  `json:"by"`     // ByLatency, ByMAdds or ByParams
	Target float64 `json:"target"` // in the unit of By
	Weight float64 `json:"weight"` // below 0
}

// DefaultCostWeight is MnasNet's: in their data, twice the latency buys about 5 % of accuracy, and 2^-0.07 = 0.953.
const DefaultCostWeight = -0.07

// costSettings is the table of the term's settings.
var costSettings = setting.Table[CostTerm]{
	{Name: "cost", Key: "by", Use: setting.Search, None: "none",
		Choices: func() []string { return []string{ByLatency, ByMAdds, ByParams} },
		Help: "cost that weighs the reward: latency (measured for one image on one thread), madds, params or none;\n" +
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
				return errors.New("cost none accepts neither cost-target nor cost-weight")
			}
			*c = CostTerm{}
			return nil
		}},
	{Name: "cost-target", Key: "target", Use: setting.Search,
		Help: "cost at which the reward equals the accuracy: a time such as 2ms, or a number such as 5M",
		At:   func(c *CostTerm) any { return (*costTarget)(c) }},
	{Name: "cost-weight", Key: "weight", Use: setting.Search, Range: setting.Range{Low: -10, High: 0, Below: true},
		Help: fmt.Sprintf("exponent, below 0; at -0.07, twice the cost lowers the reward by 5 %% (default %v)",
			DefaultCostWeight),
		At: func(c *CostTerm) any { return &c.Weight }},
}

// costTarget reads and writes a term's target in the unit of its cost: 2ms, 5M. A term without a cost accepts both.
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

// Validate returns an error if the term makes no sense.
func (c CostTerm) Validate() error {
	if c == (CostTerm{}) {
		return nil
	}
	if c.By == "" {
		return errors.New("cost: by is empty; want --cost latency, madds or params")
	}
	if err := costSettings.Check(c); err != nil {
		return fmt.Errorf("cost: %w", err)
	}
	if !(c.Target > 0 && c.Target <= math.MaxInt64) {
		return fmt.Errorf("cost: target is %v; want --cost-target with a time such as 2ms, or a number such "+
			"as 5M", c.Target)
	}
	return nil
}

// Reward returns the reward of a child for its accuracy and cost; latency is in milliseconds.
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
		return 0, fmt.Errorf("no reward follows from %s %v and accuracy %v; want a positive %s", c.By, x, accuracy,
			c.By)
	}
	return r, nil
}

// Reward returns the reward of a trained child. A retrain has settings of its own, so its reward is its accuracy.
func (c Config) Reward(k Kind, o Outcome) (float64, error) {
	if k == Retrained {
		return o.Reward, nil
	}
	return c.Cost.Reward(o.Reward, o.Cost, o.Latency)
}

// MeasuresLatency reports whether the latency of the search's children is measured.
func (c Config) MeasuresLatency() bool { return c.Latency || c.Cost.By == ByLatency }

// Accuracy is the validation accuracy after the last whole epoch, in [0, 1]; NaN before the first. The reward is
// computed from it.
func (t TrialView) Accuracy() float64 {
	if len(t.Curve) == 0 {
		return math.NaN()
	}
	return t.Curve[len(t.Curve)-1].ValAcc
}
