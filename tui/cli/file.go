package cli

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// writeFile writes a file whole or not at all.
func writeFile(path string, b []byte) error {
	return writeWhole(path, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// writeWhole writes a file whole or not at all, as write makes it.
func writeWhole(path string, write func(io.Writer) error) error {
	// Unlike os.CreateTemp's, the file is as open to others as the umask lets it be.
	temp := filepath.Join(filepath.Dir(path), fmt.Sprintf(".tmp-%016x-%s", rand.Uint64(), filepath.Base(path)))
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// readFile reads a regular file of at most most bytes. A device or a pipe is refused: it may have no end.
func readFile(path string, most int64) ([]byte, error) {
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !st.Mode().IsRegular():
		return nil, fmt.Errorf("%s: not a regular file", path)
	case st.Size() > most:
		return nil, fmt.Errorf("%s: %d bytes, want at most %d", path, st.Size(), most)
	}
	return os.ReadFile(path)
}
