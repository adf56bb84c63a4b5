// Package quiet keeps the terminal from being asked questions while the program starts.
//
// Bubble Tea v1 asks the terminal for its background colour in an init function and waits up to five seconds for the
// answer; serial consoles, expect and the terminals of test harnesses never answer. Termenv, which does the asking,
// spares terminals whose TERM is "dumb". So TERM reads "dumb" from this package's init until [Restore].
//
// The order is certain: Go initialises packages in the order of their import paths as soon as what they import is
// ready. This package imports os alone and its path sorts before os/signal, which imports os too; Bubble Tea imports
// os/signal. So this init runs first in any program that has both.
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

// Restore gives TERM its value back. Calls after the first do nothing.
func Restore() {
	if hidden {
		hidden = os.Setenv("TERM", term) != nil
	}
}
