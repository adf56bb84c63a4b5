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

// store is the folder of the runs, from --store.
type store string

// command returns a command line on the run in dir, to be pasted into a shell: command("ctl", dir, "stop") is
// "nasnet ctl NAME stop". A run outside the store, and one whose name looks like a flag, is named by its path.
func (s store) command(verb, dir string, args ...string) string {
	name := filepath.Base(dir)
	if absPath(filepath.Join(string(s), name)) != absPath(dir) || strings.HasPrefix(name, "-") {
		return shellLine(append([]string{"nasnet", verb, absPath(dir)}, args...)...)
	}
	return shellLine(append([]string{"nasnet", verb, name}, args...)...) + s.flag()
}

// flag returns the flag that makes a command find this store, with a space before it; nothing for the default store.
func (s store) flag() string {
	if string(s) == defaultStore() {
		return ""
	}
	return " --store " + shellLine(absPath(string(s)))
}

// absPath returns a path that leads to the same file from every working directory.
func absPath(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// shellLine joins words to a line that a shell splits into the same words.
func shellLine(words ...string) string {
	special := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r >= 0x80 ||
			strings.ContainsRune("-_./,:=+@%", r))
	}
	quoted := make([]string, len(words))
	for i, w := range words {
		if quoted[i] = w; w == "" || strings.ContainsFunc(w, special) {
			quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

// defaultStore returns $XDG_DATA_HOME/nasnet/runs; XDG_DATA_HOME defaults to ~/.local/share.
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

// runDir finds the folder of a run by its name in the store, or by its path.
func (s store) runDir(run string) (string, error) {
	for _, dir := range []string{filepath.Join(string(s), run), run} {
		if checkpoints.IsRun(dir) {
			return dir, nil
		}
	}
	return "", hinted{fmt.Errorf("there is no run %q in %s", run, s), "to list the runs: nasnet runs" + s.flag()}
}

// live is a run that a process has open.
type live struct {
	dir    string
	status remote.Status
}

// liveRuns returns the runs whose processes answer. It looks for sockets and opens no database.
func (s store) liveRuns(ctx context.Context, patience time.Duration) (runs []live) {
	// the only error is a bad pattern
	sockets, _ := filepath.Glob(filepath.Join(globQuote(string(s)), "*", remote.SocketName))
	for _, socket := range sockets {
		dir := filepath.Dir(socket)
		if st, err := look(ctx, dir, patience); err == nil {
			runs = append(runs, live{dir, st})
		}
	}
	return runs
}

// globQuote returns the pattern that matches only this path.
func globQuote(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// liveDir returns the folder of the run in args, or of the only live one.
func (s store) liveDir(args []string) (string, error) {
	if len(args) > 0 {
		return s.runDir(args[0])
	}
	runs := s.liveRuns(context.Background(), lookTime)
	switch len(runs) {
	case 1:
		return runs[0].dir, nil
	case 0:
		return "", hinted{fmt.Errorf("no run in %s is live", s), "to list the runs: nasnet runs" + s.flag()}
	}
	var names []string
	for _, r := range runs {
		names = append(names, r.status.Name)
	}
	return "", usagef("%d runs are live; name one of: %s", len(runs), strings.Join(names, ", "))
}

// newestRun returns the run whose database was written last.
func (s store) newestRun() (newest string, err error) {
	entries, _ := os.ReadDir(string(s)) // an error means that there is no store yet
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
		return "", hinted{fmt.Errorf("no runs in %s", s), "to start one: nasnet search" + s.flag()}
	}
	return newest, nil
}

// rows lists the runs for the interface.
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
