package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/remote"
	"nasnet/tui"
)

// store is the folder that holds the runs, as --store names it.
type store string

// resumeHint is the command that goes on with a run.
func (s store) resumeHint(name string) string { return "nasnet resume " + name + s.flag() }

// flag is what a command needs to find this store, with a space before it.
func (s store) flag() string {
	if string(s) == defaultStore() {
		return ""
	}
	return " --store " + string(s)
}

// defaultStore is $XDG_DATA_HOME/nasnet/runs, or its usual place.
func defaultStore() string {
	base := os.Getenv("XDG_DATA_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return filepath.Join("checkpoints", "runs")
		}
		base = filepath.Join(home, ".local", "share")
	}
	return filepath.Join(base, "nasnet", "runs")
}

// runDir finds the folder of a run by name in the store, or by path.
func (s store) runDir(run string) (string, error) {
	for _, dir := range []string{filepath.Join(string(s), run), run} {
		if _, err := os.Stat(filepath.Join(dir, "run.db")); err == nil {
			return dir, nil
		}
	}
	return "", hinted{fmt.Errorf("there is no run %q in %s", run, s),
		"nasnet runs lists them; --store names another folder"}
}

// live is a run that a program has open.
type live struct {
	dir    string
	status remote.Status
}

// liveRuns returns the runs of the store whose programs answer. Only folders with a socket are asked: no database is
// opened.
func (s store) liveRuns(ctx context.Context, patience time.Duration) (runs []live) {
	// an error is one of the pattern
	sockets, _ := filepath.Glob(filepath.Join(globQuote(string(s)), "*", remote.SocketName))
	for _, socket := range sockets {
		dir := filepath.Dir(socket)
		if st, err := look(ctx, dir, patience); err == nil {
			runs = append(runs, live{dir, st})
		}
	}
	return runs
}

// globQuote makes a path stand for itself in a pattern.
func globQuote(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// liveDir is the folder of the run that was named, or of the only live one.
func (s store) liveDir(args []string) (string, error) {
	if len(args) > 0 {
		return s.runDir(args[0])
	}
	runs := s.liveRuns(context.Background(), lookTime)
	switch len(runs) {
	case 1:
		return runs[0].dir, nil
	case 0:
		return "", hinted{fmt.Errorf("no run in %s is live", s),
			"nasnet runs lists them, nasnet resume RUN goes on with one"}
	}
	var names []string
	for _, r := range runs {
		names = append(names, r.status.Name)
	}
	return "", usagef("%d runs are live; name one of: %s", len(runs), strings.Join(names, ", "))
}

// newestRun is the folder whose database was written last.
func (s store) newestRun() (newest string, err error) {
	entries, _ := os.ReadDir(string(s)) // an error says that there is no store yet
	var at time.Time
	for _, e := range entries {
		dir := filepath.Join(string(s), e.Name())
		for _, name := range []string{"run.db", "run.db-wal"} {
			if fi, err := os.Stat(filepath.Join(dir, name)); err == nil && fi.ModTime().After(at) {
				newest, at = dir, fi.ModTime()
			}
		}
	}
	if newest == "" {
		return "", hinted{fmt.Errorf("no runs in %s", s), "nasnet search begins one"}
	}
	return newest, nil
}

// rows lists the store for the interface.
func (s store) rows(context.Context) ([]tui.RunRow, error) {
	runs, err := checkpoints.List(string(s))
	if err != nil {
		return nil, err
	}
	var rows []tui.RunRow
	for _, r := range runs {
		x := tui.RunRow{Name: filepath.Base(r.Dir), Dir: r.Dir, UUID: r.Run.UUID, Parent: r.Run.ParentUUID,
			ForkAt: r.Run.ForkedAt, State: r.Status, Live: r.Live, PID: r.PID,
			Host: r.Host, Proposed: r.Proposed, Done: r.Done, Failed: r.Failed, Target: r.Run.Target, Best: r.Best,
			HasBest: r.BestTrial >= 0, Updates: r.Version,
			Elapsed: r.Run.Elapsed, Changed: r.Run.Updated, Err: r.Err}
		if x.Err == nil {
			x.Config, x.Err = nas.ParseConfig(r.Run.Config)
		}
		rows = append(rows, x)
	}
	return rows, nil
}
