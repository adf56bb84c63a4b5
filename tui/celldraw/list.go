package celldraw

import (
	"fmt"
	"strings"

	"nasnet/nas/space"
)

// List writes a cell for screens too small for a drawing: one line per operand, at most 31 columns wide for up to ten
// blocks, and a last line with the states of the output.
//
//	b0.1  h[i]    sep5x5
//	b0.2  h[i-1]  sep3x3      add
//	out   h[i-1] b0
func List(c space.Cell, o Options) []Line {
	var lines []Line
	for _, r := range operands(c) {
		cursor := o.Cursor == 2*r.block+r.side
		open, end := " ", " "
		if cursor {
			open, end = "[", "]"
		}
		name := opText(r.op, o.Reduction && r.in < 2, longestOp)
		l := Line{Spans: []Span{
			{Text: fmt.Sprintf("%-5s ", fmt.Sprintf("b%d.%d", r.block, r.side)), Kind: State},
			{Text: fmt.Sprintf("%-7s", space.StateName(r.in)), Kind: State},
			{Text: open, Kind: Mark},
		}}
		op := operation(r.op, r.block, r.side)
		op.Text = name
		l.Spans = append(l.Spans, op, Span{Text: end, Kind: Mark})
		if r.side == 2 {
			l.Spans = append(l.Spans,
				Span{Text: strings.Repeat(" ", longestOp+1-len(name))},
				Span{Text: c.Blocks[r.block].Combine, Kind: Junction, Block: r.block})
		}
		lines = append(lines, l)
	}
	var names []string
	for _, s := range c.Outputs() {
		names = append(names, space.StateName(s))
	}
	return append(lines, Line{Spans: []Span{{Text: "out   ", Kind: Output},
		{Text: strings.Join(names, " "), Kind: State}}})
}
