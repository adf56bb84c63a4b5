package dataset_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"nasnet/dataset"
)

// published is the file of a data set called remote, served by handler during a test.
func published(t *testing.T, handler http.HandlerFunc) (body []byte, dir string) {
	t.Helper()
	body = bytes.Repeat([]byte("0123456789abcdef"), 8000)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	sum := sha256.Sum256(body)
	before := dataset.Sources
	t.Cleanup(func() { dataset.Sources = before })
	dataset.Sources = append(before[:len(before):len(before)],
		dataset.Source{Info: dataset.Info{Name: "remote", Title: "a test", Files: []dataset.File{
			{Name: "file.bin", URL: server.URL + "/file.bin", Size: int64(len(body)),
				SHA256: hex.EncodeToString(sum[:])},
		}}})
	return body, t.TempDir()
}

var content = bytes.Repeat([]byte("0123456789abcdef"), 8000)

// whole serves the file with ranges, as a normal server does.
func whole(w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, "file.bin", time.Time{}, bytes.NewReader(content))
}

// cut serves the first n requested bytes and drops the connection.
func cut(w http.ResponseWriter, r *http.Request, n int) {
	from := 0
	if v, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok {
		from, _ = strconv.Atoi(strings.TrimSuffix(v, "-"))
		w.Header().Set("Content-Range", "bytes "+strconv.Itoa(from)+"-"+strconv.Itoa(len(content)-1)+"/"+
			strconv.Itoa(len(content)))
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(content)-from))
	if from > 0 {
		w.WriteHeader(http.StatusPartialContent)
	}
	w.Write(content[from : from+n])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

