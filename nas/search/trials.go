package search

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/record"
)

// settleRepeats ends the repeats whose original trial has ended, with the same result.
func (o *owner) settleRepeats() bool {
	any := false
	for _, t := range o.ledger.Open() {
		if t.State != nas.Proposed || t.CachedOf < 0 || o.held(o.ledger.Trial(t.CachedOf)) {
			continue
		}
		orig, moved := o.ledger.Original(t)
		if moved {
			any = true
		} else if orig.Ended() {
			if err := detail(o.run, o.ledger, orig); err != nil {
				o.fail(err)
				return false
			}
			t.ShareEnd(orig)
			t.Finished = time.Now()
			if !o.commitEnd(t, "", nil) {
				return false
			}
			any = true
		}
	}
	return any
}

// startTrial hands a trial to a worker goroutine.
func (o *owner) startTrial(ctx context.Context, t *nas.Trial) {
	state := o.halfTrained(t)
	if state == nil {
		t.Attempt++
		t.Kept, t.Curve, t.Epoch, t.Progress = "", nil, 0, 0
	}
	ctx, cancel := context.WithCancelCause(ctx)
	r := &training{trial: t, cancel: cancel, from: t.Progress}
	t.State, t.Started = nas.Running, time.Now()
	d := map[string]any{"cell": t.Cell, "kind": string(t.Kind), "attempt": t.Attempt}
	if state != nil {
		d["after_epoch"] = t.Epoch
	}
	o.crew.training[t.ID] = r
	e := o.log.event(nas.TrialStarted, t.ID, d)
	if !o.commit(func(es []checkpoints.Event) error { return o.run.StartTrial(t.ID, t.Attempt, es...) }, e) {
		cancel(errEnding)
		delete(o.crew.training, t.ID)
		return
	}
	if end, ok := o.restored.take(r); ok {
		o.ended(ctx, end)
		return
	}
	j := o.run.Config.Job(t.ID, t.Genotype)
	if t.Retrain != nil {
		j = t.Retrain.Job(t.ID, t.Genotype)
	}
	j.State = state
	go o.worker.train(ctx, r, j)
}

// halfTrained returns the checkpoint from which a trial continues; nil if there is none, or it cannot be read.
func (o *owner) halfTrained(t *nas.Trial) []byte {
	if t.Kept == "" {
		return nil
	}
	b, err := o.run.ReadBlob(t.Kept)
	if err != nil {
		o.checkpointLost(t, err)
		return nil
	}
	return b
}

// checkpointLost reports that a half-trained child starts over.
func (o *owner) checkpointLost(t *nas.Trial, err error) {
	o.emit(nas.CheckpointLost, t.ID, map[string]any{"epoch": t.Epoch, "cell": t.Cell, "error": firstLine(err.Error())})
}

// keep stores a checkpoint of a child after an epoch, from which it continues if the program ends. The search continues
// if that fails.
func (o *owner) keep(t *nas.Trial, e epochEnd) {
	if o.failure != nil || e.state == nil && e.err == nil {
		return
	}
	began := time.Now()
	err := e.err
	if err == nil {
		o.run.SetElapsed(o.clock.elapsed())
		err = o.run.CheckpointTrial(t.ID, t.Attempt, t.Epoch, e.state, record.Epochs(t))
	}
	if err != nil {
		o.emit(nas.CheckpointFailed, t.ID, map[string]any{"epoch": t.Epoch, "cell": t.Cell,
			"error": firstLine(err.Error())})
	}
	e.cost.Add(int64(time.Since(began)))
}

// epoch records a finished epoch. It is stored as a row, with the next checkpoint or with the end of its trial; its
// event is announced but not stored.
func (o *owner) epoch(e epochEnd) {
	t, r := e.trial, e.epoch
	if o.crew.training[t.ID] != e.training {
		return // from a child that was left behind
	}
	t.Curve = append(t.Curve[:len(t.Curve):len(t.Curve)], r) // a new array: snapshots hold the old one
	t.Epoch = r.Epoch
	d := map[string]any{"epoch": r.Epoch, "epochs": t.Epochs, "lr": r.LR, "keep": r.Keep, "train_loss": r.TrainLoss,
		"train_acc": r.TrainAcc,
		"val_loss":  r.ValLoss, "val_acc": r.ValAcc, "seconds": r.Seconds, "cell": t.Cell}
	o.announce(o.log.event(nas.EpochEnded, t.ID, d))
	o.keep(t, e)
}

