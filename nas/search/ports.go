package search

import (
	"context"

	"nasnet/nas"
)

// ports are the channels through which other goroutines reach the owner.
type ports struct {
	inbox   chan func()    // commands
	results chan result    // ends of children
	epochs  chan epochEnd  // ends of their epochs
	updates chan updateEnd // ends of policy updates
	moved   chan struct{}  // of size 1: something that a screen shows has changed
	closed  chan struct{}  // closed when Run has returned
}

func newPorts() ports {
	return ports{make(chan func()), make(chan result), make(chan epochEnd), make(chan updateEnd),
		make(chan struct{}, 1), make(chan struct{})}
}

// ask runs f in the owner's goroutine and waits until it returns.
func (p ports) ask(ctx context.Context, f func()) error {
	done := make(chan struct{})
	select {
	case p.inbox <- func() { defer close(done); f() }:
	case <-p.closed:
		return nas.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	<-done
	return nil
}

// tell makes the owner run f, without waiting until it returns.
func (p ports) tell(ctx context.Context, f func()) {
	select {
	case p.inbox <- f:
	case <-ctx.Done():
	}
}

// wake makes the loop check again what can be done and shown.
func (p ports) wake() {
	select {
	case p.moved <- struct{}{}:
	default: // a wake-up is pending already
	}
}
