package search

import (
	"fmt"
	"math"
	"time"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/controller"
	"nasnet/nas/record"
	"nasnet/nas/rng"
	"nasnet/nas/space"
)

// policy is the controller of a run with its history.
type policy struct {
	controller controller.Controller // while updating, only the update's goroutine may use it
	uniform    controller.Controller // draws the random cells
	updating   bool                  // a goroutine applies a batch
	rebuilt    bool                  // the newest state was lost and rebuilt when the run was opened
	views      []nas.PolicyView      // by version; [0] is the untrained policy
	beliefs    *nas.Beliefs          // of the newest version
}

// updateEnd is what the goroutine of an update hands to the owner.
type updateEnd struct {
	used  []checkpoints.UpdateSample
	stats controller.Stats
	probs [][]float64 // see nas.Beliefs
	state []byte      // of the new policy
	err   error
}

// update applies rewards to the policy. It runs in a goroutine of its own.
func (p *policy) update(batch []controller.Sample, used []checkpoints.UpdateSample, last nas.PolicyView) updateEnd {
	u := updateEnd{used: used}
	// a batch without rewards leaves these unchanged
	u.stats.Baseline, u.stats.Entropy, u.stats.MaxEntropy = last.Baseline, last.Entropy, last.MaxEntropy
	if len(batch) > 0 {
		u.stats, u.err = p.controller.Update(batch)
	}
	if u.err == nil {
		u.probs = probabilities(p.controller)
		u.state, u.err = p.controller.State()
	}
	return u
}

// row returns the update as the store keeps it.
func (u updateEnd) row(version int) checkpoints.Update {
	st := u.stats
	return checkpoints.Update{Version: version, Batch: version - 1, State: u.state, Baseline: st.Baseline,
		MeanReward: st.MeanReward, MaxReward: st.MaxReward,
		Entropy: st.Entropy, MaxEntropy: st.MaxEntropy, KL: st.KL, ClipFraction: st.ClipFraction, GradNorm: st.GradNorm,
		Samples: u.used, Used: len(u.used), Applied: time.Now()}
}

// probabilities returns the choice probabilities of a controller, nil if it has none.
func probabilities(c controller.Controller) [][]float64 {
	if e, ok := c.(controller.Explainer); ok {
		return e.Probabilities()
	}
	return nil
}

// at returns the policy of the given version: the live one, or one restored from the store. A fork needs a restored
// one, and so does a run that was cut off between two commits.
func (p *policy) at(version, newest int, run *record.Run) (controller.Controller, error) {
	if version == newest {
		return p.controller, nil
	}
	var state []byte
	if version > 0 {
		var err error
		if state, _, err = run.Policy(version); err != nil {
			return nil, err
		}
	}
	return record.PolicyFrom(run.Space, run.Config.ControllerConfig(), state)
}

// untrained returns the view of the policy before its first update.
func untrained(sp space.Space) nas.PolicyView {
	h := 0.0
	for _, n := range sp.Arities() {
		h += math.Log(float64(n))
	}
	return nas.PolicyView{Entropy: h, MaxEntropy: h}
}

// propose draws the next batch if its policy version exists, and reports whether it did. A batch is Batch samples, with
// the random cells between and right after them.
func (o *owner) propose() bool {
	k, l, c := o.ledger.Batches(), o.ledger, o.run.Config
	if l.AllProposed() || k > l.Applied()+c.Lag || o.clock.state != nas.Running || o.policy.updating {
		return false
	}
	version := max(0, k-c.Lag)
	policy, err := o.policy.at(version, l.Applied(), o.run)
	if err != nil {
		o.fail(err)
		return false
	}
	var batch []*nas.Trial
	var rows []checkpoints.Trial
	for id, left := len(l.Proposals()), c.Batch; id < c.Children; id++ {
		kind, from, p := nas.Sampled, version, controller.Proposal{}
		if c.RandomAt(id) {
			kind, from, p = nas.Random, -1, record.ProposeRandom(o.policy.uniform, c.Seed, id)
		} else if left == 0 {
			break
		} else {
			left, p = left-1, policy.Propose(rng.Stream(c.Seed, "propose", uint64(id)))
		}
		g, err := o.run.Space.Decode(p.Choices)
		if err != nil {
			o.fail(fmt.Errorf("proposal %d: %w", id, err))
			return false
		}
		t := l.NewTrial(id, kind, g)
		t.Batch, t.Policy, t.Choices, t.LogP = k, from, p.Choices, p.LogP
		batch, rows = append(batch, t), append(rows, record.Trial(t))
	}
	var events []nas.Event
	for _, t := range batch {
		l.Admit(t)
		d := map[string]any{"cell": t.Cell, "kind": string(t.Kind), "batch": k, "policy": t.Policy,
			"genotype": t.Genotype.Text()}
		if t.CachedOf >= 0 {
			d["repeat_of"] = t.CachedOf
		}
		events = append(events, o.log.event(nas.TrialProposed, t.ID, d))
	}
	o.screens.dirty = true
	return o.commit(func(es []checkpoints.Event) error { return o.run.AddTrials(rows, es...) }, events...)
}

