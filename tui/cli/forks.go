package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"nasnet/nas/search"
)

// forkRunner runs forks beside the search that this process was started for. They have no screen here, but each has a
// socket, so other terminals can attach. The process ends after the last fork.
type forkRunner struct {
	app     *app
	ctx     context.Context // of the process; cancelling it stops all forks
	options search.Options  // of all forks: evaluator, memory, event stream

	mu   sync.Mutex
	live []*search.Search
	errs []error
	all  sync.WaitGroup
}

// newForkRunner changes o so that searches opened with it start their forks in this process.
func newForkRunner(a *app, ctx context.Context, o *search.Options) *forkRunner {
	r := &forkRunner{app: a, ctx: ctx}
	o.StartFork = r.start
	r.options = *o
	r.options.StayOpen = false
	return r
}

// start opens the run in dir and runs it until its end.
func (r *forkRunner) start(dir string) error {
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	s, err := search.Open(dir, r.options)
	if err != nil {
		return err
	}
	server := r.app.serve(s)
	r.mu.Lock()
	r.live = append(r.live, s)
	r.mu.Unlock()
	r.all.Go(func() {
		err := s.Run(r.ctx)
		r.app.closeServer(server, s)
		err = errors.Join(err, s.Close())
		r.mu.Lock()
		defer r.mu.Unlock()
		r.live = slices.DeleteFunc(r.live, func(x *search.Search) bool { return x == s })
		resume := r.app.store.command("resume", dir)
		switch {
		case err != nil:
			r.errs = append(r.errs, hinted{err, "to resume after fixing this: " + resume})
		case r.ctx.Err() != nil:
			fmt.Fprintf(r.app.Err, "stopped %s\nto resume: %s\n", s.Config().Name, resume)
		}
	})
	return nil
}

// running returns the forks that still run.
func (r *forkRunner) running() []*search.Search {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.live)
}

// wait waits until all forks have ended and returns their errors.
func (r *forkRunner) wait() error {
	r.all.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.errs...)
}
