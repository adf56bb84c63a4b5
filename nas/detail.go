package nas

import (
	"fmt"

	"nasnet/checkpoints"
	"nasnet/nas/child"
	"nasnet/nas/space"
)

// The bulk of a trial is its cell, its choices with their probabilities, and its curve. Once a trial's batch is applied, only a screen that shows it wants
// them, so that of a long run all but the last and the shown ones are lean: their bulk is in the store alone.

// wholeBehind is how many proposals of applied batches are whole: as many as are needed to have sharesOf of the controller's among them.
const wholeBehind = 2 * sharesOf

// firstWhole is the number of the first proposal that is not lean, shown or not.
func (s *Search) firstWhole() int { return max(0, s.firstOpen()-wholeBehind) }

// detail reads the bulk of those trials that are lean.
func (s *Search) detail(ts ...*trial) error {
	var lean []int
	var trained []int // whose curves they have
	for _, t := range ts {
		if t.lean {
			lean, trained = append(lean, t.ID), append(trained, t.trained())
		}
	}
	if len(lean) == 0 {
		return nil
	}
	rows, err := s.store.Trials(lean...)
	if err != nil {
		return err
	}
	epochs, err := s.store.Epochs(trained...)
	if err != nil {
		return err
	}
	curves := map[int][]child.EpochResult{}
	for _, e := range epochs {
		if e.Attempt == s.trials[e.Trial].attempt { // not of a training that lost its checkpoint
			curves[e.Trial] = append(curves[e.Trial], epochOf(e))
		}
	}
	for _, r := range rows {
		t := s.trials[r.ID]
		if err := s.fill(t, r); err != nil {
			return fmt.Errorf("trial %d: %w", r.ID, err)
		}
		if t.ended() || t.kept != "" {
			t.Curve = curves[t.trained()]
			t.Epoch = len(t.Curve)
		}
	}
	return nil
}

// fill takes the bulk of a trial from its row in the store.
func (s *Search) fill(t *trial, r checkpoints.Trial) (err error) {
	var g space.Genotype
	if len(r.Choices) > 0 {
		g, err = s.space.Decode(r.Choices) // what was proposed; a tenth of the time of reading the JSON
	} else {
		g, err = space.ParseJSON(r.Genotype)
	}
	if err != nil {
		return err
	}
	if h := g.Hash(); h != t.hash {
		return fmt.Errorf("its cell has the hash %.12s; the store says %.12s", h, t.hash)
	}
	t.Genotype, t.choices, t.logp, t.lean = g, r.Choices, r.LogP, false
	return nil
}

// trained is the number of the trial whose training gave the reward.
func (t *trial) trained() int {
	if t.CachedOf >= 0 {
		return t.CachedOf
	}
	return t.ID
}

// slim leaves the bulk of old proposals to the store, but for those that the last snapshot shows.
func (s *Search) slim() {
	shown := map[int]bool{}
	v := s.snapshot.Load()
	for _, views := range [][]TrialView{v.Top, v.Recent} {
		for _, t := range views {
			shown[t.ID] = true
		}
	}
	for _, t := range s.samples[:s.firstWhole()] {
		t.choices, t.logp = nil, nil
		if !shown[t.ID] {
			t.Genotype, t.Curve, t.lean = space.Genotype{}, nil, true
		}
	}
}
