package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/record"
	"nasnet/nas/space"
)

// Events are a second record of what the tables hold. A value that changed in one of them, by a flipped bit or by hand,
// no longer agrees with the other.

// checkEvents compares trials, their epochs and updates with the last events about them, and events with the log.
func (v *verifier) checkEvents() error {
	stored, err := v.run.Events(0, -1)
	if err != nil {
		return err
	}
	trials := map[int]checkpoints.Trial{}
	for _, t := range v.trials {
		trials[t.ID] = t
	}
	ends, updates := map[int]nas.Event{}, map[int]nas.Event{}
	moved, next := map[int]bool{}, len(v.updates)+1 // trials and the first update that changed while they were read
	restored := false
	for _, s := range stored {
		e := record.EventOf(v.run.Config.Name, s)
		t, known := trials[e.Trial]
		if s.ID > v.since {
			moved[e.Trial] = true
			if e.Kind == nas.ControllerUpdate {
				next = min(next, len(updates)+max(0, v.run.Record.ForkedAt)+1)
			}
			continue
		}
		switch e.Kind {
		case nas.RunStarted:
			v.sameJSON(e, "config", v.run.Record.Config)
			v.same(e, "data_sha256", v.run.Record.DatasetSHA256)
			v.same(e, "uuid", v.run.Record.UUID)
		case nas.UserCommand:
			if known && e.Data["settings"] != nil {
				v.sameJSON(e, "settings", t.Spec)
			}
		case nas.TrialProposed:
			v.compareProposal(e, t, known)
		case nas.TrialStarted:
			delete(ends, e.Trial)
		case nas.TrialFinished, nas.TrialFailed, nas.TrialStopped:
			ends[e.Trial] = e
		case nas.ControllerUpdate:
			if n, ok := e.Data["version"].(float64); ok {
				updates[int(n)] = e
			}
		case nas.EventsRestored, nas.RunRecovered:
			restored = true // ends may wait for the turn of their trials
		}
	}
	epochs, err := v.epochs()
	if err != nil {
		return err
	}
	for id, e := range ends {
		if t, known := trials[id]; (known || !restored) && !moved[id] {
			v.compareEnd(e, t, known, epochs[id], restored)
		}
	}
	for _, t := range v.trials {
		if _, told := ends[t.ID]; !told && !moved[t.ID] && v.own(t) &&
			slices.Contains([]nas.State{nas.Done, nas.Failed, nas.Stopped},
				nas.State(t.State)) {
			v.problem("trial %s: it is %s, but no event says so", nas.TrialLabel(t.ID), t.State)
		}
	}
	for i, u := range v.updates {
		if e, told := updates[u.Version]; told {
			v.compareUpdate(e, u)
		} else if i >= max(0, v.run.Record.ForkedAt) && u.Version < next {
			v.problem("update %d: no event tells of it", u.Version)
		}
	}
	for version := range updates {
		if version > len(v.updates) && !restored {
			v.problem("update %d: an event tells of it, but it is not stored", version)
		}
	}
	return nil
}

// own reports whether a trial ended in this run, not in one that it was forked from.
func (v *verifier) own(t checkpoints.Trial) bool {
	if t.ID < nas.FirstManual {
		return t.Batch >= v.run.Record.ForkedAt
	}
	return t.Finished.After(v.run.Record.Created)
}

// epochs returns the epochs of each trial's last attempt.
func (v *verifier) epochs() (map[int][]checkpoints.Epoch, error) {
	all, err := v.run.AllEpochs()
	if err != nil {
		return nil, err
	}
	attempts := map[int]int{}
	for _, t := range v.trials {
		attempts[t.ID] = t.Attempt
	}
	of := map[int][]checkpoints.Epoch{}
	for _, e := range all {
		if e.Attempt == attempts[e.Trial] {
			of[e.Trial] = append(of[e.Trial], e)
		}
	}
	return of, nil
}

func (v *verifier) compareProposal(e nas.Event, t checkpoints.Trial, known bool) {
	if !known {
		v.problem("trial %s: an event proposes it, but it is not stored", nas.TrialLabel(e.Trial))
		return
	}
	text := ""
	if g, err := space.ParseJSON(t.Genotype); err == nil {
		text = g.Text()
	}
	v.same(e, "batch", float64(t.Batch))
	v.same(e, "policy", float64(t.PolicyVersion))
	v.same(e, "kind", string(record.KindOf(t)))
	v.same(e, "genotype", text)
}

