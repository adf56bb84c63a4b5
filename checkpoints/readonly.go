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

// OpenReadOnly opens a run to look at it: one that another process is writing, one whose writer was killed, a closed one, also on media or in a folder
// that cannot be written. It changes no data; in a folder that can be written SQLite leaves its empty -wal and -shm, which the next writer removes. A long
// reading holds nobody up: each call is a transaction of its own.
func OpenReadOnly(dir string) (*Store, error) {
	if err := checkHeader(dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, dbName)
	db, err := openReader(path, paramsRead)
	temp := ""
	if code := codeOf(err); code == codeCantOpen || code == codeReadOnly {
		// SQLite cannot make the -shm file that reading a WAL database takes. Without a WAL and without a writer the file cannot change.
		held, _, known := probe(dir)
		_, e := os.Lstat(path + "-wal")
		_, e2 := os.Lstat(path + "-journal")
		if errors.Is(e, fs.ErrNotExist) && errors.Is(e2, fs.ErrNotExist) && known && !held {
			db, err = openReader(path, paramsFixed)
		} else {
			db, temp, err = openCopy(path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoints: %s: %w", path, wrap(err))
	}
	s := &Store{dir: dir, real: realPath(dir), readOnly: true, temp: temp, db: db}
	openHere.add(s.real, 1)
	return s, nil
}

// openReader opens a database and checks what it is.
func openReader(path, params string) (_ *sql.DB, err error) {
	db, err := openDB(path, params)
	if err != nil {
		return nil, err
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
	if version != schemaVersion {
		return nil, fmt.Errorf("it has schema %d, this program reads %d: open it for writing once", version, schemaVersion)
	}
	if err := checkSchema(db, path); err != nil {
		return nil, err
	}
	var n int
	if err := db.QueryRow("SELECT count(*) FROM run").Scan(&n); err != nil {
		return nil, err
	}
	if n != 1 {
		return nil, fmt.Errorf("%w: it describes %d runs", ErrDamaged, n)
	}
	return db, nil
}

// openCopy opens a private copy of the database and its journals. A copy taken beside a writer may be torn, therefore the check and the retries.
func openCopy(path string) (db *sql.DB, temp string, err error) {
	for range 3 {
		if temp, err = os.MkdirTemp("", "nasnet-read-*"); err != nil {
			return nil, "", err
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
			if db, err = openReader(copied, paramsRecover); err == nil { // the methods of a read-only Store do not write
				if err = quickCheck(db, path); err == nil {
					return db, temp, nil
				}
				db.Close()
			}
		}
		os.RemoveAll(temp)
	}
	return nil, "", err
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
