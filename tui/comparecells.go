package tui

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"nasnet/nas"
	"nasnet/nas/space"
	"nasnet/tui/celldraw"
)

// operandRow is one line of the table of differences.
type operandRow struct {
	name           string // "b0.1", "concat"
	block, operand int    // block -1: the output
	inA, opA       string
	inB, opB       string
	differs        bool
	onlyA, onlyB   bool // the other cell lacks the block
}

func (c *compareScreen) cells(m *model) (a, b space.Cell) {
	x, y := c.pair(m)
	if c.reduction {
		return x.Genotype.Reduction, y.Genotype.Reduction
	}
	return x.Genotype.Normal, y.Genotype.Normal
}

// rows compares two cells operand by operand, and finally their outputs.
func (c *compareScreen) rows(m *model) []operandRow {
	a, b := c.cells(m)
	return compareCells(a, b)
}

func compareCells(a, b space.Cell) (rows []operandRow) {
	side := func(c space.Cell, block, operand int) (in, op, combine string) {
		if block >= len(c.Blocks) {
			return "", "", ""
		}
		k := c.Blocks[block]
		if operand == 1 {
			return space.StateName(k.In1), k.Op1, ""
		}
		return space.StateName(k.In2), k.Op2, k.Combine
	}
	for i := range 2 * max(len(a.Blocks), len(b.Blocks)) {
		r := operandRow{block: i / 2, operand: i%2 + 1, onlyA: i/2 >= len(b.Blocks), onlyB: i/2 >= len(a.Blocks)}
		r.name = fmt.Sprintf("b%d.%d", r.block, r.operand)
		var ca, cb string
		r.inA, r.opA, ca = side(a, r.block, r.operand)
		r.inB, r.opB, cb = side(b, r.block, r.operand)
		r.differs = r.inA != r.inB || r.opA != r.opB || ca != cb
		if ca != cb { // with the signs of a cell's text
			sign := map[string]string{space.Add: " +", space.Concat: " &"}
			r.opA, r.opB = r.opA+sign[ca], r.opB+sign[cb]
		}
		rows = append(rows, r)
	}
	out := func(c space.Cell) string {
		var names []string
		for _, s := range slices.Sorted(slices.Values(c.Outputs())) {
			switch {
			case s < 2:
				names = append(names, []string{"h", "p"}[s])
			default:
				names = append(names, fmt.Sprint(s-2))
			}
		}
		return strings.Join(names, " ")
	}
	r := operandRow{name: "concat", block: -1, inA: out(a), inB: out(b)}
	r.differs = r.inA != r.inB
	return append(rows, r)
}

// markedLadder draws a cell and marks every line with a different operand in the margin.
func (t theme) markedLadder(g space.Genotype, reduction bool, rows []operandRow) []string {
	differs := map[[2]int]bool{}
	for _, r := range rows {
		differs[[2]int{r.block, r.operand}] = r.differs
	}
	return t.ladderWith(g, reduction, 0, func(block, operand int) string {
		if differs[[2]int{block, operand}] {
			return " " + t.warn.Render(t.g.Differs) + "  "
		}
		return "    "
	}, nil)
}

// ladderWith draws a cell between two margins. It calls left and right for every line with its block and operand, or
// with block -1 and operand 0 for the output, or -1 and -1 for a line without an operand. cursor is as in
// [celldraw.Options].
func (t theme) ladderWith(g space.Genotype, reduction bool, cursor int, left,
	right func(block, operand int) string) []string {
	c := g.Normal
	if reduction {
		c = g.Reduction
	}
	lines := celldraw.Ladder(c, celldraw.Options{Tier: t.g.Tier, Reduction: reduction, Cursor: cursor})
	width, _ := celldraw.LadderSize(c)
	out := make([]string, len(lines))
	for i, l := range lines {
		block, operand, ok := l.Operand()
		if !ok {
			block, operand = -1, -1
			if i == len(lines)-1 {
				operand = 0
			}
		}
		out[i] = left(block, operand) + t.spans(l)
		if right != nil {
			if s := right(block, operand); s != "" {
				out[i] = fit(out[i], width-13+len(stripped(left(block, operand)))) + s // right of the bus
			}
		}
	}
	return out
}

// countOp counts an op in a cell.
func countOp(c space.Cell, op string) (n int) {
	for _, b := range c.Blocks {
		for _, o := range []string{b.Op1, b.Op2} {
			if o == op {
				n++
			}
		}
	}
	return n
}

// medianCurve returns the median accuracy after each of n epochs, over the trials that reached it, and the number of
// trials.
func medianCurve(list []nas.TrialView, n int) (out []float64, trials int) {
	for i := range n {
		var at []float64
		for _, v := range list {
			if i < len(v.Curve) && !math.IsNaN(v.Curve[i].ValAcc) {
				at = append(at, v.Curve[i].ValAcc)
			}
		}
		if len(at) == 0 {
			break
		}
		trials = max(trials, len(at))
		slices.Sort(at)
		out = append(out, (at[(len(at)-1)/2]+at[len(at)/2])/2)
	}
	return out, trials
}
