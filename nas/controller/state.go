package controller

import (
	"encoding/json"
	"fmt"
	"slices"

	"nasnet/nas/strictjson"
)

// maxState limits what Restore reads, in bytes.
const maxState = 256 << 20

// plainState is the state of the strategies without a network, as JSON. encoding/json writes a float64 so that it reads
// back exactly.
type plainState struct {
	Format      string       `json:"format"`
	Arities     []int        `json:"arities"`
	Version     int          `json:"version"` // updates applied
	Baseline    float64      `json:"baseline"`
	BaselineSet bool         `json:"baseline_set"`
	Population  []individual `json:"population,omitempty"`
}

func encodeState(s plainState) ([]byte, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("controller: state: %w", err)
	}
	return b, nil
}

func decodeState(b []byte, format string, arities []int) (plainState, error) {
	var s plainState
	if err := strictjson.Decode(b, maxState, &s); err != nil {
		return s, fmt.Errorf("controller: state is not %s: %w", format, err)
	}
	switch {
	case s.Format != format:
		return s, fmt.Errorf("controller: state is %q; want %q: of another strategy?", s.Format, format)
	case !slices.Equal(s.Arities, arities):
		return s, fmt.Errorf("controller: state belongs to another space: %d decisions %v; want %d %v", len(s.Arities),
			s.Arities, len(arities), arities)
	case s.Version < 0:
		return s, fmt.Errorf("controller: state has version %d; want 0 or more", s.Version)
	}
	return s, nil
}
