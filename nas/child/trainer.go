package child

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"nasnet/dataset"
	"nasnet/nas/nn"
	"nasnet/nas/rng"
	"nasnet/nas/space"
)

// Data is what a child trains on and what judges it. Views are only read, so children share them.
type Data struct {
	Train, Val *dataset.View
	Name       string // of the data set; saved with a model, as are ClassNames, which may be nil
	ClassNames []string
	// of the data set (dataset.Data), so that a state does not continue on other images; may be empty
	SHA256 string
}

// Buffers is working memory that children use one after another. A worker keeps one, so that its pages stay mapped from
// child to child. The zero value is ready to use.
type Buffers struct{ arenas []*nn.Arena } // of the shards

// Bytes returns the size of the memory.
func (m *Buffers) Bytes() int64 {
	n := int64(0)
	for _, a := range m.arenas {
		n += a.Bytes()
	}
	return n
}

// Trainer trains one child. It belongs to one goroutine at a time; goroutines of its own run only while a method runs.
type Trainer struct {
	// fixed
	genotype space.Genotype
	net      NetConfig
	train    TrainConfig
	data     Data
	seed     uint64
	ids      []uint64
	cost     Cost
	schedule nn.Schedule
	steps    int // per epoch

	replicas
	opt  nn.Optimizer
	mean *average // of the weights; nil: none
	from string   // SHA-256 of the model whose weights it began with, or ""

	// progress
	epoch   int  // epochs done
	within  bool // in the middle of an epoch, where no exact state exists
	results []EpochResult
	order   []int32
}

// replicas are the copies of the network, one for each shard of a batch.
type replicas struct {
	shards   []*shard
	programs []*nn.Program // of the shards
	network  *network      // of the first shard
	threads  int           // shards computed in parallel
	ready    bool          // the programs have their memory
}

// NewTrainer builds the network of a genotype and initialises it. seed and ids (trial, attempt, …) choose the random
// numbers. Run takes the working memory.
func NewTrainer(g space.Genotype, net NetConfig, train TrainConfig, data Data, seed uint64,
	ids ...uint64) (*Trainer, error) {
	t, err := newTrainer(g, net, train, data, seed, ids)
	if err != nil {
		return nil, fmt.Errorf("child: %w", err)
	}
	return t, nil
}

func newTrainer(g space.Genotype, net NetConfig, train TrainConfig, data Data, seed uint64,
	ids []uint64) (t *Trainer, err error) {
	defer recoverPanic(&err)
	if err := train.Validate(); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	net, train = net.WithDefaults(), train.WithDefaults()
	t = &Trainer{genotype: g.Clone(), net: net, train: train, data: data, seed: seed, ids: slices.Clone(ids),
		replicas: replicas{threads: runtime.GOMAXPROCS(0)}}
	if err := t.plan(g); err != nil {
		return nil, err
	}
	if err := fits(data.Train, net); err != nil {
		return nil, fmt.Errorf("training images: %w", err)
	}
	if err := fits(data.Val, net); err != nil {
		return nil, fmt.Errorf("validation images: %w", err)
	}
	t.steps = data.Train.Len() / train.Batch
	if t.steps == 0 {
		return nil, fmt.Errorf("%d training images; want at least one batch of %d", data.Train.Len(), train.Batch)
	}
	t.schedule = nn.Schedule{Curve: train.Schedule, Base: train.LR,
		Warmup: int(train.WarmupEpochs*float64(t.steps) + 0.5)}
	if t.opt, err = newOptimizer(train); err != nil {
		return nil, err
	}
	t.network.g.InitParams(rng.Stream(seed, "init", ids...))
	if train.Whiten {
		if err := whiten(t.network.g.Params()[0], data.Train); err != nil { // the stem's filters are the first
			return nil, err
		}
	}
	if train.EMA > 0 {
		t.mean = newAverage(train.EMA, t.network.g)
	}
	return t, nil
}

// plan builds the networks of the shards without memory for values and weights.
func (t *Trainer) plan(g space.Genotype) (err error) {
	c := t.train
	t.shards, err = newShards(g, t.net, buildOptions{batch: c.Batch / c.Shards, train: true,
		dropPath: c.DropPath.active(), dropout: c.Dropout,
		smoothing: c.LabelSmoothing, auxWeight: c.AuxWeight}, c.Shards)
	if err != nil {
		return err
	}
	t.programs, t.network = programs(t.shards), t.shards[0].network
	t.cost = t.network.cost()
	return nil
}

