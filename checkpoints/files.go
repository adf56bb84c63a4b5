//go:build unix

package checkpoints

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// files are the files that SQLite has open for a writer, as they were when it opened them. If somebody removes or
// replaces one, whatever is stored into it is lost, and SQLite does not notice, because it still has the old file open.
type files []file

type file struct {
	path string
	info fs.FileInfo
}

// identify looks at those files that exist; a run on a network file system has no WAL.
func identify(paths ...string) (fs files, err error) {
	for _, path := range paths {
		switch info, err := os.Stat(path); {
		case err == nil:
			fs = append(fs, file{path, info})
		case !errors.Is(err, os.ErrNotExist):
			return nil, err
		}
	}
	return fs, nil
}

// check returns ErrReplaced with the name of the first file that was replaced. It takes microseconds.
func (fs files) check() error {
	for _, f := range fs {
		switch info, err := os.Stat(f.path); {
		case errors.Is(err, os.ErrNotExist), err == nil && !os.SameFile(info, f.info):
			return fmt.Errorf("%s %w", filepath.Base(f.path), ErrReplaced)
		case err != nil:
			return wrap(err)
		}
	}
	return nil
}

// rescue saves what was stored where the next opening finds it, after a file was found removed or replaced: a lost WAL
// goes into run.db, and a lost run.db, which SQLite still has open, into a file beside it. It returns an error that
// describes this, and does nothing more when called again.
func rescue(s *Store, lost error) error {
	if s.lost != nil {
		return s.lost
	}
	path := filepath.Join(s.dir, dbName)
	err := s.files[:1].check()
	gone, safe := err != nil, "everything stored so far is in "+path+"; resume the run"
	if err == nil {
		_, err = s.db.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
	} else {
		safe = "everything stored so far is in " + path + rescuedSuffix + "; nasnet recover takes it from there"
		err = vacuumInto(s.db, path+rescuedSuffix)
	}
	if err != nil {
		safe = fmt.Sprintf("changes stored since then could not be saved: %v", wrap(err))
	}
	s.lost = fmt.Errorf("checkpoints: %s: %w: nothing more is stored; %s", s.dir, lost, safe)
	if gone {
		s.lost = &DamagedError{s.dir, s.lost}
	}
	return s.lost
}

const rescuedSuffix = ".rescued"

// freeBytes returns how much this user can still write where a folder is, or 0 if that is unknown.
func freeBytes(dir string) int64 {
	var st syscall.Statfs_t
	if syscall.Statfs(dir, &st) != nil {
		return 0
	}
	return int64(st.Bavail) * int64(st.Bsize)
}
