package cli

import (
	"fmt"

	"nasnet/nas"
)

// costText is the term as a person reads it.
func costText(c nas.CostTerm) string {
	target := fmt.Sprintf("%g ms", c.Target)
	if c.By != nas.ByLatency {
		target = fmt.Sprintf("%g", c.Target)
	}
	return fmt.Sprintf("accuracy * (%s / %s)^%g", c.By, target, c.Weight)
}
