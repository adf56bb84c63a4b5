package checkpoints

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// RunSummary is a run as a list shows it.
type RunSummary struct {
	Dir string
	Run Run
	// Run.State, or the later one that a full disk kept out of the database; "crashed" if that is a running state but
	// no process has the run; "unreadable" with Err
	Status string
	Live   bool // a process has it open for writing
	PID    int  // of that process
	Host   string

	Proposed, Done, Failed int // proposals: in all, with a reward, failed
	Best                   float64
	BestTrial              int // -1 if no trial except retrains has a reward
	Version                int // of the policy; 0: untrained

	events int64 // number of the last one

	// events that the database has lost and log.jsonl still has; the next opening restores them
	Lost int64

	Err error // why the run cannot be read; all else is then empty
}

// List returns the runs in the folders under root, the one changed last first. An unreadable run is listed with its
// error. If root does not exist, there are no runs.
func List(root string) ([]RunSummary, error) {
	entries, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoints: list: %w", err)
	}
	var list []RunSummary
	for _, e := range entries {
		dir := filepath.Join(root, e.Name())
		if !IsRun(dir) {
			continue
		}
		list = append(list, Summary(dir))
	}
	slices.SortFunc(list, func(a, b RunSummary) int {
		if c := b.Run.Updated.Compare(a.Run.Updated); c != 0 {
			return c
		}
		return strings.Compare(a.Dir, b.Dir)
	})
	return list, nil
}

// Summary looks at one run, whether or not it is open elsewhere.
func Summary(dir string) RunSummary {
	sum := RunSummary{Dir: dir, BestTrial: -1}
	s, err := openReadOnly(dir, asItIs)
	if err == nil {
		err = s.read(sum.fill)
		s.Close()
	}
	if err != nil {
		return RunSummary{Dir: dir, BestTrial: -1, Status: "unreadable", Err: err}
	}
	// After reading: the run may have ended since its state was read, so look again before calling it crashed.
	held, who, known := probe(dir)
	sum.Live, sum.Status = held, sum.Run.State
	if held {
		sum.PID, sum.Host = who.PID, who.Host
	}
	if !held && who.Ended != "" {
		sum.Status = who.Ended
	} else if known && !held && goesOn(sum.Run.State) {
		if again, err := currentState(dir); err == nil {
			sum.Run.State, sum.Status = again, again
		}
		if goesOn(sum.Run.State) {
			sum.Status = "crashed"
		}
	}
	if logged := lastLogged(dir); known && !held && logged > sum.events {
		if s, err := openReadOnly(dir, asItIs); err == nil { // a writer may have come and gone in between
			if stored, err := s.LastEventID(); err == nil {
				sum.Lost = max(0, logged-stored)
			}
			s.Close()
		}
	}
	return sum
}

func goesOn(state string) bool { return state == "running" || state == "draining" }

func currentState(dir string) (string, error) {
	s, err := openReadOnly(dir, asItIs)
	if err != nil {
		return "", err
	}
	defer s.Close()
	r, err := s.Run()
	return r.State, err
}

func (sum *RunSummary) fill(db *sql.DB) (err error) {
	if sum.Run, err = readRun(db); err != nil {
		return err
	}
	// trial_rank covers this: the rows themselves are not read.
	rows, err := db.Query("SELECT kind, state, count(*) FROM trial GROUP BY kind, state")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var kind, state string
		var n int
		if err := rows.Scan(&kind, &state, &n); err != nil {
			return err
		}
		if kind != "sample" {
			continue
		}
		sum.Proposed += n
		switch state {
		case "done":
			sum.Done += n
		case "failed":
			sum.Failed += n
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	rows.Close()
	for _, kind := range []string{"sample", "edit"} {
		var id int
		var best float64
		err := db.QueryRow("SELECT id, reward FROM trial WHERE kind = ? AND state = 'done' ORDER BY reward DESC, id "+
			"LIMIT 1", kind).Scan(&id, &best)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return err
		}
		if sum.BestTrial < 0 || best > sum.Best {
			sum.BestTrial, sum.Best = id, best
		}
	}
	if err := db.QueryRow("SELECT coalesce(max(id), 0) FROM event").Scan(&sum.events); err != nil {
		return err
	}
	return db.QueryRow("SELECT coalesce(max(version), 0) FROM policy").Scan(&sum.Version)
}
