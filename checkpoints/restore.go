package checkpoints

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The log is written after each commit. If it has events that the database lacks, the database has lost acknowledged
// changes: its WAL was removed or damaged after a crash, or it was replaced with an old copy.

// restoreEvents stores again the events that only log.jsonl has, if its lines continue where the database ends.
func restoreEvents(s *Store) ([]Event, error) {
	es, err := lostEvents(filepath.Join(s.dir, logName), s.name, s.db, s.lastEvent)
	if err != nil || len(es) == 0 {
		return nil, err
	}
	err = inTx(s.db, func(tx *sql.Tx) error { return insertEvents(tx, es, s.lastEvent, s.incarnation, time.Now()) })
	if err != nil {
		return nil, fmt.Errorf("checkpoints: %s: restoring %d events from %s: %w", s.dir, len(es), logName,
			full(wrap(err), s.dir, changeSize))
	}
	s.lastEvent = es[len(es)-1].ID
	return es, nil
}

// lostEvents reads from the log of a run the events after number newest, the last in the database. If the log's line of
// that number is not the database's event, the log belongs to something else, and no events are lost.
func lostEvents(path, run string, db *sql.DB, newest int64) (es []Event, err error) {
	f, err := openPlain(path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("checkpoints: %w", wrap(err))
	}
	defer f.Close()
	if _, last, err := lastLine(f); err != nil || last <= newest {
		return nil, nil // openLog reports what is wrong with it
	}
	var known []byte // the line of the database's last event
	if newest > 0 {
		ours, err := readEvents(db, newest-1, 1)
		if err != nil || len(ours) != 1 {
			return nil, wrap(err)
		}
		if known, err = logLine(ours[0], run); err != nil {
			return nil, nil
		}
	}
	// follows: the database's last event was found, so the log continues with the next
	next, follows := newest+1, newest == 0
	for r := bufio.NewReader(f); ; {
		line, err := r.ReadBytes('\n')
		if err == io.EOF {
			return es, nil // a line without an end was cut off
		} else if err != nil {
			return nil, fmt.Errorf("checkpoints: %w", wrap(err))
		}
		e, of, ok := parseLine(line)
		switch {
		case !ok || e.ID < newest:
		case e.ID == newest:
			if follows = bytes.Equal(line, known); !follows {
				return nil, nil
			}
		case follows && e.ID == next && of == run:
			es = append(es, e)
			next++
		}
	}
}

// lastLogged returns the number of the last event in the log of a run, or 0.
func lastLogged(dir string) int64 {
	f, err := openPlain(filepath.Join(dir, logName), os.O_RDONLY)
	if err != nil {
		return 0
	}
	defer f.Close()
	_, last, err := lastLine(f)
	if err != nil {
		return 0
	}
	return last
}

// parseLine is the inverse of logLine; ok is false if the line is not from a log.
func parseLine(line []byte) (e Event, run string, ok bool) {
	var m map[string]json.RawMessage
	if json.Unmarshal(line, &m) != nil {
		return e, "", false
	}
	e = Event{Level: "info", Trial: -1}
	for _, field := range []struct {
		name string
		to   any
		must bool
	}{{"id", &e.ID, true}, {"ts", &e.Time, true}, {"t", &e.Kind, true}, {"run", &run, true}, {"level", &e.Level, false},
		{"trial", &e.Trial, false}} {
		text, there := m[field.name]
		if there && json.Unmarshal(text, field.to) != nil || !there && field.must {
			return e, "", false
		}
		delete(m, field.name)
	}
	if body, there := m["body"]; there && len(m) == 1 {
		e.Body = body
	} else if len(m) > 0 {
		b, err := json.Marshal(m)
		if err != nil {
			return e, "", false
		}
		e.Body = b
	}
	return e, run, e.ID > 0
}

// setAside renames a file to a free name, path.1 or one with a higher number, and returns it.
func setAside(path string) (string, error) {
	for n := 1; ; n++ {
		to := fmt.Sprintf("%s.%d", path, n)
		if _, err := os.Lstat(to); errors.Is(err, fs.ErrNotExist) {
			return filepath.Base(to), os.Rename(path, to)
		} else if err != nil {
			return "", err
		}
	}
}

// RestoredEvents returns the events that an opening has restored from the log, and all up to a recovery: those that may
// tell of what the tables have lost.
func (s *Store) RestoredEvents() (es []Event, err error) {
	type span struct{ First, Last int64 }
	err = s.read(func(db *sql.DB) error {
		var spans []span
		err := scan(db, "SELECT body FROM event WHERE kind IN ('events_restored', 'run_recovered') ORDER BY "+
			"id", nil, func(row *row) error {
			var x span
			if json.Unmarshal(row.bytes(), &x) == nil && x.First > 0 {
				spans = append(spans, x)
			}
			return nil
		})
		for _, x := range spans {
			if err != nil {
				return err
			}
			var some []Event
			some, err = readEvents(db, x.First-1, int(min(x.Last-x.First+1, 1<<30)))
			es = append(es, some...)
		}
		return err
	})
	return es, err
}

// compareLog returns the numbers of the events that the database and log.jsonl have in different words.
func compareLog(s *Store) (differ []int64, err error) {
	f, err := openPlain(filepath.Join(s.dir, logName), os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("checkpoints: %w", wrap(err))
	}
	defer f.Close()
	r, err := s.Run()
	if err != nil {
		return nil, err
	}
	es, err := s.Events(0, -1)
	if err != nil {
		return nil, err
	}
	lines := make(map[int64][]byte, len(es))
	for _, e := range es {
		if lines[e.ID], err = logLine(e, r.Name); err != nil {
			differ = append(differ, e.ID)
		}
	}
	for in := bufio.NewReader(f); ; {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			return differ, nil // a line without an end is being written
		} else if err != nil {
			return nil, fmt.Errorf("checkpoints: %w", wrap(err))
		}
		e, _, ok := parseLine(line)
		ours, stored := lines[e.ID]
		if !ok || stored && !bytes.Equal(ours, line) || !stored && len(es) > 0 && e.ID < es[len(es)-1].ID {
			differ = append(differ, e.ID)
		}
	}
}

// Check returns what SQLite finds wrong in the whole database, with its indexes and references, and the events that
// log.jsonl has in other words.
func (s *Store) Check() (found []string, err error) {
	err = s.read(func(db *sql.DB) error {
		for _, q := range []string{"PRAGMA integrity_check(20)",
			"SELECT 'a row of ' || \"table\" || ' refers to one of ' || parent || ' that does not exist' FROM " +
				"pragma_foreign_key_check LIMIT 20",
			"SELECT 'update ' || version || ' has samples up to position ' || max(pos) || ', ' || count(*) || ' in " +
				"all' FROM " +
				"policy_sample GROUP BY version HAVING max(pos) <> count(*) - 1"} {
			rows, err := db.Query(q)
			if err != nil {
				return err
			}
			for rows.Next() {
				var text string
				if err := rows.Scan(&text); err != nil {
					rows.Close()
					return err
				}
				if text != "ok" {
					found = append(found, "database: "+strings.Trim(printable(text), `"`))
				}
			}
			if err := errors.Join(rows.Err(), rows.Close()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return found, err
	}
	differ, err := compareLog(s)
	for _, id := range differ {
		found = append(found, fmt.Sprintf("event %d: %s and %s differ", id, dbName, logName))
	}
	return found, err
}
