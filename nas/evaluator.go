package nas

import (
	"context"
	"errors"
	"fmt"

	"nasnet/nas/child"
	"nasnet/nas/space"
)

// Job is one child to train: everything that decides its result.
type Job struct {
	Trial    int
	Genotype space.Genotype
	Data     DataSpec
	Net      child.NetConfig
	Train    child.TrainConfig
	Seed     uint64
	Alone    bool // random streams are keyed by Seed alone, not by Trial as well: the result is that of nasnet train
	Keep     bool // return the trained weights
	Latency  bool // measure Outcome.Latency

	// State is where to go on: what Step.State gave in an earlier training of the same job. Nil is the start. It never
	// changes the outcome.
	State []byte
}

// Job is a trial at the settings of the search.
func (c Config) Job(trial int, g space.Genotype) Job {
	return Job{Trial: trial, Genotype: g, Data: c.DataSpec(), Net: c.Net, Train: c.Train, Seed: c.Seed,
		Latency: c.MeasuresLatency()}
}

// Streams are the ids of the job's random streams, besides its seed.
func (j Job) Streams() []uint64 {
	if j.Alone {
		return nil
	}
	return []uint64{uint64(j.Trial)}
}

// Outcome is what a trained child gives back.
type Outcome struct {
	Reward  float64 // validation accuracy after the last epoch, in [0, 1]; a search weighs it by its [CostTerm]
	Cost    child.Cost
	Seconds float64
	// of one image on one thread, milliseconds, if Job.Latency; what it is depends on the machine and on what else it
	// does
	Latency float64
	Weights []byte // safetensors, if Job.Keep
}

// Step is what an evaluator tells after a training step.
type Step struct {
	child.Progress
	// State returns all that Job.State needs to go on from here. It is there after the last step of an epoch, while
	// report has not returned; an evaluator whose children always begin at the start leaves it nil.
	State func() ([]byte, error)
}

// ErrState is the error of a job whose State is none of its child's. The child can still be trained from the start.
var ErrState = errors.New("the state is not one of this child")

// Evaluator trains the child of a job. It calls report after every training step, in the goroutine that called
// Evaluate; report may block (a paused child) and its error ends the training. The result, but for its times, depends
// on nothing but the job.
type Evaluator interface {
	Evaluate(ctx context.Context, j Job, report func(Step) error) (Outcome, error)
}

// Reserver is an [Evaluator] that holds memory for a child before it trains: several share one machine.
type Reserver interface {
	// Reserve waits until the memory that a job takes is free and holds it until release is called. If it has to wait,
	// it calls waits first. A [MemoryError] says that so much could never be free.
	Reserve(ctx context.Context, j Job, waits func(Shortage)) (release func(), err error)
	// Fits returns a [MemoryError] for a job that could never fit. It reads the images and counts the network.
	Fits(ctx context.Context, j Job) error
	// FitsUnread is Fits for a retrain, as far as that is known before its images are read.
	FitsUnread(g space.Genotype, r RetrainSpec) error
}

// Shortage is the memory that a child waits for, in bytes.
type Shortage struct{ Wanted, Free, Limit int64 }

// MemoryError is the error of a child that takes more memory than there is for all children, in bytes.
type MemoryError struct{ Wanted, Allowed int64 }

func (e *MemoryError) Error() string {
	return fmt.Sprintf("its training takes %s of memory; all children together may take %s", FormatBytes(e.Wanted),
		FormatBytes(e.Allowed))
}

// WithBeat returns a context that calls beat whenever it is asked for its error. An evaluator that asks before every
// batch of validation and every file of a data set shows with it that it is alive where it makes no steps.
func WithBeat(ctx context.Context, beat func()) context.Context { return pulse{ctx, beat} }

type pulse struct {
	context.Context
	beat func()
}

func (p pulse) Err() error {
	p.beat()
	return p.Context.Err()
}
