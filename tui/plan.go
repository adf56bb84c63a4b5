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

// plan is the answer to a question for a Plan, and what was measured since.
type plan struct {
	Plan
	asked bool
	err   error

	epoch  float64 // seconds of an epoch as measured, 0 if that was not done
	beside int     // children that trained meanwhile
}

type planMsg struct {
	of string
	plan
}

// planned is the settings of a retrain for which a plan is made: one epoch, so that a warm-up that is longer than the epochs is no obstacle.
func planned(c nas.Command) nas.RetrainSpec {
	s := *c.Retrain
	s.Train.Epochs, s.Train.WarmupEpochs = 1, 0
	return s
}

// planOf names a training by what decides its plan.
func planOf(c nas.Command) string {
	s := planned(c)
	s.Seed = 0
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
	g, spec := *c.Cell, planned(c)
	return m.safe("plan", func() tea.Msg {
		p, err := m.options.Plan(g, spec)
		return planMsg{of, plan{Plan: p, asked: true, err: err}}
	})
}

// plan is what is known of a retrain.
func (m *model) plan(c nas.Command) (p plan, known bool) {
	p = m.plans[planOf(c)]
	return p, p.asked && p.err == nil
}

// epochMsg brings what an epoch of a training takes.
type epochMsg struct {
	of     string
	epoch  float64 // seconds
	beside int
	err    error
}

// measureEpoch has the time of a retrain's epoch measured, which takes a few seconds.
func (m *model) measureEpoch(c nas.Command) tea.Cmd {
	if m.options.Estimate == nil {
		return m.say("times cannot be measured from here", true)
	}
	if m.measuring {
		return m.say("a network is being measured", false) // two at a time would measure each other
	}
	m.measuring = true
	of, g, spec, beside := planOf(c), *c.Cell, *c.Retrain, 0
	for _, v := range m.snap.Running {
		if v.State == nas.Running {
			beside++
		}
	}
	return tea.Batch(m.say("training a few steps to see how long they take …", false), m.safe("estimate", func() tea.Msg {
		e, err := m.options.Estimate(m.ctx, g, spec)
		return epochMsg{of, e.EpochSeconds, beside, err}
	}))
}

// epochMeasured takes what the measurement of an epoch gave.
func (m *model) epochMeasured(msg epochMsg) tea.Cmd {
	m.measuring = false
	if msg.err != nil {
		return m.say(msg.err.Error(), true)
	}
	p, ok := m.plans[msg.of]
	if !ok { // forgotten meanwhile
		return nil
	}
	p.epoch, p.beside = msg.epoch, msg.beside
	m.plans[msg.of] = p
	if r, ok := m.top().(*retrainScreen); ok {
		r.refit()
		r.settle(m)
	}
	return m.say("an epoch takes "+clock(seconds(min(msg.epoch, 1e9)))+" here", false)
}
