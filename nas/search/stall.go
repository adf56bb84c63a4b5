package search

import (
	"fmt"
	"time"

	"nasnet/nas"
)

// A child that makes no step is a fault that no error tells of: a deadlock, a file system that hangs, a loop. The owner
// looks at the children in training looksPerPatience times within Options.Patience. It counts looks rather than time,
// so that a process that was stopped for hours, with its machine or alone, finds its children as it left them. A sign
// of life is a step that is reported for the first time, or the child's asking its context whether to go on, as it does
// before every batch of validation and every file of a data set. Children that are paused or wait for memory are not
// expected to move.
//
//	no sign for the patience ──▶ cancelled: it fails as "timeout" when it ends
//	still there a look later ──▶ left behind: it has failed, its worker is free, its goroutine is on its own
const (
	defaultPatience  = 10 * time.Minute
	looksPerPatience = 4
)

// partingTime is how long children have to end when the search does.
const partingTime = 10 * time.Second

// look counts a look at every child and returns how many have passed since its last sign of life.
func (r *training) look() int {
	if signs := r.signs.Load(); signs != r.seen || r.gate.closed.Load() != nil || r.waits.Load() != 0 {
		r.seen, r.still = signs, 0
		return 0
	}
	r.still++
	return r.still
}

// look sees which children move.
func (o *owner) look() {
	for _, r := range o.crew.training {
		t := r.trial
		switch still := r.look(); {
		case still == looksPerPatience && !r.stalled:
			r.stalled = true
			o.emit(nas.TrialStalled, t.ID, map[string]any{"cell": t.Cell, "seconds": o.options.Patience.Seconds()})
			r.cancel(errStalled)
		case still > looksPerPatience: // it does not end when it is told to; what it still says is not heard
			o.release(r)
			t.State, t.FailKind, t.FailText = nas.Failed, "timeout",
				fmt.Sprintf("no step for %v, and it did not end when it was told to: it is left behind, and may "+
					"still use a core and its memory", o.options.Patience)
			t.Seconds = t.Finished.Sub(t.Started).Seconds()
			o.commitEnd(t, "", nil)
		}
	}
}

// part gives up the children that have not ended in time when the search ends: the run can be resumed, and they go on
// from their last checkpoint.
func (o *owner) part() {
	for _, r := range o.crew.training {
		t := r.trial
		o.emit(nas.TrialLeftBehind, t.ID, map[string]any{"cell": t.Cell, "seconds": partingTime.Seconds()})
		o.release(r)
		t.State = nas.Proposed
	}
}

// release takes a child from its worker.
func (o *owner) release(r *training) {
	o.crew.release(r)
	o.screens.dirty = true
}
