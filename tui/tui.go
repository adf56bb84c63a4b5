// Package tui is the terminal interface of a search.
package tui

import (
	"context"
	"errors"
	"io"

	"nasnet/nas"
)

// Options is what Run needs besides the engine.
type Options struct {
	In        io.Reader // nil: standard input
	Out       io.Writer // nil: standard output
	Diff      bool      // send only the cells of a frame that changed
	CanDetach bool      // the search can go on without this screen
	LogPath   string    // where the stack of a panic is written too
	Version   string
	DataSets  []string // names that the retrain form offers
}

// Outcome says how the interface ended.
type Outcome string

const (
	Finished   Outcome = "finished"   // the run had ended before the user left
	QuitStop   Outcome = "stop"       // the user stopped the search
	QuitDrain  Outcome = "drain"      // the user ended it after the running children
	Detached   Outcome = "detached"   // the user left, the search goes on
	Hangup     Outcome = "hangup"     // the terminal went away
	Terminated Outcome = "terminated" // the context ended or the process was told to
)

// Run shows the search until the user leaves.
func Run(ctx context.Context, e nas.Engine, o Options) (Outcome, error) {
	return "", errors.New("tui: not yet")
}
