package checkpoints

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Fork makes a new run in the folder dst that begins at policy version at of this one (negative: the newest). This run
// may be live, in this process or another, and continues meanwhile. The fork is made whole or not at all; it is not
// left open.
//
// The fork gets the policy versions up to at, the proposals of the batches that made them, and finished trials made by
// hand. Later proposals and all events are not copied: the fork's log begins with an event "run_forked". Fork sets
// ParentUUID and ForkedAt of r, and copies empty Config, Build, DatasetSHA256 and Target from this run. Blobs are
// shared by hard links where the file system supports them. If the fork needs policy states that this run no longer
// keeps, pass them as rebuilt; their hashes identify them.
func (s *Store) Fork(dst string, r Run, at int, rebuilt ...[]byte) error {
	if err := os.MkdirAll(dst, 0o700); err != nil {
		return fmt.Errorf("checkpoints: fork: %w", wrap(err))
	}
	if err := checkPlain(dst); err != nil {
		return fmt.Errorf("checkpoints: fork: %w", err)
	}
	l, err := acquire(dst)
	if err != nil {
		return err
	}
	defer l.release()
	path := filepath.Join(dst, dbName)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("checkpoints: fork to %s: %w", dst, errors.Join(ErrExists, err))
	}
	if err := sweepTemp(dst); err != nil {
		return fmt.Errorf("checkpoints: fork: %w", err)
	}
	tmp, err := filepath.Abs(path + ".tmp")
	if err != nil {
		return fmt.Errorf("checkpoints: fork: %w", err)
	}
	if err := fork(s, tmp, dst, r, at, rebuilt); err != nil {
		os.Remove(tmp)
		return fmt.Errorf("checkpoints: fork of %s to %s: %w", s.dir, dst, wrap(err))
	}
	if err := publish(tmp, path); err != nil {
		os.Remove(tmp)
		return fmt.Errorf("checkpoints: fork: %w", wrap(err))
	}
	return nil
}

func fork(s *Store, tmp, dst string, r Run, at int, rebuilt [][]byte) error {
	if err := copyDB(s, tmp); err != nil {
		return err
	}
	db, err := openDB(tmp, paramsBuild)
	if err != nil {
		return err
	}
	defer db.Close()
	parent, err := readRun(db)
	if err != nil {
		return err
	}
	if at < 0 {
		if err := db.QueryRow("SELECT coalesce(max(version), 0) FROM policy").Scan(&at); err != nil {
			return err
		}
	}
	given := map[string]bool{}
	for _, b := range rebuilt {
		sha, err := writeBlobFile(dst, b)
		if err != nil {
			return err
		}
		given[sha] = true
		if _, err := db.Exec("UPDATE blob SET kind = 'policy' WHERE sha256 = ?", sha); err != nil {
			return err
		}
	}
	state := ""
	err = db.QueryRow("SELECT state_sha256 FROM policy WHERE version = ?", at).Scan(&state)
	switch {
	case errors.Is(err, sql.ErrNoRows) && at == 0: // the untrained policy needs no record
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("policy version %d: %w", at, ErrNotFound)
	case err != nil:
		return err
	case !given[state]:
		if _, err := readBlob(db, s.dir, state); err != nil {
			return fmt.Errorf("policy version %d: %w", at, err)
		}
	}
	r.ParentUUID, r.ForkedAt = parent.UUID, at
	if r.Config == nil {
		r.Config = parent.Config
	}
	if r.Build == nil {
		r.Build = parent.Build
	}
	if r.DatasetSHA256 == "" {
		r.DatasetSHA256 = parent.DatasetSHA256
	}
	if r.Target == 0 {
		r.Target = parent.Target
	}
	if r, err = newRun(r, dst); err != nil {
		return err
	}
	if err := inTx(db, func(tx *sql.Tx) error { return trim(tx, parent, r) }); err != nil {
		return err
	}
	if err := shareBlobs(db, s.dir, dst); err != nil {
		return err
	}
	return setJournal(db, dst)
}

// copyDB writes a consistent copy of the database over its own connection, while a writer keeps committing. A private
// or immutable database is used as it is.
func copyDB(s *Store, tmp string) error {
	if s.readOnly {
		return s.read(func(db *sql.DB) error { return vacuumInto(db, tmp) })
	}
	db, err := openDB(filepath.Join(s.dir, dbName), paramsRead)
	if err != nil {
		return err
	}
	defer db.Close()
	return vacuumInto(db, tmp)
}

// trim removes everything after policy version r.ForkedAt and replaces the parent's record with r.
func trim(tx *sql.Tx, parent, r Run) error {
	for _, q := range []string{
		"DELETE FROM policy_sample WHERE version > ?1",
		"DELETE FROM policy WHERE version > ?1",
		"CREATE TEMP TABLE gone(id INTEGER PRIMARY KEY)",
		`INSERT INTO gone SELECT id FROM trial WHERE CASE
			WHEN kind = 'sample' THEN batch NOT IN (SELECT batch FROM policy WHERE version > 0)
			ELSE policy_version > ?1 OR ` + openTrial + ` END`,
		"UPDATE trial SET parent = NULL WHERE parent IN (SELECT id FROM gone)",
		"DELETE FROM epoch WHERE trial IN (SELECT id FROM gone)",
		"DELETE FROM trial WHERE id IN (SELECT id FROM gone)",
		"DROP TABLE gone",
		"DELETE FROM event",
		"DELETE FROM blob WHERE " + unnamedBlob,
		"DELETE FROM run",
	} {
		if _, err := tx.Exec(q, r.ForkedAt); err != nil {
			return err
		}
	}
	if err := insertRun(tx, r); err != nil {
		return err
	}
	body, err := json.Marshal(map[string]any{"parent": parent.UUID, "parent_name": parent.Name, "at": r.ForkedAt})
	if err != nil {
		return err
	}
	return insertEvents(tx, []Event{{Kind: "run_forked", Trial: -1, Body: body}}, 0, 0, time.Now())
}

// shareBlobs gives dst the files of the blobs that its database names. A file missing in src stays missing; the policy
// forked from was checked before.
func shareBlobs(db *sql.DB, src, dst string) error {
	rows, err := db.Query("SELECT sha256, bytes FROM blob")
	if err != nil {
		return err
	}
	defer rows.Close()
	dirs := map[string]bool{}
	for rows.Next() {
		var sha string
		var size int64
		if err := rows.Scan(&sha, &size); err != nil {
			return err
		}
		if !isHash(sha) {
			return fmt.Errorf("blob %.64q: %w: not a hash", sha, ErrDamaged)
		}
		from, to := blobPath(src, sha), blobPath(dst, sha)
		if st, err := os.Lstat(from); errors.Is(err, fs.ErrNotExist) || err == nil && !st.Mode().IsRegular() {
			continue
		}
		dir := filepath.Dir(to)
		if !dirs[dir] {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return err
			}
			dirs[dir] = true
		}
		err := os.Link(from, to)
		if err == nil || errors.Is(err, fs.ErrExist) {
			continue
		}
		b, err := readBlobFile(src, sha, size) // another file system, or one without links
		if errors.Is(err, ErrDamaged) {
			continue
		}
		if err == nil {
			_, err = writeBlobFile(dst, b)
		}
		if err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for dir := range dirs {
		if err := syncDir(dir); err != nil {
			return err
		}
	}
	if len(dirs) > 0 {
		return errors.Join(syncDir(filepath.Join(dst, blobsName)), syncDir(dst))
	}
	return nil
}
