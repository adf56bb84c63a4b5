package search

import (
	"slices"
	"sync/atomic"
	"time"

	"nasnet/nas"
	"nasnet/nas/record"
)

// screens is what those who look at the run have, and what has changed since.
type screens struct {
	latest      atomic.Pointer[nas.Snapshot] // any goroutine may read it
	subscribers map[chan struct{}]bool
	dirty       bool // something has changed
	results     bool // the Results of the latest snapshot are still good
	updates     bool // so are its Updates
}

// show makes a snapshot the latest and tells the subscribers.
func (s *screens) show(v *nas.Snapshot) {
	s.latest.Store(v)
	for c := range s.subscribers {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// publish makes a new snapshot and tells the subscribers.
func (s *Search) publish() {
	old := s.screens.latest.Load()
	rec := s.run.Record
	v := nas.Snapshot{Time: time.Now(), State: s.clock.state, Reason: s.clock.reason, Elapsed: s.clock.elapsed(), Workers: s.crew.workers,
		Proposed: len(s.ledger.Proposals()), Distinct: s.ledger.Distinct(), Policy: s.policy.views[s.ledger.Applied()], Beliefs: s.policy.beliefs,
		Identity: nas.Identity{UUID: rec.UUID, Dir: s.dir, Parent: rec.ParentUUID, ForkAt: rec.ForkedAt, Config: s.run.Config, Kernels: s.options.Kernels,
			Builds: len(record.Builds(rec.Build))}}
	if old != nil {
		v.Version = old.Version + 1
	}
	if old != nil && s.screens.results {
		v.Results = old.Results
	} else {
		shown := s.ledger.Standing()
		if err := detail(s.run, s.ledger, shown.All()...); err != nil {
			s.fail(err)
		}
		v.Results = s.ledger.Results(shown)
	}
	if old != nil && s.screens.updates {
		v.Updates = old.Updates
	} else {
		v.Updates = nas.Thin(slices.Clone(s.policy.views[1:]))
	}
	v.Running = s.crew.views(v.Time, s.clock.state == nas.Paused)
	for _, t := range v.Running {
		v.ImageRate += t.ImageRate
	}
	v.ETA = s.ledger.ETA(s.crew.workers)
	v.Events = slices.Clone(s.log.events)
	s.screens.results, s.screens.updates, s.screens.dirty = true, true, false
	s.screens.show(&v)
}
