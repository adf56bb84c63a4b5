package nas

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"sync/atomic"
	"time"

	"nasnet/nas/child"
)

// Causes with which the owner ends children.
var (
	errStopped = errors.New("stopped by hand")
	errEnding  = errors.New("the search stops")
)

// run is one child in training. The owner makes it and alone changes its gate; the worker goroutine writes latest, signs and waits.
type run struct {
	cancel  context.CancelCauseFunc
	gate    gate
	latest  atomic.Pointer[child.Progress]
	stopped bool    // by a person: its end is not a failure
	from    float64 // progress it began with, 0 to 1

	signs   atomic.Int64 // of life, see look
	waits   atomic.Int64 // bytes of memory that it waits for
	seen    int64        // of the owner: signs at its last look
	still   int          // of the owner: looks since the last sign
	stalled bool         // of the owner: it was cancelled for that

	kept time.Time    // of the worker: when it last gave a state to keep, or began
	cost atomic.Int64 // nanoseconds that making and storing the last state took
}

// result is what a worker hands to the owner when a child ends.
type result struct {
	trial *trial
	run   *run
	out   Outcome
	err   error
}

// epochEnd is what a worker hands to the owner after each epoch.
type epochEnd struct {
	trial *trial
	run   *run
	epoch child.EpochResult
	state []byte // to be kept, nil if the last one is young
	err   error  // why there is no state although one was due
}

// gate stops whoever waits at it while it is closed. The owner closes and opens it; the worker waits.
type gate struct {
	closed atomic.Pointer[chan struct{}]

	// of the owner
	since time.Time     // when it was closed
	spent time.Duration // that it was closed before
}

func (g *gate) close() {
	if g.closed.Load() == nil {
		c := make(chan struct{})
		g.closed.Store(&c)
		g.since = time.Now()
	}
}

// shut returns how long the gate has been closed until now, all times together. It is for the owner.
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

// train runs in a goroutine of its own for each child. It always ends with one result, which nobody takes if the search has ended without the child.
func (s *Search) train(ctx context.Context, t *trial, r *run, j Job) {
	out, err := s.evaluate(ctx, t, r, j)
	select {
	case s.results <- result{t, r, out, err}:
	case <-s.closed:
	}
}

func (s *Search) evaluate(ctx context.Context, t *trial, r *run, j Job) (out Outcome, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &child.PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	if err := r.gate.wait(ctx); err != nil {
		return out, err
	}
	if out, ok := s.trainedBefore(ctx, t, r, j); ok {
		return out, nil
	}
	beat := func() { r.signs.Add(1) }
	release, err := s.reserve(pulse{ctx, beat}, t, r, j)
	if err != nil {
		return out, err
	}
	defer release()
	r.kept = time.Now()
	made := 0
	return s.options.Evaluator.Evaluate(pulse{ctx, beat}, j, func(p Step) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if p.Steps > 0 && p.Step > p.Steps {
			return fmt.Errorf("step %d of %d: %w", p.Step, p.Steps, errBudget)
		}
		if p.Step > made {
			made = p.Step
			beat()
		}
		latest := p.Progress
		r.latest.Store(&latest)
		if e := p.EpochEnd; e != nil {
			if x := e.TrainLoss + e.ValLoss; math.IsNaN(x) || math.IsInf(x, 0) {
				return fmt.Errorf("epoch %d: training loss %v, validation loss %v: %w", e.Epoch, e.TrainLoss, e.ValLoss, child.ErrDiverged)
			}
			end := epochEnd{trial: t, run: r, epoch: *e}
			if s.keepNow(r, p) {
				began := time.Now()
				end.state, end.err = p.State()
				r.kept = time.Now()
				r.cost.Store(int64(r.kept.Sub(began)))
			}
			select {
			case s.epochs <- end:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		select {
		case s.moved <- struct{}{}:
		default:
		}
		return r.gate.wait(ctx)
	})
}

// checkpointEvery is the least time between two checkpoints of a child: what a kill costs at most, beside the epoch under way.
const checkpointEvery = 5 * time.Second

// keepNow says whether the state of a child after an epoch is worth keeping: not at its end, not soon after the last one, and never so often that keeping
// takes more than a hundredth of the time.
func (s *Search) keepNow(r *run, p Step) bool {
	if p.State == nil || p.EpochEnd.Epoch >= p.Epochs {
		return false
	}
	least := s.options.Checkpoint
	if least == 0 {
		least = max(checkpointEvery, 100*time.Duration(r.cost.Load()))
	}
	return time.Since(r.kept) >= least
}

// failKind sorts the reasons for which a trial fails.
func failKind(err error) string {
	var p *child.PanicError
	var m *MemoryError
	switch {
	case errors.Is(err, child.ErrDiverged):
		return "diverged"
	case errors.As(err, &p):
		return "panic"
	case errors.As(err, &m):
		return "memory"
	case errors.Is(err, errBudget):
		return "budget"
	}
	return "error"
}