func newOptimizer(c TrainConfig) (nn.Optimizer, error) {
	switch c.Optimizer {
	case "sgd":
		return &nn.SGD{Momentum: c.Momentum, Nesterov: c.Nesterov, WeightDecay: c.WeightDecay, Clip: c.Clip}, nil
	case "rmsprop":
		return &nn.RMSProp{Rho: rmspropRho, Momentum: c.Momentum, Eps: rmspropEps, WeightDecay: c.WeightDecay,
			Clip: c.Clip}, nil
	}
	return nil, fmt.Errorf("no optimizer %q", c.Optimizer)
}

// Use lets the child work in m, which serves one child at a time: whoever used it before can no longer run. Call it
// before Run; otherwise the child allocates its own memory.
func (t *Trainer) Use(m *Buffers) {
	if t.ready {
		return
	}
	for i, s := range t.shards {
		if i == len(m.arenas) {
			m.arenas = append(m.arenas, new(nn.Arena))
		}
		s.network.g.Arena = m.arenas[i]
	}
}

// SetThreads limits how many shards are computed in parallel; the default is the number of cores. It changes no result.
// One thread is the caller's; the goroutines of the others end with the call of Run or Evaluate that needs them.
func (t *Trainer) SetThreads(n int) { t.threads = n }

// Cost returns the cost of the network.
func (t *Trainer) Cost() Cost { return t.cost }

// Bytes returns how much memory the training takes: values between layers, weights, gradients and moments.
func (t *Trainer) Bytes() int64 {
	arrays := 2 + int64(len(t.shards)) // value and momentum, and a gradient for each shard
	if t.train.Optimizer == "rmsprop" {
		arrays++
	}
	if t.train.EMA > 0 {
		arrays++
	}
	bytes := 4 * arrays * t.cost.Trainable
	for _, p := range t.programs {
		bytes += p.PlannedPeak()
	}
	return bytes
}

// BytesOf returns the [Trainer.Bytes] of a training without allocating that memory.
func BytesOf(g space.Genotype, net NetConfig, train TrainConfig) (bytes int64, err error) {
	defer recoverPanic(&err)
	if err := train.Validate(); err != nil {
		return 0, fmt.Errorf("child: train: %w", err)
	}
	t := &Trainer{net: net.WithDefaults(), train: train.WithDefaults()}
	if err := t.plan(g); err != nil {
		return 0, fmt.Errorf("child: %w", err)
	}
	return t.Bytes(), nil
}

// Notes returns what a user should know about the network: why it lacks the auxiliary classifier that was asked for.
func (t *Trainer) Notes() []string {
	if t.network.noAux != "" {
		return []string{t.network.noAux}
	}
	return nil
}

// Run trains from where the trainer is, the start or a restored state, to the last epoch. It calls report after every
// step, in the calling goroutine; the last step of an epoch brings the epoch's result. While report blocks, the child
// is paused. If report returns an error or ctx ends, the training ends within one batch and Run returns that error or
// the cause. ErrDiverged and PanicError are the other ways to fail. Result.Cost is always valid.
func (t *Trainer) Run(ctx context.Context, report func(Progress) error) (r Result, err error) {
	r.Cost = t.cost
	defer recoverPanic(&err)
	if t.within {
		return r, errors.New("child: the training was interrupted in the middle of an epoch; restore a state first")
	}
	t.prepare()
	team := newTeam(len(t.shards), t.threads)
	defer team.close()
	for t.epoch < t.train.Epochs {
		if err := t.runEpoch(ctx, team, report); err != nil {
			return r, err
		}
	}
	r.Epochs = slices.Clone(t.results)
	for _, e := range r.Epochs {
		r.Reward = e.ValAcc
		r.Seconds += e.Seconds
	}
	return r, nil
}

func recoverPanic(err *error) {
	switch v := recover().(type) {
	case nil:
	case *PanicError: // from another goroutine, with its stack
		*err = v
	default:
		*err = &PanicError{v, debug.Stack()}
	}
}

func (t *Trainer) prepare() {
	allocShards(t.shards)
	t.ready = true
}

// epochRun is the current epoch.
type epochRun struct {
	at   int       // current step, from 0
	part func(int) // does a shard's part of that step
	keep float64
	lr   float64
	loss float64 // summed over steps
	hits int
}

