package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestOutputWritesWhereThePathLeads(t *testing.T) {
	const old, made = "an old result", "the new result"
	for _, r := range []struct {
		name    string
		arrange func(t *testing.T, path string) // what is there before
		force   bool
		fails   string                                     // part of the error; empty: none
		holds   func(t *testing.T, path string) (b string) // the content afterwards
	}{
		{"a new file", func(*testing.T, string) {}, false, "", content},
		{"a result is kept", func(t *testing.T, path string) { put(t, path, old, 0o600) }, false, "exists",
			content},
		{"a result is replaced on demand", func(t *testing.T, path string) { put(t, path, old, 0o600) }, true, "",
			content},
		{"a read-only file stays", func(t *testing.T, path string) { put(t, path, old, 0o400) }, true, "read-only",
			content},
		{"a folder", func(t *testing.T, path string) { check(t, os.Mkdir(path, 0o700)) }, true, "is a folder", nil},
		{"through a link to a new file", func(t *testing.T, path string) {
			check(t, os.Symlink("target", path))
		}, false, "", isLink},
		{"a result behind a link is kept", func(t *testing.T, path string) {
			put(t, path+".target", old, 0o600)
			check(t, os.Symlink(path+".target", path))
		}, false, "exists", isLink},
		{"and replaced there on demand", func(t *testing.T, path string) {
			put(t, path+".target", old, 0o600)
			check(t, os.Symlink(path+".target", path))
		}, true, "", isLink},
		{"a circle of links", func(t *testing.T, path string) { check(t, os.Symlink(path, path)) }, false,
			"too many levels", nil},
		{"no such folder", func(t *testing.T, path string) { check(t, os.Remove(filepath.Dir(path))) }, false,
			"no such file", nil},
	} {
		t.Run(r.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "here", "out")
			check(t, os.Mkdir(filepath.Dir(path), 0o700))
			r.arrange(t, path)
			o := output{flag: "--out", path: path, force: r.force}
			early := o.check()
			err := o.write(func(w io.Writer) error { _, err := io.WriteString(w, made); return err })
			for _, err := range []error{early, err} {
				if r.fails == "" && err != nil || r.fails != "" &&
					(err == nil || !strings.Contains(err.Error(), r.fails)) {
					t.Errorf("error %v; want %q", err, r.fails)
				}
			}
			want := made
			if r.fails != "" {
				want = old
			}
			if r.holds != nil {
				if b := r.holds(t, path); b != want {
					t.Errorf("it holds %q; want %q", b, want)
				}
			}
			if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".tmp-*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestOutputKeepsTheModeOfWhatItReplaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	put(t, path, "old", 0o640)
	check(t, output{path: path, force: true}.write(func(io.Writer) error { return nil }))
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
}

// A pipe stays a pipe and gets the bytes.
func TestOutputStreamsIntoAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	check(t, syscall.Mkfifo(path, 0o600))
	got := make(chan string)
	go func() {
		b, err := os.ReadFile(path)
		got <- fmt.Sprint(string(b), err)
	}()
	o := output{path: path}
	check(t, o.check())
	check(t, o.write(func(w io.Writer) error { _, err := io.WriteString(w, "bytes"); return err }))
	if g := <-got; g != "bytes<nil>" {
		t.Errorf("the reader got %s", g)
	}
	if st, err := os.Stat(path); err != nil || st.Mode()&os.ModeNamedPipe == 0 {
		t.Errorf("afterwards it is %v, %v", st, err)
	}
	if o.state() != "" {
		t.Errorf("the state of a training goes to %s", o.state())
	}
}

func TestAFailedOutputLeavesWhatWasThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	put(t, path, "old", 0o600)
	broken := errors.New("broken")
	err := output{path: path, force: true}.write(func(w io.Writer) error {
		_, _ = io.WriteString(w, "half of it")
		return broken
	})
	if !errors.Is(err, broken) || content(t, path) != "old" {
		t.Errorf("error %v; the file has %q", err, content(t, path))
	}
}

func TestEachExportHasAFileOfItsOwn(t *testing.T) {
	dir := t.TempDir()
	var paths []string
	for _, text := range []string{"one", "two", "three"} {
		path, err := writeExport(dir, "cell.svg", []byte(text))
		check(t, err)
		paths = append(paths, filepath.Base(path))
		if content(t, path) != text {
			t.Errorf("%s has %q", path, content(t, path))
		}
	}
	if got := strings.Join(paths, " "); got != "cell.svg cell-2.svg cell-3.svg" {
		t.Errorf("the files are %s", got)
	}
	victim := t.TempDir()
	check(t, os.RemoveAll(filepath.Join(dir, exportsName)))
	check(t, os.Symlink(victim, filepath.Join(dir, exportsName)))
	if path, err := writeExport(dir, "cell.svg", nil); err == nil {
		t.Errorf("%s was written through a link", path)
	}
}

// Files that are pipes are refused: nothing waits for their writers.
func TestAPipeIsNoInput(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	check(t, syscall.Mkfifo(pipe, 0o600))
	for _, args := range []string{"cell show PIPE", "check PIPE", "predict PIPE x.png", "eval PIPE",
		"bench controller --table PIPE", "train --data synthetic --resume PIPE", "train --data synthetic --from PIPE",
		"bench droppath --data synthetic --train-images 32 --val-images 32 --image 8 --out PIPE"} {
		var out bytes.Buffer
		code := Main(t.Context(), strings.Fields(strings.Replace(args, "PIPE", pipe, 1)),
			Streams{In: strings.NewReader(""), Out: &out, Err: &out})
		says := out.String()
		if code == exitDone || !strings.Contains(says, "is a pipe") && !strings.Contains(says, "not a regular file") &&
			!strings.Contains(says, "not a plain file") {
			t.Errorf("nasnet %s: exit code %d, %s", args, code, says)
		}
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	check(t, os.WriteFile(path, []byte(text), mode))
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	check(t, err)
	return string(b)
}

// isLink returns what a link leads to, which it must still be.
func isLink(t *testing.T, path string) string {
	t.Helper()
	if _, err := os.Readlink(path); err != nil {
		t.Error(err)
	}
	return content(t, path)
}
