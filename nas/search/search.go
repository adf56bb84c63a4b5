// Package search owns a run. A [Search] is one goroutine: it asks the controller for batches of proposals, hands trials
// to worker goroutines, gives their rewards to the controller in proposal order, and commits every change to the store
// before the change counts.
//
//	controller ──propose──▶ trials ──▶ workers (nas.Evaluator: children in goroutines)
//	     ▲                     │                 │ progress, result
//	     └──rewards in order───┴──── owner ◀─────┘
//	                                  │ commit, then publish
//	                     store ◀──────┴──────▶ nas.Snapshot ▶ screen, events ▶ JSON lines
//
// Others reach it through [Search.Do], [Search.Snapshot] and the event stream. There is no mutex in it.
package search

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"nasnet/checkpoints"
	"nasnet/dataset"
	"nasnet/nas"
	"nasnet/nas/record"
)

// Options are what a search needs from the program around it. They never change what is found.
type Options struct {
	Evaluator nas.Evaluator   // trains the children; a search that is only read needs none
	OnEvent   func(nas.Event) // called by the owner for every event, in order; must not call back into the search
	// when all children are done, go on serving commands until Drain, Stop or the end of the context
	StayOpen bool
	Workers  int           // children at a time; 0 = what the config says, and there 0 = one a core
	Kernels  string        // instruction set of the kernels, for the record
	Build    []byte        // JSON about the program, for the record
	Every    time.Duration // least time between two snapshots; 0 = 100 ms

	Retry    time.Duration // how long to wait before the next attempt to store on a full disk; 0 = 10 s
	UndoTime time.Duration // how long nothing is built upon the stop of a child, so that it can be undone; 0 = 15 s
	Patience time.Duration // how long a child may make no step; 0 = 10 min, negative = for ever

	// Checkpoint is the least time between two checkpoints of a child, taken after whole epochs. 0: 5 s, and more where
	// storing one takes long.
	Checkpoint time.Duration

	// StartFork opens the run in a folder and runs it beside this one in the same process; it returns when the run is
	// open. Nil: forks wait in their folders until somebody resumes them. It is called in the goroutine of the command.
	StartFork func(dir string) error
}

// Search is a run as others reach it. Its methods may be called from any goroutine, but for Do and Tell only while Run
// is active, and never by the owner.
type Search struct {
	dir     string
	config  nas.Config
	options Options
	ports   ports
	latest  *atomic.Pointer[nas.Snapshot]
	owner   *owner // its goroutine alone uses it while Run is active
}

// owner is the goroutine in [Search.Run], and all that changes while it runs.
type owner struct {
	run     *record.Run // store, config and space
	dir     string
	options *Options // of the Search
	ports   ports
	worker  worker

	ledger  *nas.Ledger
	policy  policy
	crew    crew
	stops   stops
	clock   clock
	log     journal
	disk    diskWait
	faults  faults
	screens screens
	quit    <-chan struct{} // closed when Run is to end
	leaving bool            // the run has ended, and so should Run
	failure error           // why the loop must end
}

// ports are how other goroutines reach the owner.
type ports struct {
	inbox   chan func()    // commands
	results chan result    // ends of children
	epochs  chan epochEnd  // epochs of children
	updates chan updateEnd // ends of updates of the policy
	moved   chan struct{}  // of size 1: something moved that a screen may show
	closed  chan struct{}  // closed when Run has returned
}

func newPorts() ports {
	return ports{make(chan func()), make(chan result), make(chan epochEnd), make(chan updateEnd),
		make(chan struct{}, 1), make(chan struct{})}
}

