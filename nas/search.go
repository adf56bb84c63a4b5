package nas

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"nasnet/checkpoints"
	"nasnet/dataset"
	"nasnet/nas/controller"
	"nasnet/nas/space"
)

// Options are what a search needs from the program around it. They never change what is found.
type Options struct {
	Evaluator Evaluator     // nil: a new Local
	OnEvent   func(Event)   // called by the owner for every event, in order; must not call back into the search
	StayOpen  bool          // when all children are done, go on serving commands until Drain, Stop or the end of the context
	Workers   int           // children at a time; 0 = what the config says, and there 0 = one a core
	Kernels   string        // instruction set of the kernels, for the record
	Build     []byte        // JSON about the program, for the record
	Every     time.Duration // least time between two snapshots; 0 = 100 ms

	Retry    time.Duration // how long to wait before the next attempt to store on a full disk; 0 = 10 s
	UndoTime time.Duration // how long nothing is built upon the stop of a child, so that it can be undone; 0 = 15 s

	// Checkpoint is the least time between two checkpoints of a child, taken after whole epochs. 0: 5 s, and more where storing one takes long.
	Checkpoint time.Duration

	// StartFork opens the run in a folder and runs it beside this one in the same process; it returns when the run is open. Nil: forks wait in their
	// folders until somebody resumes them. It is called in the goroutine of the command.
	StartFork func(dir string) error

	Memory   *Memory       // what the children may take; nil: all there is
	Patience time.Duration // how long a child may make no step; 0 = 10 min, negative = for ever
}

// Search is one run: the goroutine in [Search.Run] owns everything below that is not marked otherwise.
type Search struct {
	// fixed at the start
	config  Config
	space   space.Space
	uniform controller.Controller // draws the shadows
	store   *checkpoints.Store
	record  checkpoints.Run
	dir     string
	options Options

	// how others reach the owner
	inbox    chan func()    // commands
	results  chan result    // ends of children
	epochs   chan epochEnd  // epochs of children
	updates  chan updateEnd // ends of updates of the policy
	moved    chan struct{}  // of size 1: a child made a step
	closed   chan struct{}  // closed when Run has returned
	snapshot atomic.Pointer[Snapshot]

	// owned by the loop
	policy   controller.Controller // its goroutine has it while updating
	updating bool                  // a goroutine applies a batch
	version  int                   // updates applied to policy
	rebuilt  bool                  // the newest policy's state was lost, and was made again when the run was opened
	views    []PolicyView          // [0] is the untrained policy
	beliefs  *Beliefs              // of version
	doubts   []doubt               // by batch
	trials   map[int]*trial
	samples  []*trial       // proposals by number, shadows among them
	starts   []int          // number of the first proposal of each batch
	manual   []*trial       // trials made by hand, by number
	first    map[string]int // cell hash -> the first proposal of it
	running  int
	workers  int
	state    State
	reason   string
	barren   int // batches in a row in which every trial failed
	panics   int // children in a row that panicked
	subs     map[chan struct{}]bool
	events   []Event
	recent   []int // trials by end, newest first
	ran      time.Duration
	since    time.Time // when the state last became running
	kin      kin       // runs to share evaluations with
	draws    drawn     // parts of the last snapshot that are still good
	dirty    bool
	room     room            // on the disk
	quit     <-chan struct{} // closed when Run is to end
	leaving  bool            // the run has ended, and so should Run
	failure  error           // why the loop must end
}

// trial is a Trial of the owner: what a screen may see, and what only the loop needs.
type trial struct {
	TrialView
	hash    string // canonical, in full
	choices []int
	logp    []float64
	lean    bool // Genotype and Curve, choices and logp are in the store alone, see detail
	attempt int
	kept    string    // blob of the state after Epoch whole epochs, if the trial was half-trained when the run was opened or its stop undone
	run     *run      // while in training
	shared  string    // the run that trained the same job, if none of its training was done here
	halted  time.Time // when it was stopped in this sitting, see held
}

