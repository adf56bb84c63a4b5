package nas

import (
	"context"
	"errors"
	"fmt"

	"nasnet/nas/child"
	"nasnet/nas/space"
)

// Job is one child to train, with everything that decides its result.
type Job struct {
	Trial    int
	Genotype space.Genotype
	Data     DataSpec
	Net      child.NetConfig
	Train    child.TrainConfig
	Seed     uint64
	Alone    bool // key random streams by Seed alone, not by Trial: the result equals that of nasnet train
	Keep     bool // return the trained weights
	Latency  bool // measure Outcome.Latency

	// State is where to continue: what Step.State returned in an earlier training of the same job. Nil: start afresh.
	// It never changes the outcome.
	State []byte
}

// Job returns the job of a trial with the search's settings.
func (c Config) Job(trial int, g space.Genotype) Job {
	return Job{Trial: trial, Genotype: g, Data: c.DataSpec(), Net: c.Net, Train: c.Train, Seed: c.Seed,
		Latency: c.MeasuresLatency()}
}

// Streams returns the ids that key the job's random streams, besides its seed.
func (j Job) Streams() []uint64 {
	if j.Alone {
		return nil
	}
	return []uint64{uint64(j.Trial)}
}

// Outcome is the result of training a child.
type Outcome struct {
	Reward  float64 // validation accuracy after the last epoch, in [0, 1]; a search weighs it by its [CostTerm]
	Cost    child.Cost
	Seconds float64
	// milliseconds for one image on one thread, if Job.Latency; depends on the machine and its load
	Latency float64
	Weights []byte // safetensors, if Job.Keep
}

// Step is what an evaluator reports after a training step.
type Step struct {
	child.Progress
	// State returns what Job.State needs to continue from here. It is set after the last step of an epoch, and may be
	// called until report returns. An evaluator that cannot continue a training leaves it nil.
	State func() ([]byte, error)
}

// ErrState: Job.State does not belong to the job's child. The child can still be trained from the start.
var ErrState = errors.New("the state belongs to another child")

// Evaluator trains the child of a job. It calls report after every training step, in the goroutine that called
// Evaluate. report may block (while the child is paused), and its error ends the training. Except for times, the result
// depends only on the job.
type Evaluator interface {
	Evaluate(ctx context.Context, j Job, report func(Step) error) (Outcome, error)
}

// Reserver is an [Evaluator] that reserves memory for a child before training it, because children share one machine.
type Reserver interface {
	// Reserve waits until a job's memory is free and keeps it reserved until release is called. It calls waits first if
	// it has to wait. It returns a [MemoryError] if that much can never be free.
	Reserve(ctx context.Context, j Job, waits func(Shortage)) (release func(), err error)
	// Fits returns a [MemoryError] for a job that can never fit. It reads the images and counts the network.
	Fits(ctx context.Context, j Job) error
	// FitsUnread is Fits for a retrain, as far as that can be known before its images are read.
	FitsUnread(g space.Genotype, r RetrainSpec) error
}

// Shortage describes what a child that waits for memory needs, in bytes.
type Shortage struct{ Wanted, Free, Limit int64 }

// MemoryError is the error of work, such as "training", that needs more memory than all children together may use.
type MemoryError struct {
	Work            string
	Wanted, Allowed int64 // bytes
}

func (e *MemoryError) Error() string {
	return fmt.Sprintf("%s needs %s of memory; all children together may use %s", e.Work, FormatBytes(e.Wanted),
		FormatBytes(e.Allowed))
}

// WithBeat returns a context that calls beat whenever its Err is called. An evaluator calls Err before every batch of
// validation and every file of a data set, and so shows that it is alive where it makes no steps.
func WithBeat(ctx context.Context, beat func()) context.Context { return pulse{ctx, beat} }

type pulse struct {
	context.Context
	beat func()
}

func (p pulse) Err() error {
	p.beat()
	return p.Context.Err()
}
