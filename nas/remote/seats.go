package remote

import (
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"nasnet/nas"
)

// seats are the screens that show a run; one of them may have control. Any goroutine may call its methods.
type seats struct {
	mu    sync.Mutex
	taken map[*seat]bool
	has   *seat     // the seat that has control, or nil
	since time.Time // when it got control
	moved chan struct{}
	log   func(kind nas.EventKind, message string) // writes into the run's log
}

// seat is one screen.
type seat struct {
	of   *seats
	name string // a secret of the seat and the server
	who  nas.Holder

	// guarded by seats.mu
	readOnly bool
	pokes    map[chan struct{}]bool // each of size 1: there is something new to see
}

func newSeats(log func(kind nas.EventKind, message string)) *seats {
	return &seats{taken: map[*seat]bool{}, moved: make(chan struct{}, 1), log: log}
}

// sit takes a new seat, which gets control if it wants to steer and nobody else does, or if it takes it. does says in
// words what the seat may do.
func (s *seats) sit(who nas.Holder, w Want) (t *seat, does string) {
	t = &seat{of: s, name: rand.Text(), who: who, readOnly: w == Watch, pokes: map[chan struct{}]bool{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken[t] = true
	does = "watches"
	if w == Take || w == Steer && s.has == nil {
		does = "has control" + s.hand(t)
	}
	s.changed()
	return t, does
}

// hand gives control to a seat, and says who had it before. The caller holds mu.
func (s *seats) hand(t *seat) (from string) {
	if s.has != nil {
		from = ", taken from " + describe(s.has.who)
	}
	s.has, s.since = t, time.Now()
	return from
}

// leave gives up the seat, and control if it has it.
func (t *seat) leave() {
	s := t.of
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[t] {
		s.log(nas.ScreenLeft, "the screen of "+describe(t.who)+" has left")
	}
	delete(s.taken, t)
	if s.has == t {
		s.has = nil
	}
	s.changed()
}

// take gives control to the seat.
func (t *seat) take() {
	s := t.of
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.readOnly = false; s.has != t && s.taken[t] {
		s.log(nas.ControlTaken, "the screen of "+describe(t.who)+" has control"+s.hand(t))
	}
	s.changed()
}

// permit refuses a command of the seat if it may not steer. If nobody has control, a seat that is not read-only gets
// it.
func (t *seat) permit() error {
	s := t.of
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.has == t:
		return nil
	case t.readOnly:
		return fmt.Errorf("%w: it only watches", ErrControl)
	case s.has == nil && s.taken[t]:
		s.log(nas.ControlTaken, "the screen of "+describe(t.who)+" has control"+s.hand(t))
		s.changed()
		return nil
	case s.has == nil:
		return fmt.Errorf("%w: it has detached", ErrControl)
	}
	return fmt.Errorf("%w: %s has had it since %s", ErrControl, describe(s.has.who), s.since.Format("15:04:05"))
}

// describe names a screen for a person.
func describe(h nas.Holder) string {
	if h.TTY == "" {
		return fmt.Sprintf("process %d", h.PID)
	}
	return fmt.Sprintf("process %d on %s", h.PID, h.TTY)
}

// control says who steers, as the seat sees it; a nil seat stands for somebody without one.
func (s *seats) control(t *seat) nas.Control {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := nas.Control{Viewers: len(s.taken)}
	if s.has != nil {
		c.Viewers--
		c.Holder = s.has.who
		c.Holder.Since = s.since.Round(0)
	}
	if t != nil {
		c.Mine, c.ReadOnly = s.has == t, t.readOnly
	}
	return c
}

// find returns the seat with the given name, or nil.
func (s *seats) find(name string) *seat {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.taken {
		if t.name == name {
			return t
		}
	}
	return nil
}

// subscribe does what [nas.Engine] says, for the seat.
func (t *seat) subscribe() (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	s := t.of
	s.mu.Lock()
	defer s.mu.Unlock()
	t.pokes[c] = true
	return c, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(t.pokes, c)
	}
}

// poke wakes all seats: there is something new to see.
func (s *seats) poke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wake()
}

// changed wakes all seats and whoever waits for moved, after seats or control have changed. The caller holds mu.
func (s *seats) changed() {
	s.wake()
	select {
	case s.moved <- struct{}{}:
	default:
	}
}

// wake pokes all seats. The caller holds mu.
func (s *seats) wake() {
	for t := range s.taken {
		for c := range t.pokes {
			select {
			case c <- struct{}{}:
			default:
			}
		}
	}
}
