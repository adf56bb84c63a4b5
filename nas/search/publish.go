package search

import (
	"slices"
	"sync/atomic"
	"time"

	"nasnet/nas"
	"nasnet/nas/record"
)

// screens holds what the subscribers have, and what has changed since.
type screens struct {
	latest      *atomic.Pointer[nas.Snapshot] // any goroutine may read it
	subscribers map[chan struct{}]bool
	dirty       bool // something has changed
	results     bool // the latest snapshot's Results are still valid
	updates     bool // and its Updates
}

// show makes v the latest snapshot and tells the subscribers.
func (s *screens) show(v *nas.Snapshot) {
	s.latest.Store(v)
	for c := range s.subscribers {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// publish makes and shows a new snapshot.
func (o *owner) publish() {
	old := o.screens.latest.Load()
	rec := o.run.Record
	v := nas.Snapshot{Time: time.Now(), State: o.clock.state, Reason: o.clock.reason, Elapsed: o.clock.elapsed(),
		Workers:  o.crew.workers,
		Proposed: len(o.ledger.Proposals()), Distinct: o.ledger.Distinct(), Policy: o.policy.views[o.ledger.Applied()],
		Beliefs: o.policy.beliefs,
		Identity: nas.Identity{UUID: rec.UUID, Dir: o.dir, Parent: rec.ParentUUID, ForkAt: rec.ForkedAt,
			Config: o.run.Config, Kernels: o.options.Kernels,
			Builds: len(record.Builds(rec.Build))}}
	if old != nil {
		v.Version = old.Version + 1
	}
	if old != nil && o.screens.results {
		v.Results = old.Results
	} else {
		shown := o.ledger.Listed()
		if err := detail(o.run, o.ledger, shown.All()...); err != nil {
			o.fail(err)
		}
		v.Results = o.ledger.Results(shown)
	}
	if old != nil && o.screens.updates {
		v.Updates = old.Updates
	} else {
		v.Updates = nas.Thin(slices.Clone(o.policy.views[1:]))
	}
	v.Running = o.crew.views(v.Time, o.clock.state == nas.Paused)
	for _, t := range v.Running {
		v.ImageRate += t.ImageRate
	}
	if !slices.Contains([]nas.State{nas.Stopped, nas.Done, nas.Failed}, v.State) {
		v.ETA = o.ledger.ETA(o.crew.workers)
	}
	v.Events = slices.Clone(o.log.events)
	o.screens.results, o.screens.updates, o.screens.dirty = true, true, false
	o.screens.show(&v)
}
