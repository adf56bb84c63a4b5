package nas

import (
	"context"
	"time"
)

// Control says who steers a run that several screens show, and what the part of the one who asks is. At most one screen
// has the control at a time.
type Control struct {
	Mine     bool `json:"mine"`      // commands of this screen are carried out
	ReadOnly bool `json:"read_only"` // this screen wants only to look; taking the control ends that
	// who has the control; the zero Holder is nobody: the next one who sends a command gets it
	Holder  Holder `json:"holder"`
	Viewers int    `json:"viewers"` // screens that show the run without having the control
	// why nothing more comes from the run: its program ended, or the connection broke; empty while all is well
	Lost string `json:"-"`
}

// Holder is the screen that has the control.
type Holder struct {
	PID   int       `json:"pid,omitempty"`
	TTY   string    `json:"tty,omitempty"` // its terminal, as /dev names it
	Since time.Time `json:"since,omitzero"`
}

// Diary is an [Engine] whose log takes what happens around it.
type Diary interface {
	Engine
	// Tell puts an event of a kind into the log, with a message for a person.
	Tell(ctx context.Context, kind EventKind, message string) error
}

// Shared is an [Engine] that several screens show at once.
type Shared interface {
	Engine
	// Control returns who steers. A change of it counts as a newer snapshot for subscribers.
	Control() Control
	// TakeControl makes this screen the one that steers. Whoever had the control sees who took it.
	TakeControl(ctx context.Context) error
}
