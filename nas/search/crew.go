package search

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"nasnet/nas"
	"nasnet/nas/child"
)

// crew holds the children in training.
type crew struct {
	workers  int // children at a time
	training map[int]*training
}

// training is one child in training. The owner creates it, and only the owner changes its gate; the worker goroutine
// writes latest, signs and waits.
type training struct {
	trial  *nas.Trial
	cancel context.CancelCauseFunc
	gate   gate
	latest atomic.Pointer[child.Progress]
	signs  atomic.Int64 // of life, see stall.go
	waits  atomic.Int64 // bytes of memory it is waiting for

	// only the owner uses these
	stopped bool    // by a person, so its end is not a failure
	from    float64 // progress at the start, 0 to 1
	seen    int64   // signs at the last look
	still   int     // looks since the last sign
	stalled bool    // cancelled because it gave no sign

	kept time.Time    // only the worker uses this: when it last handed over a checkpoint, or started
	cost atomic.Int64 // nanoseconds it took to make and store the last checkpoint
}

// gate pauses a worker while it is closed. The owner closes and opens it.
type gate struct {
	closed atomic.Pointer[chan struct{}]

	// only the owner uses these
	since time.Time     // when it was closed
	spent time.Duration // how long it was closed before that
}

func (g *gate) close() {
	if g.closed.Load() == nil {
		c := make(chan struct{})
		g.closed.Store(&c)
		g.since = time.Now()
	}
}

// shut returns how long the gate has been closed in total. Only the owner may call it.
func (g *gate) shut(now time.Time) time.Duration {
	if g.closed.Load() == nil {
		return g.spent
	}
	return g.spent + now.Sub(g.since)
}

func (g *gate) open() {
	if c := g.closed.Swap(nil); c != nil {
		close(*c)
		g.spent += time.Since(g.since)
	}
}

func (g *gate) wait(ctx context.Context) error {
	for c := g.closed.Load(); c != nil; c = g.closed.Load() {
		select {
		case <-*c:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// count says how many children are in training.
func (c *crew) count() string { return nas.FormatCount(len(c.training), "child", "children") }

// setGates pauses every child, or resumes those that were not paused individually.
func (c *crew) setGates(closed bool) {
	for _, r := range c.training {
		switch {
		case closed:
			r.gate.close()
		case r.trial.State != nas.Paused:
			r.gate.open()
		}
	}
}

// freeAll resumes every child, including those paused individually.
func (c *crew) freeAll() {
	for _, r := range c.training {
		r.trial.State = nas.Running
		r.gate.open()
	}
}

// release frees the child's worker.
func (c *crew) release(r *training) {
	delete(c.training, r.trial.ID)
	r.cancel(nil)
	r.trial.Finished, r.trial.Left, r.trial.ImageRate = time.Now(), 0, 0
}

// views returns the children in training with their latest reports, by start time. paused says that the whole search is
// paused.
func (c *crew) views(now time.Time, paused bool) (vs []nas.TrialView) {
	for _, r := range c.training {
		vs = append(vs, r.view(now, paused))
	}
	slices.SortFunc(vs, func(a, b nas.TrialView) int {
		return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.ID, b.ID))
	})
	return vs
}

func (r *training) view(now time.Time, paused bool) nas.TrialView {
	v := r.trial.TrialView
	v.Waits = r.waits.Load()
	if p := r.latest.Load(); p != nil {
		v.Epoch, v.Epochs, v.Loss, v.LR, v.Keep, v.ImageRate = p.Epoch, p.Epochs, p.Loss, p.LR, p.Keep, p.ImagesPerSec
		if math.IsNaN(v.Loss) || math.IsInf(v.Loss, 0) {
			v.Loss = 0
		}
		v.Params, v.MAdds = p.Cost.Params, p.Cost.MAdds
		if p.Steps > 0 {
			v.Progress = float64(p.Step) / float64(p.Steps)
		}
		if done := v.Progress - r.from; done > 0.02 && v.State == nas.Running {
			took := now.Sub(v.Started) - r.gate.shut(now)
			v.Left = time.Duration(float64(took) * (1 - v.Progress) / done).Round(time.Second)
		}
	}
	if v.State == nas.Paused || paused {
		v.ImageRate = 0
	}
	return v
}
