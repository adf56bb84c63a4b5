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
	"strings"
	"time"
)

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
			"parent again", ErrDamaged, version, forkedAt)
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
			"target > (SELECT count(*) FROM trial WHERE kind = 'sample' AND state IN ('done', 'failed', 'stopped'))",
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
