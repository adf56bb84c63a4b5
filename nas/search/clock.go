package search

import (
	"time"

	"nasnet/nas"
)

// journal keeps the latest events of a run.
type journal struct {
	run    string // its name
	events []nas.Event
}

func (j *journal) event(kind nas.EventKind, trial int, data map[string]any) nas.Event {
	return nas.NewEvent(time.Now(), j.run, kind, trial, data)
}

func (j *journal) add(e nas.Event) {
	j.events = append(j.events, e)
	if n := len(j.events) - nas.MaxEvents; n > 0 {
		j.events = append([]nas.Event(nil), j.events[n:]...)
	}
}

// clock is the state of a run and its running time.
type clock struct {
	state  nas.State
	reason string
	ran    time.Duration // before since
	since  time.Time     // when the state last changed
}

func (c *clock) enter(to nas.State, reason string) {
	c.ran, c.since = c.elapsed(), time.Now()
	c.state, c.reason = to, reason
}

// active reports whether children may train.
func (c *clock) active() bool { return c.state == nas.Running || c.state == nas.Draining }

func (c *clock) elapsed() time.Duration {
	if c.active() {
		return c.ran + time.Since(c.since)
	}
	return c.ran
}
