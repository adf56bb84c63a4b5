package search

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/record"
)

// ForkRun creates a fork beside the run in dir, which may be live in another process. The fork takes over trials and
// updates up to policy version at (-1 = the latest) and continues with a config that change has altered. The first run
// does not change. The fork does not start until somebody resumes it. An empty name derives one from the first run's.
func ForkRun(dir string, at int, name string, change Change, build []byte) (nas.Reply, error) {
	run, err := record.Open(dir)
	if err != nil {
		return nas.Reply{}, err
	}
	defer run.Close()
	return forkStored(run, dir, at, name, change, build)
}

// fork forks the live run and starts the fork if the command says so. It runs in the goroutine of the command, because
// rebuilding old policies may take a while, and tells the owner when it is done.
func (s *Search) fork(ctx context.Context, c nas.Command) (nas.Reply, error) {
	spec := nas.ForkSpec{At: -1}
	if c.Fork != nil {
		spec = *c.Fork
	}
	if spec.Start && s.options.StartFork == nil {
		return nas.Reply{}, errors.New("this program cannot run a fork beside its parent; fork without starting, " +
			"then resume the fork on its own")
	}
	if err := s.ports.ask(ctx, func() {}); err != nil { // the search has ended
		return nas.Reply{}, err
	}
	run, err := record.Of(s.owner.run.Store) // a copy, because the owner may change its own
	if err != nil {
		return nas.Reply{}, err
	}
	r, err := forkStored(run, s.dir, spec.At, spec.Name,
		func(c *nas.Config, _ *string) error { spec.Change(c); return nil }, s.options.Build)
	if err != nil {
		return nas.Reply{}, err
	}
	if spec.Start {
		name := filepath.Base(r.Dir)
		if err = s.options.StartFork(r.Dir); err != nil {
			err = fmt.Errorf("%s, but it could not be started: %w", r.Message, err)
		} else {
			r.Message = fmt.Sprintf("forked at policy version %d to run %s, which now runs beside this one", r.At, name)
		}
	}
	if e := s.ports.ask(ctx, func() { s.owner.emit(nas.UserCommand, -1, told(c, r.Message)) }); e != nil &&
		err == nil && !errors.Is(e, nas.ErrClosed) {
		err = e
	}
	return r, err
}

// Change alters the config of a fork. If it changes the data, it also sets their hash.
type Change func(c *nas.Config, dataHash *string) error

func forkStored(run *record.Run, dir string, at int, name string, change Change, build []byte) (nas.Reply, error) {
	rec, was, c := run.Record, run.Config, run.Config
	us, err := run.Updates()
	if err != nil {
		return nas.Reply{}, err
	}
	if at < 0 {
		at = len(us)
	}
	if at > len(us) {
		return nas.Reply{}, fmt.Errorf("fork: policy version %d does not exist yet; the latest is %d", at, len(us))
	}
	if c.Name = name; name == "" {
		if c.Name, err = freeName(filepath.Dir(dir), was.Name+"-fork"); err != nil {
			return nas.Reply{}, fmt.Errorf("fork: %w", err)
		}
	}
	if err := nas.CheckName(c.Name); err != nil {
		return nas.Reply{}, fmt.Errorf("fork: %w", err)
	}
	hash := rec.DatasetSHA256
	if err := change(&c, &hash); err != nil {
		return nas.Reply{}, fmt.Errorf("fork: %w", err)
	}
	ts, err := run.Trials()
	if err != nil {
		return nas.Reply{}, err
	}
	inherited, manual := 0, 0 // manual: index of the last trial made by hand that the fork takes over, plus 1
	for _, t := range ts {
		if t.ID < nas.FirstManual && t.Batch < at {
			inherited++
		} else if t.ID >= nas.FirstManual && !t.Open() {
			manual = t.ID - nas.FirstManual + 1
		}
	}
	if at > 0 && (!c.SameSpace(was) || c.Batch != was.Batch || c.Controller.Strategy != was.Controller.Strategy) {
		return nas.Reply{}, fmt.Errorf("fork: ops, blocks, batch and strategy shape the policy, so they can only "+
			"change in a fork at version 0, not at version %d", at)
	}
	c.Past = was.PastUntil(at)
	c.Inherited = min(was.Inherited, inherited)
	if c.Data != was.Data || c.TrainImages != was.TrainImages || c.ValImages != was.ValImages || c.Net != was.Net ||
		c.Train != was.Train || c.Cost != was.Cost || hash != rec.DatasetSHA256 {
		c.Inherited, c.InheritedManual = inherited, manual
	}
	if c.Children < inherited {
		return nas.Reply{}, fmt.Errorf("fork: children is %d; want at least the %d that policy version %d already has",
			c.Children, inherited, at)
	}
	if err := c.Validate(); err != nil {
		return nas.Reply{}, fmt.Errorf("fork: %w", err)
	}
	text, err := record.Config(c)
	if err != nil {
		return nas.Reply{}, err
	}
	var rebuilt [][]byte
	for version := max(1, at-c.Lag); version <= at; version++ { // the fork's first batches are drawn from these
		state, made, err := run.Policy(version)
		if err != nil {
			return nas.Reply{}, fmt.Errorf("fork: %w", err)
		}
		if made {
			rebuilt = append(rebuilt, state)
		}
	}
	dst := filepath.Join(filepath.Dir(dir), c.Name)
	if err := run.Fork(dst, checkpoints.Run{Name: c.Name, ParentUUID: rec.UUID, ForkedAt: at, State: "created",
		Seed: c.Seed, Config: text,
		DatasetSHA256: hash, Build: build, Target: c.Children}, at, rebuilt...); err != nil {
		return nas.Reply{}, fmt.Errorf("fork: %w", err)
	}
	return nas.Reply{Message: fmt.Sprintf("forked at policy version %d to run %s, ready to resume", at, c.Name),
		Dir: dst, At: at}, nil
}

// freeName returns the first of stem-1, stem-2, … that does not exist in root.
func freeName(root, stem string) (string, error) {
	for i := 1; ; i++ {
		name := fmt.Sprintf("%s-%d", stem, i)
		if _, err := os.Lstat(filepath.Join(root, name)); errors.Is(err, fs.ErrNotExist) {
			return name, nil
		} else if err != nil {
			return "", err
		}
	}
}

// NewDir returns the folder for a new run under root: root/name, or root/stem-N with the first free N if name is empty.
func NewDir(root, name, stem string) (dir string, err error) {
	if name == "" {
		if name, err = freeName(root, stem); err != nil {
			return "", err
		}
	}
	if err := nas.CheckName(name); err != nil {
		return "", err
	}
	return filepath.Join(root, name), nil
}
