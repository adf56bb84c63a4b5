package checkpoints

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// A run may come from somebody else. Its folder must not lead outside through links, and nothing in it may be a pipe or
// a device, because opening or reading one can wait forever.

// errNotPlain refuses a file that a run must not have.
var errNotPlain = errors.New("not a plain file")

// checkPlain checks the files of a run's folder before anything in it is opened.
func checkPlain(dir string) error {
	for _, name := range []string{dbName, dbName + "-wal", dbName + "-shm", dbName + "-journal", lockName, logName} {
		path := filepath.Join(dir, name)
		if st, err := os.Lstat(path); err == nil && !st.Mode().IsRegular() {
			return notPlain(path, st.Mode(), "a plain file")
		}
	}
	path := filepath.Join(dir, blobsName)
	if st, err := os.Lstat(path); err == nil && !st.IsDir() {
		return notPlain(path, st.Mode(), "a folder")
	}
	return nil
}

// openPlain opens a file of a run, and checks it again in case checkPlain was too early.
func openPlain(path string, flag int) (*os.File, error) {
	f, err := os.OpenFile(path, flag|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		if st, e := os.Lstat(path); e == nil && !st.Mode().IsRegular() {
			return nil, notPlain(path, st.Mode(), "a plain file")
		}
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = notPlain(path, st.Mode(), "a plain file")
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func notPlain(path string, mode fs.FileMode, want string) error {
	what := "a device"
	switch {
	case mode&fs.ModeSymlink != 0:
		what = "a link"
	case mode&fs.ModeNamedPipe != 0:
		what = "a pipe"
	case mode&fs.ModeSocket != 0:
		what = "a socket"
	case mode.IsDir():
		what = "a folder"
	case mode.IsRegular():
		what = "a file"
	}
	return fmt.Errorf("%s is %s; want %s: %w", path, what, want, errNotPlain)
}
