package tui

import (
	"maps"

	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas/child"
)

// knowledge is what was counted and measured of networks since the program began. Runs share it: its keys name
// networks.
type knowledge struct {
	costs     map[costKey]costed
	plans     map[string]plan          // by what planOf says
	latencies map[string]child.Latency // by latencyKey
	measuring bool                     // a network is being measured; two at a time would measure each other
}

// finding is what a measurement gave: what to say of it, and how to keep it.
type finding struct {
	said string
	keep func(*knowledge)
}

// measuredMsg is the end of a measurement.
type measuredMsg struct {
	finding
	err error
}

// keepCost remembers a cost.
func (k *knowledge) keepCost(msg costMsg) {
	if k.costs == nil || len(k.costs) > 1000 {
		k.costs = map[costKey]costed{}
	}
	k.costs[msg.of] = msg.costed
}

// measured measures, unless something is being measured, and says so meanwhile.
func (m *model) measured(what, meanwhile string, measure func() (finding, error)) tea.Cmd {
	if m.measuring {
		return m.say("a network is being measured", false)
	}
	m.measuring = true
	return tea.Batch(m.say(meanwhile, false), safe(what, func() tea.Msg {
		f, err := measure()
		return measuredMsg{f, err}
	}))
}

// learn keeps what a measurement gave, and says it. A survey may have told more of what was a guess; the forms that
// showed a guess are told, and count anew.
func (m *model) learn(msg measuredMsg) tea.Cmd {
	m.measuring = false
	maps.DeleteFunc(m.plans, func(_ string, p plan) bool { return p.Unread })
	if msg.err != nil {
		return m.say(msg.err.Error(), true)
	}
	msg.keep(&m.knowledge)
	return m.say(msg.said, false)
}