// ended says that nothing more will happen to the trial.
func (t *trial) ended() bool { return t.State == Done || t.State == Failed || t.State == Stopped }

// Create makes the folder of a new run and returns the search, ready to [Search.Run].
func Create(dir string, c Config, dataHash string, o Options) (*Search, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	text, err := marshalConfig(c)
	if err != nil {
		return nil, err
	}
	st, err := checkpoints.Create(dir, checkpoints.Run{Name: c.Name, ForkedAt: -1, State: "created", Seed: c.Seed, Config: text, DatasetSHA256: dataHash,
		Build: o.Build, Target: c.Children})
	if err != nil {
		return nil, err
	}
	return load(dir, st, o)
}

// Open returns the search of an existing run at the place where it was left: finished trials keep their rewards, children that were in training go on from
// their last checkpoint, or begin again if they have none.
func Open(dir string, o Options) (*Search, error) {
	st, err := checkpoints.Open(dir)
	if err != nil {
		return nil, err
	}
	return load(dir, st, o)
}

// Close gives the run's folder free. Call it after Run has returned, or instead of Run.
func (s *Search) Close() error { return s.store.Close() }

// Config returns the run's config.
func (s *Search) Config() Config { return s.config }

// Dir returns the run's folder.
func (s *Search) Dir() string { return s.dir }

// Snapshot implements [Engine]. Any goroutine may call it.
func (s *Search) Snapshot() *Snapshot { return s.snapshot.Load() }

// ErrClosed is the answer to commands after a run has ended.
var ErrClosed = errors.New("the search has ended")

// Subscribe implements [Engine]. Any goroutine may call it while Run is active.
func (s *Search) Subscribe() (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	s.ask(context.Background(), func() { s.subs[c] = true })
	return c, func() { s.ask(context.Background(), func() { delete(s.subs, c) }) }
}

// Do implements [Engine]. Any goroutine but the owner may call it while Run is active.
func (s *Search) Do(ctx context.Context, c Command) (Reply, error) {
	if c.Do == Fork {
		return s.fork(ctx, c)
	}
	if c.Do == Retrain && c.Retrain != nil {
		r := *c.Retrain
		r.Data.Name, r.Data.Dir = dataset.Anywhere(r.Data.Name), dataset.Anywhere(r.Data.Dir) // the run may go on in another folder
		c.Retrain = &r
		if err := s.refuseTooLarge(ctx, c); err != nil {
			return Reply{}, err
		}
	}
	var r Reply
	var err error
	if e := s.ask(ctx, func() { r, err = s.do(c) }); e != nil {
		return Reply{}, e
	}
	return r, err
}

