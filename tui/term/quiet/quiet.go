// Package quiet keeps the terminal from being asked questions while the program starts.
//
// Bubble Tea v1 asks the terminal for its background colour in an init function and waits up to five seconds for the
// answer; serial consoles, expect and the terminals of test harnesses never answer. Termenv, which does the asking,
// skips it if TERM is "dumb". So this package sets TERM to "dumb" from its init until [Restore].
//
// The order is certain: Go initialises packages in the order of their import paths, as soon as their imports are ready.
// This package imports only os, and its path sorts before os/signal, which also imports os and which Bubble Tea
// imports. So this init runs first in any program that has both.
package quiet

import "os"

var (
	term   string
	hidden bool
)

func init() {
	if t, ok := os.LookupEnv("TERM"); ok && t != "dumb" {
		if os.Setenv("TERM", "dumb") == nil {
			term, hidden = t, true
		}
	}
}

// Restore sets TERM back to its value. Calls after the first do nothing.
func Restore() {
	if hidden {
		hidden = os.Setenv("TERM", term) != nil
	}
}
