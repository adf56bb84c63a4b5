package checkpoints

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Remove deletes the run in dir with everything in its folder. It fails with a *LockedError if a process has the run
// open, and with ErrNotFound if dir is not the folder of a run. The database goes last, so that a run whose deletion
// was interrupted is still listed and can be deleted again.
func Remove(dir string) error {
	if st, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) || err == nil && !st.IsDir() {
		return fmt.Errorf("checkpoints: remove %s: %w: it is not the folder of a run", dir, ErrNotFound)
	} else if err != nil {
		return fmt.Errorf("checkpoints: remove: %w", err)
	}
	if st, err := os.Lstat(filepath.Join(dir, dbName)); err == nil && !st.Mode().IsRegular() || !IsRun(dir) {
		return fmt.Errorf("checkpoints: remove %s: %w: it has no %s", dir, ErrNotFound, dbName)
	}
	// Take the lock without writing to it: a full disk has no space for that.
	f, err := openPlain(filepath.Join(dir, lockName), os.O_RDWR)
	if err == nil {
		defer f.Close()
		err = hold(f, dir)
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil // nobody has the run open
	}
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("checkpoints: remove: %w", err)
	}
	for _, e := range entries {
		if e.Name() == dbName || e.Name() == lockName {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("checkpoints: remove: %w", err)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("checkpoints: remove: %w", err)
	}
	return syncDir(filepath.Dir(dir))
}
