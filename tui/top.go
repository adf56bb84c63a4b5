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

// TopQuery says which of a run's best cells are wanted and in which order: what the keys o, / and a choose on the
// screen, in words.
type TopQuery struct {
	By     string // one of [TopOrders]; empty is by reward, and on a front by its cost
	Front  string // one of [TopCosts]: only the cells of the Pareto front of accuracy against it; empty is all
	Filter string // words that a row has to have, behind a minus those that it must not have
}

// TopOrders are the words for the orders.
func TopOrders() (words []string) {
	for _, o := range topOrders {
		words = append(words, o.word)
	}
	return words
}

// TopCosts are the words for the costs that accuracy is compared with.
func TopCosts() (words []string) {
	for _, x := range axes {
		words = append(words, strings.ToLower(x.name))
	}
	return words
}

// Validate says which word of the query is not known.
func (q TopQuery) Validate() error {
	for _, x := range []struct {
		name, got string
		want      []string
	}{{"order", q.By, TopOrders()}, {"cost", q.Front, TopCosts()}} {
		if x.got != "" && !slices.Contains(x.want, x.got) {
			return fmt.Errorf("the %s %q is not known; want one of %s", x.name, x.got, strings.Join(x.want, ", "))
		}
	}
	return nil
}

// UnknownCostError says that no cell of a run has the cost that cells were asked for by.
type UnknownCostError struct {
	Cost  string // one of [TopCosts]
	Cells int    // that have none
}

func (e *UnknownCostError) Error() string {
	return fmt.Sprintf("the %s of none of the %d best cells is known", e.Cost, e.Cells)
}

// TopCell is a row of the table of the best cells.
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

// Origin is the word for where the cell came from.
func (c TopCell) Origin() string { return c.Kind.Word() }

// Top returns the best cells of a run that a query asks for, and a sentence for each cost that is not known of some of
// the best cells, which are therefore not on the front, or stand last. If it is known of none, that is an
// [UnknownCostError]. The front is that of all the best cells: the filter only chooses from it.
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
		where := "stand last"
		if name == q.Front {
			where = "are not on the front"
			list = nas.ParetoFront(s.Top, valAcc, of)
		}
		if lacks > 0 {
			notes = append(notes, fmt.Sprintf("the %s of %d of the %d best cells is not known; such cells %s", name,
				lacks, len(s.Top), where))
		}
	}
	if q.Filter != "" && q.Front == "" { // which finds the starred ones wherever they stand
		list = slices.Concat(list, s.Starred)
	}
	list = passing(list, q.Filter)
	if q.By != "" {
		if q.Front != "" { // which is by its cost: orders begin with that by reward
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

// topCells are cells of a snapshot as rows.
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

// TopCSV is the table of the best cells as a file. What is not known is empty.
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