// beginUpdate gives the controller the rewards of the oldest open batch in proposal order, without random cells, if all
// its trials have ended. The controller works in its own goroutine, so that the owner can answer meanwhile.
func (o *owner) beginUpdate() bool {
	version := o.ledger.Applied()
	if o.policy.updating || version >= o.ledger.Batches() {
		return false
	}
	var batch []controller.Sample
	var used []checkpoints.UpdateSample
	failed, why := 0, ""
	trials := o.ledger.Batch(version)
	for _, t := range trials {
		if !t.Ended() || o.held(t) {
			return false
		}
		if t.State == nas.Failed {
			failed, why = failed+1, t.FailText
		}
		switch {
		case t.Kind == nas.Random:
			continue
		case t.HasReward:
			batch = append(batch, controller.Sample{Choices: t.Choices, LogP: t.LogP, Reward: t.Reward})
		case t.State == nas.Failed && o.run.Config.Failures == "zero":
			batch = append(batch, controller.Sample{Choices: t.Choices, LogP: t.LogP})
		default:
			continue
		}
		used = append(used, checkpoints.UpdateSample{Trial: t.ID, Reward: batch[len(batch)-1].Reward})
	}
	barren := failed == len(trials)
	if barren {
		batch, used = nil, nil // nothing to learn if every trial failed
	}
	if text := o.faults.batch(barren, why); text != "" && !o.giveUp(text) {
		return false
	}
	o.policy.updating = true
	last := o.policy.views[version]
	go func() { o.ports.updates <- o.policy.update(batch, used, last) }()
	return true
}

// updated stores a new policy version.
func (o *owner) updated(r updateEnd) {
	o.policy.updating = false
	if r.err != nil {
		o.fail(fmt.Errorf("update %d: %w", o.ledger.Applied()+1, r.err))
		return
	}
	o.ledger.Apply(1)
	u := r.row(o.ledger.Applied())
	o.policy.views = append(o.policy.views, record.Update(u))
	o.policy.beliefs = o.ledger.Beliefs(r.probs, o.run.Space.Arities())
	o.ledger.Slim(&o.screens.latest.Load().Results)
	o.screens.updates = false
	d := map[string]any{"version": u.Version, "samples": len(r.used), "mean_reward": u.MeanReward,
		"max_reward": u.MaxReward, "baseline": u.Baseline, "entropy": u.Entropy,
		"max_entropy": u.MaxEntropy, "kl": u.KL,
		"clip_fraction": u.ClipFraction, "grad_norm": u.GradNorm}
	// Judge applied batches only, so that the verdict is the same for any number of workers.
	if v := o.ledger.Verdict(o.ledger.FirstOpen()); v != nil {
		d["verdict"], d["claim"], d["gain"], d["gain_low"], d["gain_high"] = v.Text, v.Claim, v.Gain, v.Low, v.High
		d["random_mean"], d["randoms"] = v.Random, v.Randoms
	}
	e := o.log.event(nas.ControllerUpdate, -1, d)
	if o.commit(func(es []checkpoints.Event) error { return o.run.AddUpdate(u, es...) }, e) {
		o.commit(func([]checkpoints.Event) error {
			_, err := o.run.KeepPolicies(func(version int) bool { return record.Keeps(version, u.Version) })
			return err
		})
	}
}
