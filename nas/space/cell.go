package space

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// How a block combines the results of its two ops. Concat joins them along the filters; the network then brings them
// back to the width of the cell.
const (
	Add    = "add"
	Concat = "concat"
)

// MaxBlocks is the largest number of blocks in a cell. The paper uses 5; we chose the limit to keep outside input
// small.
const MaxBlocks = 64

// Block reads hidden states In1 and In2, applies Op1 and Op2 to them and combines the results.
type Block struct {
	In1     int    `json:"in1"`
	Op1     string `json:"op1"`
	In2     int    `json:"in2"`
	Op2     string `json:"op2"`
	Combine string `json:"combine"`
}

// Cell is a list of blocks and, optionally, of the states that form its output. States: 0 = h[i], 1 = h[i-1], 2+b =
// block b.
//
// An empty Concat means the paper's rule, see [Cell.LooseEnds]. The order of Concat is the order of channels in the
// output.
type Cell struct {
	Blocks []Block `json:"blocks"`
	Concat []int   `json:"concat,omitempty"`
}

// StateName names a hidden state for people: "h[i]", "h[i-1]", "b0", "b1", …
func StateName(state int) string {
	switch {
	case state == 0:
		return "h[i]"
	case state == 1:
		return "h[i-1]"
	case state < 0:
		return "state " + strconv.Itoa(state)
	}
	return "b" + strconv.Itoa(state-2)
}

// Outputs lists the states that are concatenated to form the cell's output: Concat if it is set, else the loose ends.
func (c Cell) Outputs() []int {
	if len(c.Concat) > 0 {
		return slices.Clone(c.Concat)
	}
	return c.LooseEnds()
}

// LooseEnds lists, in order, the results of blocks that no block reads: "all of the unused hidden states generated in
// the convolutional cell are concatenated together" (paper, section 3). The two inputs never count, even if unused. The
// last block always does.
func (c Cell) LooseEnds() []int {
	read := make([]bool, len(c.Blocks)+2)
	for _, b := range c.Blocks {
		for _, in := range []int{b.In1, b.In2} {
			if in >= 0 && in < len(read) {
				read[in] = true
			}
		}
	}
	var ends []int
	for s := 2; s < len(read); s++ {
		if !read[s] {
			ends = append(ends, s)
		}
	}
	return ends
}

// Depth is the number of blocks on the longest path through the cell: 1 when no block reads another.
func (c Cell) Depth() int {
	depth := make([]int, len(c.Blocks)+2)
	most := 0
	for b, k := range c.Blocks {
		for _, in := range []int{k.In1, k.In2} {
			if in >= 0 && in < 2+b {
				depth[2+b] = max(depth[2+b], depth[in]+1)
			}
		}
		most = max(most, depth[2+b])
	}
	return most
}

// Clone returns a copy that shares no memory with c.
func (c Cell) Clone() Cell {
	return Cell{Blocks: slices.Clone(c.Blocks), Concat: slices.Clone(c.Concat)}
}

// validate returns the first error in c: the number of blocks; a block that reads a state which does not exist before
// it; an unknown op or combine; a concat list with an unknown or repeated state; a block whose result goes nowhere.
func (c Cell) validate() error {
	if n := len(c.Blocks); n < 1 || n > MaxBlocks {
		return fmt.Errorf("has %d blocks, want 1 to %d", n, MaxBlocks)
	}
	for b, k := range c.Blocks {
		if err := k.validate(b); err != nil {
			return fmt.Errorf("block b%d: %w", b, err)
		}
	}
	if len(c.Concat) == 0 {
		return nil
	}
	seen := make([]bool, len(c.Blocks)+2)
	for _, s := range c.Concat {
		if s < 0 || s >= len(seen) {
			return fmt.Errorf("concat: has state %d, want 0 to %d (%s)", s, len(seen)-1, stateRange(len(seen)))
		}
		if seen[s] {
			return fmt.Errorf("concat: state %d (%s) occurs twice", s, StateName(s))
		}
		seen[s] = true
	}
	for _, s := range c.LooseEnds() {
		if !seen[s] {
			return fmt.Errorf("block b%d: no block reads its result and it is not in the concat list %v, want one "+
				"of the two", s-2, c.Concat)
		}
	}
	return nil
}

// validate checks block b of its cell.
func (k Block) validate(b int) error {
	for _, r := range []struct {
		n, in int
		op    string
	}{{1, k.In1, k.Op1}, {2, k.In2, k.Op2}} {
		if r.in < 0 || r.in >= 2+b {
			return fmt.Errorf("in%d is state %d, want 0 to %d (%s)", r.n, r.in, 1+b, stateRange(2+b))
		}
		if opIndex(r.op) < 0 {
			return fmt.Errorf("op%d is %q, want one of %s", r.n, clip(r.op), strings.Join(opNames(), " "))
		}
	}
	if k.Combine != Add && k.Combine != Concat {
		return fmt.Errorf("combine is %q, want %q or %q", clip(k.Combine), Add, Concat)
	}
	return nil
}

// stateRange names the first n states: "h[i], h[i-1], b0 to b3".
func stateRange(n int) string {
	s := StateName(0) + ", " + StateName(1)
	switch {
	case n == 3:
		s += ", b0"
	case n > 3:
		s += ", b0 to " + StateName(n-1)
	}
	return s
}
