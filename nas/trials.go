package nas

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"nasnet/checkpoints"
	"nasnet/nas/child"
	"nasnet/nas/controller"
	"nasnet/nas/rng"
	"nasnet/nas/space"
)

// propose draws the next batch if its policy version exists, and reports whether it did. A batch is Batch proposals of the controller and the shadows
// between and right after them.
func (s *Search) propose() bool {
	k := len(s.starts)
	if len(s.samples) >= s.config.Children || k > s.version+s.config.Lag || s.state != Running || s.updating {
		return false
	}
	version := max(0, k-s.config.Lag)
	policy, err := s.policyAt(version)
	if err != nil {
		s.fail(err)
		return false
	}
	var batch []*trial
	var rows []checkpoints.Trial
	for id, left := len(s.samples), s.config.Batch; id < s.config.Children; id++ {
		kind, from, p := Sampled, version, controller.Proposal{}
		if s.config.shadowAt(id) {
			kind, from, p = Shadow, -1, proposeShadow(s.uniform, s.config.Seed, id)
		} else if left == 0 {
			break
		} else {
			left, p = left-1, policy.Propose(rng.Stream(s.config.Seed, "propose", uint64(id)))
		}
		g, err := s.space.Decode(p.Choices)
		if err != nil {
			s.fail(fmt.Errorf("proposal %d: %w", id, err))
			return false
		}
		t := s.newTrial(id, kind, g)
		t.Batch, t.Policy, t.choices, t.logp = k, from, p.Choices, p.LogP
		batch, rows = append(batch, t), append(rows, t.row())
	}
	var events []Event
	for _, t := range batch {
		s.admit(t)
		d := map[string]any{"cell": t.Cell, "kind": string(t.Kind), "batch": k, "policy": t.Policy, "genotype": t.Genotype.Text()}
		if t.CachedOf >= 0 {
			d["repeat_of"] = t.CachedOf
		}
		events = append(events, s.event("info", "trial_proposed", t.ID, d))
	}
	return s.commit(func(es []checkpoints.Event) error { return s.store.AddTrials(rows, es...) }, events...)
}

// newUniform returns what draws the shadows of a space.
func newUniform(sp space.Space) (controller.Controller, error) {
	return controller.New(sp.Arities(), controller.Config{Strategy: "random"})
}

// proposeShadow draws a shadow with a stream of its own, so that it depends on nothing but seed and number.
func proposeShadow(uniform controller.Controller, seed uint64, id int) controller.Proposal {
	return uniform.Propose(rng.Stream(seed, "shadow", uint64(id)))
}

// policyAt returns the policy of a version: the live one, or one restored from the store. The second case is that of a fork and of a run that was cut
// between two commits.
func (s *Search) policyAt(version int) (controller.Controller, error) {
	if version == s.version {
		return s.policy, nil
	}
	p, err := controller.New(s.space.Arities(), s.config.controller())
	if err != nil || version == 0 {
		return p, err
	}
	state, _, err := policyState(s.store, version)
	if err != nil {
		return nil, err
	}
	return p, p.Restore(state)
}

func (s *Search) newTrial(id int, kind Kind, g space.Genotype) *trial {
	t := s.blank(id, kind, g.Hash())
	t.Genotype = g
	return t
}

// blank is a trial of a cell with a hash, of which nothing else is known.
func (s *Search) blank(id int, kind Kind, hash string) *trial {
	return &trial{hash: hash, TrialView: TrialView{ID: id, Kind: kind, Batch: -1, Policy: -1, Parent: -1, CachedOf: -1, State: Proposed, Cell: hash[:6],
		Epochs: s.config.Train.Epochs, Keep: 1}}
}

// admit takes a stored trial into the loop's tables and finds out whether it repeats an earlier proposal.
func (s *Search) admit(t *trial) {
	s.trials[t.ID] = t
	s.dirty = true
	if !t.Kind.proposal() {
		s.manual = append(s.manual, t)
		s.draws.ranking = false // retrains are listed from their beginning
		return
	}
	if t.Batch == len(s.starts) {
		s.starts = append(s.starts, len(s.samples))
	}
	s.samples = append(s.samples, t)
	s.doubt(t)
	if t.ID < s.config.Inherited {
		return
	}
	// A child that a person stopped tells nothing of its cell, so the next proposal of the cell is trained.
	if was, ok := s.first[t.hash]; !ok || s.trials[was].State == Stopped {
		s.first[t.hash] = t.ID
	} else if s.config.Repeats == "cached" && t.attempt == 0 { // a fork may have turned repeats to cached after this one was trained
		t.CachedOf = was
	}
}

