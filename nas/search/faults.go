package search

import (
	"fmt"

	"nasnet/nas"
)

// faults counts failures in a row. More than chance would explain are the fault of the program or of its settings, not
// of the cells.
type faults struct {
	barren int // batches in which every trial failed
	panics int // children that panicked
}

// tooManyPanics is the number of panics in a row that stops the search.
const tooManyPanics = 3

// batch counts a batch; barren says that all its trials failed, why is the last failure. It returns the reason to stop
// the search, empty if there is none.
func (f *faults) batch(barren bool, why string) string {
	if !barren {
		f.barren = 0
	} else if f.barren++; f.barren >= 2 {
		return fmt.Sprintf("all trials of %d batches in a row failed; the last one: %s", f.barren, why)
	}
	return ""
}

// child counts the end of a child. It returns the reason to stop the search, empty if there is none.
func (f *faults) child(t *nas.Trial) string {
	if t.FailKind != "panic" {
		f.panics = 0
	} else if f.panics++; f.panics >= tooManyPanics {
		return fmt.Sprintf("%d children in a row panicked, which is a bug in the program; the last one: %s",
			f.panics, t.FailText)
	}
	return ""
}
