package checkpoints_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"nasnet/checkpoints"
)

func TestOnlyARunThatNobodyHasOpenIsRemoved(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "a")
	s, err := checkpoints.Create(dir, checkpoints.Run{Name: "a", ForkedAt: -1, State: "created", Config: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.WriteBlob("model", []byte("weights")); err != nil {
		t.Fatal(err)
	}
	locked := new(checkpoints.LockedError)
	if err := checkpoints.Remove(dir); !errors.As(err, &locked) || locked.PID != os.Getpid() {
		t.Errorf("a run that is open: %v", err)
	}
	if r := checkpoints.Summary(dir); r.Err != nil || !r.Live {
		t.Errorf("after that it is %+v", r)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	other := filepath.Join(root, "other")
	if err := os.MkdirAll(filepath.Join(other, "run.db"), 0o700); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(root, "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for _, no := range []string{root, other, link, filepath.Join(dir, "run.db"), filepath.Join(root, "nothing")} {
		if err := checkpoints.Remove(no); !errors.Is(err, checkpoints.ErrNotFound) {
			t.Errorf("%s: %v; want ErrNotFound", no, err)
		}
	}

	precious := filepath.Join(root, "precious")
	if err := os.WriteFile(precious, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(precious, filepath.Join(dir, "exports")); err != nil {
		t.Fatal(err)
	}
	if err := checkpoints.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
	if _, err := os.Stat(precious); err != nil {
		t.Errorf("the target of a link in the folder was removed: %v", err)
	}
	if list, err := checkpoints.List(root); err != nil || len(list) != 1 { // other, which is unreadable
		t.Errorf("%d runs are left, %v", len(list), err)
	}
}
