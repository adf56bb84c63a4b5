package cli

import (
	"fmt"

	"nasnet/nas"
)

// costText formats the reward of a search that weighs a cost.
func costText(c nas.CostTerm) string {
	target := fmt.Sprintf("%g ms", c.Target)
	if c.By != nas.ByLatency {
		target = fmt.Sprintf("%g", c.Target)
	}
	return fmt.Sprintf("accuracy * (%s / %s)^%g", c.By, target, c.Weight)
}
