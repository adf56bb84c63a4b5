package tui

import (
	"fmt"

	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas"
	"nasnet/nas/child"
)

// latencyMsg is what a measurement gave.
type latencyMsg struct {
	of  string
	who string
	ms  float64
	err error
}

// netOf is the network of a trial.
func (m *model) netOf(v nas.TrialView) child.NetConfig {
	if v.Retrain != nil {
		return v.Retrain.Net
	}
	return m.snap.Config.Net
}

func (m *model) latencyKey(v nas.TrialView) string {
	return fmt.Sprintf("%s %+v", v.Genotype.Text(), m.netOf(v))
}

// latency is that of a trial for one image on one thread, in milliseconds: measured by the search, or since then by this screen. 0 if neither did.
func (m *model) latency(v nas.TrialView) float64 {
	if v.Latency > 0 || len(m.latencies) == 0 {
		return v.Latency
	}
	return m.latencies[m.latencyKey(v)]
}

// latencyText is the latency as a table has it.
func (m *model) latencyText(v nas.TrialView) string {
	if ms := m.latency(v); ms > 0 {
		return millis(ms)
	}
	return m.theme.g.None
}

// millis is a time in at most seven signs: 0.186ms, 1.82ms, 12.4ms, 1320ms.
func millis(ms float64) string {
	switch {
	case ms < 0.9995:
		return fmt.Sprintf("%.3fms", ms)
	case ms < 9.995:
		return fmt.Sprintf("%.2fms", ms)
	case ms < 99.95:
		return fmt.Sprintf("%.1fms", ms)
	case ms < 99_999.5:
		return fmt.Sprintf("%.0fms", ms)
	}
	return fmt.Sprintf("%.0es", ms/1e3)
}

// measure has the latency of the selected trial measured; it takes about a fifth of a second.
func (m *model) measure() tea.Cmd {
	v, ok := m.picked()
	if !ok || v.Genotype.Validate() != nil {
		return m.say("there is no cell to measure", true)
	}
	if m.options.Latency == nil {
		return m.say("latency cannot be measured from here", true)
	}
	net, key, who, measure := m.netOf(v), m.latencyKey(v), m.theme.trial(v), m.options.Latency
	return m.safe("latency", func() tea.Msg {
		ms, err := measure(v.Genotype, net)
		return latencyMsg{key, who, ms, err}
	})
}

// measured takes what a measurement gave.
func (m *model) measured(msg latencyMsg) tea.Cmd {
	if msg.err != nil {
		return m.say(msg.err.Error(), true)
	}
	if m.latencies == nil || len(m.latencies) > 1000 {
		m.latencies = map[string]float64{}
	}
	m.latencies[msg.of] = msg.ms
	return m.say(fmt.Sprintf("%s: %s an image on one thread", msg.who, millis(msg.ms)), false)
}
