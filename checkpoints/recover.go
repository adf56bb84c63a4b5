package checkpoints

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
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

// copyAside copies the named files, as far as they exist, into a new folder and returns its name.
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
