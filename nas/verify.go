package nas

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"nasnet/checkpoints"
	"nasnet/nas/child"
	"nasnet/nas/controller"
	"nasnet/nas/rng"
	"nasnet/nas/space"
)

// VerifyReport is what a verification found.
type VerifyReport struct {
	OK        bool     `json:"ok"`
	StateHash string   `json:"state_hash"` // over trials, rewards, policy and seed; not over times
	Trials    int      `json:"trials"`
	Proposals int      `json:"proposals"` // of these, drawn again and compared
	Updates   int      `json:"updates"`   // applied again and compared
	Retrained int      `json:"retrained"` // trained again and compared, see [VerifyReport.Retrain]
	Builds    int      `json:"builds"`    // of the program, that have worked on the run; 0: not recorded
	Problems  []string `json:"problems,omitempty"`
}

// Verify reads a run, live or not, and does its decisions again: every proposal is drawn from its policy version, every update is applied to the one
// before, and both must come out as stored, to the bit; of a policy whose state is no longer kept, the hash. Blobs are read and compared with their hashes on the way. Children are not trained again.
//
// Of the part that a fork inherited, the updates are applied again under the settings of those who made them; its proposals are verified in the parent. In
// forks that were made before those settings were recorded, the replay begins at the fork.
func Verify(ctx context.Context, dir string) (VerifyReport, error) {
	st, err := checkpoints.OpenReadOnly(dir)
	if err != nil {
		return VerifyReport{}, err
	}
	defer st.Close()
	v, err := newVerifier(st)
	if err != nil {
		return VerifyReport{}, err
	}
	if v.StateHash, err = st.StateHash(); err != nil {
		return VerifyReport{}, err
	}
	v.Builds = len(builds(v.record.Build))
	if err := v.checkTrials(); err != nil {
		return VerifyReport{}, err
	}
	if err := v.replay(ctx); err != nil {
		return VerifyReport{}, err
	}
	v.OK = len(v.Problems) == 0
	return v.VerifyReport, nil
}

type verifier struct {
	VerifyReport
	store    *checkpoints.Store
	record   checkpoints.Run
	config   Config
	space    space.Space
	samples  []checkpoints.Trial
	starts   []int // index of the first proposal of each batch
	updates  []checkpoints.Update
	policies map[int]controller.Controller // the versions that are still needed
	uniform  controller.Controller         // draws the shadows
}

func newVerifier(st *checkpoints.Store) (*verifier, error) {
	v := &verifier{store: st, policies: map[int]controller.Controller{}}
	var err error
	if v.record, err = st.Run(); err != nil {
		return nil, err
	}
	if v.config, err = ParseConfig(v.record.Config); err != nil {
		return nil, err
	}
	if v.space, err = v.config.Space(); err != nil {
		return nil, err
	}
	if v.uniform, err = newUniform(v.space); err != nil {
		return nil, err
	}
	ts, err := st.Trials()
	if err != nil {
		return nil, err
	}
	v.Trials = len(ts)
	for _, t := range ts {
		if t.ID < FirstManual {
			v.samples = append(v.samples, t)
		}
		if t.CheckpointSHA256 != "" {
			if _, err := st.ReadBlob(t.CheckpointSHA256); err != nil {
				v.problem("trial %s: checkpoint after epoch %d, without which it begins again: %v", TrialLabel(t.ID), t.CheckpointEpoch, err)
			}
		}
		if t.WeightsSHA256 != "" {
			if _, err := st.ReadBlob(t.WeightsSHA256); err != nil {
				v.problem("trial %s: weights: %v", TrialLabel(t.ID), err)
			}
		}
	}
	if v.updates, err = st.Updates(); err != nil {
		return nil, err
	}
	for i, t := range v.samples {
		if t.Batch == len(v.starts) {
			v.starts = append(v.starts, i)
		}
	}
	return v, nil
}

// batch is the proposals of a batch; its size is the config's but for a last one.
func (v *verifier) batch(k int) []checkpoints.Trial {
	end := len(v.samples)
	if k+1 < len(v.starts) {
		end = v.starts[k+1]
	}
	return v.samples[v.starts[k]:end]
}

func (v *verifier) problem(format string, args ...any) {
	v.Problems = append(v.Problems, fmt.Sprintf(format, args...))
}

