package checkpoints

import (
	"errors"
	"fmt"
	"math"
	"syscall"

	"modernc.org/sqlite"
)

// Errors a caller may branch on.
var (
	ErrLocked    = errors.New("run is open in another process") // always a *LockedError
	ErrNoRun     = errors.New("no run here")
	ErrExists    = errors.New("a run is here already")
	ErrForeign   = errors.New("not a run of this program")
	ErrNewer     = errors.New("made by a newer version of this program")
	ErrDamaged   = errors.New("damaged")        // the database, or a blob whose content does not match its name
	ErrMissing   = errors.New("missing")        // a blob's file
	ErrReleased  = errors.New("no longer kept") // a policy's state, by KeepPolicies
	ErrReadOnly  = errors.New("opened read-only")
	ErrFenced    = errors.New("run was taken over by another process")
	ErrConflict  = errors.New("trial is not in a state that allows this") // also if another attempt is the current one
	ErrNotFound  = errors.New("not found")                                // a trial or a policy version
	ErrNotFinite = errors.New("value is not finite")                      // NaN or infinite
	// always a *FullError; the change was not made
	ErrDiskFull = errors.New("no space left for the run")
	// reading or writing failed; the change was not made
	ErrIO       = errors.New("the disk does not work")
	ErrReplaced = errors.New("was removed or replaced while the run was open")
	ErrClosed   = errors.New("store is closed")
)

// LockedError names the process that has a run open. It matches [ErrLocked].
type LockedError struct {
	Dir  string
	PID  int    // 0 if the process has not written it
	Host string // likewise
}

func (e *LockedError) Error() string {
	who := "another process"
	if e.PID != 0 {
		who = fmt.Sprintf("process %d on %s", e.PID, e.Host)
	}
	return fmt.Sprintf("checkpoints: %s: locked by %s", e.Dir, who)
}

// Is makes errors.Is(err, ErrLocked) true.
func (e *LockedError) Is(target error) bool { return target == ErrLocked }

// DamagedError reports that the database of a run is damaged or gone. [Recover] may make a new one.
type DamagedError struct {
	Dir string
	Err error
}

func (e *DamagedError) Error() string { return e.Err.Error() }

func (e *DamagedError) Unwrap() error { return e.Err }

// FullError reports how much a change that did not fit needs. It matches [ErrDiskFull].
type FullError struct {
	Dir        string
	Need, Free int64 // bytes: needed at least, and available to this user
	Err        error
}

func (e *FullError) Error() string {
	return fmt.Sprintf("%v in %s: %d bytes are needed, %d are free: %v", ErrDiskFull, e.Dir, e.Need, e.Free, e.Err)
}

// Is makes errors.Is(err, ErrDiskFull) true.
func (e *FullError) Is(target error) bool { return target == ErrDiskFull }

func (e *FullError) Unwrap() error { return e.Err }

// changeSize is more than a change adds to the database and its WAL: a batch of proposals takes about 60 kB.
const changeSize = 1 << 20

// full turns err into a FullError for a change of need bytes, if a full disk caused it.
func full(err error, dir string, need int) error {
	if !errors.Is(err, ErrDiskFull) || errors.As(err, new(*FullError)) {
		return err
	}
	return &FullError{Dir: dir, Need: int64(need), Free: freeBytes(dir), Err: err}
}

// wrap gives errors of SQLite and of the system the sentinel that a caller can branch on.
func wrap(err error) error {
	var e *sqlite.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrDiskFull), errors.Is(err, ErrDamaged), errors.Is(err, ErrIO):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: %w", ErrDiskFull, err)
	case errors.Is(err, syscall.EIO), errors.Is(err, syscall.ESTALE), errors.Is(err, syscall.ENXIO),
		errors.Is(err, syscall.EFBIG):
		return fmt.Errorf("%w: %w", ErrIO, err)
	case errors.As(err, &e):
		switch e.Code() & 0xff {
		case codeFull:
			return fmt.Errorf("%w: %w", ErrDiskFull, err)
		case codeIOErr:
			return fmt.Errorf("%w: %w", ErrIO, err)
		case codeCorrupt, codeNotADB:
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	return err
}

// Result codes of SQLite.
const (
	codeReadOnly = 8
	codeIOErr    = 10
	codeCorrupt  = 11
	codeFull     = 13
	codeCantOpen = 14
	codeNotADB   = 26
)

func codeOf(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

// finite returns ErrNotFinite with the name of the first value that is NaN or infinite. It takes name, value, name,
// value …
func finite(what string, pairs ...any) error {
	for i := 0; i < len(pairs); i += 2 {
		if v := pairs[i+1].(float64); math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("checkpoints: %s: %s is %v: %w", what, pairs[i], v, ErrNotFinite)
		}
	}
	return nil
}
