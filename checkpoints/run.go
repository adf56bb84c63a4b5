package checkpoints

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"
)

// newRun fills in what the caller left empty and checks the rest.
func newRun(r Run, dir string) (Run, error) {
	if r.UUID == "" {
		r.UUID = newUUID()
	}
	if r.Name == "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return r, err
		}
		r.Name = filepath.Base(abs)
	}
	if r.State == "" {
		r.State = "created"
	}
	if r.ParentUUID == "" {
		r.ForkedAt = -1
	}
	if r.Created.IsZero() {
		r.Created = time.Now()
	}
	r.Updated, r.Incarnation = r.Created, 0
	for _, b := range [][]byte{r.Config, r.Build} {
		if b != nil && !json.Valid(b) {
			return r, fmt.Errorf("checkpoints: run %s: config or build is invalid; want JSON", r.Name)
		}
	}
	return r, nil
}

const runColumns = "uuid, name, parent_uuid, forked_at, state, seed, target, config, dataset_sha256, build, " +
	"incarnation, elapsed_ns, created_ns, updated_ns"

func insertRun(tx *sql.Tx, r Run) error {
	var parent, forked any
	if r.ParentUUID != "" {
		parent, forked = r.ParentUUID, r.ForkedAt
	}
	_, err := tx.Exec("INSERT INTO run(id, "+runColumns+") VALUES(1, ?,?,?,?,?,?,?,?,?,?,?,?,?,?)", r.UUID, r.Name,
		parent, forked, r.State, int64(r.Seed), r.Target,
		text(r.Config), r.DatasetSHA256, text(r.Build), r.Incarnation, int64(r.Elapsed), nanos(r.Created),
		nanos(r.Updated))
	return err
}

func readRun(db *sql.DB) (r Run, err error) {
	var parent sql.NullString
	var forked sql.Null[int]
	var seed, elapsed int64
	var created, updated stamp
	err = db.QueryRow("SELECT "+runColumns+" FROM run").Scan(&r.UUID, &r.Name, &parent, &forked, &r.State, &seed,
		&r.Target, &r.Config, &r.DatasetSHA256, &r.Build,
		&r.Incarnation, &elapsed, &created, &updated)
	r.ParentUUID, r.ForkedAt, r.Seed, r.Elapsed = parent.String, -1, uint64(seed), time.Duration(elapsed)
	r.Created, r.Updated = created.time(), updated.time()
	if forked.Valid {
		r.ForkedAt = forked.V
	}
	return r, err
}

// Run returns the run's own record.
func (s *Store) Run() (r Run, err error) {
	err = s.read(func(db *sql.DB) error { r, err = readRun(db); return err })
	return r, err
}

// SetRunState stores the state of the run, with the events that report it.
func (s *Store) SetRunState(state string, events ...Event) error {
	err := s.change(events, func(tx *sql.Tx) error {
		if _, err := tx.Exec("UPDATE run SET state = ?", state); err != nil {
			return fmt.Errorf("run state %q: %w", state, err)
		}
		return nil
	})
	if s.lock != nil {
		if s.lock.ended = ""; err != nil {
			s.lock.ended = state
		}
	}
	return err
}

// SetBuild replaces the record of the programs that have worked on the run: JSON.
func (s *Store) SetBuild(build []byte, events ...Event) error {
	if !json.Valid(build) {
		return fmt.Errorf("checkpoints: run %s: build is invalid; want JSON", s.name)
	}
	return s.change(events, func(tx *sql.Tx) error {
		_, err := tx.Exec("UPDATE run SET build = ?", string(build))
		return err
	})
}

// SetElapsed sets how long the run has been running in all. It is stored with the next change and at Close.
func (s *Store) SetElapsed(d time.Duration) {
	s.mu.Lock()
	s.elapsed = d
	s.mu.Unlock()
}

// text returns a JSON text as a value for SQL, NULL for nil.
func text(b []byte) any {
	if b == nil {
		return nil
	}
	return string(b)
}

// nanos returns a time as a value for SQL, NULL for the zero time.
func nanos(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixNano()
}

// stamp reads what nanos wrote.
type stamp struct{ sql.Null[int64] }

func (s stamp) time() time.Time {
	if !s.Valid {
		return time.Time{}
	}
	return time.Unix(0, s.V).UTC()
}
