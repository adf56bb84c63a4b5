package search

import (
	"fmt"
	"time"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/record"
)

// A stop can be undone as long as nothing depends on it: no policy was made without the child, and no repeat of its
// cell was trained in its place. The child then continues from its last checkpoint, and child and search end bit for
// bit as if it had never been stopped. To leave time for an undo, updates and repeats wait for undoTime after a stop.
// The stop of a trial made by hand can be undone at any time, because nothing depends on it.
const undoTime = 15 * time.Second

// stops holds the trials stopped in this sitting.
type stops struct {
	wait time.Duration     // how long nothing may depend on a stop
	at   map[int]time.Time // by trial
}

// held reports whether a trial was stopped so recently that nothing may depend on it yet.
func (s stops) held(t *nas.Trial) bool {
	at, here := s.at[t.ID]
	return t.State == nas.Stopped && here && time.Since(at) < s.wait
}

// hold delays updates and repeats that depend on a stopped trial, so that the stop can be undone.
func (o *owner) hold(t *nas.Trial) {
	o.stops.at[t.ID] = time.Now()
	time.AfterFunc(o.stops.wait, o.ports.wake)
}

// held reports whether nothing may depend on the stop of a trial yet. A draining search does not wait.
func (o *owner) held(t *nas.Trial) bool { return o.clock.state != nas.Draining && o.stops.held(t) }

// undoStop lets a stopped child continue.
func (o *owner) undoStop(c nas.Command) (nas.Reply, error) {
	t := o.ledger.Trial(c.Trial)
	if t == nil {
		return nas.Reply{}, noTrial(c.Trial)
	}
	r := o.crew.training[t.ID]
	stopping := r != nil && r.stopped
	if t.State != nas.Stopped && !stopping {
		return nas.Reply{}, fmt.Errorf("trial %s is %s, not stopped", t.Label(), t.State.Word())
	}
	when := ""
	if !stopping && len(o.crew.training) >= o.crew.workers {
		when = " once a worker is free,"
	}
	reply := nas.Reply{Message: "child " + t.Label() + " continues" + when +
		" as if it had never been stopped", Trial: t.ID}
	e := o.log.event(nas.UserCommand, t.ID, told(c, reply.Message))
	if stopping {
		r.stopped = false
		o.commit(func(es []checkpoints.Event) error { return o.run.AddEvent(es...) }, e)
		return reply, o.failure
	}
	if why := o.ledger.BuiltUpon(t, o.policy.updating); why != "" {
		return nas.Reply{}, fmt.Errorf("the stop of trial %s cannot be undone: %s; submit or retrain its cell instead",
			t.Label(), why)
	}
	if !o.commit(func(es []checkpoints.Event) error { return o.run.ReopenTrial(t.ID, es...) }, e) {
		return reply, o.failure
	}
	o.goBack(t)
	o.ledger.Reopen(t)
	return reply, o.failure
}

// goBack queues a trial again, at its last checkpoint.
func (o *owner) goBack(t *nas.Trial) {
	delete(o.stops.at, t.ID)
	t.State, t.FailKind, t.FailText, t.Finished, t.Seconds = nas.Proposed, "", "", time.Time{}, 0
	t.Kept, t.Epoch, t.Curve = "", 0, nil
	if err := loadCheckpoint(o.run, t); err != nil {
		o.checkpointLost(t, err)
	}
	t.Progress = float64(t.Epoch) / float64(max(t.Epochs, 1))
	o.screens.dirty, o.screens.results = true, false
}

// loadCheckpoint gives a half-trained child its stored checkpoint and curve.
func loadCheckpoint(run *record.Run, t *nas.Trial) error {
	row, err := run.Trial(t.ID)
	if err != nil || row.CheckpointSHA256 == "" {
		return err
	}
	es, err := run.Epochs(t.ID)
	if err != nil {
		return err
	}
	t.Kept, t.Epoch = row.CheckpointSHA256, row.CheckpointEpoch
	for _, e := range es {
		if e.Attempt == row.Attempt && e.Epoch <= row.CheckpointEpoch {
			t.Curve = append(t.Curve, record.EpochOf(e))
		}
	}
	return nil
}
