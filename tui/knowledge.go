package tui

import (
	"maps"

	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas/child"
)

// knowledge is what was counted and measured of networks since the program started. Runs share it, because its keys
// name networks.
type knowledge struct {
	costs     map[costKey]costed
	plans     map[string]plan          // by planOf
	latencies map[string]child.Latency // by latencyKey
	measuring bool                     // a measurement is running; two at a time would disturb each other
}

// finding is the result of a measurement: what to say, and how to keep it.
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

// measured runs a measurement, unless another is running, and shows meanwhile until it ends.
func (m *model) measured(what, meanwhile string, measure func() (finding, error)) tea.Cmd {
	if m.measuring {
		return m.say("another measurement is still running", false)
	}
	m.measuring = true
	return tea.Batch(m.say(meanwhile, false), safe(what, func() tea.Msg {
		f, err := measure()
		return measuredMsg{f, err}
	}))
}

// learn keeps the result of a measurement, and shows it. The measurement may have surveyed data that plans had to
// guess, so it forgets those plans; forms that show one ask again.
func (m *model) learn(msg measuredMsg) tea.Cmd {
	m.measuring = false
	maps.DeleteFunc(m.plans, func(_ string, p plan) bool { return p.Unread })
	if msg.err != nil {
		return m.say(msg.err.Error(), true)
	}
	msg.keep(&m.knowledge)
	return m.say(msg.said, false)
}