// ask runs f in the owner's goroutine and waits for its end.
func (p ports) ask(ctx context.Context, f func()) error {
	done := make(chan struct{})
	select {
	case p.inbox <- func() { defer close(done); f() }:
	case <-p.closed:
		return nas.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	<-done
	return nil
}

// tell lets the owner run f, without waiting for its end.
func (p ports) tell(ctx context.Context, f func()) {
	select {
	case p.inbox <- f:
	case <-ctx.Done():
	}
}

// wake lets the loop look again at what can be done and shown.
func (p ports) wake() {
	select {
	case p.moved <- struct{}{}:
	default: // it was told already
	}
}

// Create makes the folder of a new run and returns the search, ready to [Search.Run].
func Create(dir string, c nas.Config, dataHash string, o Options) (*Search, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	text, err := record.Config(c)
	if err != nil {
		return nil, err
	}
	st, err := checkpoints.Create(dir, checkpoints.Run{Name: c.Name, ForkedAt: -1, State: "created", Seed: c.Seed,
		Config: text, DatasetSHA256: dataHash,
		Build: o.Build, Target: c.Children})
	if err != nil {
		return nil, err
	}
	return load(dir, st, o)
}

// Open returns the search of an existing run at the place where it was left: finished trials keep their rewards,
// children that were in training go on from their last checkpoint, or begin again if they have none.
func Open(dir string, o Options) (*Search, error) {
	st, err := checkpoints.Open(dir)
	if err != nil {
		return nil, err
	}
	return load(dir, st, o)
}

// Close releases the run's folder. Call it after Run has returned, or instead of Run.
func (s *Search) Close() error { return s.owner.run.Close() }

// Config returns the run's config.
func (s *Search) Config() nas.Config { return s.config }

// Dir returns the run's folder.
func (s *Search) Dir() string { return s.dir }

// Snapshot implements [nas.Engine].
func (s *Search) Snapshot() *nas.Snapshot { return s.latest.Load() }

// Subscribe implements [nas.Engine].
func (s *Search) Subscribe() (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	s.ports.ask(context.Background(), func() { s.owner.screens.subscribers[c] = true })
	return c, func() { s.ports.ask(context.Background(), func() { delete(s.owner.screens.subscribers, c) }) }
}

// Do implements [nas.Engine].
func (s *Search) Do(ctx context.Context, c nas.Command) (nas.Reply, error) {
	if c.Do == nas.Fork {
		return s.fork(ctx, c)
	}
	if c.Do == nas.Retrain && c.Retrain != nil {
		r := *c.Retrain
		// the run may go on in another folder
		r.Data.Name, r.Data.Dir = dataset.Absolute(r.Data.Name), dataset.Absolute(r.Data.Dir)
		c.Retrain = &r
		if err := s.refuseTooLarge(ctx, c); err != nil {
			return nas.Reply{}, err
		}
	}
	var r nas.Reply
	var err error
	if e := s.ports.ask(ctx, func() { r, err = s.owner.do(c) }); e != nil {
		return nas.Reply{}, e
	}
	return r, err
}

// Tell implements [nas.Diary].
func (s *Search) Tell(ctx context.Context, kind nas.EventKind, message string) error {
	return s.ports.ask(ctx, func() { s.owner.emit(kind, -1, map[string]any{"message": message}) })
}

// Run searches until every child has an end, a command ends it, or ctx is done: then running children are dropped, to
// go on from their last checkpoint when the run is resumed. It returns an error only if the run cannot go on, above all
// when the store cannot be written. Call it once.
func (s *Search) Run(ctx context.Context) error {
	defer close(s.ports.closed)
	return s.owner.loop(ctx)
}

// loop is the life of the owner.
func (o *owner) loop(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	o.quit = ctx.Done()

	if o.options.OnEvent != nil {
		for _, e := range o.run.OpeningEvents() { // the journal has them already
			o.options.OnEvent(record.EventOf(o.run.Config.Name, e))
		}
	}
	// nobody writes blobs yet, so all that have no name are a killed writer's
	if _, err := o.run.SweepBlobs(0); err != nil {
		o.emit(nas.SweepFailed, -1, map[string]any{"error": err.Error()})
	}
	if o.policy.rebuilt {
		o.emit(nas.PolicyRebuilt, -1, map[string]any{"version": o.ledger.Applied()})
	}
	o.noteBuild()
	o.enter(nas.Running, "")
	config := o.run.Config
	o.emit(nas.RunStarted, -1, map[string]any{"children": config.Children, "finished": o.ledger.Finished(),
		"workers":  o.crew.workers,
		"strategy": config.Controller.Strategy, "data": config.Data, "seed": config.Seed, "dir": o.dir})
	if c := config.Cost; c.By != "" {
		d := map[string]any{"by": c.By, "target": c.Target, "weight": c.Weight}
		if c.By == nas.ByLatency {
			d["warning"] = "latency is measured, so another run with this seed is another search"
		}
		o.emit(nas.RewardByCost, -1, d)
	}

	var timer *time.Timer
	var due, looks <-chan time.Time
	if o.options.Patience == 0 {
		o.options.Patience = defaultPatience
	}
	if o.options.Patience > 0 {
		ticker := time.NewTicker(max(o.options.Patience/looksPerPatience, 1))
		defer ticker.Stop()
		looks = ticker.C
	}
	published := time.Time{}
	over := false
	for {
		if o.disk.end { // was asked for while the disk was full, and then there was room
			o.disk.end = false
			o.steer(nas.Command{Do: nas.Stop})
			cancel(errEnding)
		}
		if ctx.Err() == nil {
			o.advance(ctx)
		}
		complete := o.ledger.Complete() && !o.busy()
		if !over && complete {
			over = true
			o.enter(nas.Done, "")
			o.finish("done")
		} else if over && !complete { // a cell was submitted after the end
			over = false
			o.enter(nas.Running, "")
		}
		if !o.busy() && (o.failure != nil || ctx.Err() != nil || o.clock.state == nas.Draining ||
			o.clock.state == nas.Stopped || o.leaving || (over && !o.options.StayOpen)) {
			break
		}
		if o.screens.dirty && due == nil {
			wait := o.options.Every - time.Since(published)
			timer = time.NewTimer(max(wait, 0))
			due = timer.C
		}
		select {
		case f := <-o.ports.inbox:
			f()
		case r := <-o.ports.results:
			o.ended(ctx, r)
		case e := <-o.ports.epochs:
			o.epoch(e)
		case u := <-o.ports.updates:
			o.updated(u)
		case <-o.ports.moved:
			o.screens.dirty = true
		case <-due:
			o.publish()
			published, due = time.Now(), nil
		case <-looks:
			o.look()
		case <-ctx.Done():
			o.settle(ctx)
		}
		if o.clock.state == nas.Stopped || o.failure != nil {
			cancel(errEnding)
		}
	}
	if timer != nil {
		timer.Stop()
	}
	if !over {
		o.enter(nas.Stopped, o.clock.reason)
		o.finish("stopped")
	}
	if o.failure != nil {
		o.clock.state, o.clock.reason = nas.Failed, o.failure.Error()
	}
	o.publish()
	return o.failure
}

// busy reports whether a goroutine works for the owner.
func (o *owner) busy() bool { return len(o.crew.training) > 0 || o.policy.updating }

// settle takes what all goroutines have to give after the context is done. It does not wait for children that are deaf
// to that.
func (o *owner) settle(ctx context.Context) {
	late := time.NewTimer(partingTime)
	defer late.Stop()
	for o.busy() {
		select {
		case <-late.C:
			o.part()
		case r := <-o.ports.results:
			o.ended(ctx, r)
		case e := <-o.ports.epochs:
			o.epoch(e)
		case u := <-o.ports.updates:
			o.updated(u)
		case f := <-o.ports.inbox:
			f()
		}
	}
}

// advance does everything that can be done now: it gives repeats their reward, begins the update of a complete batch,
// draws batches that are due and fills the workers.
func (o *owner) advance(ctx context.Context) {
	for again := true; again && o.failure == nil; {
		again = o.settleRepeats()
		again = o.beginUpdate() || again
		again = o.propose() || again
	}
	for o.failure == nil && o.clock.state == nas.Running && len(o.crew.training) < o.crew.workers {
		t := o.ledger.Next()
		if t == nil {
			return
		}
		o.startTrial(ctx, t)
	}
}

// enter moves the run to a state, in the store and in the clock of time spent.
func (o *owner) enter(to nas.State, reason string) {
	o.clock.enter(to, reason)
	o.screens.dirty = true
	o.commit(func(es []checkpoints.Event) error { return o.run.SetRunState(string(to), es...) })
}

// finish writes the last event of a sitting.
func (o *owner) finish(how string) {
	d := map[string]any{"state": how, "finished": o.ledger.Finished(), "failed": o.ledger.Count(nas.Failed),
		"updates": o.ledger.Applied(),
		"seconds": o.clock.elapsed().Seconds()}
	if b := o.ledger.Best(nil); b != nil {
		d["best"], d["reward"], d["cell"] = b.ID, b.Reward, b.Cell
	}
	o.emit(nas.RunFinished, -1, d)
}

// fail ends the loop: a run whose log cannot be written must not go on.
func (o *owner) fail(err error) {
	if o.failure == nil {
		o.failure = fmt.Errorf("run %s: %w", o.run.Config.Name, err)
	}
}

// giveUp stops a search in which nothing works: it pauses where a person can look at it, and ends where nobody can. One
// that is to end after the running children does so. It reports whether the run goes on for now.
func (o *owner) giveUp(reason string) bool {
	if o.clock.state == nas.Draining {
		return true
	}
	if !o.options.StayOpen {
		o.fail(errors.New(reason))
		return false
	}
	o.crew.setGates(true)
	o.enter(nas.Paused, reason)
	o.emit(nas.RunPaused, -1, map[string]any{"reason": reason})
	return o.failure == nil
}

// commit makes a change in the store together with the events that tell of it, then hands the events on. It reports
// whether the run can go on.
func (o *owner) commit(change func([]checkpoints.Event) error, events ...nas.Event) bool {
	if o.failure != nil || o.disk.full != nil {
		return false // what failed is not in the store, so nothing may build on it
	}
	stored := make([]checkpoints.Event, len(events))
	for i, e := range events {
		stored[i] = record.Event(e)
	}
	o.run.SetElapsed(o.clock.elapsed())
	if err := o.stored(func() error { return change(stored) }); err != nil {
		o.fail(err)
		return false
	}
	for _, e := range events {
		o.announce(e)
	}
	if waited := o.disk.waited; waited > 0 {
		o.disk.waited = 0
		o.emit(nas.DiskWaited, -1, map[string]any{"seconds": waited.Seconds()})
	}
	return true
}

// emit stores an event of its own and hands it on.
func (o *owner) emit(kind nas.EventKind, trial int, data map[string]any) {
	o.commit(func(es []checkpoints.Event) error { return o.run.AddEvent(es...) }, o.log.event(kind, trial, data))
}

// announce hands an event that is stored already to the screens and the event stream.
func (o *owner) announce(e nas.Event) {
	o.log.add(e)
	o.screens.dirty = true
	if o.options.OnEvent != nil {
		o.options.OnEvent(e)
	}
}
