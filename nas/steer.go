package nas

import (
	"fmt"
	"strings"
	"unicode"

	"nasnet/checkpoints"
	"nasnet/nas/child"
	"nasnet/nas/controller"
)

// do carries out a command in the owner's goroutine. When its answer comes, the newest snapshot shows what it did.
func (s *Search) do(c Command) (Reply, error) {
	if s.room.wanted != nil {
		return s.doWaiting(c)
	}
	r, err := s.steer(c)
	if err == nil && !c.stored() {
		s.emit("info", "user", c.eventTrial(r), c.told(r.Message))
	}
	if err == nil {
		err = s.failure
	}
	if s.dirty {
		s.publish()
	}
	return r, err
}

// stored says that the command's own commit has its event.
func (c Command) stored() bool {
	return c.Do == Submit || c.Do == Retrain || c.Do == Star || c.Do == Note || c.Do == UndoStop
}

// told is what the event of a command says.
func (c Command) told(message string) map[string]any {
	d := map[string]any{"do": string(c.Do), "message": message}
	if c.From != "" {
		d["from"] = c.From
	}
	return d
}

func (c Command) eventTrial(r Reply) int {
	switch c.Do {
	case PauseTrial, ResumeTrial, ToggleTrial, StopTrial:
		return c.Trial
	}
	return -1
}

func (s *Search) steer(c Command) (Reply, error) {
	switch c.Do {
	case Pause:
		if s.state != Running {
			return Reply{}, fmt.Errorf("the search is %s; only a running one can be paused", s.state)
		}
		s.setGates(true)
		s.start(Paused, "")
		return Reply{Message: fmt.Sprintf("paused; %d children wait at their next batch", s.running)}, s.failure
	case Resume:
		if s.state != Paused && s.state != Draining {
			return Reply{}, fmt.Errorf("the search is %s; only a paused one can be resumed", s.state)
		}
		s.setGates(false)
		s.barren, s.panics = 0, 0
		s.start(Running, "")
		return Reply{Message: "the search goes on"}, s.failure
	case Toggle:
		c.Do = Pause
		if s.state == Paused || s.state == Draining {
			c.Do = Resume
		}
		return s.steer(c)
	case PauseTrial, ResumeTrial, ToggleTrial, StopTrial:
		return s.steerChild(c)
	case UndoStop:
		return s.undoStop(c)
	case SetWorkers:
		if c.N < 1 || c.N > 1024 {
			return Reply{}, fmt.Errorf("workers: %d; want 1 to 1024", c.N)
		}
		s.workers, s.dirty = c.N, true
		return Reply{Message: fmt.Sprintf("%d children at a time", c.N)}, nil
	case Submit, Retrain:
		return s.addManual(c)
	case Star, Note:
		return s.mark(c)
	case Drain:
		if s.state == Done {
			s.leaving = true
			return Reply{Message: "the run has ended"}, nil
		}
		for _, t := range s.trials {
			if t.run != nil {
				t.State = Running
				t.run.gate.open()
			}
		}
		s.start(Draining, "")
		return Reply{Message: fmt.Sprintf("ends after %d running children", s.running)}, s.failure
	case Stop:
		if s.state == Done {
			s.leaving = true
			return Reply{Message: "the run has ended"}, nil
		}
		s.start(Stopped, "")
		return Reply{Message: "stopping"}, s.failure
	}
	return Reply{}, fmt.Errorf("command %q is not known", c.Do)
}

// setGates pauses or frees every child that is not paused by itself.
func (s *Search) setGates(closed bool) {
	for _, t := range s.trials {
		switch {
		case t.run == nil:
		case closed:
			t.run.gate.close()
		case t.State != Paused:
			t.run.gate.open()
		}
	}
}

func (s *Search) steerChild(c Command) (Reply, error) {
	t := s.trials[c.Trial]
	if t == nil {
		return Reply{}, fmt.Errorf("there is no trial %s in this run", TrialLabel(c.Trial))
	}
	if t.run == nil {
		return Reply{}, fmt.Errorf("trial %s is %s, not in training", t.Label(), t.State)
	}
	s.dirty = true
	if c.Do == ToggleTrial {
		if c.Do = PauseTrial; t.State == Paused {
			c.Do = ResumeTrial
		}
	}
	switch c.Do {
	case PauseTrial:
		t.State = Paused
		t.run.gate.close()
		return Reply{Message: "paused child " + t.Label()}, nil
	case ResumeTrial:
		t.State = Running
		if s.state == Running || s.state == Draining {
			t.run.gate.open()
		}
		return Reply{Message: "resumed child " + t.Label()}, nil
	}
	t.run.stopped = true
	t.run.cancel(errStopped)
	return Reply{Message: "stopped child " + t.Label(), Trial: t.ID}, nil
}