// settleRepeats ends the repeats whose first training has an end, with the same end.
func (s *Search) settleRepeats() bool {
	any := false
	for _, t := range s.samples[s.firstOpen():] {
		if t.State != Proposed || t.CachedOf < 0 {
			continue
		}
		o := s.trials[t.CachedOf]
		if s.held(o) {
			continue
		}
		if o.State == Stopped { // as in admit
			if first := s.first[t.hash]; first != o.ID {
				t.CachedOf = first
			} else {
				t.CachedOf, s.first[t.hash] = -1, t.ID
			}
			any = true
		} else if o.ended() {
			if err := s.detail(o); err != nil {
				s.fail(err)
				return false
			}
			t.State, t.Reward, t.HasReward, t.FailKind, t.FailText = o.State, o.Reward, o.HasReward, o.FailKind, o.FailText
			t.Params, t.MAdds, t.Latency, t.Epoch, t.Progress, t.Curve = o.Params, o.MAdds, o.Latency, o.Epoch, 1, o.Curve
			t.Finished = time.Now()
			if !s.commitEnd(t, "", nil) {
				return false
			}
			any = true
		}
	}
	return any
}

// startTrial hands a trial to a worker goroutine.
func (s *Search) startTrial(ctx context.Context, t *trial) {
	state := s.halfTrained(t)
	if state == nil {
		t.attempt++
		t.kept, t.Curve, t.Epoch, t.Progress = "", nil, 0, 0
	}
	ctx, cancel := context.WithCancelCause(ctx)
	t.run = &run{cancel: cancel, from: t.Progress}
	t.State, t.Started = Running, time.Now()
	d := map[string]any{"cell": t.Cell, "kind": string(t.Kind), "attempt": t.attempt}
	if state != nil {
		d["after_epoch"] = t.Epoch
	}
	e := s.event("info", "trial_started", t.ID, d)
	if !s.commit(func(es []checkpoints.Event) error { return s.store.StartTrial(t.ID, t.attempt, es...) }, e) {
		cancel(errEnding)
		t.run = nil
		return
	}
	s.running++
	j := s.config.job(t.ID, t.Genotype)
	if t.Retrain != nil {
		j = t.Retrain.job(t.ID, t.Genotype)
	}
	j.State = state
	go s.train(ctx, t, t.run, j)
}

// halfTrained returns the state from which a trial goes on; nil if it has none, or none that can be read.
func (s *Search) halfTrained(t *trial) []byte {
	if t.kept == "" {
		return nil
	}
	b, err := s.store.ReadBlob(t.kept)
	if err != nil {
		s.checkpointLost(t, err)
		return nil
	}
	return b
}

// checkpointLost tells that a half-trained child begins again.
func (s *Search) checkpointLost(t *trial, err error) {
	s.emit("warn", "checkpoint_lost", t.ID, map[string]any{"epoch": t.Epoch, "cell": t.Cell, "error": firstLine(err.Error())})
}

// keep stores the state of a child after an epoch, so that the child goes on from there if the program ends. A search goes on without it.
func (s *Search) keep(t *trial, r *run, e epochEnd) {
	if s.failure != nil || e.state == nil && e.err == nil {
		return
	}
	began := time.Now()
	err := e.err
	if err == nil {
		s.store.SetElapsed(s.elapsed())
		err = s.store.CheckpointTrial(t.ID, t.attempt, t.Epoch, e.state, t.storedCurve())
	}
	if err != nil {
		s.emit("warn", "checkpoint_failed", t.ID, map[string]any{"epoch": t.Epoch, "cell": t.Cell, "error": firstLine(err.Error())})
	}
	r.cost.Add(int64(time.Since(began)))
}

