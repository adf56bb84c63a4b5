package nas

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"nasnet/checkpoints"
	"nasnet/nas/controller"
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
		return nil, fmt.Errorf("run %s: %w", dir, err)
	}
	if err := s.loadEvents(); err != nil {
		return nil, err
	}
	s.believe(probabilities(s.policy))
	s.publish()
	return s, s.failure
}

func (s *Search) loadUpdates() error {
	us, err := s.store.UpdateOutlines()
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
	if err := s.policy.Restore(state); err != nil {
		return fmt.Errorf("run %s: policy version %d: %w", s.dir, s.version, err)
	}
	return nil
}

// loadTrials reads what the loop's tables want of every trial, and the rest of those that are not lean.
func (s *Search) loadTrials() error {
	about := (s.version + 2) * s.config.Batch // growing the tables step by step would take a tenth of the time
	s.trials, s.first, s.samples = make(map[int]*trial, about), make(map[string]int, about), make([]*trial, 0, about)
	ends := make([]*trial, 0, about)
	err := s.store.Outlines(func(r checkpoints.Trial) error {
		t, err := s.outlineOf(r)
		if err != nil {
			return fmt.Errorf("trial %d: %w", r.ID, err)
		}
		if t.Kind.proposal() && t.ID != len(s.samples) {
			return fmt.Errorf("proposal %d stands where proposal %d should", t.ID, len(s.samples))
		}
		if k := len(s.starts); t.Kind.proposal() && t.Batch != k && t.Batch != k-1 {
			return fmt.Errorf("trial %d is of batch %d; want %d or, if it is the first of a batch, %d", t.ID, t.Batch, k-1, k)
		}
		s.admit(t)
		t.logp = nil
		if t.ended() {
			ends = append(ends, t)
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(ends, func(a, b *trial) int { return cmp.Compare(b.Finished.UnixNano(), a.Finished.UnixNano()) })
	for _, t := range ends[:min(MaxRecent, len(ends))] {
		s.recent = append(s.recent, t.ID)
	}
	if err := s.detail(s.samples[s.firstWhole():]...); err != nil {
		return err
	}
	return s.detail(s.manual...)
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
