package checkpoints

import (
	"database/sql"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"modernc.org/sqlite"
)

const (
	dbName        = "run.db"
	applicationID = 0x4E415352 // "NASR"
)

//go:embed schema.sql
var schemaSQL string

// ofdLocks switches SQLite to open-file-description locks before the first database is opened. With POSIX locks, any
// other part of the process that opened and closed run.db would drop SQLite's lock on it. Systems that lack them (not
// Linux) keep the default.
var ofdLocks = sync.OnceFunc(func() { sqlite.OFDLocking(true) })

// openDB opens a database with one connection. The DSN is absolute and escaped, so that no character of a path is read
// as a parameter.
func openDB(path, params string) (*sql.DB, error) {
	ofdLocks()
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: abs, RawQuery: params}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

const (
	// paramsBuild is for a database that is being made under a temporary name: it has no WAL beside it, so a rename
	// moves it whole.
	paramsBuild = "_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=page_size(8192)&_pragma=journal_mode(DELETE)" +
		"&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=trusted_schema(0)&_defensive=1"
	paramsRead  = "mode=ro&" + paramsRecover
	paramsFixed = paramsRead + "&immutable=1"
	// paramsRecover is for reading where the last change of a killed writer may have to be undone or completed.
	paramsRecover = "_pragma=busy_timeout(2000)&_pragma=trusted_schema(0)&_pragma=cell_size_check(1)" +
		"&_pragma=mmap_size(0)&_defensive=1"
)

// journalFor returns the journal that keeps changes safe for a run in a folder.
func journalFor(dir string) string {
	if networkFS(dir) {
		return "TRUNCATE"
	}
	return "WAL"
}

// setJournal gives a finished database, still under its temporary name, the journal it will be used with. Otherwise the
// first opening under its final name would change its header.
func setJournal(db *sql.DB, dir string) error {
	_, err := db.Exec("PRAGMA journal_mode=" + journalFor(dir))
	return err
}

// paramsWrite is for the one writer of a run. mmap stays off: a truncated file would give a SIGBUS instead of an error.
func paramsWrite(journal string) string {
	return "_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=journal_mode(" + journal +
		")&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)" +
		"&_pragma=mmap_size(0)&_pragma=journal_size_limit(67108864)&_pragma=trusted_schema(0)" +
		"&_pragma=cell_size_check(1)&_defensive=1"
}

// checkHeader reads the first 100 bytes of run.db before SQLite sees the file: a foreign database must not be touched,
// not even by recovery of its WAL. https://www.sqlite.org/fileformat.html#the_database_header
//
// It skips a run that this process has open: with POSIX locks, closing the file would drop SQLite's. checkVersion
// checks the same number.
func checkHeader(dir string) error {
	if err := checkPlain(dir); err != nil {
		return fmt.Errorf("checkpoints: %w", err)
	}
	path := filepath.Join(dir, dbName)
	if openHere.has(dir) {
		return nil
	}
	f, err := openPlain(path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		if IsRun(dir) {
			return &DamagedError{dir, fmt.Errorf("checkpoints: %s: %w: its %s is gone", dir, ErrDamaged, dbName)}
		}
		return fmt.Errorf("checkpoints: %s: %w: it has no %s", dir, ErrNoRun, dbName)
	}
	if err != nil {
		return fmt.Errorf("checkpoints: %w", err)
	}
	defer f.Close()
	if _, err := os.Lstat(filepath.Join(dir, recoveredName)); err == nil {
		return &DamagedError{dir, fmt.Errorf("checkpoints: %s: %w: its recovery was cut off", dir, ErrDamaged)}
	}
	var h [100]byte
	if _, err := io.ReadFull(f, h[:]); err != nil || string(h[:16]) != "SQLite format 3\x00" {
		return &DamagedError{dir, fmt.Errorf("checkpoints: %s: %w: it is not an SQLite database", path, ErrForeign)}
	}
	if id := binary.BigEndian.Uint32(h[68:]); id != applicationID {
		return fmt.Errorf("checkpoints: %s: %w: its application id is %#x, want %#x", path, ErrForeign, id,
			applicationID)
	}
	return nil
}

