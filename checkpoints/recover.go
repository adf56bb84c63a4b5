package checkpoints

import (
	"bufio"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Recovery reports what [Recover] found and made.
type Recovery struct {
	Aside   string   `json:"aside"`   // folder with the files as they were
	Sources []string `json:"sources"` // what was read: files, and what is wrong with them
	Trials  int      `json:"trials"`
	Updates int      `json:"updates"` // policy versions
	Events  int      `json:"events"`

	// Rows that were dropped because earlier ones are missing. The search makes them again; results among them that an
	// event reports need no second training.
	Redone  int `json:"redone"`
	Refused int `json:"refused"` // rows with values that no run can have
}

const (
	recoveredName = dbName + ".recovered" // a finished database that has not been moved into place
	asidePattern  = "before-recover-%d"
)

// Recover makes a new database for the run in dir from whatever is left of it: run.db with its journals, a
// run.db.rescued, and log.jsonl. It loses nothing: it first copies the old files into a folder of their own, which no
// later recovery touches. It fails with a *LockedError while a process has the run open, and with ErrNoRun if nothing
// there describes the run. An interrupted recovery can be repeated.
func Recover(dir string) (r Recovery, err error) {
	if !IsRun(dir) {
		return r, fmt.Errorf("checkpoints: %s: %w: no database and no %s", dir, ErrNoRun, logName)
	}
	if err := checkPlain(dir); err != nil {
		return r, fmt.Errorf("checkpoints: %w", err)
	}
	l, err := acquire(dir)
	if err != nil {
		return r, err
	}
	defer l.release()
	if r, err = recoverRun(dir); err != nil {
		return r, fmt.Errorf("checkpoints: recover %s: %w", dir, full(wrap(err), dir, changeSize))
	}
	return r, nil
}

// IsRun reports whether dir is the folder of a run, with a database or with what one can be recovered from.
func IsRun(dir string) bool {
	if _, err := os.Lstat(filepath.Join(dir, dbName)); err == nil {
		return true
	}
	for _, name := range []string{dbName + rescuedSuffix, recoveredName, logName} {
		if st, err := os.Lstat(filepath.Join(dir, name)); err == nil && st.Mode().IsRegular() {
			return true
		}
	}
	return false
}

func recoverRun(dir string) (r Recovery, err error) {
	path := filepath.Join(dir, dbName)
	names := []string{dbName, dbName + "-wal", dbName + "-journal", dbName + rescuedSuffix, logName}
	if r.Aside, err = copyAside(dir, names); err != nil {
		return r, err
	}
	// an earlier recovery was interrupted at its end
	if _, err := os.Lstat(filepath.Join(dir, recoveredName)); err == nil {
		r.Sources = append(r.Sources, recoveredName)
	} else if err := buildRecovered(dir, &r); err != nil {
		return r, err
	}
	// From here on the new database must not meet a journal of the old one.
	for _, suffix := range []string{"-wal", "-shm", "-journal"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return r, err
		}
	}
	if err := syncDir(dir); err != nil {
		return r, err
	}
	if err := publish(filepath.Join(dir, recoveredName), path); err != nil {
		return r, err
	}
	if err := os.Remove(path + rescuedSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return r, err // it is in the folder aside
	}
	db, err := openDB(path, paramsRead)
	if err != nil {
		return r, err
	}
	defer db.Close()
	return r, db.QueryRow("SELECT (SELECT count(*) FROM trial), (SELECT count(*) FROM policy WHERE version > 0), "+
		"(SELECT count(*) FROM event)").Scan(&r.Trials, &r.Updates, &r.Events)
}

// copyAside copies those of the files that exist into a new folder, and returns its name.
func copyAside(dir string, names []string) (string, error) {
	for n := 1; ; n++ {
		name := fmt.Sprintf(asidePattern, n)
		to := filepath.Join(dir, name)
		if err := os.Mkdir(to, 0o700); errors.Is(err, fs.ErrExist) {
			continue
		} else if err != nil {
			return "", err
		}
		for _, file := range names {
			err := copyFile(filepath.Join(to, file), filepath.Join(dir, file))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return "", errors.Join(err, os.RemoveAll(to))
			}
		}
		return name, errors.Join(syncDir(to), syncDir(dir))
	}
}

