package remote

import (
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"nasnet/nas"
)

// seats are the screens that show a run, and which of them has the control. Its methods may be called from any goroutine.
type seats struct {
	mu    sync.Mutex
	taken map[*seat]bool
	has   *seat     // the seat with the control, or nil
	since time.Time // when it got it
	moved chan struct{}
	told  func(kind nas.EventKind, message string) // is given what the run's log should know
}

// seat is one screen.
type seat struct {
	of   *seats
	name string // nobody else knows it
	who  nas.Holder

	// guarded by seats.mu
	readOnly bool
	pokes    map[chan struct{}]bool // of size 1 each: there is something new to see
}

func newSeats(told func(kind nas.EventKind, message string)) *seats {
	return &seats{taken: map[*seat]bool{}, moved: make(chan struct{}, 1), told: told}
}

// sit takes a new seat. A seat that wants to steer gets the control if nobody has it, one that takes gets it in any case. It also returns in words what
// the seat came to.
func (s *seats) sit(who nas.Holder, w Want) (t *seat, does string) {
	t = &seat{of: s, name: rand.Text(), who: who, readOnly: w == Watch, pokes: map[chan struct{}]bool{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken[t] = true
	does = "looks on"
	if w == Take || w == Steer && s.has == nil {
		does = "has the control" + s.hand(t)
	}
	s.changed()
	return t, does
}

// hand gives a seat the control and returns from whom it came, in words. The caller holds mu.
func (s *seats) hand(t *seat) (from string) {
	if s.has != nil {
		from = ", taken from " + describe(s.has.who)
	}
	s.has, s.since = t, time.Now()
	return from
}

// leave gives the seat up, and the control with it.
func (t *seat) leave() {
	s := t.of
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[t] {
		s.told(nas.ScreenLeft, "the screen of "+describe(t.who)+" has left")
	}
	delete(s.taken, t)
	if s.has == t {
		s.has = nil
	}
	s.changed()
}

// take gives the seat the control.
func (t *seat) take() {
	s := t.of
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.readOnly = false; s.has != t && s.taken[t] {
		s.told(nas.ControlTaken, "the screen of "+describe(t.who)+" has the control"+s.hand(t))
	}
	s.changed()
}

// permit says whether a command of the seat may be carried out. A seat that does not only look gets the control if nobody has it.
func (t *seat) permit() error {
	s := t.of
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.has == t:
		return nil
	case t.readOnly:
		return fmt.Errorf("%w: it only looks on", ErrControl)
	case s.has == nil && s.taken[t]:
		s.told(nas.ControlTaken, "the screen of "+describe(t.who)+" has the control"+s.hand(t))
		s.changed()
		return nil
	case s.has == nil:
		return fmt.Errorf("%w: it was left", ErrControl)
	}
	return fmt.Errorf("%w: %s has it since %s", ErrControl, describe(s.has.who), s.since.Format("15:04:05"))
}

// describe names a screen for a person.
func describe(h nas.Holder) string {
	if h.TTY == "" {
		return fmt.Sprintf("process %d", h.PID)
	}
	return fmt.Sprintf("process %d on %s", h.PID, h.TTY)
}

// control is what the seat sees; of a nil seat, what somebody without a seat sees.
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

// find returns the seat of a name, nil if there is none.
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

// subscribe is that of nas.Engine for the seat.
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

// poke tells all seats that there is something new.
func (s *seats) poke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tell()
}

// changed tells all seats, and whoever waits for moved, that seats or control are not what they were.
func (s *seats) changed() {
	s.tell()
	select {
	case s.moved <- struct{}{}:
	default:
	}
}

func (s *seats) tell() {
	for t := range s.taken {
		for c := range t.pokes {
			select {
			case c <- struct{}{}:
			default:
			}
		}
	}
}
