package nas

import (
	"fmt"
	"time"

	"nasnet/checkpoints"
)

// A stop can be undone as long as nothing was built upon it: no policy was made without the child, and no repeat of its cell was trained in its place. The
// child then goes on from its last checkpoint and ends as if it had not been stopped, and so does the search, to the bit. So that there is time to do it,
// updates and repeats wait for undoTime after a stop. Trials made by hand can be taken up again at any time, since nothing is built upon them.
const undoTime = 15 * time.Second

// hold makes all that would build upon the stop of a trial wait.
func (s *Search) hold(t *trial) {
	d := s.options.UndoTime
	if d == 0 {
		d = undoTime
	}
	t.halted = time.Now()
	time.AfterFunc(d, func() {
		select {
		case s.moved <- struct{}{}:
		default: // the loop is told already
		}
	})
}

// held says that a trial was stopped so lately that nothing may build upon it yet. A search that is to end does not wait.
func (s *Search) held(t *trial) bool {
	d := s.options.UndoTime
	if d == 0 {
		d = undoTime
	}
	return t.State == Stopped && !t.halted.IsZero() && time.Since(t.halted) < d && s.state != Draining
}

// undoStop takes a stopped child up again.
func (s *Search) undoStop(c Command) (Reply, error) {
	t := s.trials[c.Trial]
	if t == nil {
		return Reply{}, fmt.Errorf("there is no trial %s in this run", TrialLabel(c.Trial))
	}
	stopping := t.run != nil && t.run.stopped
	if t.State != Stopped && !stopping {
		return Reply{}, fmt.Errorf("trial %s is %s, not stopped", t.Label(), t.State)
	}
	when := ""
	if !stopping && s.running >= s.workers {
		when = " when a worker is free,"
	}
	r := Reply{Message: "child " + t.Label() + " goes on" + when + " as if it had not been stopped", Trial: t.ID}
	e := s.event("info", "user", t.ID, c.told(r.Message))
	if stopping {
		t.run.stopped = false
		s.commit(func(es []checkpoints.Event) error { return s.store.AddEvent(es...) }, e)
		return r, s.failure
	}
	if why := s.builtUpon(t); why != "" {
		return Reply{}, fmt.Errorf("trial %s cannot go on as if it had not been stopped: %s; its cell can be submitted or retrained", t.Label(), why)
	}
	if !s.commit(func(es []checkpoints.Event) error { return s.store.ReopenTrial(t.ID, es...) }, e) {
		return r, s.failure
	}
	s.goBack(t)
	s.repeatAgain(t)
	for i, id := range s.recent {
		if id == t.ID {
			s.recent = append(s.recent[:i:i], s.recent[i+1:]...)
			break
		}
	}
	return r, s.failure
}

// builtUpon says in words what stands on the stop of a trial; empty if nothing does.
func (s *Search) builtUpon(t *trial) string {
	if !t.Kind.proposal() {
		return ""
	}
	if t.Batch < s.version || t.Batch == s.version && s.updating {
		return fmt.Sprintf("policy %d was made without it", t.Batch+1)
	}
	for _, u := range s.repeatsAfter(t) {
		if u.attempt > 0 && u.State != Stopped {
			return fmt.Sprintf("child %s was trained in its place", u.Label())
		}
	}
	return ""
}

// repeatsAfter is the later proposals that would share the reward of a trial.
func (s *Search) repeatsAfter(t *trial) (us []*trial) {
	if s.config.Repeats != "cached" {
		return nil
	}
	for _, u := range s.samples[t.ID+1:] {
		if u.hash == t.hash && u.ID >= s.config.Inherited {
			us = append(us, u)
		}
	}
	return us
}

// repeatAgain makes the later proposals of the cell of a trial that was taken up again what they would be had it not been stopped.
func (s *Search) repeatAgain(t *trial) {
	if !t.Kind.proposal() || t.CachedOf >= 0 {
		return
	}
	us := s.repeatsAfter(t)
	for _, u := range us {
		u.CachedOf = t.ID
	}
	if len(us) > 0 {
		s.first[t.hash] = t.ID
	}
}

// goBack makes a trial wait for a worker with what its last checkpoint has.
func (s *Search) goBack(t *trial) {
	t.State, t.FailKind, t.FailText, t.halted, t.Finished, t.Seconds = Proposed, "", "", time.Time{}, time.Time{}, 0
	t.kept, t.Epoch, t.Curve = "", 0, nil
	if err := s.loadCheckpoint(t); err != nil {
		s.checkpointLost(t, err)
	}
	t.Progress = float64(t.Epoch) / float64(max(t.Epochs, 1))
	s.dirty, s.draws.ranking = true, false
}

// loadCheckpoint finds out what is stored of a half-trained child.
func (s *Search) loadCheckpoint(t *trial) error {
	row, err := s.store.Trial(t.ID)
	if err != nil || row.CheckpointSHA256 == "" {
		return err
	}
	es, err := s.store.Epochs(t.ID)
	if err != nil {
		return err
	}
	t.kept, t.Epoch = row.CheckpointSHA256, row.CheckpointEpoch
	for _, e := range es {
		if e.Attempt == row.Attempt && e.Epoch <= row.CheckpointEpoch {
			t.Curve = append(t.Curve, epochOf(e))
		}
	}
	return nil
}
