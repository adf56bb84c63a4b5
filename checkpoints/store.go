package checkpoints

import (
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Store is an open run. Any goroutine may call its methods; they run one after another.
type Store struct {
	dir      string // as given
	real     string // the same without links: its key in openHere
	readOnly bool
	temp     string // folder of a private copy; Close removes it

	mu          sync.Mutex // held for a whole call
	db          *sql.DB    // nil after Close
	lock        *lock
	files       files
	lost        error // see rescue
	log         *eventLog
	name        string // of the run, for log.jsonl
	incarnation int
	elapsed     time.Duration
	lastEvent   int64
	opening     []Event
}

// Create makes a run in a folder, which it creates if necessary, and opens it for writing. The run appears whole or not
// at all.
func Create(dir string, r Run) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("checkpoints: %w", wrap(err))
	}
	if err := checkPlain(dir); err != nil {
		return nil, fmt.Errorf("checkpoints: %w", err)
	}
	l, err := acquire(dir)
	if err != nil {
		return nil, err
	}
	s, err := create(dir, r, l)
	if err != nil {
		l.release()
		return nil, err
	}
	return s, nil
}

func create(dir string, r Run, l *lock) (*Store, error) {
	path := filepath.Join(dir, dbName)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = ErrExists
		}
		return nil, fmt.Errorf("checkpoints: %s: %w", dir, err)
	}
	r, err := newRun(r, dir)
	if err != nil {
		return nil, err
	}
	tmp := path + ".tmp"
	if err := sweepTemp(dir); err != nil {
		return nil, fmt.Errorf("checkpoints: %w", err)
	}
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) // SQLite would make it readable for everyone
	if err != nil {
		return nil, fmt.Errorf("checkpoints: %w", wrap(err))
	}
	f.Close()
	db, err := openDB(tmp, paramsBuild)
	if err != nil {
		return nil, fmt.Errorf("checkpoints: %w", err)
	}
	err = inTx(db, func(tx *sql.Tx) error {
		if _, err := tx.Exec(fmt.Sprintf("PRAGMA application_id=%d; PRAGMA user_version=%d;", applicationID,
			schemaVersion)); err != nil {
			return err
		}
		if _, err := tx.Exec(schemaSQL); err != nil {
			return err
		}
		return insertRun(tx, r)
	})
	if err == nil {
		err = setJournal(db, dir)
	}
	if e := db.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = publish(tmp, path)
	}
	if err != nil {
		os.Remove(tmp)
		return nil, fmt.Errorf("checkpoints: %s: %w", path, wrap(err))
	}
	if err := syncDir(filepath.Dir(dir)); err != nil && !errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("checkpoints: %w", err)
	}
	l.previous = nil
	return openWriter(dir, l)
}

// Open opens a run for writing. It fails with a *LockedError while another process has it open for writing. After an
// unclean end it checks the database and stores an event "unclean_end". If the database has lost events that log.jsonl
// still has, for example with its WAL, Open stores them again, and an event "events_restored" with their first and last
// numbers.
func Open(dir string) (*Store, error) {
	if err := checkHeader(dir); err != nil {
		return nil, err
	}
	l, err := acquire(dir)
	if err != nil {
		return nil, err
	}
	s, err := openWriter(dir, l)
	if err != nil {
		if l.previous != nil { // keep the trace of the unclean end for the next opening
			l.f.Close()
		} else {
			l.release()
		}
		return nil, err
	}
	return s, nil
}

// openWriter opens the database of a run whose lock is held.
func openWriter(dir string, l *lock) (_ *Store, err error) {
	path := filepath.Join(dir, dbName)
	// First read-only: a foreign database must not be changed, and turning WAL on is a change.
	if err := inspect(path, l.previous != nil); err != nil {
		return nil, err
	}
	db, err := openDB(path, paramsWrite(journalFor(dir)))
	if err != nil {
		return nil, fmt.Errorf("checkpoints: %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			db.Close()
		}
	}()
	version, err := checkVersion(db, path)
	if err != nil {
		return nil, err
	}
	if err := migrate(db, dir, version, migrations); err != nil {
		return nil, err
	}
	if err := checkSchema(db, path); err != nil {
		return nil, err
	}
	s := &Store{dir: dir, real: realPath(dir), db: db, lock: l}
	err = inTx(db, func(tx *sql.Tx) error {
		if _, err := tx.Exec("UPDATE run SET incarnation = incarnation + 1, updated_ns = ?",
			time.Now().UnixNano()); err != nil {
			return err
		}
		var ns int64
		if err := tx.QueryRow("SELECT name, incarnation, elapsed_ns FROM run").Scan(&s.name, &s.incarnation,
			&ns); err != nil {
			return err
		}
		s.elapsed = time.Duration(ns)
		return tx.QueryRow("SELECT coalesce(max(id), 0) FROM event").Scan(&s.lastEvent)
	})
	if err != nil {
		return nil, fmt.Errorf("checkpoints: %s: %w", path, wrap(err))
	}
	if s.files, err = identify(path, path+"-wal", path+"-shm"); err != nil {
		return nil, fmt.Errorf("checkpoints: %w", err)
	}
	if err := sweepTemp(dir); err != nil {
		return nil, fmt.Errorf("checkpoints: %w", err)
	}
	restored, err := restoreEvents(s)
	if err != nil {
		return nil, err
	}
	s.log = openLog(dir, s.name, db)
	if h := l.previous; h != nil {
		if err := opened(s, Event{Level: "warn", Kind: "unclean_end"},
			map[string]any{"pid": h.PID, "host": h.Host, "since": h.Since}); err != nil {
			return nil, err
		}
	}
	if n := len(restored); n > 0 {
		err := opened(s, Event{Level: "warn", Kind: "events_restored"}, map[string]any{"events": n,
			"first": restored[0].ID, "last": restored[n-1].ID})
		if err != nil {
			return nil, err
		}
	}
	if s.log.aside != "" {
		if err := opened(s, Event{Level: "warn", Kind: "log_set_aside"},
			map[string]any{"file": s.log.aside}); err != nil {
			return nil, err
		}
	}
	openHere.add(s.real, 1)
	return s, nil
}

