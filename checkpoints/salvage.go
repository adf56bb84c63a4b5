package checkpoints

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// source is a readable copy of a database.
type source struct {
	db   *sql.DB
	name string
	err  error // why it is not sound
}

// openSource opens a copy of a database with its journals; ok is false if nothing in it can be read.
func openSource(dir, work string, names []string, r *Recovery) (s source, ok bool) {
	if err := os.Mkdir(work, 0o700); err != nil {
		return s, false
	}
	copied := filepath.Join(work, names[0])
	for i, name := range names {
		to := copied + strings.TrimPrefix(name, names[0])
		if err := copyFile(to, filepath.Join(dir, name)); err != nil && (i == 0 || !errors.Is(err, fs.ErrNotExist)) {
			if i > 0 || !errors.Is(err, fs.ErrNotExist) {
				r.Sources = append(r.Sources, fmt.Sprintf("%s: %v", name, err))
			}
			return s, false
		}
	}
	s.name = strings.Join(names, ", ")
	db, version, err := openReader(copied, paramsRecover)
	if err == nil && version < schemaVersion {
		err = step(db, copied, version, migrations)
	}
	if err != nil {
		if db != nil {
			db.Close()
		}
		r.Sources = append(r.Sources, fmt.Sprintf("%s: nothing can be read: %v", s.name, wrap(err)))
		return s, false
	}
	s.db, s.err = db, quickCheck(db, names[0])
	if s.err != nil {
		r.Sources = append(r.Sources, s.name+": read as far as it can be, because it is damaged")
	} else {
		r.Sources = append(r.Sources, s.name)
	}
	return s, true
}

// recoveredTables lists the tables in the order of their references, with their keys. A table whose key is one number
// can be probed row by row, the others group by group of their first key.
var recoveredTables = []struct{ name, columns, key string }{
	{"run", "id, " + runColumns, "id"},
	{"blob", "sha256, kind, bytes, created_ns", "sha256"},
	{"trial", trialColumns, "id"},
	{"epoch", epochColumns, "trial"},
	{"policy", "version, batch, state_sha256, baseline, mean_reward, max_reward, entropy, max_entropy, kl, " +
		"clip_fraction, grad_norm, applied_ns", "version"},
	{"policy_sample", "version, pos, trial, reward", "version"},
	{"event", "id, time_ns, incarnation, level, kind, trial, body", "id"},
}

// mostMissed is the number of consecutive missing rows after which a damaged table is given up: far more than fit on a
// page of the database.
const mostMissed = 10_000

// copyTo copies every readable row that the new database lacks.
func (s source) copyTo(tx *sql.Tx, r *Recovery) error {
	for _, t := range recoveredTables {
		insert := "INSERT OR IGNORE INTO " + t.name + "(" + t.columns + ") VALUES(?" +
			strings.Repeat(",?", strings.Count(t.columns, ",")) + ")"
		st, err := tx.Prepare(insert)
		if err != nil {
			return err
		}
		from := "SELECT " + t.columns + " FROM " + t.name + " NOT INDEXED "
		if t.name == "blob" || t.name == "epoch" || t.name == "policy_sample" { // WITHOUT ROWID: the index is the table
			from = "SELECT " + t.columns + " FROM " + t.name + " "
		}
		low, upErr := s.copyRows(st, r, from+"ORDER BY "+t.key)
		if upErr != nil && t.key != "sha256" {
			high, _ := s.copyRows(st, r, from+"ORDER BY "+t.key+" DESC")
			first, _ := low.(int64) // 0 if not even the first row can be read
			last, ok := high.(int64)
			for id, missed := first, 0; missed < mostMissed && (!ok || id <= last); id++ {
				missed++
				// unreadable rows are lost
				if row, _ := s.copyRows(st, r, from+"WHERE "+t.key+" = ?", id); row != nil {
					missed = 0
				}
			}
		}
		st.Close()
	}
	return nil
}

// copyRows copies the rows of a query until one cannot be read, and returns the first value of the last one.
func (s source) copyRows(st *sql.Stmt, r *Recovery, query string, args ...any) (last any, err error) {
	rows, err := s.db.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	values, to := make([]any, len(names)), make([]any, len(names))
	for i := range to {
		to[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(to...); err != nil {
			return last, err
		}
		if _, err := st.Exec(values...); err != nil {
			r.Refused++ // damage has turned it into something that the table refuses
			continue
		}
		last = values[0]
	}
	return last, rows.Err()
}
