package tui

import (
	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/space"
)

// Cost is the cost of a cell's network.
type Cost = child.Cost

// costed is the answer to a request for a cost.
type costed struct {
	Cost
	asked bool
	err   error
}

// known reports whether the cost is known.
func (c costed) known() bool { return c.asked && c.err == nil && c.Params > 0 }

// costKey names a network of a genotype. Runs may build networks of different scales.
type costKey struct {
	genotype string
	net      child.NetConfig
}

func costKeyOf(g space.Genotype, c nas.Config) costKey { return costKey{g.Text(), c.Net} }

type costMsg struct {
	of costKey
	costed
}

// askCost requests the cost of a genotype's network in this run, unless it is known. An invalid genotype has none.
func (m *model) askCost(g space.Genotype) tea.Cmd {
	k := costKeyOf(g, m.snap.Config)
	if m.options.Cost == nil || m.costs[k].asked || g.Validate() != nil {
		return nil
	}
	return safe("cost", func() tea.Msg {
		c, err := m.options.Cost(g, k.net)
		return costMsg{k, costed{c, true, err}}
	})
}

// cost returns what is known of the cost of a genotype's network under a config.
func (k *knowledge) cost(g space.Genotype, c nas.Config) costed { return k.costs[costKeyOf(g, c)] }

func costText(c costed, of func(Cost) int64) string {
	if !c.known() {
		return "?"
	}
	return amount(of(c.Cost))
}
