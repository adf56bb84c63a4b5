// Package fake has an [Evaluator] that trains nothing, for tests and for trying the interface. The preset in a run's
// config says that its results are fake.
package fake

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"time"

	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/rng"
	"nasnet/nas/space"
)

// state is the format of an Evaluator's states: whole epochs, and the trial.
const state = "%d epochs of the fake trial %d"

// Evaluator scores each cell by its ops, with a little seeded noise, and steps through the epochs at a given pace.
type Evaluator struct {
	Steps int           // steps per epoch
	Pace  time.Duration // per step
	Fail  func(trial int) error
}

// Evaluate implements [nas.Evaluator].
func (f Evaluator) Evaluate(ctx context.Context, j nas.Job, report func(nas.Step) error) (nas.Outcome, error) {
	steps, begin := max(f.Steps, 1), 0
	if j.State != nil {
		if n, err := fmt.Sscanf(string(j.State), state, &begin); n != 1 || begin < 1 || begin > j.Train.Epochs {
			return nas.Outcome{}, fmt.Errorf("%w: %.40q, %v", nas.ErrState, j.State, err)
		}
	}
	final := scoreOf(j)
	out := nas.Outcome{Reward: final, Cost: child.Cost{Params: 72370, Trainable: 72370, MAdds: 3_390_000}}
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
			p := nas.Step{Progress: child.Progress{Cost: out.Cost, Epoch: e, Epochs: j.Train.Epochs,
				Step: e*steps + i + 1, Steps: steps * j.Train.Epochs,
				Loss: 2.3 * math.Exp(-2*at*final), Acc: final * at, LR: j.Train.LR * (1 - at), Keep: keep(at),
				ImagesPerSec: 400}}
			if i == steps-1 {
				acc := final * ((1 - 0.3*math.Exp(-3*at)) / (1 - 0.3*math.Exp(-3))) // exactly final at the end
				p.EpochEnd = &child.EpochResult{Epoch: e + 1, LR: p.LR, Keep: p.Keep, TrainLoss: p.Loss, TrainAcc: acc,
					ValLoss: p.Loss * 1.1, ValAcc: acc,
					Seconds: f.Pace.Seconds() * float64(steps), Images: steps * j.Train.Batch}
				p.State = func() ([]byte, error) { return fmt.Appendf(nil, state, e+1, j.Trial), nil }
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

// scoreOf returns about 0.6 to 0.9. It prefers separable convolutions and adds a little noise per trial.
func scoreOf(j nas.Job) float64 {
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
	noise := rng.Stream(j.Seed, "fake", j.Streams()...).NormFloat64() * 0.005
	return min(0.99, max(0.1, 0.55+0.35*score/n/1.2+noise))
}
