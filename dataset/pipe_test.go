//go:build unix

package dataset

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A pipe instead of a file must not make the program wait forever.
func TestPipesAreNotOpened(t *testing.T) {
	ctx := context.Background()
	pipe := func(dir, name string) string {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Skip("no pipes here:", err)
		}
		return dir
	}
	d, err := Load(ctx, pipe(tree(t, twoClasses()), "red/99.png"), Options{})
	if err != nil || d.Skipped != 1 || !strings.Contains(d.Warnings[0], "not a regular file") {
		t.Errorf("in an image folder: %v", err)
	}
	for name, dir := range map[string]string{
		"mnist":   pipe(t.TempDir(), "train-images-idx3-ubyte"),
		"cifar10": pipe(t.TempDir(), "data_batch_1.bin"),
	} {
		if _, err := Load(ctx, name, Options{Dir: dir}); !errors.Is(err, errNotRegular) {
			t.Errorf("%s: error %v, want not a regular file", name, err)
		}
		if st, err := Check(ctx, name, dir); err != nil || st[0].Status != StatusBroken {
			t.Errorf("%s: %+v, %v", name, st, err)
		}
	}
}
