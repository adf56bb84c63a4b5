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

// ancestors finds the runs that a fork descends from, if they are in the same folder and were made by the same build
// with the same data and training settings. A trial with the same number and cell has the same job there, and so the
// same outcome bit for bit: it need not be trained again. With the same seed, this applies to all random cells, and to
// the first samples after the fork, which come from the same policy.
type ancestors struct {
	run   *record.Run // the fork
	dir   string      // of the fork
	build []byte      // of the program

	find sync.Once
	dirs []string // the parent first
}

// trainedBefore returns the outcome of a job in an ancestor, and the ancestor's name. The ancestor may be live.
func (w worker) trainedBefore(ctx context.Context, r *training, j nas.Job) (out nas.Outcome, run string, ok bool) {
	// a half-trained child has some epochs already
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

// trialOf looks in the run in dir for the job's trial, if it was trained there and is done. Trials that this run took
// over itself are skipped, because they may come from other settings; its own parent has them. Read errors count as
// "not found", because the child can still be trained.
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

// folders returns the folders of the ancestors, up to the first with other training settings.
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
		delete(parents, uuid) // a forged lineage may be circular
	}
	return dirs
}
