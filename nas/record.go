package nas

import (
	"encoding/json"
	"fmt"
	"sort"
	"time"

	"nasnet/checkpoints"
	"nasnet/nas/child"
	"nasnet/nas/controller"
	"nasnet/nas/space"
)

// load builds the owner's state from a store. A new run and one that was cut off at any instant go the same way.
func load(dir string, st *checkpoints.Store, o Options) (*Search, error) {
	s, err := loadFrom(dir, st, o)
	if err != nil {
		st.Close()
		return nil, err
	}
	return s, nil
}

func loadFrom(dir string, st *checkpoints.Store, o Options) (*Search, error) {
	rec, err := st.Run()
	if err != nil {
		return nil, err
	}
	c, err := ParseConfig(rec.Config)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", dir, err)
	}
	if o.Evaluator == nil {
		o.Evaluator = NewLocal()
	}
	if o.Every == 0 {
		o.Every = 100 * time.Millisecond
	}
	s := &Search{config: c, store: st, record: rec, dir: dir, options: o, inbox: make(chan func()), results: make(chan result), epochs: make(chan epochEnd), updates: make(chan updateEnd),
		moved: make(chan struct{}, 1), closed: make(chan struct{}), trials: map[int]*trial{}, first: map[string]int{}, subs: map[chan struct{}]bool{},
		state: Stopped, ran: rec.Elapsed}
	if rec.State == string(Done) {
		s.state = Done
	}
	for _, n := range []int{o.Workers, c.Workers, cores()} {
		if s.workers = n; n > 0 {
			break
		}
	}
	if s.space, err = c.Space(); err != nil {
		return nil, err
	}
	if s.policy, err = controller.New(s.space.Arities(), c.controller()); err != nil {
		return nil, err
	}
	if s.uniform, err = newUniform(s.space); err != nil {
		return nil, err
	}
	s.views = []PolicyView{{Entropy: maxEntropy(s.space), MaxEntropy: maxEntropy(s.space)}}
	if err := s.loadUpdates(); err != nil {
		return nil, err
	}
	if err := s.loadTrials(); err != nil {
		return nil, err
	}
	if err := s.loadEvents(); err != nil {
		return nil, err
	}
	s.believe(probabilities(s.policy))
	s.publish()
	return s, nil
}

func (s *Search) loadUpdates() error {
	us, err := s.store.Updates()
	if err != nil {
		return err
	}
	for i, u := range us {
		if u.Version != i+1 {
			return fmt.Errorf("run %s: update %d stands where update %d should", s.dir, u.Version, i+1)
		}
		s.views = append(s.views, policyView(u))
	}
	if s.version = len(us); s.version == 0 {
		return nil
	}
	state, rebuilt, err := policyState(s.store, s.version)
	if err != nil {
		return fmt.Errorf("run %s: %w", s.dir, err)
	}
	if s.rebuilt = rebuilt; rebuilt {
		if _, err := s.store.WriteBlob("policy", state); err != nil {
			return err
		}
	}
	return s.policy.Restore(state)
}

func (s *Search) loadTrials() error {
	rows, err := s.store.Trials()
	if err != nil {
		return err
	}
	var ends []*trial
	for _, r := range rows {
		t, err := s.trialOf(r)
		if err != nil {
			return fmt.Errorf("run %s: trial %d: %w", s.dir, r.ID, err)
		}
		if t.Kind.proposal() && t.ID != len(s.samples) {
			return fmt.Errorf("run %s: proposal %d stands where proposal %d should", s.dir, t.ID, len(s.samples))
		}
		s.admit(t)
		if t.ended() {
			ends = append(ends, t)
		}
	}
	sort.SliceStable(ends, func(i, j int) bool { return ends[i].Finished.After(ends[j].Finished) })
	for _, t := range ends[:min(MaxRecent, len(ends))] {
		s.recent = append(s.recent, t.ID)
	}
	return s.loadCurves()
}

// loadCurves reads the epochs of the trials that a screen opens first; those of a run of many thousands would take long.
func (s *Search) loadCurves() error {
	want := append([]int(nil), s.recent...)
	for _, t := range s.ranking() {
		want = append(want, t.ID)
	}
	for _, t := range s.manual {
		want = append(want, t.ID)
	}
	for _, t := range s.samples[s.firstOpen():] {
		if t.kept != "" {
			want = append(want, t.ID)
		}
	}
	for _, id := range want {
		t := s.trials[id]
		from := id
		if t.CachedOf >= 0 {
			from = t.CachedOf
		}
		es, err := s.store.Epochs(from)
		if err != nil {
			return err
		}
		t.Curve = nil
		for _, e := range es {
			if e.Attempt != s.trials[from].attempt {
				continue // of a training that lost its checkpoint
			}
			t.Curve = append(t.Curve, epochOf(e))
		}
		t.Epoch = len(t.Curve)
	}
	s.draws.ranking = false
	return nil
}

// epochOf is the inverse of storedEpoch.
func epochOf(e checkpoints.Epoch) child.EpochResult {
	return child.EpochResult{Epoch: e.Epoch, LR: e.LR, Keep: e.Keep, TrainLoss: e.TrainLoss, TrainAcc: e.TrainAcc, ValLoss: e.ValLoss, ValAcc: e.ValAcc,
		Seconds: e.Seconds, Images: e.Images}
}

func (s *Search) loadEvents() error {
	last, err := s.store.LastEventID()
	if err != nil {
		return err
	}
	es, err := s.store.Events(max(0, last-MaxEvents), MaxEvents)
	if err != nil {
		return err
	}
	for _, e := range es {
		v := Event{Time: e.Time, Level: e.Level, Kind: e.Kind, Run: s.config.Name, Trial: e.Trial}
		if len(e.Body) > 0 {
			if err := json.Unmarshal(e.Body, &v.Data); err != nil {
				return fmt.Errorf("run %s: event %d: %w", s.dir, e.ID, err)
			}
		}
		s.events = append(s.events, v)
	}
	return nil
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
		Params: t.Params, MAdds: t.MAdds, Parent: t.Parent, Star: t.Star, Note: t.Note, Started: t.Started, Finished: t.Finished, Seconds: t.Seconds}
	if t.Retrain != nil {
		if r.Spec, err = json.Marshal(t.Retrain); err != nil {
			panic(fmt.Sprintf("nas: settings of trial %d: %v", t.ID, err))
		}
	}
	return r
}

// trialOf is the inverse of row. A trial that was in training when the run was cut off is proposed again, with the epochs of its checkpoint done.
func (s *Search) trialOf(r checkpoints.Trial) (*trial, error) {
	g, err := space.ParseJSON(r.Genotype)
	if err != nil {
		return nil, err
	}
	t := s.newTrial(r.ID, kindOf(r), g)
	if t.hash != r.CellHash {
		return nil, fmt.Errorf("its cell has the hash %.12s; the store says %.12s", t.hash, r.CellHash)
	}
	t.Batch, t.Policy, t.choices, t.logp, t.attempt = r.Batch, r.PolicyVersion, r.Choices, r.LogP, r.Attempt
	t.State, t.Reward, t.HasReward, t.FailKind, t.FailText = State(r.State), r.Reward, r.HasReward, r.FailKind, r.FailDetail
	t.Params, t.MAdds, t.Parent, t.Star, t.Note = r.Params, r.MAdds, r.Parent, r.Star, r.Note
	t.Started, t.Finished, t.Seconds = r.Started, r.Finished, r.Seconds
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
