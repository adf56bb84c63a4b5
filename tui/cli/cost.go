package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"nasnet/nas"
)

// costFlags are the term of the reward that weighs costs.
type costFlags struct {
	by, target string
	weight     float64
}

func (f *costFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.by, "cost", "", "weigh the reward by a cost: latency (measured, of one image on one thread), madds, params or none;\n"+
		"the reward is accuracy * (cost/target)^weight")
	fs.StringVar(&f.target, "cost-target", "", "cost at which the reward is the accuracy: a time such as 2ms, or a number such as 5M")
	fs.Float64Var(&f.weight, "cost-weight", nas.DefaultCostWeight, "exponent, below 0; at -0.07 twice the cost takes 5 % of the reward")
}

// apply copies what was given into c.
func (f *costFlags) apply(fs *pflag.FlagSet, c *nas.Config) error {
	if f.by == "none" {
		if fs.Changed("cost-target") || fs.Changed("cost-weight") {
			return usagef("--cost none has neither --cost-target nor --cost-weight")
		}
		c.Cost = nas.CostTerm{}
		return nil
	}
	if fs.Changed("cost") && f.by != c.Cost.By {
		c.Cost = nas.CostTerm{By: f.by, Weight: nas.DefaultCostWeight}
	}
	if fs.Changed("cost-weight") {
		c.Cost.Weight = f.weight
	}
	if !fs.Changed("cost-target") {
		return nil
	}
	var err error
	c.Cost.Target, err = costTarget(c.Cost.By, f.target)
	return err
}

// costTarget reads a target in the unit of a cost.
func costTarget(by, text string) (float64, error) {
	if by == nas.ByLatency {
		d, err := time.ParseDuration(text)
		if err != nil {
			return 0, usagef("--cost-target %q; want a time such as 2ms", text)
		}
		return float64(d) / float64(time.Millisecond), nil
	}
	number, unit := text, 1.0
	for sign, x := range map[string]float64{"k": 1e3, "M": 1e6, "G": 1e9} {
		if s, ok := strings.CutSuffix(text, sign); ok {
			number, unit = s, x
		}
	}
	x, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, usagef("--cost-target %q; want a number such as 300k or 5M", text)
	}
	return x * unit, nil
}

// costText is the term as a person reads it.
func costText(c nas.CostTerm) string {
	target := fmt.Sprintf("%g ms", c.Target)
	if c.By != nas.ByLatency {
		target = fmt.Sprintf("%g", c.Target)
	}
	return fmt.Sprintf("accuracy * (%s / %s)^%g", c.By, target, c.Weight)
}
