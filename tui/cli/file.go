package cli

import (
	"fmt"
	"io"
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
	f, err := os.OpenFile(filepath.Join(filepath.Dir(path), fmt.Sprintf(".tmp-%d-%s", os.Getpid(), filepath.Base(path))), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
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