// checkVersion compares user_version with the schema of this program and returns it.
func checkVersion(db *sql.DB, path string) (int, error) {
	var id, version int
	if err := db.QueryRow("PRAGMA application_id").Scan(&id); err != nil {
		return 0, fmt.Errorf("checkpoints: %s: %w", path, wrap(err))
	}
	if err := db.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return 0, fmt.Errorf("checkpoints: %s: %w", path, wrap(err))
	}
	switch {
	case id != applicationID:
		return 0, fmt.Errorf("checkpoints: %s: %w: its application id is %#x, want %#x", path, ErrForeign, id,
			applicationID)
	case version > schemaVersion:
		return version, fmt.Errorf("checkpoints: %s: %w: it has schema %d, this program knows %d", path, ErrNewer,
			version, schemaVersion)
	case version < 1:
		return version, fmt.Errorf("checkpoints: %s: %w: it has schema %d", path, ErrForeign, version)
	}
	return version, nil
}

// checkSchema refuses a database whose tables, indexes, views and triggers are not exactly those of schema.sql: a
// trigger, or a view with the name of a table, could make our own statements do something else.
func checkSchema(db *sql.DB, path string) error {
	want, err := ownSchema()
	if err != nil {
		return err
	}
	got, err := readSchema(db)
	if err != nil {
		return fmt.Errorf("checkpoints: %s: %w", path, wrap(err))
	}
	for name, text := range got {
		if w, ok := want[name]; !ok {
			return fmt.Errorf("checkpoints: %s: %w: its schema has an unknown %s", path, ErrForeign,
				printable(name))
		} else if w != text {
			return fmt.Errorf("checkpoints: %s: %w: its %s was changed", path, ErrForeign, name)
		}
	}
	for name := range want {
		if _, ok := got[name]; !ok {
			return fmt.Errorf("checkpoints: %s: %w: its schema has no %s", path, ErrForeign, name)
		}
	}
	return nil
}

// ownSchema is what readSchema returns for a new database.
var ownSchema = sync.OnceValues(func() (map[string]string, error) {
	ofdLocks()
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(schemaSQL); err != nil {
		return nil, fmt.Errorf("checkpoints: schema.sql: %w", err)
	}
	return readSchema(db)
})

func readSchema(db *sql.DB) (map[string]string, error) {
	rows, err := db.Query("SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_schema WHERE name NOT LIKE " +
		"'sqlite\\_%' ESCAPE '\\'")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	m := map[string]string{}
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			return nil, err
		}
		m[name] = text
	}
	return m, rows.Err()
}

// quickCheck runs SQLite's own check of the whole file.
func quickCheck(db *sql.DB, path string) error {
	var text string
	if err := db.QueryRow("PRAGMA quick_check(1)").Scan(&text); err != nil {
		return damaged(path, wrap(err))
	}
	if text != "ok" {
		return damaged(path, fmt.Errorf("%w: %s", ErrDamaged, printable(text)))
	}
	return nil
}

// damaged marks the error of a damaged database as one that a recovery may help against.
func damaged(path string, err error) error {
	err = fmt.Errorf("checkpoints: %s: %w", path, err)
	if !errors.Is(err, ErrDamaged) {
		return err
	}
	return &DamagedError{filepath.Dir(path), err}
}

// printable replaces what could control a terminal: text from a file is not trusted.
func printable(s string) string {
	return fmt.Sprintf("%.200q", s)
}

// openHere counts the stores that this process has open, by folder.
var openHere = dirCounts{n: map[string]int{}}

type dirCounts struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *dirCounts) add(dir string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := realPath(dir)
	if c.n[key] += n; c.n[key] == 0 {
		delete(c.n, key)
	}
}

func (c *dirCounts) has(dir string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[realPath(dir)] > 0
}

// realPath returns a folder's absolute path without links, as far as possible.
func realPath(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return dir
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		return real
	}
	return abs
}
