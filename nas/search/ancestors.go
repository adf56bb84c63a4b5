package search

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/record"
)

// ancestors is the runs that a fork descends from, as far as they lie beside it and were made by the same build, with
// the same data and settings of training. A trial of the same number and cell has the same job there, and so the same
// outcome to the bit: it need not be trained again. Right after the fork that is true of the proposals that come from
// the same policy, and throughout of the random cells, as long as the seed stays the same.
type ancestors struct {
	run   *record.Run // the fork
	dir   string      // of the fork
	build []byte      // of the program

	find sync.Once
	dirs []string // from the parent on
}

// trainedBefore returns what a job gave in a run that this one descends from, and the name of that run, whose store may
// be live.
func (w worker) trainedBefore(ctx context.Context, r *training, j nas.Job) (out nas.Outcome, run string, ok bool) {
	// of a half-trained child the first epochs are known already
	if w.ancestors == nil || !r.trial.Kind.Proposal() || j.State != nil {
		return out, "", false
	}
	for _, dir := range w.ancestors.folders() {
		was, epochs, ok := trialOf(dir, j)
		if !ok {
			continue
		}
		for _, e := range epochs {
			select {
			case w.ports.epochs <- epochEnd{training: r, epoch: record.EpochOf(e)}:
			case <-ctx.Done():
				return out, "", false
			}
		}
		out = nas.Outcome{Reward: epochs[len(epochs)-1].ValAcc, Seconds: was.Seconds, Latency: was.Latency}
		out.Cost.Params, out.Cost.MAdds = was.Params, was.MAdds
		return out, filepath.Base(dir), true
	}
	return out, "", false
}

// trialOf looks in the run in dir for the trial of a job that is done and was trained there. What the run took over
// itself may come from other settings: the run that it was forked from tells. What cannot be read is not there: the
// child can be trained.
func trialOf(dir string, j nas.Job) (checkpoints.Trial, []checkpoints.Epoch, bool) {
	run, err := record.Open(dir)
	if err != nil {
		return checkpoints.Trial{}, nil, false
	}
	defer run.Close()
	t, err := run.Trial(j.Trial)
	if err != nil || t.State != string(nas.Done) || !t.HasReward || t.Batch < run.Record.ForkedAt {
		return t, nil, false
	}
	g, err := json.Marshal(j.Genotype)
	if err != nil || !bytes.Equal(g, t.Genotype) {
		return t, nil, false
	}
	all, err := run.Epochs(t.ID)
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

// folders returns the folders of the ancestors, up to the first whose evaluations differ.
func (a *ancestors) folders() []string {
	a.find.Do(func() { a.dirs = a.look() })
	return a.dirs
}

func (a *ancestors) look() (dirs []string) {
	root := filepath.Dir(a.dir)
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil
	}
	parents := map[string]string{} // uuid to folder
	records := map[string]*record.Run{}
	for _, e := range entries {
		dir := filepath.Join(root, e.Name())
		if run, err := record.Open(dir); err == nil {
			parents[run.Record.UUID], records[run.Record.UUID] = dir, run
			run.Close()
		}
	}
	for uuid := a.run.Record.ParentUUID; parents[uuid] != ""; uuid = records[uuid].Record.ParentUUID {
		r := records[uuid]
		if r.Record.DatasetSHA256 != a.run.Record.DatasetSHA256 || !bytes.Equal(r.Record.Build, a.build) ||
			!r.Config.EvaluatesAs(a.run.Config) {
			return dirs
		}
		dirs = append(dirs, parents[uuid])
		delete(parents, uuid) // a hostile lineage may be a ring
	}
	return dirs
}
