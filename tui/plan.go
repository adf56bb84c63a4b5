package tui

import (
	"encoding/json"

	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas"
	"nasnet/nas/child"
)

// Plan is the cost of a training, and how many images it trains on, 0 if that is unknown until they are read.
type Plan struct {
	child.Cost
	Bytes  int64
	Images int
	Unread bool // channels and classes are a guess: a folder's are known only once it is surveyed or read
}

// plan is the answer to a request for a Plan, and what was measured since.
type plan struct {
	Plan
	asked bool
	err   error

	epoch  float64 // measured seconds of an epoch, 0 if not measured
	beside int     // children that trained during the measurement
}

type planMsg struct {
	of string
	plan
}

// planned returns the settings that a retrain's plan is made for: one epoch without warm-up, so that a warm-up longer
// than the epochs is no obstacle.
func planned(c nas.Command) nas.RetrainSpec {
	s := *c.Retrain
	s.Train.Epochs, s.Train.WarmupEpochs = 1, 0
	return s
}

// planOf returns a key for everything that decides a training's plan.
func planOf(c nas.Command) string {
	s := planned(c)
	s.Seed = 0
	b, err := json.Marshal(s)
	if err != nil {
		return "" // a number is not finite: there is no plan
	}
	return c.Cell.Text() + string(b)
}

// askPlan requests the cost of a retrain, unless that was done before.
func (r *retrainScreen) askPlan(m *model, c nas.Command) tea.Cmd {
	of := planOf(c)
	if m.options.Plan == nil || m.plans[of].asked {
		return nil
	}
	g, spec := *c.Cell, planned(c)
	return replyTo(r, safe("plan", func() tea.Msg {
		p, err := m.options.Plan(g, spec)
		return planMsg{of, plan{Plan: p, asked: true, err: err}}
	}))
}

// keepPlan remembers an answer.
func (k *knowledge) keepPlan(msg planMsg) {
	if k.plans == nil || len(k.plans) > 1000 {
		k.plans = map[string]plan{}
	}
	k.plans[msg.of] = msg.plan
}

// plan returns what is known of a retrain's cost.
func (k *knowledge) plan(c nas.Command) (p plan, known bool) {
	p = k.plans[planOf(c)]
	return p, p.asked && p.err == nil
}

// measureEpoch measures the time of a retrain's epoch, which takes a few seconds.
func (*retrainScreen) measureEpoch(m *model, c nas.Command) tea.Cmd {
	if m.options.Estimate == nil || m.options.Plan == nil {
		return m.say("times cannot be measured from here", true)
	}
	of, g, spec, plain, beside := planOf(c), *c.Cell, *c.Retrain, planned(c), 0
	for _, v := range m.snap.Running {
		if v.State == nas.Running {
			beside++
		}
	}
	return m.measured("estimate", "training a few steps to see how long they take …", func() (finding, error) {
		e, err := m.options.Estimate(m.ctx, g, spec)
		if err != nil {
			return finding{}, err
		}
		p := plan{asked: true, epoch: e.EpochSeconds, beside: beside}
		// again, because the images of a folder have been surveyed since
		if p.Plan, p.err = m.options.Plan(g, plain); p.err != nil {
			return finding{}, p.err
		}
		said := "an epoch takes " + clock(seconds(min(p.epoch, 1e9))) + " here"
		return finding{said, func(k *knowledge) { k.keepPlan(planMsg{of, p}) }}, nil
	})
}
