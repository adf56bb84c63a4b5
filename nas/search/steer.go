package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/record"
)

// do carries out a command in the owner's goroutine. When it returns, the newest snapshot shows the effect.
func (o *owner) do(c nas.Command) (nas.Reply, error) {
	if o.disk.full != nil {
		return o.doWaiting(c)
	}
	r, err := o.steer(c)
	if err == nil && !stored(c) {
		o.emit(nas.UserCommand, eventTrial(c), told(c, r.Message))
	}
	if err == nil {
		err = o.failure
	}
	if o.screens.dirty {
		o.publish()
	}
	return r, err
}

// stored reports whether a command commits its event itself.
func stored(c nas.Command) bool {
	return c.Do == nas.Submit || c.Do == nas.Retrain || c.Do == nas.Star || c.Do == nas.Note || c.Do == nas.UndoStop
}

// told returns the data of a command's event.
func told(c nas.Command, message string) map[string]any {
	d := map[string]any{"do": string(c.Do), "message": message}
	if c.From != "" {
		d["from"] = c.From
	}
	return d
}

// eventTrial returns the trial that a command's event is about, -1 if none.
func eventTrial(c nas.Command) int {
	switch c.Do {
	case nas.PauseTrial, nas.ResumeTrial, nas.ToggleTrial, nas.StopTrial:
		return c.Trial
	}
	return -1
}

// plain returns a value as an event that was read back has it: of maps, lists, texts and numbers.
func plain(v any) (p any) {
	if b, err := json.Marshal(v); err != nil || json.Unmarshal(b, &p) != nil {
		return nil // empty JSON
	}
	return p
}

func noTrial(id int) error { return fmt.Errorf("this run has no trial %s", nas.TrialLabel(id)) }

func (o *owner) steer(c nas.Command) (nas.Reply, error) {
	switch c.Do {
	case nas.Pause:
		if o.clock.state != nas.Running {
			return nas.Reply{}, fmt.Errorf("the search is %s; only a running one can be paused", o.clock.state)
		}
		o.crew.setGates(true)
		o.enter(nas.Paused, "")
		return nas.Reply{Message: fmt.Sprintf("paused with %s in training", o.crew.count())}, o.failure
	case nas.Resume:
		if o.clock.state != nas.Paused && o.clock.state != nas.Draining {
			return nas.Reply{}, fmt.Errorf("the search is %s; only a paused one can be resumed", o.clock.state)
		}
		o.crew.setGates(false)
		o.faults = faults{}
		o.enter(nas.Running, "")
		return nas.Reply{Message: "resumed the search"}, o.failure
	case nas.Toggle:
		c.Do = nas.Pause
		if o.clock.state == nas.Paused || o.clock.state == nas.Draining {
			c.Do = nas.Resume
		}
		return o.steer(c)
	case nas.PauseTrial, nas.ResumeTrial, nas.ToggleTrial, nas.StopTrial:
		return o.steerChild(c)
	case nas.UndoStop:
		return o.undoStop(c)
	case nas.SetWorkers:
		if c.N < 1 || c.N > nas.MaxWorkers {
			return nas.Reply{}, fmt.Errorf("workers: %d; want 1 to %d", c.N, nas.MaxWorkers)
		}
		o.crew.workers, o.screens.dirty = c.N, true
		return nas.Reply{Message: nas.FormatCount(c.N, "child", "children") + " at a time"}, nil
	case nas.Submit, nas.Retrain:
		return o.addManual(c)
	case nas.Star, nas.Note:
		return o.mark(c)
	case nas.Drain:
		if o.clock.state == nas.Done {
			o.leaving = true
			return nas.Reply{Message: "the search has ended"}, nil
		}
		o.crew.freeAll()
		o.enter(nas.Draining, "")
		return nas.Reply{Message: fmt.Sprintf("stopping after %s in training", o.crew.count())}, o.failure
	case nas.Stop:
		if o.clock.state == nas.Done {
			o.leaving = true
			return nas.Reply{Message: "the search has ended"}, nil
		}
		o.enter(nas.Stopped, "")
		return nas.Reply{Message: "stopping"}, o.failure
	}
	return nas.Reply{}, fmt.Errorf("unknown command %q", c.Do)
}

func (o *owner) steerChild(c nas.Command) (nas.Reply, error) {
	t := o.ledger.Trial(c.Trial)
	if t == nil {
		return nas.Reply{}, noTrial(c.Trial)
	}
	r := o.crew.training[t.ID]
	if r == nil {
		return nas.Reply{}, fmt.Errorf("trial %s is %s, not in training", t.Label(), t.State.Word())
	}
	o.screens.dirty = true
	if c.Do == nas.ToggleTrial {
		if c.Do = nas.PauseTrial; t.State == nas.Paused {
			c.Do = nas.ResumeTrial
		}
	}
	switch c.Do {
	case nas.PauseTrial:
		t.State = nas.Paused
		r.gate.close()
		return nas.Reply{Message: "paused child " + t.Label()}, nil
	case nas.ResumeTrial:
		t.State = nas.Running
		if o.clock.state == nas.Running || o.clock.state == nas.Draining {
			r.gate.open()
		}
		return nas.Reply{Message: "resumed child " + t.Label()}, nil
	}
	r.stopped = true
	r.cancel(errStopped)
	return nas.Reply{Message: "stopped child " + t.Label(), Trial: t.ID}, nil
}

