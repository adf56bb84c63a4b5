package term

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

func TestALargeLogOfStrayPrintsIsRenamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	print := func(text []byte) {
		f, err := openLog(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.Write(text); err != nil {
			t.Fatal(err)
		}
	}
	read := func(path string) []byte {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	print([]byte("first\n"))
	print(bytes.Repeat([]byte("x"), maxLog))
	print([]byte("third\n"))
	if old := read(path + ".old"); !bytes.Contains(old, []byte("first")) || len(old) < maxLog {
		t.Errorf("renamed: %.100q of %d bytes", old, len(old))
	}
	if !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S+ info process \d+ prints here\nthird\n$`).Match(
		read(path)) {
		t.Errorf("the log: %q", read(path))
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", fi, err)
	}
	if _, err := openLog(filepath.Join(path, "below a file")); err == nil {
		t.Error("a log in no folder is opened")
	}
}
