package search

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"nasnet/checkpoints"
	"nasnet/nas"
)

// diskWait is how a search survives a full disk. The owner waits in the middle of the change that did not fit, children
// pause at their next batch or at the end of their epoch, and the screen shows what is stored and why nothing moves.
// The owner retries the change until there is space; then the search continues as if nothing had happened.
type diskWait struct {
	full   *checkpoints.FullError // nil while there is space
	again  bool                   // a person asked to retry at once
	end    bool                   // the search must end: without space, or once there is some
	waited time.Duration          // not yet reported in the log
}

// retryTime is how long the owner waits between two attempts.
const retryTime = 10 * time.Second

// stored makes a change to the store. It waits while the disk is full, unless the search must end.
func (o *owner) stored(change func() error) error {
	err := change()
	if o.disk.full != nil || !errors.As(err, &o.disk.full) {
		return err
	}
	began := time.Now()
	o.crew.setGates(true)
	o.announce(o.log.event(nas.DiskFull, -1, map[string]any{"need": o.disk.full.Need, "free": o.disk.full.Free,
		"error": err.Error()}))
	every := o.options.Retry
	if every == 0 {
		every = retryTime
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for last := o.disk.end; ; {
		o.publishWaiting()
		select {
		case <-ticker.C:
		case f := <-o.ports.inbox:
			if f(); !o.disk.again && !o.disk.end {
				continue
			}
			last, o.disk.again = o.disk.end, false
		case <-o.quit:
			last = true
		}
		if err = change(); !errors.As(err, &o.disk.full) || last {
			break
		}
	}
	o.disk = diskWait{waited: time.Since(began), end: o.disk.end && err == nil}
	if o.clock.active() {
		o.clock.since = o.clock.since.Add(o.disk.waited)
		o.crew.setGates(false)
	}
	o.screens.dirty = true
	return err
}

// publishWaiting shows the last snapshot again with the reason why nothing moves. What the owner is working on is not
// stored, so nobody may see it yet.
func (o *owner) publishWaiting() {
	v := *o.screens.latest.Load()
	v.Version++
	v.Time, v.State, v.ETA, v.ImageRate = time.Now(), nas.Paused, 0, 0
	v.Reason = nas.FullDisk(o.disk.full.Need, o.disk.full.Free, o.dir)
	v.Running = slices.Clone(v.Running)
	for i := range v.Running {
		v.Running[i].ImageRate, v.Running[i].Left = 0, 0
	}
	v.Events = slices.Clone(o.log.events)
	o.screens.show(&v)
}

// doWaiting answers a command while the disk is full.
func (o *owner) doWaiting(c nas.Command) (nas.Reply, error) {
	switch c.Do {
	case nas.Resume, nas.Toggle:
		o.disk.again = true
		return nas.Reply{Message: "trying to store again"}, nil
	case nas.Stop, nas.Drain:
		o.disk.end = true
		return nas.Reply{Message: "stopping; what could not be stored is trained again on resume"}, nil
	}
	return nas.Reply{}, fmt.Errorf("cannot store anything (disk full: %s needed, %s free in %s): free some space, "+
		"then resume or wait; or stop", nas.FormatBytes(o.disk.full.Need),
		nas.FormatBytes(o.disk.full.Free), o.dir)
}
