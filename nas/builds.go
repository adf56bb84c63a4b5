package nas

import (
	"bytes"
	"encoding/json"

	"nasnet/checkpoints"
)

// A run's record says which builds of the program have worked on it: one JSON object, or an array of several, oldest first. Sums of floating-point numbers
// depend on the build and on the instruction set, so a run of mixed builds cannot be repeated to the bit.

// builds is the list in a record.
func builds(record []byte) (list []json.RawMessage) {
	if err := json.Unmarshal(record, &list); err != nil && len(record) > 0 {
		list = []json.RawMessage{record}
	}
	return list
}

// noteBuild adds this program to the run's builds and warns of it, if it has not worked on the run before.
func (s *Search) noteBuild() {
	own, list := s.options.Build, builds(s.record.Build)
	if len(own) == 0 || len(list) == 0 {
		return
	}
	for _, b := range list {
		if bytes.Equal(b, own) {
			return
		}
	}
	text, err := json.Marshal(append(list, own))
	if err != nil {
		s.fail(err)
		return
	}
	e := s.event("warn", "mixed_builds", -1, map[string]any{"this": json.RawMessage(own), "before": list,
		"message": "another build or another processor has worked on this run: what it trains from here on may differ in the last bits from what it would have been"})
	if s.commit(func(es []checkpoints.Event) error { return s.store.SetBuild(text, es...) }, e) {
		s.record.Build = text
	}
}