// addManual adds a trial made by hand, with the search's settings (Submit) or its own (Retrain).
func (o *owner) addManual(c nas.Command) (nas.Reply, error) {
	var parent *nas.Trial
	if c.Parent != nil {
		if parent = o.ledger.Trial(*c.Parent); parent == nil {
			return nas.Reply{}, noTrial(*c.Parent)
		}
		if c.Cell == nil {
			if err := detail(o.run, o.ledger, parent); err != nil {
				return nas.Reply{}, err
			}
			c.Cell = &parent.Genotype
		}
	}
	if c.Cell == nil {
		return nas.Reply{}, fmt.Errorf("%s: no cell given; want a cell or the trial that has it", c.Do)
	}
	if err := c.Cell.Validate(); err != nil {
		return nas.Reply{}, err
	}
	t := o.ledger.NewTrial(o.ledger.NextManual(), nas.Submitted, *c.Cell)
	if parent != nil {
		t.Parent = parent.ID
	}
	t.Note = clean(c.Text)
	if c.Do == nas.Retrain {
		if c.Retrain == nil {
			return nas.Reply{}, errors.New("retrain: no settings given")
		}
		r := *c.Retrain
		r.Train = r.Train.Alone()
		if err := r.Net.Validate(); err != nil {
			return nas.Reply{}, fmt.Errorf("retrain: net: %w", err)
		}
		if err := r.Train.Validate(); err != nil {
			return nas.Reply{}, fmt.Errorf("retrain: train: %w", err)
		}
		t.Kind, t.Retrain, t.Epochs = nas.Retrained, &r, r.Train.Epochs
	}
	r := nas.Reply{Message: fmt.Sprintf("%s %s: cell %s is queued", c.Do, t.Label(), t.Cell), Trial: t.ID}
	d := told(c, r.Message)
	d["genotype"] = t.Genotype.Text()
	if t.Parent >= 0 {
		d["made_from"] = t.Parent
	}
	if t.Note != "" {
		d["note"] = t.Note
	}
	if t.Retrain != nil {
		d["settings"] = plain(t.Retrain)
	}
	e := o.log.event(nas.UserCommand, t.ID, d)
	if o.commit(func(es []checkpoints.Event) error {
		return o.run.AddTrials([]checkpoints.Trial{record.Trial(t)}, es...)
	}, e) {
		o.ledger.Admit(t)
		o.screens.dirty, o.screens.results = true, false // retrains are listed as soon as they are queued
	}
	return r, o.failure
}

func (o *owner) mark(c nas.Command) (nas.Reply, error) {
	t := o.ledger.Trial(c.Trial)
	if t == nil {
		return nas.Reply{}, noTrial(c.Trial)
	}
	star, note := t.Star, clean(c.Text)
	message, change := "noted", func(es []checkpoints.Event) error { return o.run.SetNote(t.ID, note, es...) }
	if c.Do == nas.Star {
		star, note, message = !t.Star, t.Note, "starred "+t.Cell
		if !star {
			message = "unstarred " + t.Cell
		}
		change = func(es []checkpoints.Event) error { return o.run.SetStar(t.ID, star, es...) }
	}
	d := told(c, message)
	if c.Do == nas.Star {
		d["star"] = star
	} else {
		d["note"] = note
	}
	if o.commit(change, o.log.event(nas.UserCommand, t.ID, d)) {
		t.Star, t.Note = star, note
		o.screens.results = false
	}
	return nas.Reply{Message: message, Trial: t.ID}, o.failure
}

// clean makes text from a person safe for a screen: one line without control characters, at most 200 runes.
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

// refuseTooLarge returns an error for a retrain that can never fit into memory. It works in the caller's goroutine,
// because counting a large network takes a while. The owner reports whatever else is wrong with the command.
func (s *Search) refuseTooLarge(ctx context.Context, c nas.Command) error {
	e, ok := s.options.Evaluator.(nas.Reserver)
	if !ok {
		return nil
	}
	if c.Cell == nil && c.Parent != nil {
		if err := s.ports.ask(ctx, func() {
			if t := s.owner.ledger.Trial(*c.Parent); t != nil && detail(s.owner.run, s.owner.ledger, t) == nil {
				g := t.Genotype.Clone()
				c.Cell = &g
			}
		}); err != nil {
			return err
		}
	}
	if c.Cell == nil {
		return nil
	}
	return e.FitsUnread(*c.Cell, *c.Retrain)
}