func (t *Trainer) runEpoch(ctx context.Context, team *team, report func(Progress) error) error {
	e := t.startEpoch()
	var spent time.Duration // without the time in report
	for i := range t.steps {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		began := time.Now()
		t.within = true
		if err := t.step(team, e, i); err != nil {
			return err
		}
		spent += time.Since(began)
		images := (i + 1) * t.train.Batch
		p := Progress{Epoch: t.epoch, Epochs: t.train.Epochs, Step: t.epoch*t.steps + i + 1,
			Steps: t.train.Epochs * t.steps,
			Loss:  e.loss / float64(i+1), Acc: float64(e.hits) / float64(images), LR: e.lr, Keep: e.keep,
			ImagesPerSec: float64(images) / max(spent.Seconds(), 1e-9), Cost: t.cost}
		if i == t.steps-1 {
			began := time.Now()
			loss, acc, err := t.judge(ctx, team, t.data.Val)
			if err != nil {
				return err
			}
			if notFinite(loss) {
				return t.diverged(i, "validation loss", loss)
			}
			spent += time.Since(began)
			p.EpochEnd = &EpochResult{Epoch: t.epoch + 1, LR: e.lr, Keep: e.keep, TrainLoss: p.Loss, TrainAcc: p.Acc,
				ValLoss: loss, ValAcc: acc,
				Seconds: spent.Seconds(), Images: images}
			t.results = append(t.results, *p.EpochEnd)
			t.epoch++
			t.within = false
		}
		if report != nil {
			if err := report(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// startEpoch shuffles and opens the epoch's random streams, which depend on its number and not on earlier epochs. Each
// shard has its own streams, so their numbers do not depend on which shard is computed first.
func (t *Trainer) startEpoch() *epochRun {
	ids := append(slices.Clone(t.ids), uint64(t.epoch))
	if t.order == nil {
		t.order = make([]int32, t.data.Train.Len())
	}
	for i := range t.order {
		t.order[i] = int32(i)
	}
	rng.Stream(t.seed, "shuffle", ids...).Shuffle(len(t.order),
		func(i, j int) { t.order[i], t.order[j] = t.order[j], t.order[i] })
	for i, s := range t.shards {
		own := ids
		if i > 0 {
			own = append(slices.Clone(ids), uint64(i))
		}
		a := t.train.Augment
		s.augment = &dataset.Augmenter{Pad: a.Pad, Crop: a.Crop, Flip: a.Flip, Color: a.Color, Cutout: a.Cutout,
			Rand: rng.Stream(t.seed, "augment", own...)}
		s.paths, s.features = rng.Stream(t.seed, "droppath", own...), rng.Stream(t.seed, "dropout", own...)
	}
	e := &epochRun{keep: 1}
	keep := func(path int) float64 { return t.keep(e, t.network.pathCell[path]) }
	n := t.train.Batch / len(t.shards)
	e.part = func(i int) {
		s, p := t.shards[i], t.programs[i]
		from := e.at*t.train.Batch + i*n
		t.data.Train.Batch(p.Value(s.network.input), p.Labels(s.network.labels), t.order[from:from+n], s.augment)
		if t.train.DropPath.active() {
			p.DrawDropPath(s.paths, keep)
		}
		if t.train.Dropout > 0 {
			p.DrawDropout(s.features)
		}
		p.Train()
	}
	return e
}

// keep returns the probability of keeping a path of a cell in the current step.
func (t *Trainer) keep(e *epochRun, cell int) float64 {
	return t.train.DropPath.Keep(cell, len(t.network.cells),
		float64(t.epoch*t.steps+e.at)/float64(t.train.Epochs*t.steps))
}

// step runs step i of an epoch.
func (t *Trainer) step(team *team, e *epochRun, i int) error {
	e.at = i
	if err := team.do(e.part); err != nil {
		return err
	}
	var loss, main float64
	for i, s := range t.shards {
		loss += t.programs[i].Loss()
		main += t.programs[i].Scalar(s.network.main)
		e.hits += t.programs[i].Hits(s.network.main)
	}
	if notFinite(loss) {
		return t.diverged(i, "loss", loss)
	}
	e.loss += main / float64(len(t.shards))
	e.keep = t.keep(e, len(t.network.cells)-1)
	e.lr = t.schedule.At(t.epoch*t.steps+i, t.train.Epochs*t.steps)
	if norm := t.move(e.lr); notFinite(norm) {
		return t.diverged(i, "norm of the gradients", norm)
	}
	return nil
}

// move takes an optimizer step with the gradients of the shards, with denormals treated as zero: a setting of the
// thread.
func (t *Trainer) move(lr float64) float64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer nn.FlushDenormals()()
	nn.Combine(t.programs)
	norm := t.opt.Step(t.network.g.Params(), lr)
	if t.mean != nil && !notFinite(norm) {
		t.mean.take()
	}
	return norm
}

func notFinite(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }

func (t *Trainer) diverged(i int, what string, v float64) error {
	return fmt.Errorf("child: %w: %s is %v at step %d of %d (epoch %d)", ErrDiverged, what, v, t.epoch*t.steps+i+1,
		t.train.Epochs*t.steps, t.epoch+1)
}
