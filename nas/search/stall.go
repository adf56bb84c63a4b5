package search

import (
	"fmt"
	"time"

	"nasnet/nas"
)

// A child that makes no step is a fault that no error reports: a deadlock, a hanging file system, an endless loop. The
// owner looks at the children in training looksPerPatience times within Options.Patience. It counts looks rather than
// time, so that a process that was suspended for hours, alone or with its machine, finds its children as it left them.
// A sign of life is a step reported for the first time, or a call of the context's Err, which the child makes before
// every batch of validation and every file of a data set. Children that are paused or waiting for memory need not move.
//
//	no sign within the patience ──▶ cancelled: it fails as "timeout" when it ends
//	still there one look later  ──▶ left behind: it has failed and its worker is free, but its goroutine may live on
const (
	defaultPatience  = 10 * time.Minute
	looksPerPatience = 4
)

// partingTime is how long children may take to end when the search ends.
const partingTime = 10 * time.Second

// look counts a look at the child and returns how many have passed since its last sign of life.
func (r *training) look() int {
	if signs := r.signs.Load(); signs != r.seen || r.gate.closed.Load() != nil || r.waits.Load() != 0 {
		r.seen, r.still = signs, 0
		return 0
	}
	r.still++
	return r.still
}

// look cancels or abandons children that do not move.
func (o *owner) look() {
	for _, r := range o.crew.training {
		t := r.trial
		switch still := r.look(); {
		case still == looksPerPatience && !r.stalled:
			r.stalled = true
			o.emit(nas.TrialStalled, t.ID, map[string]any{"cell": t.Cell, "seconds": o.options.Patience.Seconds()})
			r.cancel(errStalled)
		case still > looksPerPatience: // it ignores the cancellation; later reports of it are ignored too
			o.release(r)
			t.State, t.FailKind, t.FailText = nas.Failed, "timeout",
				fmt.Sprintf("no step for %v, and the training ignored the cancellation: it was abandoned and may "+
					"still use a core and its memory", o.options.Patience)
			t.Seconds = t.Finished.Sub(t.Started).Seconds()
			o.commitEnd(t, "", nil)
		}
	}
}

// part abandons the children that have not ended in time when the search ends. When the run is resumed, they continue
// from their last checkpoint.
func (o *owner) part() {
	for _, r := range o.crew.training {
		t := r.trial
		o.emit(nas.TrialLeftBehind, t.ID, map[string]any{"cell": t.Cell, "seconds": partingTime.Seconds()})
		o.release(r)
		t.State = nas.Proposed
	}
}

// release frees the child's worker.
func (o *owner) release(r *training) {
	o.crew.release(r)
	o.screens.dirty = true
}
