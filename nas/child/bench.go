package child

import (
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"runtime/pprof"
	"slices"
	"sync"
	"time"

	"nasnet/nas/nn"
	"nasnet/nas/rng"
	"nasnet/nas/space"
)

// BenchResult is the speed of a network. It is defined as in testdata/peer_torch.py, so the numbers of the two can be
// compared: a training step is forward with batch statistics, softmax cross entropy, backward, and a step of SGD with
// momentum 0.9 and weight decay 1e-4; "forward" is inference with the moving statistics; rates come from the median
// step.
type BenchResult struct {
	BenchScale
	TrainImagesPerS float64 `json:"train_images_per_s"`
	ForwardImages   float64 `json:"forward_images_per_s"`
	Params          int64   `json:"params"` // trainable
	MAdds           int64   `json:"madds"`  // multiply-adds of one image, forward
	// 1e9 multiply-adds per second; a training step counts as three forwards
	GMACsTrain      float64 `json:"gmacs_train"`
	GMACsForward    float64 `json:"gmacs_forward"` // forward only
	TrainStepMS     float64 `json:"train_step_ms"` // median
	ForwardStepMS   float64 `json:"forward_step_ms"`
	TrainSteps      int     `json:"train_steps"`      // timed steps of the first child
	AllocBytesPerOp float64 `json:"alloc_bytes_step"` // per training step
	ArenaBytes      int64   `json:"arena_bytes"`      // working memory of one child, all shards
	BuildMS         float64 `json:"build_ms"`         // from the genotype to the first step
	Loss            float64 `json:"loss"`             // of the last training step; must be finite
	// Where the time of a training step goes, largest share first. Measured in a separate run, on the first shard of
	// the first child.
	Ops []OpShare `json:"ops"`
}

// BenchScale describes what was measured.
type BenchScale struct {
	Genotype string `json:"genotype"`
	N        int    `json:"n"`
	Filters  int    `json:"filters"`
	Image    int    `json:"image"`
	Batch    int    `json:"batch"`
	Threads  int    `json:"threads"` // children side by side; rates are summed over them
	Shards   int    `json:"shards"`  // parts of a child's batch, each on a thread of its own
}

// OpShare is the part of a training step spent in all ops of one kind. Gradients count as kinds of their own: by the
// inputs (dx) and by the weights (dw).
type OpShare struct {
	Kind  string  `json:"kind"`
	Calls int     `json:"calls"` // per step
	MS    float64 `json:"ms"`    // per step
	Share float64 `json:"share"` // of the step, including the optimizer
}

// BenchOptions choose what Bench measures.
type BenchOptions struct {
	Batch   int // images per step
	Threads int // children side by side, as in a search
	// equal parts of the batch, each on its own thread, as TrainConfig.Shards; 0: 1
	Shards  int
	Seconds float64   // roughly; two thirds of it training
	Profile io.Writer // receives a CPU profile of the training steps of all children; may be nil
}

// Validate returns an error if o cannot be measured.
func (o BenchOptions) Validate() error {
	orInt(&o.Shards, 1)
	if o.Batch < 2 || o.Batch > 1<<16 || o.Threads < 1 || o.Threads > 1024 || !(o.Seconds > 0) {
		return fmt.Errorf("batch %d, threads %d, %v seconds; want 2 or more, 1 to 1024, more than 0", o.Batch,
			o.Threads, o.Seconds)
	}
	return checkShards(o.Shards, o.Batch)
}

// BenchBytes returns how much memory Bench takes, without taking it: the trainings of all children.
func BenchBytes(g space.Genotype, net NetConfig, o BenchOptions) (int64, error) {
	net.Aux = false
	one, err := BytesOf(g, net, TrainConfig{Epochs: 1, Batch: o.Batch, Shards: o.Shards, LR: 0.01, Optimizer: "sgd"})
	return int64(o.Threads) * one, err
}

