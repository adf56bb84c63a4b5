package nas

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"

	"nasnet/checkpoints"
)

// kin is the runs that a fork descends from, as far as they lie beside it and were made by the same build, with the same data and settings of training. A
// trial of the same number and cell has the same job there, and so the same outcome to the bit: it need not be trained again. Right after the fork that is
// true of the proposals that come from the same policy, and throughout of the shadows, as long as the seed stays the same.
type kin struct {
	find sync.Once
	dirs []string // from the parent on
}

// trainedBefore returns what a job gave in a run that this one descends from. The store of that run may be live. It runs in the child's goroutine.
func (s *Search) trainedBefore(ctx context.Context, t *trial, r *run, j Job) (Outcome, bool) {
	if s.record.ParentUUID == "" || !t.Kind.proposal() || j.State != nil { // of a half-trained child the first epochs are known already
		return Outcome{}, false
	}
	s.kin.find.Do(func() { s.kin.dirs = s.ancestors() })
	for _, dir := range s.kin.dirs {
		was, epochs, ok := trialOfKin(dir, j)
		if !ok {
			continue
		}
		for _, e := range epochs {
			select {
			case s.epochs <- epochEnd{trial: t, run: r, epoch: epochOf(e)}:
			case <-ctx.Done():
				return Outcome{}, false
			}
		}
		out := Outcome{Reward: epochs[len(epochs)-1].ValAcc, Seconds: was.Seconds, Latency: was.Latency, shared: filepath.Base(dir)}
		out.Cost.Params, out.Cost.MAdds = was.Params, was.MAdds
		return out, true
	}
	return Outcome{}, false
}

// trialOfKin looks for the trial of a job that is done and was trained in that run. What the run took over itself may come from other settings: the run that
// it was forked from tells. What cannot be read is not there: the child can be trained.
func trialOfKin(dir string, j Job) (checkpoints.Trial, []checkpoints.Epoch, bool) {
	st, err := checkpoints.OpenReadOnly(dir)
	if err != nil {
		return checkpoints.Trial{}, nil, false
	}
	defer st.Close()
	r, err := st.Run()
	if err != nil {
		return checkpoints.Trial{}, nil, false
	}
	t, err := st.Trial(j.Trial)
	if err != nil || t.State != string(Done) || !t.HasReward || t.Batch < r.ForkedAt {
		return t, nil, false
	}
	g, err := json.Marshal(j.Genotype)
	if err != nil || !bytes.Equal(g, t.Genotype) {
		return t, nil, false
	}
	all, err := st.Epochs(t.ID)
	if err != nil {
		return t, nil, false
	}
	var epochs []checkpoints.Epoch
	for _, e := range all {
		if e.Attempt == t.Attempt {
			epochs = append(epochs, e)
		}
	}
	return t, epochs, len(epochs) > 0 && len(epochs) == j.Train.Epochs && (t.Latency > 0 || !j.Latency)
}

// ancestors finds the folders of the runs that this one descends from, up to the first whose evaluations differ.
func (s *Search) ancestors() (dirs []string) {
	root := filepath.Dir(s.dir)
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil
	}
	parents := map[string]string{} // uuid to folder
	records := map[string]checkpoints.Run{}
	for _, e := range entries {
		dir := filepath.Join(root, e.Name())
		if st, err := checkpoints.OpenReadOnly(dir); err == nil {
			if r, err := st.Run(); err == nil {
				parents[r.UUID], records[r.UUID] = dir, r
			}
			st.Close()
		}
	}
	for uuid := s.record.ParentUUID; parents[uuid] != ""; uuid = records[uuid].ParentUUID {
		r := records[uuid]
		c, err := ParseConfig(r.Config)
		if err != nil || r.DatasetSHA256 != s.record.DatasetSHA256 || !bytes.Equal(r.Build, s.options.Build) || !c.evaluatesAs(s.config) {
			return dirs
		}
		dirs = append(dirs, parents[uuid])
		delete(parents, uuid) // a hostile lineage may be a ring
	}
	return dirs
}

// evaluatesAs says that a trial of one config has the outcome that a trial of the same number and cell has under the other, on the same data.
func (c Config) evaluatesAs(d Config) bool {
	a, b := c.dataSpec(), d.dataSpec()
	a.Dir, b.Dir = "", ""
	return a == b && c.Net == d.Net && c.Train == d.Train && c.Seed == d.Seed && c.Preset == d.Preset
}
