package tui

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"nasnet/nas"
)

// TopQuery selects and sorts a run's best cells: in words, what the keys o, / and a choose on the screen.
type TopQuery struct {
	By    string // one of [TopOrders]; empty: by reward, or on a front by its cost
	Front string // one of [TopCosts]: only cells on the Pareto front of accuracy against it; empty: all
	// words that a row must contain, or after a minus must not, and comparisons such as params<50k
	Filter string
}

// TopOrders returns the words for the orders.
func TopOrders() (words []string) {
	for _, o := range topOrders {
		words = append(words, o.word)
	}
	return words
}

// TopCosts returns the words for the costs that accuracy is compared with.
func TopCosts() (words []string) {
	for _, x := range axes {
		words = append(words, strings.ToLower(x.name))
	}
	return words
}

// Validate returns an error for an unknown word or a wrong comparison in the query.
func (q TopQuery) Validate() error {
	for _, x := range []struct {
		name, got string
		want      []string
	}{{"order", q.By, TopOrders()}, {"cost", q.Front, TopCosts()}} {
		if x.got != "" && !slices.Contains(x.want, x.got) {
			return fmt.Errorf("unknown %s %q; want one of %s", x.name, x.got, strings.Join(x.want, ", "))
		}
	}
	_, _, err := parseTopFilter(q.Filter)
	return err
}

// UnknownCostError reports that no cell of a run has the cost that a query sorts or selects by.
type UnknownCostError struct {
	Cost  string // one of [TopCosts]
	Cells int    // cells without it
}

func (e *UnknownCostError) Error() string {
	return fmt.Sprintf("none of the %d best cells has a known %s", e.Cells, e.Cost)
}

// TopCell is a row of the table of best cells.
type TopCell struct {
	Rank     int       `json:"rank"` // by reward, from 1; 0: not among the best, but starred
	Trial    int       `json:"trial"`
	Label    string    `json:"label"` // of the trial
	Cell     string    `json:"cell"`
	Kind     nas.Kind  `json:"kind"`
	Reward   float64   `json:"reward"`
	Accuracy *float64  `json:"accuracy,omitempty"` // nil if it is not known
	Params   int64     `json:"params"`
	MAdds    int64     `json:"madds"`
	Latency  float64   `json:"latency_ms,omitempty"` // 0 if it is not known
	Seconds  float64   `json:"seconds"`              // of training
	Finished time.Time `json:"finished,omitzero"`
	Star     bool      `json:"star"`
	Note     string    `json:"note,omitempty"`
	Genotype string    `json:"genotype"`
	Normal   string    `json:"normal"` // cell, as text
}

// Origin returns the word for where the cell came from.
func (c TopCell) Origin() string { return c.Kind.Word() }

// Top returns the best cells that a query asks for, and a note for each cost that some of the best cells lack: those
// cells are not on the front, or come last. If all lack it, Top returns an [UnknownCostError]. The front is computed
// over all the best cells before the filter applies.
func Top(s *nas.Snapshot, q TopQuery) (cells []TopCell, notes []string, err error) {
	if err := q.Validate(); err != nil {
		return nil, nil, err
	}
	list, stored := s.Top, func(v nas.TrialView) float64 { return v.Latency }
	for _, x := range axes {
		name := strings.ToLower(x.name)
		if name != q.Front && name != q.By {
			continue
		}
		of := func(v nas.TrialView) float64 { return x.of(stored, v) }
		lacks := 0
		for _, v := range s.Top {
			if of(v) <= 0 {
				lacks++
			}
		}
		if lacks > 0 && lacks == len(s.Top) {
			return nil, nil, &UnknownCostError{name, lacks}
		}
		one, more := "has no known "+name+" and comes last", "have no known "+name+" and come last"
		if name == q.Front {
			one, more = "has no known "+name+" and is not on the front",
				"have no known "+name+" and are not on the front"
			list = nas.ParetoFront(s.Top, valAcc, of)
		}
		if lacks > 0 {
			notes = append(notes, plural(lacks, fmt.Sprintf("of the %d best cells %s", len(s.Top), one),
				fmt.Sprintf("of the %d best cells %s", len(s.Top), more)))
		}
	}
	if q.Filter != "" && q.Front == "" { // which also finds starred cells that are not ranked
		list = slices.Concat(list, s.Starred)
	}
	if list, err = passing(list, q.Filter, stored); err != nil {
		return nil, nil, err
	}
	if q.By != "" {
		if q.Front != "" { // a front is in the order of its cost, but orders build on that of reward
			on := map[int]bool{}
			for _, v := range list {
				on[v.ID] = true
			}
			list = slices.DeleteFunc(slices.Clone(s.Top), func(v nas.TrialView) bool { return !on[v.ID] })
		}
		sortTop(list, slices.Index(TopOrders(), q.By), stored)
	}
	return topCells(s, list, stored), notes, nil
}

// topCells makes rows of a snapshot's cells.
func topCells(s *nas.Snapshot, cells []nas.TrialView, latency latencyOf) []TopCell {
	ranks := map[int]int{}
	for i := range s.Top {
		ranks[s.Top[i].ID] = i + 1
	}
	rows := make([]TopCell, 0, len(cells))
	for _, v := range cells {
		r := TopCell{Rank: ranks[v.ID], Trial: v.ID, Label: v.Label(), Cell: v.Cell, Kind: v.Kind, Reward: v.Reward,
			Params: v.Params, MAdds: v.MAdds, Latency: latency(v),
			Seconds: v.Seconds, Finished: v.Finished, Star: v.Star, Note: v.Note, Genotype: v.Genotype.Text(),
			Normal: v.Genotype.Normal.Text()}
		if a := valAcc(v); !math.IsNaN(a) {
			r.Accuracy = &a
		}
		rows = append(rows, r)
	}
	return rows
}

// TopCSV returns the table of best cells as a file. Unknown values are empty.
func TopCSV(cells []TopCell) ([]byte, error) {
	rows := [][]string{{"rank", "cell", "child", "kind", "reward", "params", "madds", "seconds", "star", "note",
		"genotype", "accuracy", "latency_ms"}}
	for _, c := range cells {
		accuracy, latency := "", ""
		if c.Accuracy != nil {
			accuracy = numbers(*c.Accuracy)[0]
		}
		if c.Latency > 0 {
			latency = numbers(c.Latency)[0]
		}
		rows = append(rows, []string{strconv.Itoa(c.Rank), c.Cell, c.Label, string(c.Kind), numbers(c.Reward)[0],
			fmt.Sprint(c.Params), fmt.Sprint(c.MAdds),
			numbers(c.Seconds)[0], fmt.Sprint(c.Star), c.Note, c.Genotype, accuracy, latency})
	}
	return table(rows)
}
