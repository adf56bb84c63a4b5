package record

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/space"
)

// Epoch returns an epoch of a trial's training attempt as the store keeps it.
func Epoch(id, attempt int, c child.EpochResult) checkpoints.Epoch {
	return checkpoints.Epoch{Trial: id, Attempt: attempt, Epoch: c.Epoch, LR: c.LR, Keep: c.Keep,
		TrainLoss: c.TrainLoss, TrainAcc: c.TrainAcc,
		ValLoss: c.ValLoss, ValAcc: c.ValAcc, Seconds: c.Seconds, Images: c.Images}
}

// Epochs returns the epochs of the trial's current attempt as the store keeps them.
func Epochs(t *nas.Trial) (es []checkpoints.Epoch) {
	for _, c := range t.Curve {
		es = append(es, Epoch(t.ID, t.Attempt, c))
	}
	return es
}

// EpochOf is the inverse of [Epoch].
func EpochOf(e checkpoints.Epoch) child.EpochResult {
	return child.EpochResult{Epoch: e.Epoch, LR: e.LR, Keep: e.Keep, TrainLoss: e.TrainLoss, TrainAcc: e.TrainAcc,
		ValLoss: e.ValLoss, ValAcc: e.ValAcc,
		Seconds: e.Seconds, Images: e.Images}
}

