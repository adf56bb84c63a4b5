package tui

import (
	"encoding/json"

	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas"
	"nasnet/nas/child"
)

// Plan is what a training takes, and how many images it trains on; 0 if that is not known before they are read.
type Plan struct {
	child.Cost
	Bytes  int64
	Images int
}

// plan is the answer to a question for a Plan.
type plan struct {
	Plan
	asked bool
	err   error
}

type planMsg struct {
	of string
	plan
}

// planOf names a training by what decides its plan.
func planOf(c nas.Command) string {
	s := *c.Retrain
	s.Seed, s.Train.Epochs = 0, 1
	b, err := json.Marshal(s)
	if err != nil {
		return "" // a number that is not finite; it has no plan
	}
	return c.Cell.Text() + string(b)
}

// askPlan finds out what a retrain takes, unless that was done before.
func (m *model) askPlan(c nas.Command) tea.Cmd {
	of := planOf(c)
	if m.options.Plan == nil || m.plans[of].asked {
		return nil
	}
	g, spec := *c.Cell, *c.Retrain
	return m.safe("plan", func() tea.Msg {
		p, err := m.options.Plan(g, spec)
		return planMsg{of, plan{p, true, err}}
	})
}

// plan is what is known of a retrain.
func (m *model) plan(c nas.Command) (p plan, known bool) {
	p = m.plans[planOf(c)]
	return p, p.asked && p.err == nil
}
