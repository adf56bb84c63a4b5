package checkpoints_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"nasnet/checkpoints"
)

// Links out of a run's folder and files that may wait forever are refused by everything that looks at a run, and the
// target of a link stays as it is. A run with such a file can be deleted.
func TestNothingInARunIsALinkOrAPipe(t *testing.T) {
	const precious = "not a word of this may change"
	kinds := map[string]func(path, victim string) error{
		"link":          func(path, victim string) error { return os.Symlink(victim, path) },
		"dangling link": func(path, _ string) error { return os.Symlink(path+".nowhere", path) },
		"pipe":          func(path, _ string) error { return syscall.Mkfifo(path, 0o600) },
	}
	for _, name := range []string{"run.db", "run.db-wal", "run.db-journal", "run.lock", "log.jsonl", "blobs"} {
		for kind, make := range kinds {
			t.Run(kind+" as "+name, func(t *testing.T) {
				root := t.TempDir()
				victim := filepath.Join(root, "victim")
				must(t, os.WriteFile(victim, []byte(precious), 0o600))
				if name == "blobs" {
					must(t, os.Remove(victim))
					must(t, os.Mkdir(victim, 0o700))
				}
				dir := filepath.Join(root, "runs", "a")
				s, err := checkpoints.Create(dir, checkpoints.Run{Name: "a", ForkedAt: -1, State: "created",
					Config: []byte("{}")})
				must(t, err)
				must(t, s.Close())
				path := filepath.Join(dir, name)
				must(t, os.RemoveAll(path))
				must(t, make(path, victim))

				want := name + " is a " + strings.TrimPrefix(kind, "dangling ")
				if s, err := checkpoints.Open(dir); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("opened: %v; want %q", err, want)
					if err == nil {
						s.Close()
					}
				}
				if s, err := checkpoints.OpenReadOnly(dir); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("opened to read: %v; want %q", err, want)
					if err == nil {
						s.Close()
					}
				}
				list, err := checkpoints.List(filepath.Join(root, "runs"))
				if err != nil || len(list) != 1 || list[0].Status != "unreadable" {
					t.Errorf("listed: %+v, %v", list, err)
				}
				if _, err := os.Lstat(path + ".nowhere"); err == nil {
					t.Error("a file was made where the link leads")
				}
				if name == "blobs" {
					if es, err := os.ReadDir(victim); err != nil || len(es) > 0 {
						t.Errorf("in the folder that the link leads to: %v, %v", es, err)
					}
				} else if b, err := os.ReadFile(victim); err != nil || string(b) != precious {
					t.Errorf("the file that the link leads to has %q, %v", b, err)
				}
			})
		}
	}
}

// A link instead of a folder of blobs is neither written nor read through.
func TestBlobsAreNotStoredBehindALink(t *testing.T) {
	s := newStore(t)
	sha, err := s.WriteBlob("model", []byte("weights"))
	must(t, err)
	sub := filepath.Join(s.Dir(), "blobs", sha[:2])
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	must(t, os.Rename(sub, elsewhere))
	must(t, os.Symlink(elsewhere, sub))
	if _, err := s.ReadBlob(sha); err == nil || !strings.Contains(err.Error(), "is a link") {
		t.Errorf("read: %v", err)
	}
	must(t, os.Remove(filepath.Join(elsewhere, sha+".safetensors")))
	if _, err := s.WriteBlob("model", []byte("weights")); err == nil || !strings.Contains(err.Error(), "is a link") {
		t.Errorf("written: %v", err)
	}
	if es, err := os.ReadDir(elsewhere); err != nil || len(es) > 0 {
		t.Errorf("behind the link: %v, %v", es, err)
	}
}
