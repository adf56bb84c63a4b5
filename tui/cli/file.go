package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"nasnet/nas"
)

// output is a file that the user asked for with a flag, such as --out. Every command writes such files through it.
//
// A new file appears whole or not at all. An existing file is a result: it is replaced only with --force, never if it
// is read-only, and keeps its mode. Links are followed. A pipe or a device, such as /dev/stdout, is written to and
// stays what it is.
type output struct {
	flag, path string
	force      bool
}

// register adds the flag that names the file, and --force.
func (o *output) register(fs *pflag.FlagSet, flag, help string) {
	o.flag = "--" + flag
	fs.StringVar(&o.path, flag, "", help)
	fs.BoolVar(&o.force, "force", false, "replace the file of "+o.flag+" if it exists")
}

// check reports what would make write fail, before the work that produces the content.
func (o output) check() error {
	target, st, err := o.target()
	if err != nil || st != nil && !st.Mode().IsRegular() {
		return err
	}
	f, err := createTemp(target)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// write creates the file with what make writes.
func (o output) write(make func(io.Writer) error) error {
	target, st, err := o.target()
	if err != nil {
		return err
	}
	if st != nil && !st.Mode().IsRegular() {
		f, err := os.OpenFile(target, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(make(f), f.Close())
	}
	mode := fs.FileMode(0)
	if st != nil {
		mode = st.Mode().Perm()
	}
	return writeWhole(target, mode, make)
}

// target returns the file that the path leads to, and what exists there: nil for nothing.
func (o output) target() (string, fs.FileInfo, error) {
	target, err := followLinks(o.path)
	if err != nil {
		return "", nil, err
	}
	st, err := os.Stat(target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return target, nil, nil
	case err != nil:
		return "", nil, err
	case st.IsDir():
		return "", nil, usagef("%s %s is a folder; want the name of a file", o.flag, o.path)
	case !st.Mode().IsRegular():
		return target, st, nil
	case st.Mode().Perm()&0o222 == 0:
		return "", nil, fmt.Errorf("%s is read-only", o.path)
	case !o.force:
		return "", nil, hinted{fmt.Errorf("%s exists", o.path), "give another " + o.flag + ", or --force to replace it"}
	}
	return target, st, nil
}

// followLinks returns where a path leads, even if nothing exists there yet.
func followLinks(path string) (string, error) {
	const most = 40 // as Linux allows
	for range most {
		to, err := os.Readlink(path)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EINVAL) { // nothing, or no link
			return path, nil
		}
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	return "", &fs.PathError{Op: "open", Path: path, Err: syscall.ELOOP}
}

// writeFile writes or replaces one of the program's own files, whole or not at all. A mode of 0 follows the umask.
func writeFile(path string, b []byte, mode fs.FileMode) error {
	return writeWhole(path, mode, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// writeWhole writes what make writes to a file, whole or not at all. A mode of 0 follows the umask.
func writeWhole(path string, mode fs.FileMode, make func(io.Writer) error) error {
	f, err := createTemp(path)
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if mode != 0 {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = make(f)
	}
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// createTemp creates the file that will be renamed to path. Unlike os.CreateTemp's, its mode follows the umask, and its
// name is never too long.
func createTemp(path string) (*os.File, error) {
	name := fmt.Sprintf(".tmp-%016x", rand.Uint64())
	return os.OpenFile(filepath.Join(filepath.Dir(path), name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
}

// openFile opens a file that will be read to its end. It refuses a named pipe, because opening one waits for a writer;
// /dev/stdin, and the /dev/fd/63 of <(command), are open already.
func openFile(path string) (*os.File, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if st.Mode()&fs.ModeNamedPipe != 0 && !strings.HasPrefix(path, "/dev/") && !strings.HasPrefix(path, "/proc/") {
		return nil, hinted{fmt.Errorf("%s is a pipe; want a file", path), "/dev/stdin reads the standard input"}
	}
	return os.Open(path)
}

// readFile reads a regular file of no more than most bytes. It refuses a device or a pipe, which may never end.
func readFile(path string, most int64) ([]byte, error) {
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !st.Mode().IsRegular():
		return nil, fmt.Errorf("%s: not a regular file", path)
	case st.Size() > most:
		return nil, fmt.Errorf("%s: %s; want at most %s", path, nas.FormatBytes(st.Size()), nas.FormatBytes(most))
	}
	return os.ReadFile(path)
}
