package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"nasnet/nas/search"
)

// family is the forks that a process runs beside the search it was started for. They have no screen of this process, but each has its socket, so that
// other terminals attach to it. The process ends when the last one does.
type family struct {
	app     *app
	ctx     context.Context // of the process: it ends all of them
	options search.Options  // what they share: evaluator, memory, event stream

	mu   sync.Mutex
	live []*search.Search
	errs []error
	over sync.WaitGroup
}

// newFamily lets a search start forks.
func newFamily(a *app, ctx context.Context, o *search.Options) *family {
	f := &family{app: a, ctx: ctx}
	o.StartFork = f.start
	f.options = *o
	f.options.StayOpen = false
	return f
}

// start opens the run in a folder and runs it until its end.
func (f *family) start(dir string) error {
	if f.ctx.Err() != nil {
		return context.Cause(f.ctx)
	}
	s, err := search.Open(dir, f.options)
	if err != nil {
		return err
	}
	server := f.app.serve(s)
	f.mu.Lock()
	f.live = append(f.live, s)
	f.mu.Unlock()
	f.over.Go(func() {
		err := s.Run(f.ctx)
		closeServer(server, s)
		err = errors.Join(err, s.Close())
		f.mu.Lock()
		defer f.mu.Unlock()
		for i, x := range f.live {
			if x == s {
				f.live = append(f.live[:i:i], f.live[i+1:]...)
				break
			}
		}
		name := filepath.Base(dir)
		switch {
		case err != nil:
			f.errs = append(f.errs, hinted{err, "when what failed is mended, go on with: " + f.app.store.resumeHint(name)})
		case f.ctx.Err() != nil:
			fmt.Fprintf(f.app.Err, "stopped; go on with: %s\n", f.app.store.resumeHint(name))
		}
	})
	return nil
}

// running returns the forks that have not ended.
func (f *family) running() []*search.Search {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]*search.Search(nil), f.live...)
}

// wait waits for the end of all and returns what went wrong.
func (f *family) wait() error {
	f.over.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	return errors.Join(f.errs...)
}
