package record

import (
	"encoding/json"
)

// Builds returns the builds of the program that have worked on a run, oldest first. The record is one JSON object, or
// an array of several. Sums of floating-point numbers depend on the build and on the instruction set, so a run of mixed
// builds cannot be repeated bit for bit.
func Builds(record []byte) (list []json.RawMessage) {
	if err := json.Unmarshal(record, &list); err != nil && len(record) > 0 {
		list = []json.RawMessage{record}
	}
	return list
}
