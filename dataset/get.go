package dataset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Get downloads the files of a data set into dir, or into the first of [Places], unless they are there and correct.
// After an interruption, a second call resumes where the first one stopped. progress, if not nil, is called with the
// bytes of each file now and then and at its end, from this goroutine. A built-in set needs nothing.
//
// A file grows as NAME.part and gets its name only if its size and SHA-256 are the published ones. $NASNET_MIRROR, if
// set, replaces the server: MIRROR/DATASET/FILE.
func Get(ctx context.Context, name, dir string, progress func(file string, done, total int64)) error {
	s, err := Lookup(name)
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	if len(s.Files) == 0 {
		if s.BuiltIn {
			return nil
		}
		return fmt.Errorf("dataset: %s (%s): nothing to download", name, s.Title)
	}
	if dir == "" {
		dir = Places(name)[0]
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("dataset: %s: %w", name, err)
	}
	if progress == nil {
		progress = func(string, int64, int64) {}
	}
	for _, f := range s.Files {
		if mirror := os.Getenv("NASNET_MIRROR"); mirror != "" {
			f.URL = strings.TrimSuffix(mirror, "/") + "/" + name + "/" + f.Name
		}
		if err := fetch(ctx, f, dir, progress); err != nil {
			return fmt.Errorf("dataset: %s: %s: %w", name, f.Name, err)
		}
	}
	return nil
}

// Patience of a download; we chose these.
const (
	maxAttempts = 4                // in a row without a byte
	retryWait   = time.Second / 2  // before the second of these, growing by as much each time
	stallLimit  = 60 * time.Second // without a byte before an attempt is given up
)

// refusal is an answer that asking again will not improve.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// fetch gets one file. If an attempt is cut short, the next one continues from where it ended. If the whole file has a
// wrong checksum and was pieced together, it is fetched once more from the start, because the pieces may come from
// different files.
func fetch(ctx context.Context, f File, dir string, progress func(string, int64, int64)) error {
	path := filepath.Join(dir, f.Name)
	if verify(ctx, path, f) == nil {
		progress(f.Name, f.Size, f.Size)
		return nil
	}
	part := path + ".part"
	pieces, again := false, false
	for failures := 0; ; {
		before := sizeOf(part)
		pieces = pieces || before > 0
		err := attempt(ctx, f, part, progress)
		var sum *sumError
		switch {
		case err == nil:
			return os.Rename(part, path)
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.As(err, &sum):
			if rerr := os.Remove(part); rerr != nil || !pieces || again {
				return errors.Join(fmt.Errorf("from %s: %w", f.URL, err), rerr)
			}
			again = true
			continue
		case errors.As(err, new(refusal)):
			return err
		case sizeOf(part) > before:
			failures = 0
			continue
		}
		if failures++; failures == maxAttempts {
			return fmt.Errorf("gave up after %d attempts: %w", failures, err)
		}
		select {
		case <-time.After(time.Duration(failures) * retryWait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func sizeOf(path string) int64 {
	st, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return st.Size()
}

// attempt requests what part lacks, appends it, and verifies the whole.
func attempt(ctx context.Context, f File, part string, progress func(string, int64, int64)) error {
	out, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return refusal{err}
	}
	err = download(ctx, f, out, progress)
	if err == nil {
		err = out.Sync()
	}
	if err == nil {
		_, err = out.Seek(0, io.SeekStart)
	}
	if err == nil {
		var got string
		if got, err = hashFile(ctx, out); err == nil && got != f.SHA256 {
			err = &sumError{got, f.SHA256}
		}
	}
	return errors.Join(err, out.Close())
}

// download fills out up to f.Size bytes; if it fails, out keeps what has arrived.
func download(ctx context.Context, f File, out *os.File, progress func(string, int64, int64)) error {
	done, err := out.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if done > f.Size {
		if done, err = 0, restart(out); err != nil {
			return err
		}
	}
	if done == f.Size {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := time.AfterFunc(stallLimit, func() { cancel(fmt.Errorf("no data for %v", stallLimit)) })
	defer stall.Stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.URL, nil)
	if err != nil {
		return refusal{err}
	}
	req.Header.Set("Accept-Encoding", "identity") // the bytes of the file itself, not a compressed form
	if done > 0 {
		req.Header.Set("Range", "bytes="+strconv.FormatInt(done, 10)+"-")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return cause(ctx, err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusPartialContent &&
		strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", done)):
	case resp.StatusCode == http.StatusOK && resp.ContentLength >= 0 && resp.ContentLength != f.Size:
		// a different file, or an error page
		return refusal{fmt.Errorf("%s: %w", f.URL, &sizeError{resp.ContentLength, f.Size})}
	case resp.StatusCode == http.StatusOK:
		if done, err = 0, restart(out); err != nil { // the server sends the whole file or does not know ranges
			return err
		}
	case resp.StatusCode == http.StatusPartialContent, resp.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		if err := restart(out); err != nil {
			return err
		}
		return fmt.Errorf("%s: %s with range %q, want one from byte %d", f.URL, resp.Status,
			resp.Header.Get("Content-Range"), done)
	case resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests:
		return fmt.Errorf("%s: %s", f.URL, resp.Status)
	default:
		return refusal{fmt.Errorf("%s: %s", f.URL, resp.Status)}
	}
	if n := resp.ContentLength; n >= 0 && done+n != f.Size {
		return refusal{fmt.Errorf("%s: %w", f.URL, &sizeError{done + n, f.Size})}
	}
	buf := make([]byte, 1<<16)
	var last time.Time
	for {
		n, err := resp.Body.Read(buf)
		if n > 0 {
			stall.Reset(stallLimit)
		}
		if done+int64(n) > f.Size {
			return refusal{errors.Join(fmt.Errorf("%s: more bytes than the %d wanted", f.URL, f.Size), restart(out))}
		}
		if _, werr := out.Write(buf[:n]); werr != nil {
			return refusal{werr}
		}
		done += int64(n)
		if err != nil && !errors.Is(err, io.EOF) {
			return cause(ctx, err)
		}
		if now := time.Now(); err != nil || now.Sub(last) > 100*time.Millisecond {
			last = now
			progress(f.Name, done, f.Size)
		}
		if err != nil {
			break
		}
	}
	if done < f.Size {
		return fmt.Errorf("%s: ends after %d of %d bytes: %w", f.URL, done, f.Size, io.ErrUnexpectedEOF)
	}
	return nil
}

// cause prefers the reason of a cancellation to the error it caused.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	return err
}

// restart empties the file.
func restart(out *os.File) error {
	if err := out.Truncate(0); err != nil {
		return err
	}
	_, err := out.Seek(0, io.SeekStart)
	return err
}
