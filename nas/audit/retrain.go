package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/record"
	"nasnet/nas/rng"
	"nasnet/nas/space"
)

// Retrain trains finished children of the run in dir again and compares rewards and epochs bit for bit with the store.
// It takes the trials in ids and n others, drawn with the run's state hash as seed, so that the same run gets the same
// sample. It adds its findings to the report. tell, unless nil, is called before each child. The caller must make sure
// that the images are those of the run.
func (v *Report) Retrain(ctx context.Context, dir string, e nas.Evaluator, n int, ids []int,
	tell func(trial int)) error {
	run, err := record.Open(dir)
	if err != nil {
		return err
	}
	defer run.Close()
	ts, err := run.Trials()
	if err != nil {
		return err
	}
	byID := map[int]checkpoints.Trial{}
	var sound []int
	for _, t := range ts {
		byID[t.ID] = t
		if cannotRetrain(run.Record, t) == "" && !slices.Contains(ids, t.ID) {
			sound = append(sound, t.ID)
		}
	}
	seed, err := strconv.ParseUint(v.StateHash[:16], 16, 64)
	if err != nil {
		return fmt.Errorf("state hash %q: %w", v.StateHash, err)
	}
	rng.Stream(seed, "verify").Shuffle(len(sound), func(i, j int) { sound[i], sound[j] = sound[j], sound[i] })
	for _, id := range ids {
		t, ok := byID[id]
		if !ok {
			return fmt.Errorf("this run has no trial %s", nas.TrialLabel(id))
		}
		if why := cannotRetrain(run.Record, t); why != "" {
			return fmt.Errorf("trial %s cannot be trained again: %s", nas.TrialLabel(id), why)
		}
	}
	for _, id := range append(slices.Clone(ids), sound[:min(n, len(sound))]...) {
		if tell != nil {
			tell(id)
		}
		if err := v.retrain(ctx, run, e, byID[id]); err != nil {
			return err
		}
	}
	v.OK = len(v.Problems) == 0
	return nil
}

// cannotRetrain returns why a trial cannot be trained again and compared, or "" if it can.
func cannotRetrain(r checkpoints.Run, t checkpoints.Trial) string {
	own := len(t.Spec) > 0 // it has its own settings, so it can be trained anywhere
	switch {
	case t.State != string(nas.Done) || !t.HasReward:
		return "it is " + nas.State(t.State).Word() + ", without a reward"
	case !own && r.ParentUUID != "" && (t.ID < nas.FirstManual && t.Batch < r.ForkedAt ||
		t.ID >= nas.FirstManual && t.Finished.Before(r.Created)):
		return "it was trained before this run was forked, maybe under other settings; check it in the parent run"
	}
	return ""
}

func (v *Report) retrain(ctx context.Context, run *record.Run, e nas.Evaluator, t checkpoints.Trial) error {
	all, err := run.Epochs(t.ID)
	if err != nil {
		return err
	}
	want := slices.DeleteFunc(all, func(e checkpoints.Epoch) bool { return e.Attempt != t.Attempt })
	if len(want) == 0 {
		return v.retrainRepeated(ctx, run, e, t)
	}
	g, err := space.ParseJSON(t.Genotype)
	if err != nil {
		return fmt.Errorf("trial %s: %w", nas.TrialLabel(t.ID), err)
	}
	j := run.Config.Job(t.ID, g)
	j.Latency = false // the stored latency made the reward; a new measurement would differ
	if len(t.Spec) > 0 {
		var r nas.RetrainSpec
		if err := json.Unmarshal(t.Spec, &r); err != nil {
			return fmt.Errorf("trial %s: settings: %w", nas.TrialLabel(t.ID), err)
		}
		j = r.Job(t.ID, g)
	}
	var got []checkpoints.Epoch
	out, err := e.Evaluate(ctx, j, func(p nas.Step) error {
		if p.EpochEnd != nil {
			got = append(got, record.Epoch(t.ID, t.Attempt, *p.EpochEnd))
		}
		return nil
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	v.Retrained++
	where := firstDifference(want, got)
	out.Latency = t.Latency
	reward, unfit := run.Config.Reward(record.KindOf(t), out)
	if err == nil {
		err = unfit
	}
	switch {
	case err != nil:
		v.Problems = append(v.Problems, fmt.Sprintf("trial %s: trained again, it fails: %s; its reward is %v",
			nas.TrialLabel(t.ID), firstLine(err), t.Reward))
	case math.Float64bits(reward) != math.Float64bits(t.Reward):
		if where == "" {
			where = "all epochs are equal, so only the reward is wrong"
		}
		v.Problems = append(v.Problems, fmt.Sprintf("trial %s: trained again, its reward is %v; the store has %v; %s",
			nas.TrialLabel(t.ID), reward, t.Reward, where))
	case where != "":
		v.Problems = append(v.Problems, fmt.Sprintf("trial %s: trained again, its reward is the same; %s",
			nas.TrialLabel(t.ID), where))
	}
	return nil
}

// retrainRepeated trains, instead of a repeat, the child whose reward it shares, if this run trained that.
func (v *Report) retrainRepeated(ctx context.Context, run *record.Run, e nas.Evaluator, t checkpoints.Trial) error {
	ts, err := run.Trials()
	if err != nil {
		return err
	}
	for _, first := range ts {
		if first.ID < t.ID && first.CellHash == t.CellHash && first.ID >= run.Config.Inherited &&
			first.State == string(nas.Done) {
			if es, err := run.Epochs(first.ID); err != nil || len(es) == 0 {
				continue
			}
			if math.Float64bits(first.Reward) != math.Float64bits(t.Reward) {
				v.Problems = append(v.Problems, fmt.Sprintf("trial %s: repeats the cell of trial %d with reward %v; "+
					"its own reward is %v", nas.TrialLabel(t.ID), first.ID, first.Reward, t.Reward))
			}
			if cannotRetrain(run.Record, first) != "" {
				return nil
			}
			return v.retrain(ctx, run, e, first)
		}
	}
	v.Problems = append(v.Problems, fmt.Sprintf("trial %s: has a reward but no epochs, and repeats no earlier cell",
		nas.TrialLabel(t.ID)))
	return nil
}

// firstDifference returns where two trainings begin to differ, or "" if they do not. It ignores times.
func firstDifference(want, got []checkpoints.Epoch) string {
	for i, w := range want {
		if i == len(got) {
			return fmt.Sprintf("it has %d epochs; the store has %d", len(got), len(want))
		}
		g := got[i]
		for _, x := range []struct {
			name      string
			got, want float64
		}{{"number", float64(g.Epoch), float64(w.Epoch)}, {"learning rate", g.LR, w.LR},
			{"keep probability", g.Keep, w.Keep}, {"training loss", g.TrainLoss, w.TrainLoss},
			{"training accuracy", g.TrainAcc, w.TrainAcc}, {"validation loss", g.ValLoss, w.ValLoss},
			{"validation accuracy", g.ValAcc, w.ValAcc}} {
			if math.Float64bits(x.got) != math.Float64bits(x.want) {
				return fmt.Sprintf("first difference in epoch %d: the %s is %v; the store has %v", w.Epoch, x.name,
					x.got, x.want)
			}
		}
	}
	if len(got) > len(want) {
		return fmt.Sprintf("it has %d epochs; the store has %d", len(got), len(want))
	}
	return ""
}

// firstLine returns the error without the stack of a panic.
func firstLine(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return text
}
