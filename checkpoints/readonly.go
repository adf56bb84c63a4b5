package checkpoints

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// OpenReadOnly opens a run to look at it: a live one, one whose writer was killed, a closed one, also on media or in a
// folder that cannot be written. It changes no data; in a writable folder SQLite leaves its empty -wal and -shm, which
// the next writer removes. Reading delays nobody: each call is its own transaction. A run with an older schema is read
// from a private copy that is migrated.
func OpenReadOnly(dir string) (*Store, error) { return openReadOnly(dir, migratedCopy) }

// openReadOnly is OpenReadOnly with the function that makes a database with an older schema current.
func openReadOnly(dir string, migrated func(db *sql.DB, path string, version int, temp string) (*sql.DB, string,
	error)) (*Store, error) {
	if err := checkHeader(dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, dbName)
	db, version, err := openReader(path, paramsRead)
	temp := ""
	if code := codeOf(err); code == codeCantOpen || code == codeReadOnly {
		// SQLite cannot create the -shm file that it needs to read a WAL database. Without a WAL and a writer the file
		// cannot change.
		held, _, known := probe(dir)
		_, e := os.Lstat(path + "-wal")
		_, e2 := os.Lstat(path + "-journal")
		if errors.Is(e, fs.ErrNotExist) && errors.Is(e2, fs.ErrNotExist) && known && !held {
			db, version, err = openReader(path, paramsFixed)
		} else {
			db, version, temp, err = openCopy(path)
		}
	}
	if err == nil && version < schemaVersion {
		db, temp, err = migrated(db, path, version, temp)
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoints: %s: %w", path, wrap(err))
	}
	s := &Store{dir: dir, real: realPath(dir), readOnly: true, temp: temp, db: db}
	openHere.add(s.real, 1)
	return s, nil
}

// openReader opens a database, checks what it is and returns its schema version. It checks the schema if that is the
// current version.
func openReader(path, params string) (_ *sql.DB, version int, err error) {
	db, err := openDB(path, params)
	if err != nil {
		return nil, 0, err
	}
	defer func() {
		if err != nil {
			db.Close()
		}
	}()
	if version, err = checkVersion(db, path); err != nil {
		return nil, 0, err
	}
	if version == schemaVersion {
		if err := checkSchema(db, path); err != nil {
			return nil, 0, err
		}
	}
	var n int
	if err := db.QueryRow("SELECT count(*) FROM run").Scan(&n); err != nil {
		return nil, 0, err
	}
	if n != 1 {
		return nil, 0, fmt.Errorf("%w: it describes %d runs, want 1", ErrDamaged, n)
	}
	return db, version, nil
}

// migratedCopy closes a database with an older schema and returns a private, migrated copy of it, in temp or, if that
// is empty, in a folder of its own.
func migratedCopy(db *sql.DB, path string, version int, temp string) (_ *sql.DB, _ string, err error) {
	defer db.Close()
	if temp == "" {
		if temp, err = os.MkdirTemp("", "nasnet-read-*"); err != nil {
			return nil, "", err
		}
	}
	defer func() {
		if err != nil {
			os.RemoveAll(temp)
		}
	}()
	private := filepath.Join(temp, "migrated.db")
	if err := vacuumInto(db, private); err != nil {
		return nil, "", err
	}
	current, err := openDB(private, paramsRecover) // a read-only Store's methods do not write
	if err != nil {
		return nil, "", err
	}
	if err = step(current, path, version, migrations); err == nil {
		err = checkSchema(current, path)
	}
	if err != nil {
		current.Close()
		return nil, "", err
	}
	return current, temp, nil
}

// asItIs leaves a database with an older schema as it is, for a summary, which reads only columns that every schema
// has: so a list of many runs copies none. It refuses views with the names of tables.
func asItIs(db *sql.DB, _ string, _ int, temp string) (_ *sql.DB, _ string, err error) {
	var tables int
	err = db.QueryRow("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN('run', 'trial', " +
		"'policy')").Scan(&tables)
	if err == nil && tables != 3 {
		err = fmt.Errorf("%w: its schema lacks a table", ErrForeign)
	}
	if err != nil {
		db.Close()
		if temp != "" {
			os.RemoveAll(temp)
		}
		return nil, "", err
	}
	return db, temp, nil
}

// openCopy opens a private copy of the database and its journals. A copy taken beside a writer may be torn, so it is
// checked, and taken again if necessary.
func openCopy(path string) (db *sql.DB, version int, temp string, err error) {
	for range 3 {
		if temp, err = os.MkdirTemp("", "nasnet-read-*"); err != nil {
			return nil, 0, "", err
		}
		copied := filepath.Join(temp, dbName)
		err = copyFile(copied, path)
		for _, journal := range []string{"-wal", "-journal"} {
			if err == nil {
				if err = copyFile(copied+journal, path+journal); errors.Is(err, fs.ErrNotExist) {
					err = nil
				}
			}
		}
		if err == nil {
			// a read-only Store's methods do not write
			if db, version, err = openReader(copied, paramsRecover); err == nil {
				if err = quickCheck(db, path); err == nil {
					return db, version, temp, nil
				}
				db.Close()
			}
		}
		os.RemoveAll(temp)
	}
	return nil, 0, "", err
}

func copyFile(dst, src string) error {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(dst, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if e := out.Close(); err == nil {
		err = e
	}
	return err
}