// opened stores a warning about the state in which a run was found.
func opened(s *Store, e Event, data map[string]any) error {
	body, err := json.Marshal(data)
	if err != nil {
		return err
	}
	e.Time, e.Trial, e.Body = time.Now().UTC(), -1, body
	s.opening = append(s.opening, e)
	return s.AddEvent(e)
}

// inspect checks a run's database. It changes nothing, except that SQLite may undo an interrupted change.
func inspect(path string, thorough bool) error {
	db, err := openDB(path, paramsRead)
	if err != nil {
		return fmt.Errorf("checkpoints: %s: %w", path, err)
	}
	defer func() { db.Close() }()
	version, err := checkVersion(db, path)
	if codeOf(err) == codeReadOnly {
		// Without WAL a killed writer leaves a rollback journal; undoing it needs a connection that may write.
		db.Close()
		if db, err = openDB(path, paramsRecover); err != nil {
			return fmt.Errorf("checkpoints: %s: %w", path, err)
		}
		version, err = checkVersion(db, path)
	}
	if err != nil {
		return err
	}
	if version == schemaVersion {
		if err := checkSchema(db, path); err != nil {
			return err
		}
	}
	if thorough {
		return quickCheck(db, path)
	}
	return nil
}

// Close ends the use of a run. A writer merges the WAL into run.db and releases the lock. A second call does nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil
	}
	var errs []error
	if !s.readOnly {
		_, err := s.db.Exec("UPDATE run SET elapsed_ns = ? WHERE incarnation = ? AND elapsed_ns <> ?", int64(s.elapsed),
			s.incarnation, int64(s.elapsed))
		errs = append(errs, err, s.log.close(s.db))
	}
	errs = append(errs, s.db.Close())
	s.db = nil
	openHere.add(s.real, -1)
	if s.lock != nil {
		s.lock.release()
	}
	if s.temp != "" {
		errs = append(errs, os.RemoveAll(s.temp))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("checkpoints: close %s: %w", s.dir, wrap(err))
	}
	return nil
}

// Dir is the run's folder.
func (s *Store) Dir() string { return s.dir }

// change carries out one decision: one transaction, with its events, on disk when it returns nil.
func (s *Store) change(events []Event, f func(tx *sql.Tx) error) error {
	if s.readOnly {
		return fmt.Errorf("checkpoints: %s: %w", s.dir, ErrReadOnly)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return fmt.Errorf("checkpoints: %s: %w", s.dir, ErrClosed)
	}
	if err := s.files.check(); err != nil {
		return rescue(s, err)
	}
	now := time.Now()
	events = append([]Event(nil), events...)
	err := inTx(s.db, func(tx *sql.Tx) error {
		r, err := tx.Exec("UPDATE run SET updated_ns = ?, elapsed_ns = ? WHERE incarnation = ?", now.UnixNano(),
			int64(s.elapsed), s.incarnation)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n != 1 {
			return errors.Join(ErrFenced, err)
		}
		if f != nil {
			if err := f(tx); err != nil {
				return err
			}
		}
		return insertEvents(tx, events, s.lastEvent, s.incarnation, now)
	})
	if err != nil {
		return fmt.Errorf("checkpoints: %w", full(wrap(err), s.dir, changeSize))
	}
	s.lastEvent += int64(len(events))
	s.log.append(s.db, events)
	return nil
}

// read runs f on the database.
func (s *Store) read(f func(db *sql.DB) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return fmt.Errorf("checkpoints: %s: %w", s.dir, ErrClosed)
	}
	if err := f(s.db); err != nil {
		return fmt.Errorf("checkpoints: %w", wrap(err))
	}
	return nil
}

func inTx(db *sql.DB, f func(tx *sql.Tx) error) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// newUUID makes a random UUID (version 4).
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
