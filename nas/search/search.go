// Package search owns a run. A [Search] is one goroutine. It asks the controller for batches of proposals, hands trials
// to worker goroutines, returns their rewards to the controller in proposal order, and commits every change to the
// store before the change counts.
//
//	controller ──propose──▶ trials ──▶ workers (nas.Evaluator: children in goroutines)
//	     ▲                     │                 │ progress, result
//	     └──rewards in order───┴──── owner ◀─────┘
//	                                  │ commit, then publish
//	                     store ◀──────┴──────▶ nas.Snapshot ▶ screen, events ▶ JSON lines
//
// Others reach it through [Search.Do], [Search.Snapshot] and the event stream. It has no mutex.
package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"nasnet/checkpoints"
	"nasnet/dataset"
	"nasnet/nas"
	"nasnet/nas/record"
)

// Options are what a search needs from the program around it. They never change what the search finds.
type Options struct {
	Evaluator nas.Evaluator   // trains the children; a search that is only read needs none
	OnEvent   func(nas.Event) // the owner calls it for every event, in order; it must not call back into the search
	// when all children are done, keep serving commands until Drain, Stop or the end of the context
	StayOpen bool
	Workers  int           // children at a time; 0 = as the config says, where 0 = one per core
	Kernels  string        // instruction set of the kernels, for the record
	Build    []byte        // JSON about the program, for the record
	Every    time.Duration // least time between two snapshots; 0 = 100 ms

	Retry    time.Duration // pause between attempts to write to a full disk; 0 = 10 s
	UndoTime time.Duration // how long nothing may depend on the stop of a child, so it can be undone; 0 = 15 s
	Patience time.Duration // how long a child may make no step; 0 = 10 min, negative = forever

	// Checkpoint is the least time between two checkpoints of a child, which are taken after whole epochs. 0: 5 s, or
	// more if storing a checkpoint takes long.
	Checkpoint time.Duration

	// StartFork opens the run in a folder and runs it beside this one in the same process; it returns once the run is
	// open. It is called in the goroutine of the command. Nil: a fork starts only when somebody resumes it.
	StartFork func(dir string) error
}

// Search is a run as others reach it. Any goroutine may call its methods, except that Do and Tell need an active Run
// and must not be called by the owner.
type Search struct {
	dir     string
	config  nas.Config
	options Options
	ports   ports
	latest  *atomic.Pointer[nas.Snapshot]
	owner   *owner // only its goroutine uses it while Run is active
}

// owner is the goroutine in [Search.Run], with everything that changes while it runs.
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
	quit    <-chan struct{} // closed when Run must end
	leaving bool            // the search has ended, and so should Run
	failure error           // why the loop must end

	restored restored
}

// Create makes the folder of a new run and returns its search, ready to [Search.Run].
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

// Open returns the search of an existing run as it was left. Finished trials keep their rewards; children that were in
// training continue from their last checkpoint, or start over if they have none.
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
		// the run may be resumed from another working directory
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

// Run searches until every child has ended, a command stops it, or ctx is done. Children that are still running then
// continue from their last checkpoint when the run is resumed. Run returns an error only if the run cannot continue,
// above all if the store cannot be written. Call it once.
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
	if err := o.restored.load(o.run, o.ledger); err != nil {
		return err
	}
	// nobody writes blobs yet, so every unnamed one is from a killed writer
	if _, err := o.run.SweepBlobs(0); err != nil {
		o.emit(nas.SweepFailed, -1, map[string]any{"error": err.Error()})
	}
	if o.policy.rebuilt {
		o.emit(nas.PolicyRebuilt, -1, map[string]any{"version": o.ledger.Applied()})
	}
	o.noteBuild()
	o.enter(nas.Running, "")
	config := o.run.Config
	d := map[string]any{"children": config.Children, "finished": o.ledger.Finished(), "workers": o.crew.workers,
		"strategy": config.Controller.Strategy, "data": config.Data, "seed": config.Seed, "dir": o.dir,
		"uuid": o.run.Record.UUID, "data_sha256": o.run.Record.DatasetSHA256}
	// the rest of what a recovery needs if there is no database left
	d["config"] = plain(json.RawMessage(o.run.Record.Config))
	if build := o.run.Record.Build; len(build) > 0 {
		d["build"] = plain(json.RawMessage(build))
	}
	o.emit(nas.RunStarted, -1, d)
	if c := config.Cost; c.By != "" {
		d := map[string]any{"by": c.By, "target": c.Target, "weight": c.Weight}
		if c.By == nas.ByLatency {
			d["warning"] = "latency is measured, so another run with this seed finds other rewards"
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
		if o.disk.end { // requested while the disk was full, and since then there is space
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
		} else if over && !complete { // a cell was submitted after the search was done
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
		state := nas.Failed
		if errors.Is(o.failure, checkpoints.ErrDiskFull) { // it waited for space until it was told to stop
			state = nas.Stopped
		}
		if !errors.Is(o.failure, checkpoints.ErrReplaced) {
			// Not by commit, which stores nothing after a failure. If this fails too, run.lock keeps the state.
			_ = o.run.SetRunState(string(state))
		}
	}
	o.publish()
	return o.failure
}

// busy reports whether any goroutine is working for the owner.
func (o *owner) busy() bool { return len(o.crew.training) > 0 || o.policy.updating }

// settle collects what the goroutines deliver after the context is done. It gives up on children that ignore that.
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

// advance does everything that can be done now: it gives repeats their reward, starts the update for a complete batch,
// draws batches that are due, and gives free workers trials.
func (o *owner) advance(ctx context.Context) {
	for again := true; again && o.failure == nil; {
		again = o.settleRepeats()
		again = o.beginUpdate() || again
		again = o.propose() || again
	}
	if repeated, err := o.restored.repeat(o.run, o.ledger); err != nil {
		o.fail(err)
	} else if repeated {
		o.screens.dirty, o.screens.results = true, false
	}
	for o.failure == nil && o.clock.state == nas.Running && len(o.crew.training) < o.crew.workers {
		t := o.ledger.Next()
		if t == nil {
			return
		}
		o.startTrial(ctx, t)
	}
}

// enter moves the run to a state, in the store and in the clock.
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

// fail ends the loop: a run must not continue if its log cannot be written.
func (o *owner) fail(err error) {
	if o.failure == nil {
		o.failure = fmt.Errorf("run %s: %w", o.run.Config.Name, err)
	}
}

// giveUp stops a search in which nothing works: it pauses if a person can look at it, and fails otherwise. A draining
// search just drains. giveUp reports whether the run continues for now.
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

// commit makes a change in the store together with the events that report it, then announces the events. It reports
// whether the run can continue.
func (o *owner) commit(change func([]checkpoints.Event) error, events ...nas.Event) bool {
	if o.failure != nil || o.disk.full != nil {
		return false // the failed change is not in the store, so nothing may build on it
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

// emit stores and announces an event.
func (o *owner) emit(kind nas.EventKind, trial int, data map[string]any) {
	o.commit(func(es []checkpoints.Event) error { return o.run.AddEvent(es...) }, o.log.event(kind, trial, data))
}

// announce hands a stored event to the screens and the event stream.
func (o *owner) announce(e nas.Event) {
	o.log.add(e)
	o.screens.dirty = true
	if o.options.OnEvent != nil {
		o.options.OnEvent(e)
	}
}