func (v *verifier) compareEnd(e nas.Event, t checkpoints.Trial, known bool, epochs []checkpoints.Epoch, restored bool) {
	if !known {
		v.problem("trial %s: an event ends it, but it is not stored", nas.TrialLabel(e.Trial))
		return
	}
	want := map[nas.EventKind]nas.State{nas.TrialFinished: nas.Done, nas.TrialFailed: nas.Failed,
		nas.TrialStopped: nas.Stopped}[e.Kind]
	switch state := nas.State(t.State); {
	case state == want:
	case restored && (state == nas.Proposed || state == nas.Running), want == nas.Stopped && state == nas.Proposed:
		return // its turn has not come, or the stop was undone
	default:
		v.problem("trial %s: it is %s; its last event is %s", nas.TrialLabel(t.ID), t.State, e.Kind)
		return
	}
	switch e.Kind {
	case nas.TrialFinished:
		v.same(e, "reward", t.Reward)
		v.same(e, "params", float64(t.Params))
		v.same(e, "madds", float64(t.MAdds))
		v.same(e, "seconds", t.Seconds)
		v.same(e, "kind", string(record.KindOf(t)))
		if told, _ := e.Data["latency_ms"].(float64); told != t.Latency {
			v.problem("trial %s: its latency is %v ms in the tables and %v ms in the event %s",
				nas.TrialLabel(t.ID), t.Latency,
				told, e.Kind)
		}
		if e.Data["weights"] != nil || t.WeightsSHA256 != "" {
			v.same(e, "weights", t.WeightsSHA256)
		}
	case nas.TrialFailed:
		v.same(e, "fail_kind", t.FailKind)
		v.same(e, "error", t.FailDetail)
	}
	if e.Data["epochs_sha256"] != nil {
		v.same(e, "epochs_sha256", record.EpochsHash(epochs))
	}
}

func (v *verifier) compareUpdate(e nas.Event, u checkpoints.Update) {
	for name, x := range map[string]float64{"samples": float64(len(u.Samples)), "mean_reward": u.MeanReward,
		"max_reward": u.MaxReward, "baseline": u.Baseline, "entropy": u.Entropy,
		"max_entropy": u.MaxEntropy, "kl": u.KL,
		"clip_fraction": u.ClipFraction, "grad_norm": u.GradNorm} {
		if name == "samples" && len(u.Samples) == 0 {
			continue // of an outline
		}
		v.same(e, name, x)
	}
}

// same checks a field of an event against the tables. Older builds lack some fields.
func (v *verifier) same(e nas.Event, field string, stored any) {
	told, there := e.Data[field]
	if !there || told == stored {
		return
	}
	if a, ok := told.(float64); ok {
		if b, ok := stored.(float64); ok && math.Float64bits(a) == math.Float64bits(b) {
			return
		}
	}
	what := "update " + fmt.Sprint(e.Data["version"])
	if e.Trial >= 0 {
		what = "trial " + nas.TrialLabel(e.Trial)
	}
	v.problem("%s: %s is %v in the tables and %v in the event %s", what, field, stored, told, e.Kind)
}

// sameJSON checks a field of an event against stored JSON. Older builds lack some fields.
func (v *verifier) sameJSON(e nas.Event, field string, stored []byte) {
	told, there := e.Data[field]
	var own any
	if there && (json.Unmarshal(stored, &own) != nil || !reflect.DeepEqual(own, told)) {
		v.problem("%s of the run's tables and of the event %s differ", field, e.Kind)
	}
}

// checkRun checks what the run says of itself.
func (v *verifier) checkRun() error {
	found, err := v.run.Check()
	if err != nil && !errors.Is(err, checkpoints.ErrDamaged) {
		return err
	}
	v.Problems = append(v.Problems, found...)
	r := v.run.Record
	switch {
	case (r.ParentUUID == "") != (r.ForkedAt < 0):
		v.problem("run: its parent is %q and it is forked at version %d; want both or neither",
			r.ParentUUID, r.ForkedAt)
	case r.ForkedAt > len(v.updates):
		v.problem("run: it is forked at version %d and has %d", r.ForkedAt, len(v.updates))
	case r.Seed != v.run.Config.Seed:
		v.problem("run: its seed is %d; its config has %d", r.Seed, v.run.Config.Seed)
	case r.Target != v.run.Config.Children:
		v.problem("run: its target is %d; its config has %d children", r.Target, v.run.Config.Children)
	case !json.Valid(r.Config):
		v.problem("run: its config is not JSON")
	}
	for _, u := range v.updates {
		if u.Batch != u.Version-1 {
			v.problem("update %d: it is of batch %d; want %d", u.Version, u.Batch, u.Version-1)
		}
	}
	for _, t := range v.trials {
		kind, manual := nas.Kind(t.Kind), t.ID >= nas.FirstManual
		if manual != (kind == nas.Submitted || kind == nas.Retrained) || (kind == nas.Retrained) != (len(t.Spec) > 0) {
			v.problem("trial %s: its kind is %s, which does not fit its number or settings",
				nas.TrialLabel(t.ID), t.Kind)
		}
		if manual && (t.Batch != -1 || t.PolicyVersion != -1) {
			v.problem("trial %s: it is of batch %d and policy %d; want neither of a trial made by hand",
				nas.TrialLabel(t.ID), t.Batch, t.PolicyVersion)
		}
		if g, err := space.ParseJSON(t.Genotype); manual && (err != nil || g.Hash() != t.CellHash) {
			v.problem("trial %s: its cell does not have the stored hash", nas.TrialLabel(t.ID))
		}
	}
	return nil
}
