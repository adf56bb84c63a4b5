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
	ErrDamaged   = errors.New("damaged")        // the database, or a blob whose content does not have its name
	ErrMissing   = errors.New("missing")        // a blob's file
	ErrReleased  = errors.New("no longer kept") // a policy's state, by KeepPolicies
	ErrReadOnly  = errors.New("opened read-only")
	ErrFenced    = errors.New("run was taken over by another process")
	ErrConflict  = errors.New("trial is not in a state that allows this") // also: another attempt is the current one
	ErrNotFound  = errors.New("not found")                                // a trial or a policy version
	ErrNotFinite = errors.New("value is not finite")                      // NaN or infinite
	ErrDiskFull  = errors.New("no space left for the run")                // database or blobs; the change was not made
	ErrClosed    = errors.New("store is closed")
)

// LockedError says who holds a run. It matches [ErrLocked].
type LockedError struct {
	Dir  string
	PID  int    // 0 if the holder has not written it
	Host string // empty likewise
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

// wrap gives errors of SQLite and of the system the sentinel a caller can branch on.
func wrap(err error) error {
	var e *sqlite.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrDiskFull), errors.Is(err, ErrDamaged):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: %w", ErrDiskFull, err)
	case errors.As(err, &e):
		switch e.Code() & 0xff {
		case codeFull:
			return fmt.Errorf("%w: %w", ErrDiskFull, err)
		case codeCorrupt, codeNotADB:
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	return err
}

// Result codes of SQLite.
const (
	codeReadOnly = 8
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

// finite returns ErrNotFinite with the name of the first value that is NaN or infinite. It takes name, value, name, value …
func finite(what string, pairs ...any) error {
	for i := 0; i < len(pairs); i += 2 {
		if v := pairs[i+1].(float64); math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("checkpoints: %s: %s is %v: %w", what, pairs[i], v, ErrNotFinite)
		}
	}
	return nil
}
