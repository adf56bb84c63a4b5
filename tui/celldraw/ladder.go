package celldraw

import (
	"nasnet/nas/space"
)

// Geometry of the ladder, in columns and rows.
const (
	railPrev    = 3  // column of the rail of h[i-1]
	railCur     = 11 // column of the rail of h[i]
	railToOp    = 4  // from the last rail to the name of the op
	opToSum     = 12 // from the name of the op to the junction
	sumToBus    = 9  // from the junction to the concat bus
	busToEnd    = 16 // from the bus to the width
	longestOp   = 10 // columns of the longest name, "identity/2"
	rowsOfBlock = 3  // two operands and a gap
	headRows    = 2
)

// LadderSize returns the size of [Ladder]'s drawing in columns and rows. The height is 3B+3 for B blocks. The width is
// 52 if no block reads another, and 5 more for each block that is read (4 from B = 7 on): at most 52, 57, 62, 67, 72,
// 77, 76 for B = 1 to 7.
func LadderSize(c space.Cell) (width, height int) {
	l := newLadder(c)
	return l.bus + busToEnd, l.rows
}

// ladder is the geometry of one cell.
type ladder struct {
	rail     []int // column by state, 0 for a block without a rail
	first    []int // row in which a rail starts
	last     []int // row in which it ends, 0 if nothing reads it
	arrow    int   // column in which operands end
	sum, bus int
	rows     int
}

// operand returns the row of an operand. Rows: 0 the names of the inputs, 1 their rails, then for each block its two
// operands and a gap; the gap of the last block holds the arrow of the bus, and the row below it the output.
func (l *ladder) operand(block, operand int) int { return headRows + rowsOfBlock*block + operand - 1 }

func newLadder(c space.Cell) *ladder {
	n := len(c.Blocks)
	l := &ladder{rail: make([]int, n+2), first: make([]int, n+2), last: make([]int, n+2),
		rows: headRows + rowsOfBlock*n + 1}
	l.rail[0], l.rail[1] = railCur, railPrev
	l.first[0], l.first[1] = 1, 1
	for _, o := range operands(c) {
		l.last[o.in] = l.operand(o.block, o.side)
	}
	out := outputSet(c)
	for s := range 2 {
		if out[s] {
			l.last[s] = l.rows - 1
		}
	}
	pitch := 5
	if n >= 7 {
		pitch = 4
	}
	col := railCur
	for s := 2; s < n+2; s++ {
		if l.last[s] > 0 {
			col += pitch
			l.rail[s] = col
			l.first[s] = l.operand(s-2, 2) + 1
		}
	}
	l.arrow = col + 2
	l.sum = col + railToOp + opToSum
	l.bus = l.sum + sumToBus
	return l
}

// Ladder draws a cell like a relay ladder. A state is a vertical rail; a block is two operands that leave the rails of
// their inputs at a contact, pass through their ops and meet at the junction. The result runs right to the concat bus
// if the cell concatenates it, and back left, in the gap below the block, to its own rail if a later block reads it.
// Wires that cross without a contact do not touch.
//
//	h[i-1]   h[i]
//	  │       │
//	  │       ●──────▸ sep5x5/2 ───╮
//	  ●───────┼──────▸ sep7x7/2 ───⊕ b0
//	  │       │    ╭─ b0 ──────────╯
//	  │       │    ●─▸ avg3x3 ─────╮
//	  ●───────┼──────▸ identity/2 ─⊕─ b1 ───╮
//	          │                             ▾
//	          ╰─────────────────────────▸ concat ───▸ h[i+1]
//
// An operand is in the same row for every cell of B blocks, so two drawings can be compared line by line. The order of
// the concat list is not shown. All lines have the width of [LadderSize]. The time is linear in the area of the
// drawing.
func Ladder(c space.Cell, o Options) []Line {
	l := newLadder(c)
	v := newCanvas(l.bus+busToEnd, l.rows, o.Tier)
	out := outputSet(c)
	v.text(0, railPrev-2, space.StateName(1), Span{Kind: State})
	v.text(0, railCur-1, space.StateName(0), Span{Kind: State})
	for s, col := range l.rail {
		if l.last[s] > 0 {
			v.vertical(col, l.first[s], l.last[s])
		}
	}
	for _, r := range operands(c) {
		row := l.operand(r.block, r.side)
		v.horizontal(row, l.rail[r.in], l.arrow)
		v.contactAt(row, l.rail[r.in])
		v.text(row, l.arrow, string(v.arrow)+" ", Span{Kind: Wire})
		name := opText(r.op, o.Reduction && r.in < 2, longestOp)
		at := l.arrow + 2
		v.horizontal(row, at+len(name)+1, l.sum)
		v.text(row, at, name, operation(r.op, r.block, r.side))
		if o.Cursor == 2*r.block+r.side {
			v.text(row, at-1, "[", Span{Kind: Mark})
			v.text(row, at+len(name), "]", Span{Kind: Mark})
		}
	}
	busFrom := 0
	for b, k := range c.Blocks {
		row := l.operand(b, 2)
		name := space.StateName(2 + b)
		v.vertical(l.sum, row-1, row)
		if l.last[2+b] > 0 { // back to its rail
			v.vertical(l.sum, row, row+1)
			v.horizontal(row+1, l.rail[2+b], l.sum)
			v.text(row+1, l.rail[2+b]+2, " "+name+" ", Span{Kind: State})
		}
		if out[2+b] {
			v.horizontal(row, l.sum, l.bus)
			v.text(row, l.sum+2, " "+name+" ", Span{Kind: State})
			if busFrom == 0 {
				busFrom = row
			}
		} else {
			v.text(row, l.sum+1+len([]rune(v.add))/2, " "+name, Span{Kind: State})
		}
		v.junction(row, l.sum, b, k.Combine)
	}
	end := l.rows - 1
	if busFrom > 0 {
		v.vertical(l.bus, busFrom, end-1)
		v.text(end-1, l.bus, string(v.end), Span{Kind: Wire})
	}
	for s := range 2 {
		if out[s] {
			v.horizontal(end, l.rail[s], l.bus-4)
			v.text(end, l.bus-4, string(v.arrow), Span{Kind: Wire})
		}
	}
	v.text(end, l.bus-2, "concat", Span{Kind: Output})
	v.horizontal(end, l.bus+5, l.bus+8)
	v.text(end, l.bus+8, string(v.arrow), Span{Kind: Wire})
	v.text(end, l.bus+10, "h[i+1]", Span{Kind: Output})
	return v.lines()
}