func leftovers(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestGet(t *testing.T) {
	wrong := bytes.ToUpper(content)
	var calls atomic.Int32
	var ranges []string
	for _, test := range []struct {
		name    string
		part    []byte // what an earlier call left
		handler http.HandlerFunc
		calls   int32
		err     string // "" = the file arrives
		left    string // what an error leaves in the folder
	}{
		{"a whole file", nil, whole, 1, "", ""},
		{"a download that an earlier call left is resumed", content[:1000], whole, 1, "", ""},
		{"a complete part needs only its name", content, whole, 0, "", ""},
		{"a part longer than the file is thrown away", append(bytes.Clone(content), 1), whole, 1, "", ""},
		{"a part of another file is noticed and fetched again", wrong[:1000], whole, 2, "", ""},
		{"a connection cut twice is resumed", nil, func(w http.ResponseWriter, r *http.Request) {
			if calls.Load() <= 2 {
				cut(w, r, 50000)
			}
			whole(w, r)
		}, 3, "", ""},
		{"a server without ranges starts again", content[:1000],
			func(w http.ResponseWriter, r *http.Request) { w.Write(content) }, 1, "", ""},
		{"a range from another place starts again", content[:1000], func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				r.Header.Set("Range", "bytes=500-")
			}
			whole(w, r)
		}, 2, "", ""},
		{"a server that is busy once is asked again", nil, func(w http.ResponseWriter, r *http.Request) {
			if calls.Load() == 1 {
				http.Error(w, "busy", http.StatusServiceUnavailable)
				return
			}
			whole(w, r)
		}, 2, "", ""},
		{"a wrong checksum is refused", nil, func(w http.ResponseWriter, r *http.Request) { w.Write(wrong) }, 1,
			"sha256", ""},
		{"a wrong checksum after resuming is refused after one more try", content[:1000],
			func(w http.ResponseWriter, r *http.Request) {
				http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(wrong))
			}, 2, "sha256", ""},
		{"a file that is not there", nil, http.NotFound, 1, "404", "file.bin.part"},
		{"a body announced as too large", nil, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "128001")
			w.Write(append(bytes.Clone(content), 1))
		}, 1, "128001 bytes, want 128000", "file.bin.part"},
		{"a body announced as too small", nil, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "5")
			w.Write(content[:5])
		}, 1,
			"5 bytes, want 128000", "file.bin.part"},
		{"an endless body without announced length", nil, func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			for {
				if _, err := w.Write(content); err != nil {
					return
				}
			}
		}, 1, "more bytes than the 128000 wanted", "file.bin.part"},
		{"a page instead of the rest leaves what came", content[:1000],
			func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("<html>log in first")) }, 1,
			"18 bytes, want 128000", "file.bin.part"},
		{"a page instead of the file", nil, func(w http.ResponseWriter, r *http.Request) {
			w.Write([]byte("<html>log in first"))
		}, 1, "18 bytes, want 128000", "file.bin.part"},
	} {
		t.Run(test.name, func(t *testing.T) {
			calls.Store(0)
			ranges = nil
			body, dir := published(t, func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				ranges = append(ranges, r.Header.Get("Range"))
				test.handler(w, r)
			})
			if test.part != nil {
				if err := os.WriteFile(filepath.Join(dir, "file.bin.part"), test.part, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			var last, total int64
			err := dataset.Get(context.Background(), "remote", dir, func(_ string, d, n int64) { last, total = d, n })
			if n := calls.Load(); n != test.calls {
				t.Errorf("%d requests %q, want %d", n, ranges, test.calls)
			}
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) ||
					!strings.Contains(err.Error(), "file.bin") {
					t.Errorf("error %v, want one with %q", err, test.err)
				}
				if left := strings.Join(leftovers(t, dir), " "); left != test.left {
					t.Errorf("left in the folder: %q, want %q", left, test.left)
				}
				if test.part != nil && test.left != "" {
					if st, err := os.Stat(filepath.Join(dir, test.left)); err != nil ||
						st.Size() != int64(len(test.part)) {
						t.Errorf("of %d bytes that had come this is left: %v, %v", len(test.part), st.Size(), err)
					}
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(filepath.Join(dir, "file.bin")); err != nil || !bytes.Equal(got, body) {
				t.Errorf("the file has %d bytes, %v", len(got), err)
			}
			if left := leftovers(t, dir); len(left) != 1 {
				t.Errorf("left in the folder: %q", left)
			}
			if n := int64(len(body)); test.calls > 0 && (last != n || total != n) {
				t.Errorf("progress ended with %d of %d, want %d", last, total, n)
			}
			if len(test.part) == 1000 && ranges[0] != "bytes=1000-" {
				t.Errorf("asked for %q, want the missing bytes", ranges[0])
			}
		})
	}
}

func TestGetLeavesGoodFilesAloneAndReplacesBadOnes(t *testing.T) {
	var calls atomic.Int32
	body, dir := published(t, func(w http.ResponseWriter, r *http.Request) { calls.Add(1); whole(w, r) })
	path := filepath.Join(dir, "file.bin")
	for _, step := range []struct {
		name  string
		file  []byte
		calls int32
	}{{"bad", body[1:], 1}, {"good", body, 1}} {
		if err := os.WriteFile(path, step.file, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := dataset.Get(context.Background(), "remote", dir, nil); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(path); !bytes.Equal(got, body) || calls.Load() != step.calls {
			t.Errorf("%s: %d bytes after %d requests, want %d after %d", step.name, len(got), calls.Load(),
				len(body), step.calls)
		}
	}
}

func TestGetGivesUpOnAServerThatAlwaysFails(t *testing.T) {
	if testing.Short() {
		t.Skip("waits three seconds between its attempts")
	}
	var calls atomic.Int32
	_, dir := published(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		http.Error(w, "no", http.StatusBadGateway)
	})
	err := dataset.Get(context.Background(), "remote", dir, nil)
	if err == nil || !strings.Contains(err.Error(), "gave up after 4 attempts") ||
		!strings.Contains(err.Error(), "502") || calls.Load() != 4 {
		t.Errorf("error %v after %d requests", err, calls.Load())
	}
}

