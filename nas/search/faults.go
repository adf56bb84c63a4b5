package search

import (
	"fmt"

	"nasnet/nas"
)

// faults counts what goes wrong in a row: more than chance would bring is a fault of the program or of its settings,
// not of the cells.
type faults struct {
	barren int // batches in which every trial failed
	panics int // children that panicked
}

// tooManyPanics is the number of children that may panic in a row.
const tooManyPanics = 3

// batch counts a batch; barren says that every trial of it failed, why is the last failure. It returns why the search
// should stop, if it should.
func (f *faults) batch(barren bool, why string) string {
	if !barren {
		f.barren = 0
	} else if f.barren++; f.barren >= 2 {
		return fmt.Sprintf("all trials of %d batches in a row failed; the last one: %s", f.barren, why)
	}
	return ""
}

// child counts the end of a child. It returns why the search should stop, if it should.
func (f *faults) child(t *nas.Trial) string {
	if t.FailKind != "panic" {
		f.panics = 0
	} else if f.panics++; f.panics >= tooManyPanics {
		return fmt.Sprintf("%d children in a row panicked, which is a fault of the program; the last one: %s",
			f.panics, t.FailText)
	}
	return ""
}
