package nas

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"nasnet/checkpoints"
)

// A full disk ends nothing. The owner waits in the middle of the change that did not fit, children wait at their next batch or the end of their epoch, the
// screen shows what is stored and why nothing moves, and the change is made again until there is room. Then all goes on as if nothing had happened.
type room struct {
	wanted *checkpoints.FullError // while there is none
	again  bool                   // somebody has asked to try at once
	end    bool                   // the search is to end: without room, or as soon as there is some
	waited time.Duration          // to be told of in the log
}

// retryTime is how long the owner waits before it tries again.
const retryTime = 10 * time.Second

// stored makes a change of the store. It waits as long as the disk is full, unless the search is to end.
func (s *Search) stored(change func() error) error {
	err := change()
	if s.room.wanted != nil || !errors.As(err, &s.room.wanted) {
		return err
	}
	began := time.Now()
	s.setGates(true)
	s.announce(s.event("error", "disk_full", -1, map[string]any{"need": s.room.wanted.Need, "free": s.room.wanted.Free, "error": err.Error()}))
	every := s.options.Retry
	if every == 0 {
		every = retryTime
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for last := s.room.end; ; {
		s.publishWaiting()
		select {
		case <-ticker.C:
		case f := <-s.inbox:
			if f(); !s.room.again && !s.room.end {
				continue
			}
			last, s.room.again = s.room.end, false
		case <-s.quit:
			last = true
		}
		if err = change(); !errors.As(err, &s.room.wanted) || last {
			break
		}
	}
	s.room = room{waited: time.Since(began), end: s.room.end && err == nil}
	if s.state == Running || s.state == Draining {
		s.since = s.since.Add(s.room.waited)
		s.setGates(false)
	}
	s.dirty = true
	return err
}

// publishWaiting shows the last snapshot with the reason for which it stays: what the owner has in hand is not stored, so nobody may see it.
func (s *Search) publishWaiting() {
	v := *s.snapshot.Load()
	v.Version++
	v.Time, v.State, v.ETA, v.ImageRate = time.Now(), Paused, 0, 0
	v.Reason = fmt.Sprintf(fullReason+": %s needed, %s free in %s", FormatBytes(s.room.wanted.Need), FormatBytes(s.room.wanted.Free), s.dir)
	v.Running = slices.Clone(v.Running)
	for i := range v.Running {
		v.Running[i].ImageRate, v.Running[i].Left = 0, 0
	}
	v.Events = slices.Clone(s.events)
	s.show(&v)
}

const fullReason = "disk full"

// WaitsForRoom says that the search stands still because the disk is full.
func (v *Snapshot) WaitsForRoom() bool {
	return v.State == Paused && strings.HasPrefix(v.Reason, fullReason)
}

// doWaiting answers a command while there is no room.
func (s *Search) doWaiting(c Command) (Reply, error) {
	switch c.Do {
	case Resume, Toggle:
		s.room.again = true
		return Reply{Message: "tries to store again"}, nil
	case Stop, Drain:
		s.room.end = true
		return Reply{Message: "stopping; what could not be stored is trained again at resume"}, nil
	}
	return Reply{}, fmt.Errorf("nothing can be stored (disk full: %s needed, %s free in %s): make room, then resume or wait; or stop", FormatBytes(s.room.wanted.Need),
		FormatBytes(s.room.wanted.Free), s.dir)
}
