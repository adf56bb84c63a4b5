package controller

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// maxState bounds what Restore reads, in bytes.
const maxState = 256 << 20

// plainState is the state of the strategies without a network, as JSON. encoding/json writes a float64 so that it reads back exactly.
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
	if len(b) > maxState {
		return s, fmt.Errorf("controller: state has %d bytes; want at most %d", len(b), maxState)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return s, fmt.Errorf("controller: state is not %s: %w", format, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return s, fmt.Errorf("controller: state has bytes after its end")
	}
	switch {
	case s.Format != format:
		return s, fmt.Errorf("controller: state is %q; want %q (another strategy's?)", s.Format, format)
	case !slices.Equal(s.Arities, arities):
		return s, fmt.Errorf("controller: state is of another space: %d decisions %v; want %d %v", len(s.Arities), s.Arities, len(arities), arities)
	case s.Version < 0:
		return s, fmt.Errorf("controller: state has version %d", s.Version)
	}
	return s, nil
}
