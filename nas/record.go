package nas

import (
	"encoding/json"
	"fmt"

	"nasnet/checkpoints"
	"nasnet/nas/child"
)

// epochOf is the inverse of storedEpoch.
func epochOf(e checkpoints.Epoch) child.EpochResult {
	return child.EpochResult{Epoch: e.Epoch, LR: e.LR, Keep: e.Keep, TrainLoss: e.TrainLoss, TrainAcc: e.TrainAcc, ValLoss: e.ValLoss, ValAcc: e.ValAcc,
		Seconds: e.Seconds, Images: e.Images}
}

// ReadConfig returns the config of the run in dir and the hash of the data it was begun with.
func ReadConfig(dir string) (c Config, dataHash string, err error) {
	st, err := checkpoints.OpenReadOnly(dir)
	if err != nil {
		return c, "", err
	}
	defer st.Close()
	rec, err := st.Run()
	if err != nil {
		return c, "", err
	}
	c, err = ParseConfig(rec.Config)
	return c, rec.DatasetSHA256, err
}

// row is the trial as the store keeps it.
func (t *trial) row() checkpoints.Trial {
	g, err := json.Marshal(t.Genotype)
	if err != nil {
		panic(fmt.Sprintf("nas: genotype of trial %d: %v", t.ID, err)) // a validated genotype is plain data
	}
	kind := t.Kind
	if kind == Shadow {
		kind = Sampled // to the store, a shadow is a proposal of no policy
	}
	r := checkpoints.Trial{ID: t.ID, Batch: t.Batch, PolicyVersion: t.Policy, Kind: string(kind), Genotype: g, CellHash: t.hash, Choices: t.choices,
		LogP: t.logp, State: string(t.State), Attempt: t.attempt, Reward: t.Reward, HasReward: t.HasReward, FailKind: t.FailKind, FailDetail: t.FailText,
		Params: t.Params, MAdds: t.MAdds, Parent: t.Parent, Star: t.Star, Note: t.Note, Started: t.Started, Finished: t.Finished, Seconds: t.Seconds, Latency: t.Latency}
	if t.Retrain != nil {
		if r.Spec, err = json.Marshal(t.Retrain); err != nil {
			panic(fmt.Sprintf("nas: settings of trial %d: %v", t.ID, err))
		}
	}
	return r
}

// outlineOf is the inverse of row but for what [Search.detail] reads. A trial that was in training when the run was cut off is proposed again, with the
// epochs of its checkpoint done.
func (s *Search) outlineOf(r checkpoints.Trial) (*trial, error) {
	if len(r.CellHash) < 6 {
		return nil, fmt.Errorf("its cell has the hash %q", r.CellHash)
	}
	t := s.blank(r.ID, kindOf(r), r.CellHash)
	t.lean = true
	t.Batch, t.Policy, t.logp, t.attempt = r.Batch, r.PolicyVersion, r.LogP, r.Attempt
	t.State, t.Reward, t.HasReward, t.FailKind, t.FailText = State(r.State), r.Reward, r.HasReward, r.FailKind, r.FailDetail
	t.Params, t.MAdds, t.Parent, t.Star, t.Note = r.Params, r.MAdds, r.Parent, r.Star, r.Note
	t.Started, t.Finished, t.Seconds, t.Latency = r.Started, r.Finished, r.Seconds, r.Latency
	if len(r.Spec) > 0 {
		t.Retrain = new(RetrainSpec)
		if err := json.Unmarshal(r.Spec, t.Retrain); err != nil {
			return nil, fmt.Errorf("settings: %w", err)
		}
		t.Epochs = t.Retrain.Train.Epochs
	}
	if !t.ended() {
		t.State, t.kept = Proposed, r.CheckpointSHA256
		t.Epoch, t.Progress = r.CheckpointEpoch, float64(r.CheckpointEpoch)/float64(max(t.Epochs, 1))
	} else {
		t.Epoch, t.Progress = t.Epochs, 1
	}
	return t, nil
}

// kindOf is the kind of a stored trial.
func kindOf(r checkpoints.Trial) Kind {
	if k := Kind(r.Kind); k != Sampled || r.PolicyVersion >= 0 {
		return k
	}
	return Shadow
}

func storedEvent(e Event) checkpoints.Event {
	body, err := json.Marshal(e.Data)
	if err != nil {
		body, _ = json.Marshal(map[string]string{"unprintable": err.Error()})
	}
	return checkpoints.Event{Time: e.Time, Level: e.Level, Kind: e.Kind, Trial: e.Trial, Body: body}
}

func marshalConfig(c Config) ([]byte, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	return b, nil
}
