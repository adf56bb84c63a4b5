package nas

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A child that makes no step is a fault that no error tells of: a deadlock, a file system that hangs, a loop. The owner looks at the children in training
// looksPerPatience times within Options.Patience. It counts looks rather than time, so that a process that was stopped for hours, with its machine or
// alone, finds its children as it left them. A sign of life is a step that is reported for the first time, or the child's asking its context whether to go
// on, as it does before every batch of validation and every file of a data set. Children that are paused or wait for memory are not expected to move.
//
//	no sign for the patience ──▶ cancelled: it fails as "timeout" when it ends
//	still there a look later ──▶ left behind: it has failed, its worker is free, its goroutine is on its own
const (
	defaultPatience  = 10 * time.Minute
	looksPerPatience = 4
)

// partingTime is how long children have to end when the search does.
const partingTime = 10 * time.Second

var errStalled = errors.New("no step for too long")

// errBudget is the error of a child that makes more steps than its training has.
var errBudget = errors.New("more steps than the training has")

// pulse is the context of a child: asking it for an error is a sign of life.
type pulse struct {
	context.Context
	beat func()
}

func (p pulse) Err() error {
	p.beat()
	return p.Context.Err()
}

// look sees which children move.
func (s *Search) look() {
	for _, t := range s.trials {
		r := t.run
		if r == nil {
			continue
		}
		if signs := r.signs.Load(); signs != r.seen || r.gate.closed.Load() != nil || r.waits.Load() != 0 {
			r.seen, r.still = signs, 0
			continue
		}
		switch r.still++; {
		case r.still == looksPerPatience && !r.stalled:
			r.stalled = true
			s.emit("warn", "trial_stalled", t.ID, map[string]any{"cell": t.Cell, "seconds": s.options.Patience.Seconds()})
			r.cancel(errStalled)
		case r.still > looksPerPatience:
			s.leaveBehind(t)
		}
	}
}

// leaveBehind ends a child that does not end when it is told to. What it still says is not heard.
func (s *Search) leaveBehind(t *trial) {
	s.release(t)
	t.State, t.FailKind, t.FailText = Failed, "timeout", fmt.Sprintf("no step for %v, and it did not end when it was told to: it is left behind, and may still use a core and its memory", s.options.Patience)
	t.Seconds = t.Finished.Sub(t.Started).Seconds()
	s.commitEnd(t, "", nil)
}

// part gives up the children that have not ended in time when the search ends: the run can be resumed, and they go on from their last checkpoint.
func (s *Search) part() {
	for _, t := range s.trials {
		if t.run != nil {
			s.emit("warn", "trial_left_behind", t.ID, map[string]any{"cell": t.Cell, "seconds": partingTime.Seconds()})
			s.release(t)
			t.State = Proposed
		}
	}
}

// release takes a trial from its worker.
func (s *Search) release(t *trial) {
	s.running--
	t.run.cancel(nil)
	t.run = nil
	t.Finished, t.Left, t.ImageRate = time.Now(), 0, 0
	s.dirty = true
}
