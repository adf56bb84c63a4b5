package search

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"time"

	"nasnet/nas"
	"nasnet/nas/child"
)

// Why the owner cancels a child.
var (
	errStopped = errors.New("stopped by hand")
	errEnding  = errors.New("the search is stopping")
	errStalled = errors.New("no step for too long")
)

// errBudget is the error of a child that takes more steps than its training has.
var errBudget = errors.New("more steps than the training has")

// result is what a worker hands to the owner when a child ends.
type result struct {
	*training
	out    nas.Outcome
	shared string // name of the run that trained the same job; empty if the child was trained here
	err    error
}

// epochEnd is what a worker hands to the owner after each epoch.
type epochEnd struct {
	*training
	epoch child.EpochResult
	state []byte // checkpoint to store; nil if the last one is recent
	err   error  // why there is no checkpoint although one was due
}

// worker is what the goroutines of the children need from the search. It does not change.
type worker struct {
	ports      ports
	evaluator  nas.Evaluator
	checkpoint time.Duration // least time between two checkpoints of a child; 0 = as keepNow chooses
	ancestors  *ancestors
	waiting    func(context.Context, *nas.Trial, nas.Shortage) // reports that a child is waiting for memory
}

// train trains a child in its own goroutine. It always delivers one result, unless the search has ended without the
// child.
func (w worker) train(ctx context.Context, r *training, j nas.Job) {
	end := w.evaluate(ctx, r, j)
	select {
	case w.ports.results <- end:
	case <-w.ports.closed:
	}
}

func (w worker) evaluate(ctx context.Context, r *training, j nas.Job) (end result) {
	end.training = r
	defer func() {
		if p := recover(); p != nil {
			end.err = &child.PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	if end.err = r.gate.wait(ctx); end.err != nil {
		return end
	}
	if out, run, ok := w.trainedBefore(ctx, r, j); ok {
		end.out, end.shared = out, run
		return end
	}
	beat := func() { r.signs.Add(1) }
	if e, ok := w.evaluator.(nas.Reserver); ok {
		var release func()
		release, end.err = e.Reserve(nas.WithBeat(ctx, beat), j, func(s nas.Shortage) {
			r.waits.Store(s.Wanted)
			w.waiting(ctx, r.trial, s)
		})
		r.waits.Store(0)
		if end.err != nil {
			return end
		}
		defer release()
	}
	r.kept = time.Now()
	made := 0
	end.out, end.err = w.evaluator.Evaluate(nas.WithBeat(ctx, beat), j, func(p nas.Step) error {
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
		if p.EpochEnd != nil {
			if err := w.epoch(ctx, r, p); err != nil {
				return err
			}
		}
		w.ports.wake()
		return r.gate.wait(ctx)
	})
	return end
}

// epoch hands the end of an epoch to the owner, with a checkpoint if one is due.
func (w worker) epoch(ctx context.Context, r *training, p nas.Step) error {
	e := p.EpochEnd
	if x := e.TrainLoss + e.ValLoss; math.IsNaN(x) || math.IsInf(x, 0) {
		return fmt.Errorf("epoch %d: training loss %v, validation loss %v: %w", e.Epoch, e.TrainLoss, e.ValLoss,
			child.ErrDiverged)
	}
	end := epochEnd{training: r, epoch: *e}
	if w.keepNow(r, p) {
		began := time.Now()
		end.state, end.err = p.State()
		r.kept = time.Now()
		r.cost.Store(int64(r.kept.Sub(began)))
	}
	select {
	case w.ports.epochs <- end:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// checkpointEvery is the least time between two checkpoints of a child: the most that a kill costs, besides the epoch
// in progress.
const checkpointEvery = 5 * time.Second

// keepNow reports whether to take a checkpoint after an epoch: not at the end of the training, not soon after the last
// checkpoint, and never so often that checkpoints take more than 1 % of the time.
func (w worker) keepNow(r *training, p nas.Step) bool {
	if p.State == nil || p.EpochEnd.Epoch >= p.Epochs {
		return false
	}
	least := w.checkpoint
	if least == 0 {
		least = max(checkpointEvery, 100*time.Duration(r.cost.Load()))
	}
	return time.Since(r.kept) >= least
}

// failKind classifies the reason why a trial failed.
func failKind(err error) string {
	var p *child.PanicError
	var m *nas.MemoryError
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