// storedCurve is the epochs of the trial's attempt as the store keeps them.
func (t *trial) storedCurve() (es []checkpoints.Epoch) {
	for _, c := range t.Curve {
		es = append(es, storedEpoch(t.ID, t.attempt, c))
	}
	return es
}

// epoch takes note of a finished epoch. It is stored with a checkpoint or with the end of its trial, as a row of its own; its event is only announced.
func (s *Search) epoch(e epochEnd) {
	t, r := e.trial, e.epoch
	if t.run != e.run {
		return // of a child that was left behind
	}
	t.Curve = append(t.Curve[:len(t.Curve):len(t.Curve)], r) // a new array: snapshots hold the old one
	t.Epoch = r.Epoch
	d := map[string]any{"epoch": r.Epoch, "epochs": t.Epochs, "lr": r.LR, "keep": r.Keep, "train_loss": r.TrainLoss, "train_acc": r.TrainAcc,
		"val_loss": r.ValLoss, "val_acc": r.ValAcc, "seconds": r.Seconds, "cell": t.Cell}
	s.announce(s.event("info", "epoch", t.ID, d))
	s.keep(t, t.run, e)
}

// ended takes the result of a child from its worker.
func (s *Search) ended(ctx context.Context, r result) {
	t := r.trial
	if t.run != r.run {
		return // it was left behind
	}
	var cause error
	stopped, stalled := t.run.stopped, t.run.stalled
	s.release(t)
	t.shared = r.out.shared
	if t.Seconds = r.out.Seconds; t.Seconds == 0 { // it did not come to its end
		t.Seconds = t.Finished.Sub(t.Started).Seconds()
	}
	if r.out.Cost.Params > 0 {
		t.Params, t.MAdds = r.out.Cost.Params, r.out.Cost.MAdds
	}
	reward, unfit := s.config.rewardOf(t.Kind, r.out)
	switch err := r.err; {
	case err == nil && (math.IsNaN(r.out.Reward) || r.out.Reward < 0 || r.out.Reward > 1):
		t.State, t.FailKind, t.FailText = Failed, "reward", fmt.Sprintf("the evaluator's reward is %v; want 0 to 1", r.out.Reward)
	case err == nil && unfit != nil:
		t.State, t.FailKind, t.FailText = Failed, "reward", unfit.Error()
	case err == nil:
		t.State, t.Reward, t.HasReward, t.Progress, t.Latency = Done, reward, true, 1, r.out.Latency
	case stopped:
		t.State, t.FailKind, t.FailText = Stopped, "stopped", errStopped.Error()
		s.hold(t)
	case errors.Is(err, errStopped): // the stop was undone before it took effect
		s.goBack(t)
		return
	case ctx.Err() != nil:
		t.State = Proposed // the program ends: this child goes on from its last checkpoint, or begins again, at resume
		s.dirty = true
		return
	case errors.Is(err, ErrState):
		s.checkpointLost(t, err)
		t.State, t.kept = Proposed, ""
		return
	case stalled:
		t.State, t.FailKind, t.FailText = Failed, "timeout", fmt.Sprintf("no step for %v", s.options.Patience)
	default:
		t.State, t.FailKind, t.FailText = Failed, failKind(err), firstLine(err.Error())
		cause = err
	}
	var weights string
	if len(r.out.Weights) > 0 {
		err := s.stored(func() (err error) {
			weights, err = s.store.WriteBlob("model", r.out.Weights)
			return err
		})
		if errors.Is(err, checkpoints.ErrDiskFull) { // somebody would not wait
			s.fail(err)
			return
		}
		if err != nil {
			// The result counts without its weights: losing a reward for them would be worse.
			s.emit("error", "weights_lost", t.ID, map[string]any{"error": err.Error()})
		}
	}
	s.commitEnd(t, weights, cause)
	s.countPanics(t)
}

// tooManyPanics is the number of children that may panic in a row: more are no fault of their cells.
const tooManyPanics = 3

// countPanics stops a search whose program is at fault.
func (s *Search) countPanics(t *trial) {
	if t.FailKind != "panic" {
		s.panics = 0
	} else if s.panics++; s.panics >= tooManyPanics {
		s.giveUp(fmt.Sprintf("%d children in a row panicked, which is a fault of the program; the last one: %s", s.panics, t.FailText))
	}
}

