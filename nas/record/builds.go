package record

import (
	"encoding/json"
)

// A run's record says which builds of the program have worked on it: one JSON object, or an array of several, oldest
// first. Sums of floating-point numbers depend on the build and on the instruction set, so a run of mixed builds cannot
// be repeated to the bit.

// Builds is the list in a record.
func Builds(record []byte) (list []json.RawMessage) {
	if err := json.Unmarshal(record, &list); err != nil && len(record) > 0 {
		list = []json.RawMessage{record}
	}
	return list
}
