package cli

import (
	"context"
	"io"
	"sync"
	"time"
)

// printer writes lines in its own goroutine, so that a slow or suspended reader, such as a pager, does not delay a
// search. No line may be lost: once most bytes are waiting, print waits too.
type printer struct {
	w      io.Writer
	most   int         // bytes that may wait
	failed func(error) // called once, when writing fails

	mu      sync.Mutex
	changed sync.Cond // of waiting, size, closed
	waiting [][]byte
	size    int
	closed  bool
	broken  bool
	done    chan struct{}
}

const maxWaiting = 64 << 20

// leavingTime is how long a reader has for the last lines once the program was told to end.
const leavingTime = 2 * time.Second

func newPrinter(w io.Writer, failed func(error)) *printer {
	p := &printer{w: w, most: maxWaiting, failed: failed, done: make(chan struct{})}
	p.changed.L = &p.mu
	go p.write()
	return p
}

// print queues a line. Any goroutine may call it until close.
func (p *printer) print(line []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.size >= p.most && !p.broken {
		p.changed.Wait()
	}
	if !p.broken {
		p.waiting = append(p.waiting, line)
		p.size += len(line)
		p.changed.Broadcast()
	}
}

func (p *printer) write() {
	defer close(p.done)
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		for len(p.waiting) == 0 {
			if p.closed {
				return
			}
			p.changed.Wait()
		}
		lines := p.waiting
		p.waiting, p.size = nil, 0
		p.changed.Broadcast()
		p.mu.Unlock()
		var err error
		for _, l := range lines {
			if _, err = p.w.Write(l); err != nil {
				break
			}
		}
		p.mu.Lock()
		if err != nil {
			p.broken, p.waiting = true, nil
			p.changed.Broadcast()
			p.mu.Unlock()
			p.failed(err) // may block: its reader may be suspended too
			p.mu.Lock()
			return
		}
	}
}

// close waits until all lines are written, but at most leavingTime once ctx is done.
func (p *printer) close(ctx context.Context) {
	p.mu.Lock()
	p.closed = true
	p.changed.Broadcast()
	p.mu.Unlock()
	select {
	case <-p.done:
		return
	case <-ctx.Done():
	}
	select {
	case <-p.done:
	case <-time.After(leavingTime):
	}
}