// firstLine cuts the stack off a panic's text; the event keeps it.
func firstLine(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	return text
}

// commitEnd stores the end of a trial with its epochs and its event in one transaction, then lets it count.
func (s *Search) commitEnd(t *trial, weights string, cause error) bool {
	row := t.row()
	row.WeightsSHA256 = weights
	var e Event
	if t.State == Done {
		d := map[string]any{"reward": t.Reward, "cell": t.Cell, "kind": string(t.Kind), "params": t.Params, "madds": t.MAdds, "seconds": t.Seconds}
		if t.Latency > 0 {
			d["latency_ms"] = t.Latency
		}
		if a := t.Accuracy(); s.config.Cost.By != "" && !math.IsNaN(a) {
			d["accuracy"] = a
		}
		if t.CachedOf >= 0 {
			d["repeat_of"] = t.CachedOf
		}
		if weights != "" {
			d["weights"] = weights
		}
		if t.shared != "" {
			d["shared_from"] = t.shared
		}
		s.compare(t, d)
		e = s.event("info", "trial_finished", t.ID, d)
	} else if t.State == Stopped {
		e = s.event("info", "trial_stopped", t.ID, map[string]any{"cell": t.Cell, "kind": string(t.Kind)})
	} else {
		d := map[string]any{"fail_kind": t.FailKind, "error": t.FailText, "cell": t.Cell, "kind": string(t.Kind)}
		var p *child.PanicError
		if errors.As(cause, &p) {
			d["stack"] = string(p.Stack)
		}
		e = s.event("warn", "trial_failed", t.ID, d)
	}
	var epochs []checkpoints.Epoch
	if t.CachedOf < 0 {
		epochs = t.storedCurve()
	}
	s.recent = append([]int{t.ID}, s.recent[:min(len(s.recent), MaxRecent-1)]...)
	s.draws.ranking = false
	return s.commit(func(es []checkpoints.Event) error { return s.store.FinishTrial(row, epochs, es...) }, e)
}

// compare adds to the event of a trial's end how its reward stands to the controller's baseline, and to the best reward before if it is a new best.
func (s *Search) compare(t *trial, d map[string]any) {
	if t.Kind == Sampled && s.version > 0 {
		d["advantage"] = t.Reward - s.views[s.version].Baseline
	}
	if !s.ranked(t) || t.CachedOf >= 0 {
		return
	}
	before, some := 0.0, false
	for _, u := range s.trials {
		if u != t && s.ranked(u) {
			before, some = max(before, u.Reward), true
		}
	}
	if some && t.Reward > before {
		d["best_by"] = t.Reward - before
	}
}

// updateEnd is what the goroutine of an update hands to the owner: the policy's new state.
type updateEnd struct {
	used  []checkpoints.UpdateSample
	stats controller.Stats
	probs [][]float64 // see Beliefs
	state []byte
	err   error
}

// beginUpdate gives the rewards of the oldest open batch, without those of shadows, to the controller, in proposal order, if all of its trials have an end. The controller works
// in a goroutine, so that the owner can answer meanwhile.
func (s *Search) beginUpdate() bool {
	if s.updating || s.version >= len(s.starts) {
		return false
	}
	var batch []controller.Sample
	var used []checkpoints.UpdateSample
	failed, why := 0, ""
	trials := s.samples[s.batchStart(s.version):s.batchStart(s.version+1)]
	for _, t := range trials {
		if !t.ended() || s.held(t) {
			return false
		}
		if t.State == Failed {
			failed, why = failed+1, t.FailText
		}
		switch {
		case t.Kind == Shadow:
			continue
		case t.HasReward:
			batch = append(batch, controller.Sample{Choices: t.choices, LogP: t.logp, Reward: t.Reward})
		case t.State == Failed && s.config.Failures == "zero":
			batch = append(batch, controller.Sample{Choices: t.choices, LogP: t.logp})
		default:
			continue
		}
		used = append(used, checkpoints.UpdateSample{Trial: t.ID, Reward: batch[len(batch)-1].Reward})
	}
	if failed < len(trials) {
		s.barren = 0
	} else {
		batch, used = nil, nil // rewards of 0 for all would teach nothing but the fault
		if s.barren++; s.barren >= 2 && !s.giveUp(fmt.Sprintf("all trials of %d batches in a row failed; the last one: %s", s.barren, why)) {
			return false
		}
	}
	s.updating = true
	last := s.views[s.version]
	go func() {
		u := updateEnd{used: used}
		u.stats.Baseline, u.stats.Entropy, u.stats.MaxEntropy = last.Baseline, last.Entropy, last.MaxEntropy // a batch without rewards leaves them as they are
		if len(batch) > 0 {
			u.stats, u.err = s.policy.Update(batch)
		}
		if u.err == nil {
			u.probs = probabilities(s.policy)
			u.state, u.err = s.policy.State()
		}
		s.updates <- u
	}()
	return true
}

