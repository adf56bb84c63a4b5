package celldraw

import (
	"strings"

	"nasnet/nas/space"
)

// Geometry of the paper layout, in columns and rows.
const (
	paperMargin = 11 // left of the first block
	paperPitch  = 26 // from block to block
	paperBox    = 11 // columns of an op's box
	paperSecond = 12 // from the first box of a block to the second
	paperSum    = 10 // from the first box of a block to its junction
)

// scene is the paper layout of one cell as wires and boxes, before it becomes text or a picture. Places are columns and
// rows of the text form.
type scene struct {
	w, h     int
	wires    []wire
	contacts []place
	boxes    []box
	sums     []place // by block; the row of the junction
	inputs   []label // of rails
	out      place   // the arrow to the output
}

type wire struct{ row, col, toRow, toCol int }
type place struct{ row, col int }
type label struct {
	place
	states []int
}

// box is an op; place is its upper left corner.
type box struct {
	operand
	place
}

// PaperSize returns the size of [Paper]'s drawing in columns and rows. The width is 26B+8 for B blocks: 138 for 5. Each
// level of blocks adds 5 rows, and one for every state it reads: a single level that reads both inputs takes 10 rows.
func PaperSize(c space.Cell) (width, height int) {
	s := newScene(c)
	return s.w, s.h
}

// newScene lays out a cell: block b in the b-th slot from the left, in the band of its depth. A band is the rails it
// reads, its ops, its junctions. A block reads only earlier blocks, so rails run to the right and results run down in
// their own slot, and no wire ever meets a box.
func newScene(c space.Cell) *scene {
	n := len(c.Blocks)
	s := &scene{w: paperMargin + paperPitch*(n-1) + paperSecond + paperBox, sums: make([]place, n)}
	if n == 0 {
		s.w = paperMargin + paperPitch
	}
	depth := make([]int, n+2)
	levels := 0
	for _, o := range operands(c) {
		depth[2+o.block] = max(depth[2+o.block], depth[o.in]+1)
		levels = max(levels, depth[2+o.block])
	}
	needed := make([]int, n+2) // row down to which a block's result runs
	row := 0
	for level := 1; level <= levels; level++ {
		readers := make([][]operand, n+2)
		for _, o := range operands(c) {
			if depth[2+o.block] == level {
				readers[o.in] = append(readers[o.in], o)
			}
		}
		rails := 0
		for _, rs := range readers {
			if len(rs) > 0 {
				rails++
			}
		}
		top := row + rails + 1 // row of the upper edges of the boxes
		for i := range readers {
			in := i
			if i < 2 {
				in = 1 - i // h[i-1] above h[i]
			}
			rs := readers[in]
			if len(rs) == 0 {
				continue
			}
			var from int
			if in < 2 {
				s.inputs = append(s.inputs, label{place{row, 1}, []int{in}})
				from = 2 + len(space.StateName(in))
			} else {
				from = s.sums[in-2].col
				s.contacts = append(s.contacts, place{row, from})
				needed[in] = row
			}
			last := from
			for _, o := range rs {
				col := boxCol(o) + paperBox/2
				last = max(last, col)
				s.contacts = append(s.contacts, place{row, col})
				s.wires = append(s.wires, wire{row, col, top, col})
			}
			s.wires = append(s.wires, wire{row, from, row, last})
			row++
		}
		row = top
		for b := range n {
			if depth[2+b] == level {
				s.sums[b] = place{row + 3, paperMargin + paperPitch*b + paperSum}
			}
		}
		for _, o := range operands(c) {
			if depth[2+o.block] == level {
				col := boxCol(o)
				mid := col + paperBox/2
				s.boxes = append(s.boxes, box{o, place{row, col}})
				s.wires = append(s.wires, wire{row + 2, mid, row + 3, mid},
					wire{row + 3, mid, row + 3, s.sums[o.block].col})
			}
		}
		row += 5
	}
	s.output(c, row, needed)
	for b := range n {
		if needed[2+b] > 0 {
			s.wires = append(s.wires, wire{s.sums[b].row, s.sums[b].col, needed[2+b], s.sums[b].col})
		}
	}
	return s
}

// output lays out the row that concatenates the states of the output.
func (s *scene) output(c space.Cell, row int, needed []int) {
	s.h = row + 1
	s.out = place{row, s.w - 9}
	from := s.out.col
	var names []int
	for st, is := range outputSet(c) {
		switch {
		case !is:
		case st < 2:
			names = append([]int{st}, names...)
		default:
			at := place{row, s.sums[st-2].col}
			s.contacts = append(s.contacts, at)
			needed[st] = row
			from = min(from, at.col)
		}
	}
	if len(names) > 0 {
		l := label{place{row, 1}, names}
		s.inputs = append(s.inputs, l)
		from = 1 + len(l.text()) + 1
	}
	s.wires = append(s.wires, wire{row, from, row, s.out.col})
}

func (l label) text() string {
	var names []string
	for _, s := range l.states {
		names = append(names, space.StateName(s))
	}
	return strings.Join(names, " ")
}

func boxCol(o operand) int {
	return paperMargin + paperPitch*o.block + paperSecond*(o.side-1)
}

// Paper draws a cell as papers do: ops in boxes, blocks side by side, those that read other blocks below them. Inputs
// and results run along horizontal rails; a contact is where a wire leaves a rail.
//
//	h[i-1] ────────────────────●
//	h[i] ──────────●           │
//	               │           │
//	          ╭────┴────╮ ╭────┴────╮
//	          │ sep5x5  │ │ sep3x3  │
//	          ╰────┬────╯ ╰────┬────╯
//	               ╰─── ⊕ b0 ──╯
//	                    │
//	                    ●───▸ concat
//
// All lines have the width of [PaperSize]. The drawing is wide, and tall if a cell has several levels, so a screen
// should ask for the size first.
func Paper(c space.Cell, o Options) []Line {
	s := newScene(c)
	v := newCanvas(s.w, s.h, o.Tier)
	for _, w := range s.wires {
		v.horizontal(w.row, min(w.col, w.toCol), max(w.col, w.toCol))
		v.vertical(w.col, w.row, w.toRow)
	}
	for _, p := range s.contacts {
		v.contactAt(p.row, p.col)
	}
	for _, l := range s.inputs {
		v.text(l.row, l.col, l.text()+" ", Span{Kind: State})
	}
	for _, b := range s.boxes {
		right := b.col + paperBox - 1
		v.horizontal(b.row, b.col, right)
		v.horizontal(b.row+2, b.col, right)
		v.vertical(b.col, b.row, b.row+2)
		v.vertical(right, b.row, b.row+2)
		name := opText(b.op, o.Reduction && b.in < 2, paperBox-2)
		v.text(b.row+1, b.col+1, strings.Repeat(" ", (paperBox-2-len(name))/2)+name, operation(b.op, b.block, b.side))
		if o.Cursor == 2*b.block+b.side {
			v.text(b.row+1, b.col, "[", Span{Kind: Mark})
			v.text(b.row+1, right, "]", Span{Kind: Mark})
		}
	}
	for b, p := range s.sums {
		name := space.StateName(2 + b)
		wide := len([]rune(v.add)) / 2
		v.text(p.row, p.col+1+wide, " "+name+" ", Span{Kind: State})
		if wide == 0 {
			v.text(p.row, p.col-1, " ", Span{})
		}
		v.junction(p.row, p.col, b, c.Blocks[b].Combine)
	}
	v.text(s.out.row, s.out.col, string(v.arrow)+" ", Span{Kind: Wire})
	v.text(s.out.row, s.out.col+2, "concat", Span{Kind: Output})
	return v.lines()
}