// EpochsHash returns the SHA-256 of epochs, in hex: of their numbers as the store keeps them, times included.
func EpochsHash(es []checkpoints.Epoch) string {
	h := sha256.New()
	for _, e := range es {
		fmt.Fprintln(h, e.Epoch, e.LR, e.Keep, e.TrainLoss, e.TrainAcc, e.ValLoss, e.ValAcc, e.Seconds, e.Images)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Trial returns a trial as the store keeps it.
func Trial(t *nas.Trial) checkpoints.Trial {
	g, err := json.Marshal(t.Genotype)
	if err != nil {
		panic(fmt.Sprintf("record: genotype of trial %d: %v", t.ID, err)) // a validated genotype is plain data
	}
	kind := t.Kind
	if kind == nas.Random {
		kind = nas.Sampled // in the store, a random cell is a sample without a policy
	}
	r := checkpoints.Trial{ID: t.ID, Batch: t.Batch, PolicyVersion: t.Policy, Kind: string(kind), Genotype: g,
		CellHash: t.Hash, Choices: t.Choices,
		LogP: t.LogP, State: string(t.State), Attempt: t.Attempt, Parent: t.Parent, Star: t.Star, Note: t.Note,
		Result: checkpoints.Result{Reward: t.Reward, HasReward: t.HasReward, FailKind: t.FailKind,
			FailDetail: t.FailText, Params: t.Params, MAdds: t.MAdds,
			Started: t.Started, Finished: t.Finished, Seconds: t.Seconds, Latency: t.Latency}}
	if t.Retrain != nil {
		if r.Spec, err = json.Marshal(t.Retrain); err != nil {
			panic(fmt.Sprintf("record: settings of trial %d: %v", t.ID, err))
		}
	}
	return r
}

// Outline is the inverse of [Trial], without what [Fill] adds. A trial that was in training when the run was cut off is
// queued again, with the epochs of its checkpoint done.
func Outline(l *nas.Ledger, r checkpoints.Trial) (*nas.Trial, error) {
	if len(r.CellHash) < 6 {
		return nil, fmt.Errorf("its cell has hash %q; want at least 6 characters", r.CellHash)
	}
	t := l.Blank(r.ID, KindOf(r), r.CellHash)
	t.Lean = true
	t.Batch, t.Policy, t.LogP, t.Attempt = r.Batch, r.PolicyVersion, r.LogP, r.Attempt
	t.State, t.Reward, t.HasReward, t.FailKind, t.FailText = nas.State(r.State), r.Reward, r.HasReward,
		r.FailKind, r.FailDetail
	t.Params, t.MAdds, t.Parent, t.Star, t.Note = r.Params, r.MAdds, r.Parent, r.Star, r.Note
	t.Started, t.Finished, t.Seconds, t.Latency = r.Started, r.Finished, r.Seconds, r.Latency
	if len(r.Spec) > 0 {
		t.Retrain = new(nas.RetrainSpec)
		if err := json.Unmarshal(r.Spec, t.Retrain); err != nil {
			return nil, fmt.Errorf("settings: %w", err)
		}
		t.Epochs = t.Retrain.Train.Epochs
	}
	if !t.Ended() {
		t.State, t.Kept = nas.Proposed, r.CheckpointSHA256
		t.Epoch, t.Progress = r.CheckpointEpoch, float64(r.CheckpointEpoch)/float64(max(t.Epochs, 1))
	} else {
		t.Epoch, t.Progress = t.Epochs, 1
	}
	return t, nil
}

// Fill adds what a lean trial lacks from its row, except the curve.
func Fill(sp space.Space, t *nas.Trial, r checkpoints.Trial) (err error) {
	var g space.Genotype
	if len(r.Choices) > 0 {
		g, err = sp.Decode(r.Choices) // ten times as fast as reading the JSON
	} else {
		g, err = space.ParseJSON(r.Genotype)
	}
	if err != nil {
		return err
	}
	if h := g.Hash(); h != t.Hash {
		return fmt.Errorf("its cell has hash %.12s; the store has %.12s", h, t.Hash)
	}
	t.Genotype, t.Choices, t.LogP, t.Lean = g, r.Choices, r.LogP, false
	return nil
}

// KindOf returns the kind of a stored trial.
func KindOf(r checkpoints.Trial) nas.Kind {
	if k := nas.Kind(r.Kind); k != nas.Sampled || r.PolicyVersion >= 0 {
		return k
	}
	return nas.Random
}

// Update returns a policy update as screens show it.
func Update(u checkpoints.Update) nas.PolicyView {
	return nas.PolicyView{Version: u.Version, Baseline: u.Baseline, MeanReward: u.MeanReward, MaxReward: u.MaxReward,
		Entropy:    u.Entropy,
		MaxEntropy: u.MaxEntropy, KL: u.KL, ClipFraction: u.ClipFraction, GradNorm: u.GradNorm, Samples: u.Used}
}

// Event returns an event as the store keeps it.
func Event(e nas.Event) checkpoints.Event {
	body, err := json.Marshal(e.Data)
	if err != nil {
		body, _ = json.Marshal(map[string]string{"unprintable": err.Error()})
	}
	return checkpoints.Event{Time: e.Time, Level: e.Level, Kind: string(e.Kind), Trial: e.Trial, Body: body}
}

// EventOf is the inverse of [Event]; run is the run's name. A body that is not an object (another build may have
// written one) becomes the field "body", as in log.jsonl.
func EventOf(run string, e checkpoints.Event) nas.Event {
	v := nas.Event{Time: e.Time, Level: e.Level, Kind: nas.EventKind(e.Kind), Run: run, Trial: e.Trial}
	if len(e.Body) == 0 {
		return v
	}
	var body any
	if err := json.Unmarshal(e.Body, &body); err != nil {
		body = string(e.Body)
	}
	var object bool
	if v.Data, object = body.(map[string]any); !object && body != nil {
		v.Data = map[string]any{"body": body}
	}
	return v
}

// Config returns a config as the store keeps it. It spells out the ops of a named set, so that a run always opens with
// the ops it started with, whatever the name means by then. The list is in the field of the name, because older builds
// read that and would reject a config with a new field. [nas.ParseConfig] turns the list back into the name.
func Config(c nas.Config) ([]byte, error) {
	sp, err := c.Space()
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	c.Ops = strings.Join(sp.Ops, ",")
	b, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	return b, nil
}
