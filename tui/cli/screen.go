package cli

import (
	"nasnet/nas/child"
	"nasnet/tui"
)

// equip gives the interface what it may not reach for itself: networks to count, the store, files.
func (a *app) equip(o tui.Options) tui.Options {
	o.DataSets, o.Version = dataNames(), version
	o.Cost = child.CostOf
	return o
}