// Bench measures a network on random images.
func Bench(g space.Genotype, net NetConfig, o BenchOptions) (r BenchResult, err error) {
	if err := o.Validate(); err != nil {
		return r, fmt.Errorf("child: bench: %w", err)
	}
	orInt(&o.Shards, 1)
	cost, err := CostOf(g, net)
	if err != nil {
		return r, fmt.Errorf("child: bench: %w", err)
	}
	net = net.WithDefaults()
	r = BenchResult{BenchScale: BenchScale{Genotype: nameOf(g), N: net.N, Filters: net.Filters, Image: net.Image,
		Batch: o.Batch, Threads: o.Threads, Shards: o.Shards},
		Params: cost.Trainable, MAdds: cost.MAdds}
	results, errs := make([]BenchResult, o.Threads), make([]error, o.Threads)
	var start, all sync.WaitGroup
	start.Add(o.Threads)
	for i := range o.Threads {
		own := o
		if i > 0 {
			own.Profile = nil // one profile covers the whole process
		}
		all.Go(func() {
			results[i], errs[i] = benchOne(g, net, own, uint64(i), &start)
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return r, fmt.Errorf("child: bench: %w", err)
	}
	for i, one := range results {
		if i == 0 {
			r.TrainStepMS, r.ForwardStepMS, r.TrainSteps, r.Loss = one.TrainStepMS, one.ForwardStepMS,
				one.TrainSteps, one.Loss
			r.AllocBytesPerOp, r.ArenaBytes, r.BuildMS, r.Ops = one.AllocBytesPerOp, one.ArenaBytes,
				one.BuildMS, one.Ops
		}
		r.TrainImagesPerS += float64(o.Batch) / one.TrainStepMS * 1e3
		r.ForwardImages += float64(o.Batch) / one.ForwardStepMS * 1e3
	}
	r.GMACsTrain = 3 * float64(cost.MAdds) * r.TrainImagesPerS / 1e9
	r.GMACsForward = float64(cost.MAdds) * r.ForwardImages / 1e9
	return r, nil
}

// benchOne measures one child. Every child waits until the last one is built.
func benchOne(g space.Genotype, net NetConfig, o BenchOptions, id uint64,
	start *sync.WaitGroup) (r BenchResult, err error) {
	defer recoverPanic(&err)
	waited := false
	defer func() {
		if !waited {
			start.Done()
		}
	}()
	began := time.Now()
	net.Aux = false
	shards, err := newShards(g, net, buildOptions{batch: o.Batch / o.Shards, train: true}, o.Shards)
	if err != nil {
		return r, err
	}
	random := rng.Stream(1, "bench", id)
	shards[0].network.g.InitParams(random)
	allocShards(shards)
	r.BuildMS = milliseconds(time.Since(began))
	for _, s := range shards {
		r.ArenaBytes += s.program.ArenaBytes()
		x, y := s.program.Value(s.network.input), s.program.Labels(s.network.labels)
		for i := range x {
			x[i] = float32(random.NormFloat64())
		}
		for i := range y {
			y[i] = int32(random.IntN(net.Classes))
		}
	}
	team := newTeam(o.Shards, o.Shards)
	defer team.close()
	ps := programs(shards)
	do := func(job func(shard int)) {
		if err := team.do(job); err != nil {
			panic(err) // caught by recoverPanic
		}
	}
	opt := &nn.SGD{Momentum: 0.9, WeightDecay: 1e-4}
	trainPart := func(i int) { ps[i].Train() }
	train := func() {
		do(trainPart)
		nn.Combine(ps)
		opt.Step(ps[0].Params(), 0.01)
	}
	forwardPart := func(i int) { ps[i].Forward(false) }
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer nn.FlushDenormals()()
	train() // the first step creates the moments
	waited = true
	start.Done()
	start.Wait()

	if o.Profile != nil {
		if err := pprof.StartCPUProfile(o.Profile); err != nil {
			return r, err
		}
		defer pprof.StopCPUProfile()
	}
	times := make([]float64, 0, 1<<12)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	times = timed(times, train, o.Seconds*2/3)
	runtime.ReadMemStats(&after)
	r.TrainSteps, r.TrainStepMS = len(times), median(times)
	for _, p := range ps {
		r.Loss += p.Loss() / float64(len(ps))
	}
	r.AllocBytesPerOp = math.Round(float64(after.TotalAlloc-before.TotalAlloc) / float64(len(times)+warmup))
	if o.Profile != nil {
		pprof.StopCPUProfile() // the forward runs would blur it
	}
	r.Ops = opShares(ps, train, times)
	r.ForwardStepMS = median(timed(times[:0], func() { do(forwardPart) }, o.Seconds/3))
	return r, nil
}

// opShares measures where the time of a training step goes. It runs the first shard for a quarter of the steps that
// were timed.
func opShares(ps []*nn.Program, train func(), times []float64) []OpShare {
	steps := max(len(times)/4, leastSteps)
	var c nn.Clock
	ps[0].Measure(&c)
	defer ps[0].Measure(nil)
	began := time.Now()
	for range steps {
		train()
	}
	total := milliseconds(time.Since(began))
	var shares []OpShare
	rest := total
	for _, t := range c.Times() {
		ms := milliseconds(t.Time)
		rest -= ms
		shares = append(shares, OpShare{t.Kind, t.Calls / steps, ms / float64(steps), ms / total})
	}
	last := "optimizer"
	if len(ps) > 1 {
		last = "optimizer, other shards" // waiting for them and adding their gradients
	}
	return append(shares, OpShare{last, 1, rest / float64(steps), rest / total})
}

// warmup steps run before the timed ones, of which there are at least leastSteps.
const (
	warmup     = 1
	leastSteps = 3
)

// timed runs f for about the given time and fills times, which must be empty, with the milliseconds of each run.
func timed(times []float64, f func(), seconds float64) []float64 {
	for range warmup {
		f()
	}
	for began := time.Now(); len(times) < leastSteps || time.Since(began).Seconds() < seconds &&
		len(times) < cap(times); {
		t := time.Now()
		f()
		times = append(times, milliseconds(time.Since(t)))
	}
	return times
}

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
