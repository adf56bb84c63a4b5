// Package audit reads stored runs. It verifies that their decisions follow from what is stored, trains children again
// to compare results, and ranks what a run found. It changes nothing, and the run may be live.
package audit

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/controller"
	"nasnet/nas/record"
	"nasnet/nas/rng"
	"nasnet/nas/space"
)

// Report is the result of a verification.
type Report struct {
	OK        bool     `json:"ok"`
	StateHash string   `json:"state_hash"` // of trials, rewards, policy and seed, without times
	Trials    int      `json:"trials"`
	Proposals int      `json:"proposals"` // of these, drawn again and compared
	Updates   int      `json:"updates"`   // applied again and compared
	Retrained int      `json:"retrained"` // trained again and compared, see [Report.Retrain]
	Builds    int      `json:"builds"`    // builds of the program that worked on the run; 0: not recorded
	Problems  []string `json:"problems,omitempty"`
}

// Verify reads a run, live or not, and repeats its decisions: it draws every proposal from its policy version and
// applies every update to the previous policy. Both must equal the store bit for bit; a policy that is no longer stored
// must have its stored hash. On the way, Verify reads all blobs and checks their hashes. It does not train children.
//
// For the part that a fork took over, Verify applies the updates again under the settings of the runs that made them;
// verify the parent to check its proposals.
func Verify(ctx context.Context, dir string) (Report, error) {
	run, err := record.Open(dir)
	if err != nil {
		return Report{}, err
	}
	defer run.Close()
	v, err := newVerifier(run)
	if err != nil {
		return Report{}, err
	}
	if v.StateHash, err = run.StateHash(); err != nil {
		return Report{}, err
	}
	v.Builds = len(record.Builds(run.Record.Build))
	for _, check := range []func() error{v.checkRun, v.checkTrials, v.checkEvents} {
		if err := check(); err != nil {
			return Report{}, err
		}
	}
	if err := v.replay(ctx); err != nil {
		return Report{}, err
	}
	v.OK = len(v.Problems) == 0
	return v.Report, nil
}

type verifier struct {
	Report
	run       *record.Run
	since     int64               // the last event before anything else was read; a live run has later ones
	trials    []checkpoints.Trial // all
	proposals []checkpoints.Trial
	starts    []int // index of the first proposal of each batch
	updates   []checkpoints.Update
	policies  map[int]controller.Controller // versions still needed
	uniform   controller.Controller         // draws the random cells
}

func newVerifier(run *record.Run) (*verifier, error) {
	v := &verifier{run: run, policies: map[int]controller.Controller{}}
	var err error
	if v.uniform, err = record.Uniform(run.Space); err != nil {
		return nil, err
	}
	if v.since, err = run.LastEventID(); err != nil {
		return nil, err
	}
	ts, err := run.Trials()
	if err != nil {
		return nil, err
	}
	v.Trials, v.trials = len(ts), ts
	for _, t := range ts {
		if t.ID < nas.FirstManual {
			v.proposals = append(v.proposals, t)
		}
		if t.CheckpointSHA256 != "" {
			if _, err := run.ReadBlob(t.CheckpointSHA256); err != nil {
				v.problem("trial %s: checkpoint after epoch %d: %v; without it the trial starts over",
					nas.TrialLabel(t.ID), t.CheckpointEpoch, err)
			}
		}
		if t.WeightsSHA256 != "" {
			if _, err := run.ReadBlob(t.WeightsSHA256); err != nil {
				v.problem("trial %s: weights: %v", nas.TrialLabel(t.ID), err)
			}
		}
	}
	if v.updates, err = run.Updates(); err != nil {
		return nil, err
	}
	for i, t := range v.proposals {
		if t.Batch == len(v.starts) {
			v.starts = append(v.starts, i)
		}
	}
	return v, nil
}

// batch returns the proposals of batch k. Only the last batch may be smaller than the config says.
func (v *verifier) batch(k int) []checkpoints.Trial {
	end := len(v.proposals)
	if k+1 < len(v.starts) {
		end = v.starts[k+1]
	}
	return v.proposals[v.starts[k]:end]
}

func (v *verifier) problem(format string, args ...any) {
	v.Problems = append(v.Problems, fmt.Sprintf(format, args...))
}

// checkTrials checks that the parts of each proposal agree.
func (v *verifier) checkTrials() error {
	accuracy, err := v.accuracies()
	if err != nil {
		return err
	}
	for i, t := range v.proposals {
		g, err := space.ParseJSON(t.Genotype)
		switch {
		case t.ID != i:
			v.problem("found proposal %d; want proposal %d", t.ID, i)
		case err != nil:
			v.problem("trial %d: %v", t.ID, err)
		case g.Hash() != t.CellHash:
			v.problem("trial %d: its cell has hash %.12s; the store has %.12s", t.ID, g.Hash(), t.CellHash)
		case t.HasReward && v.run.Config.Cost.By == "" && !(t.Reward >= 0 && t.Reward <= 1):
			v.problem("trial %d: its reward is %v; want 0 to 1", t.ID, t.Reward)
		}
		if a, ok := accuracy[t.ID]; ok && t.HasReward && t.ID >= v.run.Config.Inherited {
			r, err := v.run.Config.Cost.Reward(a, child.Cost{Params: t.Params, MAdds: t.MAdds}, t.Latency)
			if err != nil || math.Float64bits(r) != math.Float64bits(t.Reward) {
				v.problem("trial %d: its reward is %v; accuracy %v and %s give %v", t.ID, t.Reward, a,
					v.run.Config.Cost.By, r)
			}
		}
	}
	return nil
}

