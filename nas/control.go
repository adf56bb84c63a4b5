package nas

import (
	"context"
	"time"
)

// Control says which of several screens steers a run, and what the asking screen may do. At most one screen has control
// at a time.
type Control struct {
	Mine     bool `json:"mine"`      // this screen's commands are carried out
	ReadOnly bool `json:"read_only"` // this screen only watches; taking control ends that
	// who has control; the zero Holder means nobody: the next screen that sends a command gets it
	Holder  Holder `json:"holder"`
	Viewers int    `json:"viewers"` // screens that show the run without control
	// why no more snapshots arrive: the run's program ended, or the connection broke; empty while all is well
	Lost string `json:"-"`
}

// Holder is the screen that has control.
type Holder struct {
	PID   int       `json:"pid,omitempty"`
	TTY   string    `json:"tty,omitempty"` // its terminal, named as in /dev
	Since time.Time `json:"since,omitzero"`
}

// Diary is an [Engine] that also logs what happens around the search.
type Diary interface {
	Engine
	// Tell adds an event to the log, with a message for a person.
	Tell(ctx context.Context, kind EventKind, message string) error
}

// Shared is an [Engine] that several screens show at once.
type Shared interface {
	Engine
	// Control returns who steers. Subscribers are told of a change as of a newer snapshot.
	Control() Control
	// TakeControl makes this screen the one that steers. The previous holder sees who took over.
	TakeControl(ctx context.Context) error
}
