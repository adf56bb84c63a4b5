package search

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/controller"
	"nasnet/nas/record"
)

// ReadSnapshot returns a snapshot of a run from its store alone: of a closed run as it was left, of a live one as far
// as it is stored.
func ReadSnapshot(dir string) (*nas.Snapshot, error) {
	st, err := checkpoints.OpenReadOnly(dir)
	if err != nil {
		return nil, err
	}
	defer st.Close()
	s, err := loadFrom(dir, st, Options{})
	if err != nil {
		return nil, err
	}
	return s.Snapshot(), nil
}

// load builds the owner's state from a store. A new run and one that was cut off at any moment take the same path.
func load(dir string, st *checkpoints.Store, o Options) (*Search, error) {
	s, err := loadFrom(dir, st, o)
	if err != nil {
		st.Close()
		return nil, err
	}
	return s, nil
}

func loadFrom(dir string, st *checkpoints.Store, options Options) (*Search, error) {
	run, err := record.Of(st)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", dir, err)
	}
	if options.Every == 0 {
		options.Every = 100 * time.Millisecond
	}
	s := &Search{dir: dir, config: run.Config, options: options, ports: newPorts(),
		latest: new(atomic.Pointer[nas.Snapshot])}
	o := &owner{run: run, dir: dir, options: &s.options, ports: s.ports,
		screens: screens{latest: s.latest, subscribers: map[chan struct{}]bool{}},
		crew:    crew{training: map[int]*training{}},
		stops:   stops{wait: cmp.Or(options.UndoTime, undoTime), at: map[int]time.Time{}},
		log:     journal{run: run.Config.Name}, clock: clock{state: nas.Stopped, ran: run.Record.Elapsed}}
	s.owner = o
	if run.Record.State == string(nas.Done) {
		o.clock.state = nas.Done
	}
	for _, n := range []int{options.Workers, run.Config.Workers, runtime.GOMAXPROCS(0)} {
		if o.crew.workers = n; n > 0 {
			break
		}
	}
	o.worker = worker{ports: o.ports, evaluator: options.Evaluator, checkpoint: options.Checkpoint,
		waiting: o.memoryWaited}
	if run.Record.ParentUUID != "" {
		o.worker.ancestors = &ancestors{run: run, dir: dir, build: options.Build}
	}
	applied, err := o.policy.load(run)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", dir, err)
	}
	if o.ledger, err = loadLedger(run, applied); err != nil {
		return nil, fmt.Errorf("run %s: %w", dir, err)
	}
	if err := o.log.load(run); err != nil {
		return nil, fmt.Errorf("run %s: %w", dir, err)
	}
	o.policy.beliefs = o.ledger.Beliefs(probabilities(o.policy.controller), run.Space.Arities())
	o.publish()
	return s, o.failure
}

// memoryWaited logs that a child is waiting for memory. It is called in the child's goroutine.
func (o *owner) memoryWaited(ctx context.Context, t *nas.Trial, m nas.Shortage) {
	o.ports.tell(ctx, func() {
		o.emit(nas.TrialWaits, t.ID, map[string]any{"cell": t.Cell, "bytes": m.Wanted, "free": m.Free,
			"limit": m.Limit})
	})
}

// load reads the policy as the last update left it, and returns the number of updates.
func (p *policy) load(run *record.Run) (applied int, err error) {
	if p.controller, err = controller.New(run.Space.Arities(), run.Config.ControllerConfig()); err != nil {
		return 0, err
	}
	if p.uniform, err = record.Uniform(run.Space); err != nil {
		return 0, err
	}
	p.views = []nas.PolicyView{untrained(run.Space)}
	us, err := run.UpdateOutlines()
	if err != nil {
		return 0, err
	}
	for i, u := range us {
		if u.Version != i+1 {
			return 0, fmt.Errorf("found update %d; want update %d", u.Version, i+1)
		}
		p.views = append(p.views, record.Update(u))
	}
	if len(us) == 0 {
		return 0, nil
	}
	state, rebuilt, err := run.Policy(len(us))
	if err != nil {
		return 0, err
	}
	if p.rebuilt = rebuilt; rebuilt {
		if _, err := run.WriteBlob("policy", state); err != nil {
			return 0, err
		}
	}
	if err := p.controller.Restore(state); err != nil {
		return 0, fmt.Errorf("policy version %d: %w", len(us), err)
	}
	return len(us), nil
}

// loadLedger reads the outline of every trial, and the details of the trials that are not lean.
func loadLedger(run *record.Run, applied int) (*nas.Ledger, error) {
	// growing it step by step would take a tenth of the opening time
	l := nas.NewLedger(run.Config, (applied+2)*run.Config.Batch)
	var ends []*nas.Trial
	err := run.Outlines(func(r checkpoints.Trial) error {
		t, err := record.Outline(l, r)
		if err != nil {
			return fmt.Errorf("trial %d: %w", r.ID, err)
		}
		if n := len(l.Proposals()); t.Kind.Proposal() && t.ID != n {
			return fmt.Errorf("found proposal %d; want proposal %d", t.ID, n)
		}
		if k := l.Batches(); t.Kind.Proposal() && t.Batch != k && t.Batch != k-1 {
			return fmt.Errorf("trial %d is in batch %d; want %d, or %d if it starts a batch", t.ID, t.Batch, k-1, k)
		}
		l.Admit(t)
		t.LogP = nil
		if t.Ended() {
			ends = append(ends, t)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	l.Apply(applied)
	slices.SortStableFunc(ends, func(a, b *nas.Trial) int {
		return cmp.Compare(b.Finished.UnixNano(), a.Finished.UnixNano())
	})
	l.SetRecent(ends)
	if err := detail(run, l, l.Proposals()[l.FirstWhole():]...); err != nil {
		return nil, err
	}
	return l, detail(run, l, l.Manual()...)
}

// load reads the latest events.
func (j *journal) load(run *record.Run) error {
	last, err := run.LastEventID()
	if err != nil {
		return err
	}
	es, err := run.Events(max(0, last-nas.MaxEvents), nas.MaxEvents)
	if err != nil {
		return err
	}
	for _, e := range es {
		j.events = append(j.events, record.EventOf(j.run, e))
	}
	return nil
}

// noteBuild adds this build to those of the run, with a warning, if it has not worked on the run before.
func (o *owner) noteBuild() {
	own, list := o.options.Build, record.Builds(o.run.Record.Build)
	if len(own) == 0 || len(list) == 0 {
		return
	}
	for _, b := range list {
		if bytes.Equal(b, own) {
			return
		}
	}
	text, err := json.Marshal(append(list, own))
	if err != nil {
		o.fail(err)
		return
	}
	e := o.log.event(nas.MixedBuilds, -1, map[string]any{"this": json.RawMessage(own), "before": list,
		"message": "another build or another processor has worked on this run: from here on, results may differ in " +
			"the last bits from what one build would have found"})
	if o.commit(func(es []checkpoints.Event) error { return o.run.SetBuild(text, es...) }, e) {
		o.run.Record.Build = text
	}
}