// buildRecovered writes run.db.recovered.
func buildRecovered(dir string, r *Recovery) error {
	work := filepath.Join(dir, dbName+".tmp-recover") // sweepTemp removes it after a crash
	tmp := work + ".db"
	for _, old := range []string{tmp, tmp + "-journal"} {
		if err := os.Remove(old); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := os.RemoveAll(work); err != nil {
		return err
	}
	if err := os.Mkdir(work, 0o700); err != nil {
		return err
	}
	defer os.RemoveAll(work)
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	f.Close()
	defer os.Remove(tmp)
	db, err := openDB(tmp, paramsBuild)
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.Exec(fmt.Sprintf("PRAGMA foreign_keys=0; PRAGMA application_id=%d; PRAGMA user_version=%d;",
		applicationID, schemaVersion)); err != nil {
		return err
	}
	err = inTx(db, func(tx *sql.Tx) error {
		if _, err := tx.Exec(schemaSQL); err != nil {
			return err
		}
		// A database that SQLite finds sound is read before an unsound one.
		var sound, broken []source
		for i, names := range [][]string{{dbName + rescuedSuffix},
			{dbName, dbName + "-wal", dbName + "-journal"}, {dbName}} {
			if s, ok := openSource(dir, filepath.Join(work, strconv.Itoa(i)), names, r); !ok {
				continue
			} else if s.err == nil {
				sound = append(sound, s)
			} else {
				broken = append(broken, s)
			}
		}
		for _, s := range append(sound, broken...) {
			err := s.copyTo(tx, r)
			s.db.Close()
			if err != nil {
				return err
			}
		}
		if err := readLog(tx, dir, r); err != nil {
			return err
		}
		return consistent(tx, dir, r)
	})
	if err == nil {
		err = setJournal(db, dir)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	return publish(tmp, filepath.Join(dir, recoveredName))
}

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
		"clip_fraction, " +
		"grad_norm, applied_ns", "version"},
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

// readLog adds the events that only the log has, and the run itself if no database describes it.
func readLog(tx *sql.Tx, dir string, r *Recovery) error {
	f, err := openPlain(filepath.Join(dir, logName), os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return needRun(tx)
	} else if err != nil {
		return err
	}
	defer f.Close()
	added := 0
	var name string
	if err := tx.QueryRow("SELECT name FROM run").Scan(&name); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	for in := bufio.NewReader(f); ; {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		e, of, ok := parseLine(line)
		if !ok || name != "" && of != name {
			continue
		}
		if name == "" {
			if run, ok := startedRun(e, of); ok {
				if err := insertRun(tx, run); err != nil {
					return err
				}
				name = of
			}
		}
		var trial any
		if e.Trial >= 0 {
			trial = e.Trial
		}
		res, err := tx.Exec("INSERT OR IGNORE INTO event(id, time_ns, incarnation, level, kind, trial, body) "+
			"VALUES(?,?,0,?,?,?,?)", e.ID, e.Time.UnixNano(), e.Level, e.Kind, trial, text(e.Body))
		if err != nil {
			r.Refused++
			continue
		}
		n, err := res.RowsAffected()
		if err != nil {
			return err
		}
		added += int(n)
	}
	if added > 0 {
		r.Sources = append(r.Sources, fmt.Sprintf("%s: %d events that no database has", logName, added))
	}
	return needRun(tx)
}

func needRun(tx *sql.Tx) error {
	var n int
	if err := tx.QueryRow("SELECT count(*) FROM run").Scan(&n); err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("%w: neither a database nor %s says which settings the run has", ErrNoRun, logName)
	}
	return nil
}

// startedRun returns the run that an event reports as started.
func startedRun(e Event, name string) (r Run, ok bool) {
	var d struct {
		UUID, Config, Build json.RawMessage
		Seed                uint64
		Children            int
		Data                string `json:"data_sha256"`
	}
	if e.Kind != "run_started" || json.Unmarshal(e.Body, &d) != nil || d.Config == nil || d.UUID == nil {
		return r, false
	}
	if json.Unmarshal(d.UUID, &r.UUID) != nil {
		return r, false
	}
	r.Name, r.State, r.Seed, r.Target, r.Config = name, "stopped", d.Seed, d.Children, d.Config
	r.DatasetSHA256, r.Build, r.ForkedAt, r.Created, r.Updated = d.Data, d.Build, -1, e.Time, e.Time
	return r, true
}

