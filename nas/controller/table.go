package controller

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"

	"nasnet/nas/strictjson"
)

// Table is a space in which every point has been measured, such as NAS-Bench-Macro (Su et al. 2021, arXiv 2103.11922).
type Table struct {
	Arities []int
	entries map[string]entry // by choices, one digit each
}

type entry struct {
	acc  []float64 // percent, one per training seed
	mean float64   // percent
}

const maxTable = 64 << 20 // bytes; NAS-Bench-Macro has 1.2 MB

// ReadTable reads the JSON of NAS-Bench-Macro: an object whose keys are the choices, one digit per decision
// ("02101221"), and whose values have "test_acc", the accuracies in percent of separate trainings, and "mean_acc",
// their mean (computed if absent). Other fields are ignored. Every combination of the digits that occur must be
// present.
func ReadTable(r io.Reader) (*Table, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxTable+1))
	if err != nil {
		return nil, fmt.Errorf("controller: table: %w", err)
	}
	if err := strictjson.Check(b, maxTable); err != nil {
		return nil, fmt.Errorf("controller: table: %w", err)
	}
	var rows map[string]struct {
		Test []float64 `json:"test_acc"`
		Mean *float64  `json:"mean_acc"`
	}
	if err := json.Unmarshal(b, &rows); err != nil {
		return nil, fmt.Errorf("controller: table: %w", err)
	}
	t := &Table{entries: make(map[string]entry, len(rows))}
	for key, row := range rows {
		if t.Arities == nil {
			t.Arities = make([]int, len(key))
		}
		if len(key) != len(t.Arities) {
			return nil, fmt.Errorf("controller: table: key %.40q has %d digits; want %d as the others", key, len(key),
				len(t.Arities))
		}
		for d, c := range []byte(key) {
			if c < '0' || c > '9' {
				return nil, fmt.Errorf("controller: table: key %.40q has %q; want digits", key, c)
			}
			t.Arities[d] = max(t.Arities[d], int(c-'0')+1)
		}
		if len(row.Test) == 0 {
			return nil, fmt.Errorf("controller: table: %.40q has no test_acc", key)
		}
		e := entry{acc: row.Test}
		for _, a := range row.Test {
			e.mean += a / float64(len(row.Test))
		}
		if row.Mean != nil {
			e.mean = *row.Mean
		}
		for _, a := range append(row.Test, e.mean) {
			if !(a >= 0 && a <= 100) {
				return nil, fmt.Errorf("controller: table: %.40q has accuracy %v; want percent, 0 to 100", key, a)
			}
		}
		t.entries[key] = e
	}
	if err := checkArities(t.Arities); err != nil {
		return nil, fmt.Errorf("controller: table: %w", err)
	}
	want := 1
	for _, a := range t.Arities {
		if want *= a; want > len(rows) {
			break
		}
	}
	if want != len(rows) {
		return nil, fmt.Errorf("controller: table has %d rows, not every combination of its digits; want %d (arities "+
			"%v)", len(rows), want, t.Arities)
	}
	return t, nil
}

func (t *Table) key(choices []int) string {
	b := make([]byte, len(choices))
	for d, c := range choices {
		b[d] = byte('0' + c)
	}
	return string(b)
}

// Mean returns the true mean accuracy of a point, in percent.
func (t *Table) Mean(choices []int) float64 { return t.entries[t.key(choices)].mean }

// Draw returns the accuracy of one of a point's trainings, in percent.
func (t *Table) Draw(r *rand.Rand, choices []int) float64 {
	acc := t.entries[t.key(choices)].acc
	return acc[r.IntN(len(acc))]
}
