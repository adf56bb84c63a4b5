package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"nasnet/checkpoints"
	"nasnet/dataset"
	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/local"
	"nasnet/nas/remote"
	"nasnet/nas/search"
	"nasnet/nas/space"
	"nasnet/tui"
)

// equip gives the interface what it must not do itself: building networks, reading the store, writing files.
func (a *app) equip(o tui.Options) tui.Options {
	o.DataSets, o.Version = dataset.Names(), version
	o.Cost, o.Plan, o.Estimate = child.CostOf, a.surveys.plan, a.surveys.estimate
	o.Latency = func(g space.Genotype, s nas.RetrainSpec) (child.Latency, error) {
		s, _ = a.surveys.unread(s)
		net, o := s.Net, child.LatencyOptions{Batches: []int{1, 32}, Threads: runtime.GOMAXPROCS(0), Seconds: 0.1}
		l, err := measureLatency(g, net, o)
		if err != nil { // 32 images may not fit into memory
			o.Batches = o.Batches[:1]
			l, err = measureLatency(g, net, o)
		}
		return l, err
	}
	o.Runs, o.OpenRun, o.RunCurve = a.store.rows, a.openRun, runCurve
	o.ResumeRun = func(ctx context.Context, x tui.RunRow) error { return a.startApart(ctx, x.Dir) }
	o.DeleteRun = func(_ context.Context, x tui.RunRow) error { return checkpoints.Remove(x.Dir) }
	o.Seen, o.Left = readSeen, writeSeen
	o.Write = writeExport
	o.Keys = a.keys
	return o
}

// measureLatency measures a network if it fits into memory.
func measureLatency(g space.Genotype, net child.NetConfig, o child.LatencyOptions) (l child.Latency, err error) {
	bytes, err := child.LatencyBytes(g, net, o)
	if err != nil {
		return l, err
	}
	if err := local.Fit("the network", bytes, local.DefaultMemory()); err != nil {
		return l, err
	}
	return child.MeasureLatency(g, net, o)
}

// runCurve reads the rewards of a run from its store, live or not.
func runCurve(_ context.Context, x tui.RunRow) (tui.RunCurve, error) {
	s, err := search.ReadSnapshot(x.Dir)
	if err != nil {
		return tui.RunCurve{}, err
	}
	return tui.RunCurve{Rewards: s.Rewards, Randoms: s.Randoms, Verdict: s.Verdict}, nil
}

// openRun opens a run for viewing: over the socket of its process, or from the store.
func (a *app) openRun(ctx context.Context, x tui.RunRow) (nas.Engine, func(), error) {
	client, err := remote.Dial(ctx, x.Dir, remote.Watch, remote.Visitor{Program: program(), TTY: ttyName(os.Stdin)})
	if err == nil {
		return client, func() { client.Close() }, nil
	}
	if !errors.Is(err, remote.ErrNotRunning) {
		return nil, nil, err
	}
	s, err := search.ReadSnapshot(x.Dir)
	if err != nil {
		return nil, nil, err
	}
	return stored{s, a.store}, func() {}, nil
}

// stored is an engine for a run that no process has open. It refuses every command.
type stored struct {
	snap  *nas.Snapshot
	store store
}

func (s stored) Snapshot() *nas.Snapshot              { return s.snap }
func (s stored) Subscribe() (<-chan struct{}, func()) { return nil, func() {} }

func (s stored) Do(context.Context, nas.Command) (nas.Reply, error) {
	return nas.Reply{}, errors.New("no program runs this run; to resume it: " + s.store.command("resume", s.snap.Dir))
}

// seenName is the file in a run's folder with the snapshot that the user last saw.
const seenName = "seen.json"

// maxSeen limits this file, in bytes: it is a snapshot without its lists.
const maxSeen = 1 << 20

func readSeen(dir string) *nas.Snapshot {
	b, err := readFile(filepath.Join(dir, seenName), maxSeen)
	if err != nil {
		return nil
	}
	s := new(nas.Snapshot)
	if json.Unmarshal(b, s) != nil {
		return nil // from another version: there will be no digest
	}
	return s
}

// writeSeen keeps what the digest compares. Failing to write it does no harm.
func writeSeen(s *nas.Snapshot) {
	small := *s
	small.Results = nas.Results{Finished: s.Finished, Failed: s.Failed, Cached: s.Cached, Best: s.Best}
	small.Running, small.Updates, small.Events = nil, nil, nil
	b, err := json.Marshal(small)
	if err != nil {
		return
	}
	_ = writeFile(filepath.Join(s.Dir, seenName), b, 0o600)
}

// exportsName is the folder below a run's folder for files that the user asks for.
const exportsName = "exports"

// exportsDir returns this folder, and creates it if necessary. It refuses a link in its place: in somebody else's run,
// the link could lead anywhere.
func exportsDir(dir string) (string, error) {
	dir = filepath.Join(dir, exportsName)
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		var st fs.FileInfo
		if st, err = os.Lstat(dir); err == nil && !st.IsDir() {
			err = fmt.Errorf("%s is not a folder", dir)
		}
	}
	return dir, err
}

// writeExport writes a file that the user asked for and returns its path. If the name is taken, the new file gets a
// number: cell-2.svg.
func writeExport(dir, name string, content []byte) (string, error) {
	dir, err := exportsDir(dir)
	if err != nil {
		return "", err
	}
	name = filepath.Base(name)
	ext := filepath.Ext(name)
	for n := 1; ; n++ {
		path := filepath.Join(dir, name)
		if n > 1 {
			path = filepath.Join(dir, fmt.Sprintf("%s-%d%s", strings.TrimSuffix(name, ext), n, ext))
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // EXCL: not through a link either
		if errors.Is(err, fs.ErrExist) {
			continue
		} else if err != nil {
			return path, err
		}
		_, err = f.Write(content)
		if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
			return path, errors.Join(err, os.Remove(path))
		}
		return path, nil
	}
}