func TestGetIsCancelledAndResumed(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	hang := make(chan struct{})
	first := true
	body, dir := published(t, func(w http.ResponseWriter, r *http.Request) {
		if !first {
			whole(w, r)
			return
		}
		first = false
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		w.Write(content[:70000])
		w.(http.Flusher).Flush()
		<-hang
	})
	defer close(hang)
	err := dataset.Get(ctx, "remote", dir, func(string, int64, int64) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want context canceled", err)
	}
	if st, err := os.Stat(filepath.Join(dir, "file.bin.part")); err != nil || st.Size() == 0 {
		t.Fatalf("nothing is left to resume: %v", err)
	}
	if err := dataset.Get(context.Background(), "remote", dir, nil); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(filepath.Join(dir, "file.bin")); !bytes.Equal(got, body) {
		t.Error("the pieces do not make the file")
	}
}

func TestMirrorReplacesTheServer(t *testing.T) {
	published(t, http.NotFound)
	var asked string
	mirror := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Path
		whole(w, r)
	}))
	defer mirror.Close()
	t.Setenv("NASNET_MIRROR", mirror.URL+"/data/")
	t.Setenv("NASNET_DATA", t.TempDir())
	if err := dataset.Get(context.Background(), "remote", "", nil); err != nil {
		t.Fatal(err)
	}
	if asked != "/data/remote/file.bin" {
		t.Errorf("asked the mirror for %s", asked)
	}
	if st := check(t, "remote", ""); len(st) != 1 || st[0].Status != dataset.StatusOK ||
		!strings.HasPrefix(st[0].Path, os.Getenv("NASNET_DATA")) {
		t.Errorf("%+v", st)
	}
}

func TestGetOfAnUnpublishedSet(t *testing.T) {
	for _, name := range []string{"folder", "no-such-set"} {
		if err := dataset.Get(context.Background(), name, t.TempDir(), nil); err == nil ||
			!strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestCheckReportsWhatIsWrong(t *testing.T) {
	body, dir := published(t, whole)
	path := filepath.Join(dir, "file.bin")
	flipped := bytes.Clone(body)
	flipped[77] ^= 1
	for _, test := range []struct {
		name, want, detail string
		make               func() error
	}{
		{"nothing there", dataset.StatusMissing, "", func() error { return nil }},
		{"a folder instead", dataset.StatusBroken, "not a regular file",
			func() error { return os.Mkdir(path, 0o755) }},
		{"one byte short", dataset.StatusSize, "127999 bytes, want 128000",
			func() error { os.Remove(path); return os.WriteFile(path, body[1:], 0o644) }},
		{"one bit flipped", dataset.StatusChecksum, "want ",
			func() error { return os.WriteFile(path, flipped, 0o644) }},
		{"right", dataset.StatusOK, "", func() error { return os.WriteFile(path, body, 0o644) }},
	} {
		if err := test.make(); err != nil {
			t.Fatal(err)
		}
		st := check(t, "remote", dir)
		if len(st) != 1 || st[0].Status != test.want || !strings.Contains(st[0].Detail, test.detail) ||
			st[0].Path != path {
			t.Errorf("%s: %+v, want %s with %q", test.name, st, test.want, test.detail)
		}
	}
}

func TestCheckOfSetsWithoutFiles(t *testing.T) {
	if st := check(t, "fashion-mnist-10k", ""); len(st) != 1 || st[0].Status != dataset.StatusOK {
		t.Errorf("built-in images: %+v", st)
	}
	if st := check(t, "synthetic", ""); len(st) != 0 {
		t.Errorf("synthetic: %+v", st)
	}
	if _, err := dataset.Check(context.Background(), "no-such-set", ""); err == nil {
		t.Error("an unknown name was accepted")
	}
	st := check(t, "mnist", t.TempDir())
	if len(st) != 4 || st[0].Status != dataset.StatusMissing ||
		!strings.HasSuffix(st[3].Path, "t10k-labels-idx1-ubyte.gz") {
		t.Errorf("empty folder: %+v", st)
	}
}
