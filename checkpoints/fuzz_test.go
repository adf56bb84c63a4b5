//go:build unix

package checkpoints

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// fuzzFile writes b to a file that the next call overwrites, and opens it.
func fuzzFile(t *testing.T, path string, b []byte) *os.File {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// Whatever is in log.jsonl, the part that is kept ends with a whole line that has a number.
func FuzzLogEnd(f *testing.F) {
	for _, s := range []string{"", "{\"id\":1}\n{\"id\":2}\n{\"id\"", "\n", "{\"id\":-1}\n",
		"{\"id\":99999999999999999999}\n", "x\n{\"id\":7}\n", "{\"id\":7}", "{\"ID\":7}\n\n"} {
		f.Add([]byte(s))
	}
	path := filepath.Join(f.TempDir(), logName)
	f.Fuzz(func(t *testing.T, b []byte) {
		size, id, err := lastLine(fuzzFile(t, path, b))
		if err != nil || len(b) == 0 {
			return
		}
		if id < 1 || size < 1 || size > int64(len(b)) || b[size-1] != '\n' || bytes.IndexByte(b[size:], '\n') >= 0 {
			t.Fatalf("%q ends at %d with number %d", b, size, id)
		}
		again, same, err := lastLine(fuzzFile(t, path, b[:size]))
		if err != nil || again != size || same != id {
			t.Fatalf("what is kept of %q ends at %d with number %d, %v", b, again, same, err)
		}
	})
}

// Whatever is in run.lock, it is a holder with a process, or nobody.
func FuzzHolder(f *testing.F) {
	for _, s := range []string{"", `{"pid":7,"host":"h","since":"2026-01-02T03:04:05Z"}` + "\n", `{"pid":0}`,
		`{"pid":1e99}`, "null", `{"pid":1,"host":"\u001b[2J"}`} {
		f.Add([]byte(s))
	}
	path := filepath.Join(f.TempDir(), lockName)
	f.Fuzz(func(t *testing.T, b []byte) {
		if h := readHolder(fuzzFile(t, path, b)); h != nil && h.PID == 0 {
			t.Fatalf("%q is %+v", b, h)
		}
	})
}

// Whatever a database has for choices, it is refused, or is written and read back the same.
func FuzzChoices(f *testing.F) {
	for _, s := range []string{"[]", "[0]", "[1,2,3]", "[1, 2]", "[", "]", "", "[,]", "[-1]", "[99999999999999999999]",
		"[[1]]", "[1,]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		cs, err := parseChoices(s)
		if err != nil {
			return
		}
		again, err := parseChoices(choicesText(cs))
		if err != nil || !reflect.DeepEqual(again, cs) {
			t.Fatalf("%q is %v, which reads back as %v, %v", s, cs, again, err)
		}
	})
}