// giveUp stops a search in which nothing works: it pauses where a person can look at it, and ends where nobody can. One that is to end after the running
// children does so. It reports whether the run goes on for now.
func (s *Search) giveUp(reason string) bool {
	if s.state == Draining {
		return true
	}
	if !s.options.StayOpen {
		s.fail(errors.New(reason))
		return false
	}
	s.setGates(true)
	s.start(Paused, reason)
	s.emit("error", "run_paused", -1, map[string]any{"reason": reason})
	return s.failure == nil
}

// updated stores a new policy version.
func (s *Search) updated(r updateEnd) {
	s.updating = false
	if r.err != nil {
		s.fail(fmt.Errorf("update %d: %w", s.version+1, r.err))
		return
	}
	st := r.stats
	u := checkpoints.Update{Version: s.version + 1, Batch: s.version, State: r.state, Baseline: st.Baseline, MeanReward: st.MeanReward, MaxReward: st.MaxReward,
		Entropy: st.Entropy, MaxEntropy: st.MaxEntropy, KL: st.KL, ClipFraction: st.ClipFraction, GradNorm: st.GradNorm, Samples: r.used, Used: len(r.used), Applied: time.Now()}
	s.version++
	s.views = append(s.views, policyView(u))
	s.believe(r.probs)
	s.slim()
	s.draws.updates = false
	e := s.event("info", "controller_update", -1, map[string]any{"version": u.Version, "samples": len(r.used), "mean_reward": u.MeanReward,
		"max_reward": u.MaxReward, "baseline": u.Baseline, "entropy": u.Entropy, "max_entropy": u.MaxEntropy, "kl": u.KL,
		"clip_fraction": u.ClipFraction, "grad_norm": u.GradNorm})
	// On the batches that were applied, so that it is the same for any number of workers.
	if v := s.verdict(s.samples[:s.batchStart(s.version)]); v != nil {
		e.Data["verdict"], e.Data["claim"], e.Data["gain"], e.Data["gain_low"], e.Data["gain_high"] = v.Text, v.Claim, v.Gain, v.Low, v.High
		e.Data["random_mean"], e.Data["randoms"] = v.Random, v.Randoms
	}
	if s.commit(func(es []checkpoints.Event) error { return s.store.AddUpdate(u, es...) }, e) {
		s.commit(func([]checkpoints.Event) error {
			_, err := s.store.KeepPolicies(func(version int) bool { return s.keepsPolicy(version, u.Version) })
			return err
		})
	}
}

func policyView(u checkpoints.Update) PolicyView {
	return PolicyView{Version: u.Version, Baseline: u.Baseline, MeanReward: u.MeanReward, MaxReward: u.MaxReward, Entropy: u.Entropy,
		MaxEntropy: u.MaxEntropy, KL: u.KL, ClipFraction: u.ClipFraction, GradNorm: u.GradNorm, Samples: u.Used}
}

func storedEpoch(id, attempt int, c child.EpochResult) checkpoints.Epoch {
	return checkpoints.Epoch{Trial: id, Attempt: attempt, Epoch: c.Epoch, LR: c.LR, Keep: c.Keep, TrainLoss: c.TrainLoss, TrainAcc: c.TrainAcc,
		ValLoss: c.ValLoss, ValAcc: c.ValAcc, Seconds: c.Seconds, Images: c.Images}
}
