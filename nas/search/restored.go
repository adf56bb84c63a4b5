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

// restored is what only the log had: the ends of trials, and the commands that are still to be carried out.
type restored struct {
	ends     map[int]restoredEnd
	commands []nas.Event
}

// restoredEnd is the end of a trial in a restored event.
type restoredEnd struct {
	cell    string
	stopped bool
	out     nas.Outcome
	weights string // hash of the blob; empty: none
}

// load reads the restored events.
func (r *restored) load(run *record.Run, l *nas.Ledger) error {
	es, err := run.RestoredEvents()
	if err != nil || len(es) == 0 {
		return err
	}
	later, err := run.Events(es[len(es)-1].ID, -1)
	if err != nil {
		return err
	}
	changed := map[int]bool{} // trials with a later command
	for _, e := range later {
		changed[e.Trial] = changed[e.Trial] || e.Kind == string(nas.UserCommand)
	}
	r.ends = map[int]restoredEnd{}
	for _, stored := range es {
		e := record.EventOf(run.Config.Name, stored)
		switch e.Kind {
		case nas.UserCommand:
			if e.Trial >= 0 && !changed[e.Trial] {
				r.commands = append(r.commands, e)
			}
		case nas.TrialStarted: // an end before that was undone
			delete(r.ends, e.Trial)
		case nas.TrialFinished, nas.TrialStopped:
			if end, ok := readEnd(e); ok {
				r.ends[e.Trial] = end
			}
		}
	}
	for id, end := range r.ends {
		if t := l.Trial(id); t != nil && t.Ended() {
			delete(r.ends, id)
		} else if end.weights != "" {
			// read it now, because a blob that no trial names yet is swept soon; without it the child trains again
			if end.out.Weights, err = checkpoints.OrphanBlob(run.Dir(), end.weights); err != nil {
				delete(r.ends, id)
			} else {
				r.ends[id] = end
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

// take returns the result of a started trial from its restored event; ok is false if there is none.
func (r *restored) take(of *training) (res result, ok bool) {
	t := of.trial
	end, ok := r.ends[t.ID]
	delete(r.ends, t.ID)
	if !ok || end.cell != t.Cell {
		return res, false
	}
	res = result{training: of, out: end.out, shared: logShared}
	if end.stopped {
		of.stopped, res.err = true, errStopped
	}
	return res, true
}

// repeat carries out, in order, the commands of restored events whose trials exist by now.
func (r *restored) repeat(run *record.Run, l *nas.Ledger) (repeated bool, err error) {
	var waiting []nas.Event
	for _, e := range r.commands {
		about := e.Trial
		if parent, ok := e.Data["made_from"].(float64); ok {
			about = int(parent)
		} else if e.Data["genotype"] != nil {
			about = -1
		}
		if about >= 0 && l.Trial(about) == nil {
			waiting = append(waiting, e)
		} else if err := repeat(run, l, e); err != nil {
			return repeated, err
		} else {
			repeated = true
		}
	}
	r.commands = waiting
	return repeated, nil
}

// repeat carries out the command of a restored event: a star, a note, a cell made by hand.
func repeat(run *record.Run, l *nas.Ledger, e nas.Event) error {
	t := l.Trial(e.Trial)
	note, noted := e.Data["note"].(string)
	switch star, starred := e.Data["star"].(bool); {
	case t != nil && starred:
		t.Star = star
		return run.SetStar(t.ID, star)
	case t != nil && noted:
		t.Note = clean(note)
		return run.SetNote(t.ID, t.Note)
	case t != nil || e.Trial != l.NextManual():
		return nil
	}
	text, _ := e.Data["genotype"].(string)
	g, err := space.Parse(text)
	if err != nil || g.Validate() != nil {
		return nil // an event of another build, without the cell
	}
	t = l.NewTrial(e.Trial, nas.Submitted, g)
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
	if err := run.AddTrials([]checkpoints.Trial{record.Trial(t)}); err != nil {
		return err
	}
	l.Admit(t)
	return nil
}