// addManual makes a trial for a cell from a person: at the search's settings (Submit) or at its own (Retrain).
func (s *Search) addManual(c Command) (Reply, error) {
	var parent *trial
	if c.Parent != nil {
		if parent = s.trials[*c.Parent]; parent == nil {
			return Reply{}, fmt.Errorf("there is no trial %s in this run", TrialLabel(*c.Parent))
		}
		if c.Cell == nil {
			if err := s.detail(parent); err != nil {
				return Reply{}, err
			}
			c.Cell = &parent.Genotype
		}
	}
	if c.Cell == nil {
		return Reply{}, fmt.Errorf("%s wants a cell, or the trial whose cell it is", c.Do)
	}
	if err := c.Cell.Validate(); err != nil {
		return Reply{}, err
	}
	id := FirstManual
	if n := len(s.manual); n > 0 {
		id = s.manual[n-1].ID + 1
	}
	t := s.newTrial(id, Submitted, *c.Cell)
	if parent != nil {
		t.Parent = parent.ID
	}
	t.Note = clean(c.Text)
	if c.Do == Retrain {
		if c.Retrain == nil {
			return Reply{}, fmt.Errorf("retrain wants settings")
		}
		r := *c.Retrain
		if r.Train.Shards == 0 {
			r.Train.Shards = child.DefaultShards(r.Train.Batch)
		}
		if err := r.Net.Validate(); err != nil {
			return Reply{}, fmt.Errorf("retrain: net: %w", err)
		}
		if err := r.Train.Validate(); err != nil {
			return Reply{}, fmt.Errorf("retrain: train: %w", err)
		}
		t.Kind, t.Retrain, t.Epochs = Retrained, &r, r.Train.Epochs
	}
	r := Reply{Message: fmt.Sprintf("%s %s: cell %s waits for a worker", c.Do, t.Label(), t.Cell), Trial: t.ID}
	e := s.event("info", "user", t.ID, c.told(r.Message))
	if s.commit(func(es []checkpoints.Event) error { return s.store.AddTrials([]checkpoints.Trial{t.row()}, es...) }, e) {
		s.admit(t)
	}
	return r, s.failure
}

func (s *Search) mark(c Command) (Reply, error) {
	t := s.trials[c.Trial]
	if t == nil {
		return Reply{}, fmt.Errorf("there is no trial %s in this run", TrialLabel(c.Trial))
	}
	star, note := t.Star, clean(c.Text)
	message, change := "noted", func(es []checkpoints.Event) error { return s.store.SetNote(t.ID, note, es...) }
	if c.Do == Star {
		star, note, message = !t.Star, t.Note, "starred "+t.Cell
		if !star {
			message = "took the star from " + t.Cell
		}
		change = func(es []checkpoints.Event) error { return s.store.SetStar(t.ID, star, es...) }
	}
	if s.commit(change, s.event("info", "user", t.ID, c.told(message))) {
		t.Star, t.Note = star, note
		s.draws.ranking = false
	}
	return Reply{Message: message, Trial: t.ID}, s.failure
}

// clean makes text from a person fit for a screen: one line without control characters, at most 200 runes.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, text)
	if r := []rune(text); len(r) > 200 {
		text = string(r[:200])
	}
	return strings.TrimSpace(text)
}

// CheckName says why a text cannot be the name of a run, which is also the name of its folder.
func CheckName(name string) error {
	if name == "" || len(name) > 64 {
		return fmt.Errorf("name %q: want 1 to 64 characters", name)
	}
	for i, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		case i > 0 && (r == '-' || r == '_' || r == '.'):
		default:
			return fmt.Errorf("name %q: want letters and digits and, but not in the first place, dashes, underscores and dots", name)
		}
	}
	return nil
}

// controller is the controller's config with the seed of the run.
func (c Config) controller() controller.Config {
	c.Controller.Seed = c.Seed
	return c.Controller
}