// consistent removes rows that depend on missing ones, and gives blobs their rows. The search makes what was removed
// again, with the same result.
func consistent(tx *sql.Tx, dir string, r *Recovery) error {
	var forkedAt int
	if err := tx.QueryRow("SELECT coalesce(forked_at, -1) FROM run").Scan(&forkedAt); err != nil {
		return err
	}
	version, err := lastWholePolicy(tx)
	if err != nil {
		return err
	}
	trial, err := firstLostProposal(tx, version)
	if err != nil {
		return err
	}
	// an update depends on the trials that it learned from
	if err := tx.QueryRow("SELECT coalesce(min(version) - 1, ?1) FROM policy_sample WHERE version <= ?1 AND trial >= "+
		"?2 "+
		"AND trial NOT IN (SELECT id FROM trial WHERE kind <> 'sample')", version, trial).Scan(&version); err != nil {
		return err
	}
	if trial, err = firstLostProposal(tx, version); err != nil {
		return err
	}
	if version < forkedAt {
		return fmt.Errorf("%w: of the policies that the run has from its parent, only %d of %d are left; fork the "+
			"parent "+
			"again", ErrDamaged, version, forkedAt)
	}
	for _, q := range []string{
		"DELETE FROM trial WHERE kind = 'sample' AND id >= ?2",
		"DELETE FROM policy_sample WHERE version > ?1",
		"DELETE FROM policy WHERE version > ?1",
	} {
		res, err := tx.Exec(q, version, trial)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return err
		}
		if !strings.Contains(q, "policy_sample") {
			r.Redone += int(n)
		}
	}
	for _, q := range []string{
		"DELETE FROM epoch WHERE trial NOT IN (SELECT id FROM trial)",
		"UPDATE trial SET parent = NULL WHERE parent NOT IN (SELECT id FROM trial)",
		"UPDATE trial SET weights_sha256 = NULL WHERE weights_sha256 GLOB '*[^0-9a-f]*'",
		"UPDATE trial SET checkpoint_sha256 = NULL WHERE checkpoint_sha256 GLOB '*[^0-9a-f]*'",
		"UPDATE run SET state = 'stopped' WHERE state IN ('running', 'draining', 'paused') OR state = 'done' AND " +
			"target > " +
			"(SELECT count(*) FROM trial WHERE kind = 'sample' AND state IN ('done', 'failed', 'stopped'))",
	} {
		if _, err := tx.Exec(q); err != nil {
			return err
		}
	}
	if err := nameBlobs(tx, dir); err != nil {
		return err
	}
	var last int64
	if err := tx.QueryRow("SELECT coalesce(max(id), 0) FROM event").Scan(&last); err != nil {
		return err
	}
	body, err := json.Marshal(map[string]any{"file": r.Aside, "first": 1, "last": last})
	if err != nil {
		return err
	}
	if err := insertEvents(tx, []Event{{Level: "warn", Kind: "run_recovered", Trial: -1, Body: body}}, last, 0,
		time.Now()); err != nil {
		return err
	}
	var broken int
	if err := tx.QueryRow("SELECT count(*) FROM pragma_foreign_key_check").Scan(&broken); err != nil {
		return err
	}
	if broken > 0 {
		return fmt.Errorf("%w: %d references lead nowhere", ErrDamaged, broken)
	}
	return nil
}

// lastWholePolicy returns the last version up to which every policy is there with all that it learned from.
func lastWholePolicy(tx *sql.Tx) (version int, err error) {
	rows, err := tx.Query("SELECT p.version, count(s.pos), coalesce(max(s.pos), -1), count(t.id), " +
		"p.state_sha256 NOT GLOB '*[^0-9a-f]*' FROM policy p LEFT JOIN policy_sample s ON s.version = p.version " +
		"LEFT JOIN trial t ON t.id = s.trial WHERE p.version > 0 GROUP BY p.version ORDER BY p.version")
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var v, samples, last, trials int
		var named bool
		if err := rows.Scan(&v, &samples, &last, &trials, &named); err != nil {
			return 0, err
		}
		if v != version+1 || samples != last+1 || trials != samples || !named {
			break
		}
		version = v
	}
	return version, rows.Err()
}

// firstLostProposal returns the number of the first proposal that is missing, or was drawn from a policy after version.
func firstLostProposal(tx *sql.Tx, version int) (next int, err error) {
	rows, err := tx.Query("SELECT id, policy_version FROM trial WHERE kind = 'sample' ORDER BY id")
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var id, from int
		if err := rows.Scan(&id, &from); err != nil {
			return 0, err
		}
		if id != next || from > version {
			break
		}
		next++
	}
	return next, rows.Err()
}

// nameBlobs gives a row to every named blob that has none. If its file is missing, the blob is missing, as it would be
// with its row.
func nameBlobs(tx *sql.Tx, dir string) error {
	rows, err := tx.Query("SELECT state_sha256, 'policy' FROM policy UNION SELECT weights_sha256, 'model' FROM trial " +
		"UNION SELECT checkpoint_sha256, 'child' FROM trial EXCEPT SELECT sha256, kind FROM blob")
	if err != nil {
		return err
	}
	type named struct{ sha, kind string }
	var lost []named
	for rows.Next() {
		var sha sql.NullString
		var n named
		if err := rows.Scan(&sha, &n.kind); err != nil {
			rows.Close()
			return err
		}
		if n.sha = sha.String; isHash(n.sha) {
			lost = append(lost, n)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, n := range lost {
		size := int64(0)
		if st, err := os.Lstat(blobPath(dir, n.sha)); err == nil {
			size = st.Size()
		}
		if _, err := tx.Exec("INSERT OR IGNORE INTO blob(sha256, kind, bytes, created_ns) VALUES(?,?,?,?)",
			n.sha, n.kind,
			size, time.Now().UnixNano()); err != nil {
			return err
		}
	}
	return nil
}