// ask runs f in the owner's goroutine and waits for its end.
func (s *Search) ask(ctx context.Context, f func()) error {
	done := make(chan struct{})
	select {
	case s.inbox <- func() { defer close(done); f() }:
	case <-s.closed:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	<-done
	return nil
}

// Run searches until every child has an end, a command ends it, or ctx is done: then running children are dropped, to go on from their last checkpoint
// when the run is resumed. It returns an error only if the run cannot go on, above all when the store cannot be written. Call it once.
func (s *Search) Run(ctx context.Context) error {
	defer close(s.closed)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.quit = ctx.Done()

	if _, err := s.store.SweepBlobs(0); err != nil { // nobody writes blobs yet, so all that have no name are a killed writer's
		s.emit("warn", "sweep_failed", -1, map[string]any{"error": err.Error()})
	}
	if s.rebuilt {
		s.emit("warn", "policy_rebuilt", -1, map[string]any{"version": s.version})
	}
	s.noteBuild()
	s.start(Running, "")
	s.emit("info", "run_started", -1, map[string]any{"children": s.config.Children, "finished": s.finished(), "workers": s.workers,
		"strategy": s.config.Controller.Strategy, "data": s.config.Data, "seed": s.config.Seed, "dir": s.dir})
	if c := s.config.Cost; c.By != "" {
		d := map[string]any{"by": c.By, "target": c.Target, "weight": c.Weight}
		if c.By == ByLatency {
			d["warning"] = "latency is measured, so another run with this seed is another search"
		}
		s.emit("info", "reward_by_cost", -1, d)
	}

	var timer *time.Timer
	var due, looks <-chan time.Time
	if s.options.Patience == 0 {
		s.options.Patience = defaultPatience
	}
	if s.options.Patience > 0 {
		ticker := time.NewTicker(max(s.options.Patience/looksPerPatience, 1))
		defer ticker.Stop()
		looks = ticker.C
	}
	published := time.Time{}
	over := false
	for {
		if s.room.end { // was asked for while the disk was full, and then there was room
			s.room.end = false
			s.steer(Command{Do: Stop})
			cancel(errEnding)
		}
		if ctx.Err() == nil {
			s.advance(ctx)
		}
		if !over && s.complete() {
			over = true
			s.start(Done, "")
			s.finish("done")
		} else if over && !s.complete() { // a cell was submitted after the end
			over = false
			s.start(Running, "")
		}
		if !s.busy() && (s.failure != nil || ctx.Err() != nil || s.state == Draining || s.state == Stopped || s.leaving || (over && !s.options.StayOpen)) {
			break
		}
		if s.dirty && due == nil {
			wait := s.options.Every - time.Since(published)
			timer = time.NewTimer(max(wait, 0))
			due = timer.C
		}
		select {
		case f := <-s.inbox:
			f()
		case r := <-s.results:
			s.ended(ctx, r)
		case e := <-s.epochs:
			s.epoch(e)
		case u := <-s.updates:
			s.updated(u)
		case <-s.moved:
			s.dirty = true
		case <-due:
			s.publish()
			published, due = time.Now(), nil
		case <-looks:
			s.look()
		case <-ctx.Done():
			s.settle(ctx)
		}
		if s.state == Stopped || s.failure != nil {
			cancel(errEnding)
		}
	}
	if timer != nil {
		timer.Stop()
	}
	if !over {
		s.start(Stopped, s.reason)
		s.finish("stopped")
	}
	if s.failure != nil {
		s.state, s.reason = Failed, s.failure.Error()
	}
	s.publish()
	return s.failure
}

// busy says that a goroutine works for the owner.
func (s *Search) busy() bool { return s.running > 0 || s.updating }

// settle takes what all goroutines have to give after the context is done. It does not wait for children that are deaf to that.
func (s *Search) settle(ctx context.Context) {
	late := time.NewTimer(partingTime)
	defer late.Stop()
	for s.busy() {
		select {
		case <-late.C:
			s.part()
		case r := <-s.results:
			s.ended(ctx, r)
		case e := <-s.epochs:
			s.epoch(e)
		case u := <-s.updates:
			s.updated(u)
		case f := <-s.inbox:
			f()
		}
	}
}

// advance does everything that can be done now: it gives repeats their reward, begins the update of a complete batch, draws batches that are due and
// fills the workers.
func (s *Search) advance(ctx context.Context) {
	for again := true; again && s.failure == nil; {
		again = s.settleRepeats()
		again = s.beginUpdate() || again
		again = s.propose() || again
	}
	for s.failure == nil && s.state == Running && s.running < s.workers {
		t := s.next()
		if t == nil {
			return
		}
		s.startTrial(ctx, t)
	}
}

// complete says that every proposal and every trial made by hand has an end and every update is applied.
func (s *Search) complete() bool {
	if len(s.samples) < s.config.Children || s.version < len(s.starts) || s.busy() {
		return false
	}
	for _, t := range s.manual {
		if !t.ended() {
			return false
		}
	}
	return true
}

// next returns the trial to start now: cells made by hand first, since a person waits for them, then proposals by number. Nil if there is none.
func (s *Search) next() *trial {
	for _, t := range s.manual {
		if t.State == Proposed {
			return t
		}
	}
	for _, t := range s.samples[s.firstOpen():] {
		if t.State == Proposed && t.CachedOf < 0 {
			return t
		}
	}
	return nil
}

// firstOpen is a lower bound of the numbers of proposals without an end.
func (s *Search) firstOpen() int { return s.batchStart(s.version) }

// batchStart is the number of the first proposal of a batch, drawn or the next to be drawn.
func (s *Search) batchStart(k int) int {
	if k < len(s.starts) {
		return s.starts[k]
	}
	return len(s.samples)
}

// start moves the run to a state, in the store and in the clock of time spent.
func (s *Search) start(to State, reason string) {
	s.ran, s.since = s.elapsed(), time.Now()
	s.state, s.reason, s.dirty = to, reason, true
	s.commit(func(es []checkpoints.Event) error { return s.store.SetRunState(string(to), es...) })
}

// finish writes the last event of a sitting.
func (s *Search) finish(how string) {
	d := map[string]any{"state": how, "finished": s.finished(), "failed": s.count(Failed), "updates": s.version, "seconds": s.elapsed().Seconds()}
	if b := s.best(); b != nil {
		d["best"], d["reward"], d["cell"] = b.ID, b.Reward, b.Cell
	}
	s.emit("info", "run_finished", -1, d)
}

// fail ends the loop: a run whose log cannot be written must not go on.
func (s *Search) fail(err error) {
	if s.failure == nil {
		s.failure = fmt.Errorf("run %s: %w", s.config.Name, err)
	}
}

// commit makes a change in the store together with the events that tell of it, then hands the events on. It reports whether the run can go on.
func (s *Search) commit(change func([]checkpoints.Event) error, events ...Event) bool {
	if s.failure != nil || s.room.wanted != nil {
		return false // what failed is not in the store, so nothing may build on it
	}
	stored := make([]checkpoints.Event, len(events))
	for i, e := range events {
		stored[i] = storedEvent(e)
	}
	s.store.SetElapsed(s.elapsed())
	if err := s.stored(func() error { return change(stored) }); err != nil {
		s.fail(err)
		return false
	}
	for _, e := range events {
		s.announce(e)
	}
	if waited := s.room.waited; waited > 0 {
		s.room.waited = 0
		s.emit("warn", "disk_waited", -1, map[string]any{"seconds": waited.Seconds()})
	}
	return true
}

// emit stores an event of its own and hands it on.
func (s *Search) emit(level, kind string, trial int, data map[string]any) {
	s.commit(func(es []checkpoints.Event) error { return s.store.AddEvent(es...) }, s.event(level, kind, trial, data))
}

func (s *Search) event(level, kind string, trial int, data map[string]any) Event {
	return Event{Time: time.Now(), Level: level, Kind: kind, Run: s.config.Name, Trial: trial, Data: data}
}

// announce hands an event that is stored already to the screen and the event stream.
func (s *Search) announce(e Event) {
	s.events = append(s.events, e)
	if n := len(s.events) - MaxEvents; n > 0 {
		s.events = append([]Event(nil), s.events[n:]...)
	}
	s.dirty = true
	if s.options.OnEvent != nil {
		s.options.OnEvent(e)
	}
}

func (s *Search) finished() (n int) {
	for _, t := range s.samples {
		if t.ended() {
			n++
		}
	}
	return n
}

func (s *Search) count(in State) (n int) {
	for _, t := range s.samples {
		if t.State == in {
			n++
		}
	}
	return n
}

func (s *Search) elapsed() time.Duration {
	if s.state == Running || s.state == Draining {
		return s.ran + time.Since(s.since)
	}
	return s.ran
}

// cores is the number of children that train at a time when nobody says otherwise.
func cores() int { return runtime.GOMAXPROCS(0) }
