//go:build unix

package checkpoints

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const lockName = "run.lock"

// holder is the content of run.lock while it is held. It stays there after a crash, and is emptied at a clean end.
type holder struct {
	PID   int       `json:"pid,omitempty"`
	Host  string    `json:"host,omitempty"`
	Since time.Time `json:"since,omitzero"`
	Ended string    `json:"ended,omitempty"` // see lock.ended; without the others
}

// lock is the flock on run.lock. The kernel drops it with the process, so there is no stale lock to remove.
type lock struct {
	f        *os.File
	previous *holder // who held it and never released it; nil after a clean end
	ended    string  // the state of the run, if the database could not store it; release keeps it in run.lock
}

// acquire takes the lock of a run and writes its owner into it, or fails with a *LockedError.
func acquire(dir string) (*lock, error) {
	path := filepath.Join(dir, lockName)
	f, err := openPlain(path, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, fmt.Errorf("checkpoints: lock: %w", wrap(err))
	}
	if err := hold(f, dir); err != nil {
		f.Close()
		return nil, err
	}
	l := &lock{f: f}
	if h := readHolder(f); h != nil && h.PID != 0 {
		l.previous = h
	} else if h != nil {
		l.ended = h.Ended
	}
	host, _ := os.Hostname()
	text, err := json.Marshal(holder{PID: os.Getpid(), Host: host, Since: time.Now().UTC()})
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteAt(append(text, '\n'), 0)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("checkpoints: lock %s: %w", path, wrap(err))
	}
	return l, nil
}

// hold takes the lock on an open run.lock, or fails with a *LockedError. It retries, because a [probe] holds the lock
// for microseconds.
func hold(f *os.File, dir string) error {
	for try := 0; ; try++ {
		err := flock(f, syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, syscall.EWOULDBLOCK) && try < 10:
			time.Sleep(10 * time.Millisecond)
		case errors.Is(err, syscall.EWOULDBLOCK):
			e := &LockedError{Dir: dir}
			if h := readHolder(f); h != nil {
				e.PID, e.Host = h.PID, h.Host
			}
			return e
		default:
			return fmt.Errorf("checkpoints: lock %s: %w", f.Name(), err)
		}
	}
}

// release empties run.lock, which marks a clean end, and releases it. The file stays: removing it would let two writers
// in. A state that the database lacks takes the place of the holder, so a full disk has space for it.
func (l *lock) release() {
	length := 0
	if text, err := json.Marshal(holder{Ended: l.ended}); err == nil && l.ended != "" {
		if n, err := l.f.WriteAt(text, 0); err == nil {
			length = n
		}
	}
	l.f.Truncate(int64(length))
	l.f.Close()
}

// probe reports whether a writer has the run, and who. known is false if the lock could not be read.
func probe(dir string) (held bool, who holder, known bool) {
	f, err := openPlain(filepath.Join(dir, lockName), os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return false, holder{}, true
	}
	if err != nil {
		return false, holder{}, false
	}
	defer f.Close()
	err = flock(f, syscall.LOCK_SH|syscall.LOCK_NB)
	h := readHolder(f)
	if h != nil {
		who = *h
	}
	switch {
	case err == nil:
		return false, who, true
	case errors.Is(err, syscall.EWOULDBLOCK):
		return true, who, true
	}
	return false, who, false
}

func readHolder(f *os.File) *holder {
	b, err := io.ReadAll(io.NewSectionReader(f, 0, 4096))
	h := new(holder)
	if err != nil || json.Unmarshal(b, h) != nil || h.PID == 0 && h.Ended == "" {
		return nil
	}
	return h
}

func flock(f *os.File, how int) error {
	for {
		if err := syscall.Flock(int(f.Fd()), how); err != syscall.EINTR {
			return err
		}
	}
}