// accuracies returns the last validation accuracy of each trained proposal by number, if a cost weighs the reward.
func (v *verifier) accuracies() (map[int]float64, error) {
	if v.run.Config.Cost.By == "" {
		return nil, nil
	}
	es, err := v.run.AllEpochs()
	if err != nil {
		return nil, err
	}
	accuracy := map[int]float64{}
	for _, e := range es {
		if e.Trial < len(v.proposals) && e.Attempt == v.proposals[e.Trial].Attempt {
			accuracy[e.Trial] = e.ValAcc
		}
	}
	return accuracy, nil
}

// replay goes through the policy versions in order: it draws the batches of a version again, then applies the next
// update.
func (v *verifier) replay(ctx context.Context) error {
	begin := max(0, v.run.Record.ForkedAt)
	for version := range len(v.updates) + 1 {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p, err := v.policy(version)
		if err != nil {
			return err
		}
		v.policies[version] = p
		delete(v.policies, version-2)
		for k := range v.starts {
			if k >= begin && max(0, k-v.run.Config.Lag) == version {
				v.redraw(p, k, version)
			}
		}
	}
	return nil
}

// policy returns the policy of the given version, made by applying its update to the previous one.
func (v *verifier) policy(version int) (controller.Controller, error) {
	p, err := controller.New(v.run.Space.Arities(), v.run.Config.ControllerAt(max(1, version)))
	if err != nil || version == 0 {
		return p, err
	}
	u, err := v.run.UpdateAt(version)
	if err != nil && !errors.Is(err, checkpoints.ErrReleased) {
		v.problem("update %d: %v", version, err)
	}
	before, err := v.policies[version-1].State()
	if err != nil {
		return nil, err
	}
	if err := p.Restore(before); err != nil {
		return nil, err
	}
	batch := v.batchOf(v.updates[version-1])
	if len(batch) > 0 {
		if _, err := p.Update(batch); err != nil {
			v.problem("update %d: %v", version, err)
		}
	}
	after, err := p.State()
	if err != nil {
		return nil, err
	}
	v.Updates++
	if record.Hash(after) != v.updates[version-1].StateSHA256 {
		v.problem("update %d: its rewards do not turn policy %d into the stored one", version, version-1)
		if u.State == nil {
			return p, nil
		}
		if err := p.Restore(u.State); err != nil {
			v.problem("update %d: %v", version, err)
		}
	}
	return p, nil
}

func (v *verifier) batchOf(u checkpoints.Update) (batch []controller.Sample) {
	for _, x := range u.Samples {
		if x.Trial < 0 || x.Trial >= len(v.proposals) {
			v.problem("update %d: this run has no trial %d", u.Version, x.Trial)
			continue
		}
		t := v.proposals[x.Trial]
		if t.Open() {
			v.problem("update %d: used trial %d, which has not ended", u.Version, x.Trial)
		}
		if record.KindOf(t) == nas.Random {
			v.problem("update %d: used trial %d, which is a random cell", u.Version, x.Trial)
		}
		if t.HasReward && t.Reward != x.Reward {
			v.problem("update %d: used reward %v for trial %d, which has %v", u.Version, x.Reward, x.Trial, t.Reward)
		}
		batch = append(batch, controller.Sample{Choices: t.Choices, LogP: t.LogP, Reward: x.Reward})
	}
	return batch
}

// redraw draws a batch of proposals again.
func (v *verifier) redraw(p controller.Controller, k, version int) {
	for _, t := range v.batch(k) {
		v.Proposals++
		from, by, again := version, fmt.Sprint("policy version ", version), controller.Proposal{}
		if v.run.Config.RandomAt(t.ID) {
			from, by, again = -1, "the stream of random cells", record.ProposeRandom(v.uniform, v.run.Config.Seed, t.ID)
		} else {
			again = p.Propose(rng.Stream(v.run.Config.Seed, "propose", uint64(t.ID)))
		}
		if t.PolicyVersion != from {
			v.problem("trial %d: the store has policy version %d; want %d", t.ID, t.PolicyVersion, from)
		}
		if !slices.Equal(again.Choices, t.Choices) || !slices.EqualFunc(again.LogP, t.LogP,
			func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }) {
			v.problem("trial %d: %s does not draw what is stored", t.ID, by)
			continue
		}
		if g, err := v.run.Space.Decode(t.Choices); err != nil || g.Hash() != t.CellHash {
			v.problem("trial %d: its choices do not give its cell", t.ID)
		}
	}
}
