package nas

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"time"

	"nasnet/nas/child"
	"nasnet/nas/rng"
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

	// State is where to go on: what Step.State gave in an earlier training of the same job. Nil is the start. It never changes the outcome.
	State []byte
}

// job is a trial at the settings of the search.
func (c Config) job(trial int, g space.Genotype) Job {
	return Job{Trial: trial, Genotype: g, Data: c.dataSpec(), Net: c.Net, Train: c.Train, Seed: c.Seed, Latency: c.measured()}
}

// job is a trial at settings of its own.
func (r RetrainSpec) job(trial int, g space.Genotype) Job {
	return Job{Trial: trial, Genotype: g, Data: r.Data, Net: r.Net, Train: r.Train, Seed: r.Seed, Alone: true, Keep: true}
}

// streams are the ids of the job's random streams, besides its seed.
func (j Job) streams() []uint64 {
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
	Latency float64 // of one image on one thread, milliseconds, if Job.Latency; what it is depends on the machine and on what else it does
	Weights []byte  // safetensors, if Job.Keep

	shared string // name of the run that has trained this job before
}

// Step is what an evaluator tells after a training step.
type Step struct {
	child.Progress
	// State returns all that Job.State needs to go on from here. It is there after the last step of an epoch, while report has not returned; an
	// evaluator whose children always begin at the start leaves it nil.
	State func() ([]byte, error)
}

// ErrState is the error of a job whose State is none of its child's. The child can still be trained from the start.
var ErrState = errors.New("the state is not one of this child")

// Evaluator trains the child of a job. It calls report after every training step, in the goroutine that called Evaluate; report may block (a paused
// child) and its error ends the training. The result, but for its times, depends on nothing but the job.
type Evaluator interface {
	Evaluate(ctx context.Context, j Job, report func(Step) error) (Outcome, error)
}

// fakeState is the form of the states of Fake: whole epochs, and the trial.
const fakeState = "%d epochs of the fake trial %d"

// Fake is an Evaluator that trains nothing: it gives each cell a smooth, seeded score of its ops and walks through the epochs at the given pace. Tests
// and demonstrations of the interface run on it; its runs say so in their config's preset.
type Fake struct {
	Steps int           // steps per epoch
	Pace  time.Duration // per step
	Fail  func(trial int) error
}

// Evaluate implements [Evaluator].
func (f Fake) Evaluate(ctx context.Context, j Job, report func(Step) error) (Outcome, error) {
	steps, begin := max(f.Steps, 1), 0
	if j.State != nil {
		if n, err := fmt.Sscanf(string(j.State), fakeState, &begin); n != 1 || begin < 1 || begin > j.Train.Epochs {
			return Outcome{}, fmt.Errorf("%w: %.40q, %v", ErrState, j.State, err)
		}
	}
	final := fakeScore(j)
	out := Outcome{Reward: final, Cost: child.Cost{Params: 72370, Trainable: 72370, MAdds: 3_390_000}}
	keep := func(p float64) float64 { return j.Train.DropPath.Keep(0, 1, p) }
	for e := begin; e < j.Train.Epochs; e++ {
		for i := range steps {
			if f.Pace > 0 {
				select {
				case <-ctx.Done():
					return out, context.Cause(ctx)
				case <-time.After(f.Pace):
				}
			}
			at := (float64(e) + float64(i+1)/float64(steps)) / float64(j.Train.Epochs)
			p := Step{Progress: child.Progress{Cost: out.Cost, Epoch: e, Epochs: j.Train.Epochs, Step: e*steps + i + 1, Steps: steps * j.Train.Epochs,
				Loss: 2.3 * math.Exp(-2*at*final), Acc: final * at, LR: j.Train.LR * (1 - at), Keep: keep(at), ImagesPerSec: 400}}
			if i == steps-1 {
				acc := final * ((1 - 0.3*math.Exp(-3*at)) / (1 - 0.3*math.Exp(-3))) // final at the end, to the bit
				p.EpochEnd = &child.EpochResult{Epoch: e + 1, LR: p.LR, Keep: p.Keep, TrainLoss: p.Loss, TrainAcc: acc, ValLoss: p.Loss * 1.1, ValAcc: acc,
					Seconds: f.Pace.Seconds() * float64(steps), Images: steps * j.Train.Batch}
				p.State = func() ([]byte, error) { return fmt.Appendf(nil, fakeState, e+1, j.Trial), nil }
			}
			if err := report(p); err != nil {
				return out, err
			}
		}
	}
	if j.Latency {
		out.Latency = 0.5 + 5*final*final
	}
	out.Seconds = f.Pace.Seconds() * float64(steps*j.Train.Epochs)
	if f.Fail != nil {
		if err := f.Fail(j.Trial); err != nil {
			return out, err
		}
	}
	return out, nil
}

// fakeScore is about 0.6 to 0.9: a preference for separable convolutions and a little noise by trial.
func fakeScore(j Job) float64 {
	score := 0.0
	for _, c := range []space.Cell{j.Genotype.Normal, j.Genotype.Reduction} {
		for i, b := range c.Blocks {
			for _, name := range []string{b.Op1, b.Op2} {
				if op, ok := space.OpByName(name); ok && op.Family == "separable" {
					score++
				}
				h := fnv.New32a()
				fmt.Fprint(h, name, i)
				score += float64(h.Sum32()%100) / 400
			}
		}
	}
	n := float64(2 * (len(j.Genotype.Normal.Blocks) + len(j.Genotype.Reduction.Blocks)))
	noise := rng.Stream(j.Seed, "fake", j.streams()...).NormFloat64() * 0.005
	return min(0.99, max(0.1, 0.55+0.35*score/n/1.2+noise))
}