// checkTrials compares each proposal's parts with one another.
func (v *verifier) checkTrials() error {
	accuracy, err := v.accuracies()
	if err != nil {
		return err
	}
	for i, t := range v.samples {
		g, err := space.ParseJSON(t.Genotype)
		switch {
		case t.ID != i:
			v.problem("proposal %d stands where proposal %d should", t.ID, i)
		case err != nil:
			v.problem("trial %d: %v", t.ID, err)
		case g.Hash() != t.CellHash:
			v.problem("trial %d: its cell has the hash %.12s; the store says %.12s", t.ID, g.Hash(), t.CellHash)
		case t.HasReward && v.config.Cost.By == "" && !(t.Reward >= 0 && t.Reward <= 1):
			v.problem("trial %d: its reward is %v; want 0 to 1", t.ID, t.Reward)
		}
		if a, ok := accuracy[t.ID]; ok && t.HasReward && t.ID >= v.config.Inherited {
			r, err := v.config.Cost.reward(a, child.Cost{Params: t.Params, MAdds: t.MAdds}, t.Latency)
			if err != nil || math.Float64bits(r) != math.Float64bits(t.Reward) {
				v.problem("trial %d: its reward is %v; its accuracy %v and its %s make %v", t.ID, t.Reward, a, v.config.Cost.By, r)
			}
		}
	}
	return nil
}

// accuracies returns the last validation accuracy of the trained proposals by number, if costs are part of the reward.
func (v *verifier) accuracies() (map[int]float64, error) {
	if v.config.Cost.By == "" {
		return nil, nil
	}
	es, err := v.store.AllEpochs()
	if err != nil {
		return nil, err
	}
	accuracy := map[int]float64{}
	for _, e := range es {
		if e.Trial < len(v.samples) && e.Attempt == v.samples[e.Trial].Attempt {
			accuracy[e.Trial] = e.ValAcc
		}
	}
	return accuracy, nil
}

// replay walks through the policy versions in order: it draws the batches of a version, then applies the update that ends it.
func (v *verifier) replay(ctx context.Context) error {
	begin, known := max(0, v.record.ForkedAt), v.config.unknownPast(v.record.ForkedAt)
	for version := max(0, known-v.config.Lag); version <= len(v.updates); version++ {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p, err := v.policy(version, known)
		if err != nil {
			return err
		}
		v.policies[version] = p
		delete(v.policies, version-2)
		for k := range v.starts {
			if k >= begin && max(0, k-v.config.Lag) == version {
				v.redraw(p, k, version)
			}
		}
	}
	return nil
}

// policy returns the policy of a version: read from the store up to the beginning of the replay, made by its update from there on.
func (v *verifier) policy(version, begin int) (controller.Controller, error) {
	settings := v.config.controllerAt(version)
	if version == 0 {
		settings = v.config.controllerAt(1)
	}
	p, err := controller.New(v.space.Arities(), settings)
	if err != nil || version == 0 {
		return p, err
	}
	u, err := v.store.UpdateAt(version)
	if err != nil && (version <= begin || !errors.Is(err, checkpoints.ErrReleased)) {
		v.problem("update %d: %v", version, err)
		if version <= begin {
			return p, nil
		}
	}
	if version <= begin {
		if err := p.Restore(u.State); err != nil {
			v.problem("update %d: %v", version, err)
		}
		return p, nil
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
	if hashOf(after) != v.updates[version-1].StateSHA256 {
		v.problem("update %d: the stored policy is not what its rewards make of policy %d", version, version-1)
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
		if x.Trial < 0 || x.Trial >= len(v.samples) {
			v.problem("update %d: there is no trial %d", u.Version, x.Trial)
			continue
		}
		t := v.samples[x.Trial]
		if t.Open() {
			v.problem("update %d: it used trial %d, which has no end", u.Version, x.Trial)
		}
		if kindOf(t) == Shadow {
			v.problem("update %d: it used trial %d, which is a shadow", u.Version, x.Trial)
		}
		if t.HasReward && t.Reward != x.Reward {
			v.problem("update %d: it used the reward %v of trial %d, which has %v", u.Version, x.Reward, x.Trial, t.Reward)
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
		if v.config.shadowAt(t.ID) {
			from, by, again = -1, "the stream of shadows", proposeShadow(v.uniform, v.config.Seed, t.ID)
		} else {
			again = p.Propose(rng.Stream(v.config.Seed, "propose", uint64(t.ID)))
		}
		if t.PolicyVersion != from {
			v.problem("trial %d: it says policy version %d; it is drawn from %d", t.ID, t.PolicyVersion, from)
		}
		if !slices.Equal(again.Choices, t.Choices) || !slices.EqualFunc(again.LogP, t.LogP, func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }) {
			v.problem("trial %d: %s does not propose what is stored", t.ID, by)
			continue
		}
		if g, err := v.space.Decode(t.Choices); err != nil || g.Hash() != t.CellHash {
			v.problem("trial %d: its choices are not its cell", t.ID)
		}
	}
}
