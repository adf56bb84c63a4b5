package search

import (
	"encoding/json"
	"math"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/record"
	"nasnet/nas/space"
)

// If the store has lost its last changes, log.jsonl still has their events, and the store restores these when it opens.
// The functions here carry them out: a star, a note or a trial made by hand once the trial it refers to has been
// proposed again, the end of a trial when it is its turn to train. Proposals and updates are simply repeated, with the
// same outcome.

// logShared names the source of a result that comes from the log.
const logShared = "log.jsonl"

// restoredEnd is the end of a trial in a restored event.
type restoredEnd struct {
	cell    string
	stopped bool
	out     nas.Outcome
	weights string // hash of the blob; empty: none
}

// bringBack reads the restored events.
func (o *owner) bringBack() error {
	es, err := o.run.RestoredEvents()
	if err != nil || len(es) == 0 {
		return err
	}
	later, err := o.run.Events(es[len(es)-1].ID, -1)
	if err != nil {
		return err
	}
	changed := map[int]bool{} // trials with a later command
	for _, e := range later {
		changed[e.Trial] = changed[e.Trial] || e.Kind == string(nas.UserCommand)
	}
	o.restored = map[int]restoredEnd{}
	for _, stored := range es {
		e := record.EventOf(o.run.Config.Name, stored)
		switch e.Kind {
		case nas.UserCommand:
			if e.Trial >= 0 && !changed[e.Trial] {
				o.commands = append(o.commands, e)
			}
		case nas.TrialStarted: // an end before that was undone
			delete(o.restored, e.Trial)
		case nas.TrialFinished, nas.TrialStopped:
			if end, ok := readEnd(e); ok {
				o.restored[e.Trial] = end
			}
		}
	}
	for id, end := range o.restored {
		if t := o.ledger.Trial(id); t != nil && t.Ended() {
			delete(o.restored, id)
		} else if end.weights != "" {
			// read it now, because a blob that no trial names yet is swept soon; without it the child trains again
			if end.out.Weights, err = o.run.OrphanBlob(end.weights); err != nil {
				delete(o.restored, id)
			} else {
				o.restored[id] = end
			}
		}
	}
	return nil
}

// readEnd returns the end in an event; ok is false if the trial is a repeat, or the event is incomplete.
func readEnd(e nas.Event) (end restoredEnd, ok bool) {
	if e.Data["repeat_of"] != nil || e.Trial < 0 {
		return end, false
	}
	if end.cell, ok = e.Data["cell"].(string); !ok {
		return end, false
	}
	if e.Kind == nas.TrialStopped {
		end.stopped = true
		return end, true
	}
	number := func(name string) float64 {
		x, there := e.Data[name].(float64)
		if !there {
			return math.NaN()
		}
		return x
	}
	end.out.Reward = number("accuracy") // without a cost term it is the reward
	if math.IsNaN(end.out.Reward) {
		end.out.Reward = number("reward")
	}
	params, madds := number("params"), number("madds")
	end.out.Cost.Params, end.out.Cost.MAdds = int64(params), int64(madds)
	if end.out.Seconds = number("seconds"); math.IsNaN(end.out.Reward + params + madds + end.out.Seconds) {
		return end, false
	}
	if end.out.Latency = number("latency_ms"); math.IsNaN(end.out.Latency) {
		end.out.Latency = 0
	}
	end.weights, _ = e.Data["weights"].(string)
	return end, true
}

// takeRestored returns the result of a started trial from its restored event; ok is false if there is none.
func (o *owner) takeRestored(r *training) (res result, ok bool) {
	t := r.trial
	end, ok := o.restored[t.ID]
	delete(o.restored, t.ID)
	if !ok || end.cell != t.Cell {
		return res, false
	}
	res = result{training: r, out: end.out, shared: logShared}
	if end.stopped {
		r.stopped, res.err = true, errStopped
	}
	return res, true
}

// repeatCommands carries out, in order, the commands of restored events whose trials exist by now.
func (o *owner) repeatCommands() {
	var waiting []nas.Event
	for _, e := range o.commands {
		about := e.Trial
		if parent, ok := e.Data["made_from"].(float64); ok {
			about = int(parent)
		} else if e.Data["genotype"] != nil {
			about = -1
		}
		if about >= 0 && o.ledger.Trial(about) == nil {
			waiting = append(waiting, e)
		} else if err := o.repeat(e); err != nil {
			o.fail(err)
			return
		}
	}
	o.commands = waiting
}

// repeat carries out the command of a restored event: a star, a note, a cell made by hand.
func (o *owner) repeat(e nas.Event) error {
	t := o.ledger.Trial(e.Trial)
	o.screens.dirty, o.screens.results = true, false
	note, noted := e.Data["note"].(string)
	switch star, starred := e.Data["star"].(bool); {
	case t != nil && starred:
		t.Star = star
		return o.run.SetStar(t.ID, star)
	case t != nil && noted:
		t.Note = clean(note)
		return o.run.SetNote(t.ID, t.Note)
	case t != nil || e.Trial != o.ledger.NextManual():
		return nil
	}
	text, _ := e.Data["genotype"].(string)
	g, err := space.Parse(text)
	if err != nil || g.Validate() != nil {
		return nil // an event of another build, without the cell
	}
	t = o.ledger.NewTrial(e.Trial, nas.Submitted, g)
	t.Note = clean(note)
	if parent, ok := e.Data["made_from"].(float64); ok {
		t.Parent = int(parent)
	}
	if e.Data["do"] == string(nas.Retrain) {
		settings, err := json.Marshal(e.Data["settings"])
		spec := new(nas.RetrainSpec)
		if err != nil || json.Unmarshal(settings, spec) != nil || spec.Net.Validate() != nil ||
			spec.Train.Validate() != nil {
			return nil
		}
		t.Kind, t.Retrain, t.Epochs = nas.Retrained, spec, spec.Train.Epochs
	}
	if err := o.run.AddTrials([]checkpoints.Trial{record.Trial(t)}); err != nil {
		return err
	}
	o.ledger.Admit(t)
	return nil
}