// ended handles the result of a child.
func (o *owner) ended(ctx context.Context, r result) {
	t := r.trial
	if o.crew.training[t.ID] != r.training {
		return // it was left behind
	}
	var cause error
	o.release(r.training)
	t.Shared = r.shared
	if t.Seconds = r.out.Seconds; t.Seconds == 0 { // it did not finish
		t.Seconds = t.Finished.Sub(t.Started).Seconds()
	}
	if r.out.Cost.Params > 0 {
		t.Params, t.MAdds = r.out.Cost.Params, r.out.Cost.MAdds
	}
	reward, unfit := o.run.Config.Reward(t.Kind, r.out)
	switch err := r.err; {
	case err == nil && (math.IsNaN(r.out.Reward) || r.out.Reward < 0 || r.out.Reward > 1):
		t.State, t.FailKind, t.FailText = nas.Failed, "reward",
			fmt.Sprintf("the evaluator's reward is %v; want 0 to 1", r.out.Reward)
	case err == nil && unfit != nil:
		t.State, t.FailKind, t.FailText = nas.Failed, "reward", unfit.Error()
	case err == nil:
		t.State, t.Reward, t.HasReward, t.Progress, t.Latency = nas.Done, reward, true, 1, r.out.Latency
	case r.stopped:
		t.State, t.FailKind, t.FailText = nas.Stopped, "stopped", errStopped.Error()
		o.hold(t)
	case errors.Is(err, errStopped): // the stop was undone before it took effect
		o.goBack(t)
		return
	case ctx.Err() != nil:
		// the program ends: on resume, this child continues from its last checkpoint, or starts over
		t.State = nas.Proposed
		o.screens.dirty = true
		return
	case errors.Is(err, nas.ErrState):
		o.checkpointLost(t, err)
		t.State, t.Kept = nas.Proposed, ""
		return
	case r.stalled:
		t.State, t.FailKind, t.FailText = nas.Failed, "timeout", fmt.Sprintf("no step for %v", o.options.Patience)
	default:
		t.State, t.FailKind, t.FailText = nas.Failed, failKind(err), firstLine(err.Error())
		cause = err
	}
	var weights string
	if len(r.out.Weights) > 0 {
		err := o.stored(func() (err error) {
			weights, err = o.run.WriteBlob("model", r.out.Weights)
			return err
		})
		if errors.Is(err, checkpoints.ErrDiskFull) { // and the search must end
			o.fail(err)
			return
		}
		if err != nil {
			// The result counts without its weights: losing the reward as well would be worse.
			o.emit(nas.WeightsLost, t.ID, map[string]any{"error": err.Error()})
		}
	}
	o.commitEnd(t, weights, cause)
	if text := o.faults.child(t); text != "" {
		o.giveUp(text)
	}
}

// firstLine cuts the stack off a panic's text; the event has it.
func firstLine(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	return text
}

// commitEnd stores the end of a trial with its epochs and its event in one transaction.
func (o *owner) commitEnd(t *nas.Trial, weights string, cause error) bool {
	row := record.Trial(t)
	row.WeightsSHA256 = weights
	var e nas.Event
	if t.State == nas.Done {
		d := map[string]any{"reward": t.Reward, "cell": t.Cell, "kind": string(t.Kind), "params": t.Params,
			"madds": t.MAdds, "seconds": t.Seconds}
		if t.Latency > 0 {
			d["latency_ms"] = t.Latency
		}
		if a := t.Accuracy(); o.run.Config.Cost.By != "" && !math.IsNaN(a) {
			d["accuracy"] = a
		}
		if t.CachedOf >= 0 {
			d["repeat_of"] = t.CachedOf
		}
		if weights != "" {
			d["weights"] = weights
		}
		if t.Shared != "" {
			d["shared_from"] = t.Shared
		}
		compare(o.ledger, o.policy.views, t, d)
		e = o.log.event(nas.TrialFinished, t.ID, d)
	} else if t.State == nas.Stopped {
		e = o.log.event(nas.TrialStopped, t.ID, map[string]any{"cell": t.Cell, "kind": string(t.Kind)})
	} else {
		d := map[string]any{"fail_kind": t.FailKind, "error": t.FailText, "cell": t.Cell, "kind": string(t.Kind)}
		var p *child.PanicError
		if errors.As(cause, &p) {
			d["stack"] = string(p.Stack)
		}
		e = o.log.event(nas.TrialFailed, t.ID, d)
	}
	var epochs []checkpoints.Epoch
	if t.CachedOf < 0 {
		epochs = record.Epochs(t)
	}
	e.Data["epochs_sha256"] = record.EpochsHash(epochs)
	o.ledger.End(t)
	o.screens.results = false
	return o.commit(func(es []checkpoints.Event) error { return o.run.FinishTrial(row, epochs, es...) }, e)
}

// compare adds to the event of a trial's end how far its reward is above the controller's baseline and, if it is a new
// best, above the previous best.
func compare(l *nas.Ledger, policies []nas.PolicyView, t *nas.Trial, d map[string]any) {
	if version := l.Applied(); t.Kind == nas.Sampled && version > 0 {
		d["advantage"] = t.Reward - policies[version].Baseline
	}
	if !l.Ranked(t) || t.CachedOf >= 0 {
		return
	}
	if before := l.Best(t); before != nil && t.Reward > before.Reward {
		d["best_by"] = t.Reward - before.Reward
	}
}
