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

// files are the files that SQLite has open for a writer, as they were when it opened them. What is stored into a file
// that somebody has removed or replaced is lost with it, and SQLite does not notice: it has the old one.
type files []file

type file struct {
	path string
	info fs.FileInfo
}

// identify looks at those of the files that exist; a run on a network file system has no WAL.
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

// check returns ErrReplaced with the name of the first file that is not the one it was. It takes microseconds.
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

// rescue brings what was stored to where the next opening finds it, after a file was found removed or replaced: a lost
// WAL goes into run.db, and a lost run.db, which SQLite still has open, into a file beside it. It returns the error
// that says so, and changes nothing a second time.
func (s *Store) rescue(lost error) error {
	if s.lost != nil {
		return s.lost
	}
	path := filepath.Join(s.dir, dbName)
	err, safe := s.files[:1].check(), "all that was stored is in "+path+"; resume the run"
	if err == nil {
		_, err = s.db.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
	} else {
		safe = "all that was stored is in " + path + rescuedSuffix + "; rename it to " + dbName + " and resume the run"
		err = vacuumInto(s.db, path+rescuedSuffix)
	}
	if err != nil {
		safe = fmt.Sprintf("what was stored since could not be saved: %v", wrap(err))
	}
	s.lost = fmt.Errorf("checkpoints: %s: %w: nothing more is stored; %s", s.dir, lost, safe)
	return s.lost
}

const rescuedSuffix = ".rescued"

// freeBytes is how much this user can still write where a folder is; 0 if that cannot be found out.
func freeBytes(dir string) int64 {
	var st syscall.Statfs_t
	if syscall.Statfs(dir, &st) != nil {
		return 0
	}
	return int64(st.Bavail) * int64(st.Bsize)
}
