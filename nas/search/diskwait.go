package search

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"nasnet/checkpoints"
	"nasnet/nas"
)

// A full disk ends nothing. The owner waits in the middle of the change that did not fit, children wait at their next batch or the end of their epoch, the
// screen shows what is stored and why nothing moves, and the change is made again until there is room. Then all goes on as if nothing had happened.
type diskWait struct {
	full   *checkpoints.FullError // while there is none
	again  bool                   // somebody has asked to try at once
	end    bool                   // the search is to end: without room, or as soon as there is some
	waited time.Duration          // to be told of in the log
}

// retryTime is how long the owner waits before it tries again.
const retryTime = 10 * time.Second

// stored makes a change of the store. It waits as long as the disk is full, unless the search is to end.
func (s *Search) stored(change func() error) error {
	err := change()
	if s.disk.full != nil || !errors.As(err, &s.disk.full) {
		return err
	}
	began := time.Now()
	s.crew.setGates(true)
	s.announce(s.log.event("error", "disk_full", -1, map[string]any{"need": s.disk.full.Need, "free": s.disk.full.Free, "error": err.Error()}))
	every := s.options.Retry
	if every == 0 {
		every = retryTime
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for last := s.disk.end; ; {
		s.publishWaiting()
		select {
		case <-ticker.C:
		case f := <-s.ports.inbox:
			if f(); !s.disk.again && !s.disk.end {
				continue
			}
			last, s.disk.again = s.disk.end, false
		case <-s.quit:
			last = true
		}
		if err = change(); !errors.As(err, &s.disk.full) || last {
			break
		}
	}
	s.disk = diskWait{waited: time.Since(began), end: s.disk.end && err == nil}
	if s.clock.active() {
		s.clock.since = s.clock.since.Add(s.disk.waited)
		s.crew.setGates(false)
	}
	s.screens.dirty = true
	return err
}

// publishWaiting shows the last snapshot with the reason for which it stays: what the owner has in hand is not stored, so nobody may see it.
func (s *Search) publishWaiting() {
	v := *s.screens.latest.Load()
	v.Version++
	v.Time, v.State, v.ETA, v.ImageRate = time.Now(), nas.Paused, 0, 0
	v.Reason = nas.FullDisk(s.disk.full.Need, s.disk.full.Free, s.dir)
	v.Running = slices.Clone(v.Running)
	for i := range v.Running {
		v.Running[i].ImageRate, v.Running[i].Left = 0, 0
	}
	v.Events = slices.Clone(s.log.events)
	s.screens.show(&v)
}

// doWaiting answers a command while there is no room.
func (s *Search) doWaiting(c nas.Command) (nas.Reply, error) {
	switch c.Do {
	case nas.Resume, nas.Toggle:
		s.disk.again = true
		return nas.Reply{Message: "tries to store again"}, nil
	case nas.Stop, nas.Drain:
		s.disk.end = true
		return nas.Reply{Message: "stopping; what could not be stored is trained again at resume"}, nil
	}
	return nas.Reply{}, fmt.Errorf("nothing can be stored (disk full: %s needed, %s free in %s): make room, then resume or wait; or stop", nas.FormatBytes(s.disk.full.Need),
		nas.FormatBytes(s.disk.full.Free), s.dir)
}
