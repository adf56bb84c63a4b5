package main

import (
	"fmt"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// rowsFamily writes the loops over rows of matrices that are some distance
// apart.
func rowsFamily() {
	rows{name: "reluRowsVec", loop: "y[i,j] = max(x[i,j], 0), and NaN where x[i,j] is", ins: []string{"x"},
		body: func(in []reg.VecVirtual, zero reg.VecVirtual) {
			VMAXPS(in[0], zero, in[0]) // of NaN and a number: the first operand, x
		}}.write()
	rows{name: "addRowsVec", loop: "y[i,j] += x[i,j]", ins: []string{"x", "y"},
		body: func(in []reg.VecVirtual, zero reg.VecVirtual) {
			VADDPS(in[0], in[1], in[0])
		}}.write()
	rows{name: "maskRowsVec", loop: "y[i,j] = x[i,j] where a[i,j] > 0, else 0", ins: []string{"x", "a"}, paired: true,
		body: func(in []reg.VecVirtual, zero reg.VecVirtual) {
			keepPositive(in[0], in[1], zero)
		}}.write()
	rows{name: "maskAddRowsVec", loop: "y[i,j] += x[i,j] where a[i,j] > 0", ins: []string{"x", "a", "y"}, paired: true,
		body: func(in []reg.VecVirtual, zero reg.VecVirtual) {
			keepPositive(in[0], in[1], zero)
			VADDPS(in[0], in[2], in[0])
		}}.write()
}

// rows is a loop over corresponding elements of the rows of matrices. Rows of y are
// ldy bytes apart, rows of x, and of a if it is read, ldx.
type rows struct {
	name, loop string
	ins        []string
	paired     bool // a is read
	// body computes y in in[0] from a vector of each of the ins, which it may
	// overwrite.
	body func(in []reg.VecVirtual, zero reg.VecVirtual)
}

func (r rows) write() {
	pointers := []string{"y", "x"}
	if r.paired {
		pointers = append(pointers, "a")
	}
	function(r.name, fmt.Sprintf("func(%s *float32, rows, width, ldy, ldx int%s)",
		strings.Join(pointers, ", "), tailArg()),
		fmt.Sprintf("computes, for i < rows (at least 1) and j < width, with a mask for the last width%%%d and ldy "+
			"and ldx in bytes,", lanes), r.loop)
	p := map[string]reg.GPVirtual{}
	for _, name := range pointers {
		p[name] = load(name)
	}
	count, ldy, ldx := load("rows"), load("ldy"), load("ldx")
	whole, rest := load("width"), GP64() // bytes of whole vectors; floats beyond them
	MOVQ(whole, rest)
	ANDQ(imm(lanes-1), rest)
	SUBQ(rest, whole)
	SHLQ(imm(2), whole)
	none, mask := vec(), tailMask(rest)
	zero(none)
	// block computes some vectors of each of some rows; place gives their addresses.
	block := func(rows, vectors int, mask reg.Register, place func(name string, row, disp int) operand.Mem) {
		type spot struct {
			in []reg.VecVirtual
			to operand.Mem
		}
		var all []spot
		for i := range rows {
			for j := range vectors {
				var in []reg.VecVirtual
				for _, name := range r.ins {
					v := vec()
					get(place(name, i, j*vector), mask, v)
					in = append(in, v)
				}
				all = append(all, spot{in, place("y", i, j*vector)})
			}
		}
		for _, a := range all {
			r.body(a.in, none)
			if mask != nil && !wide {
				storeTail(rest, a.in[0], a.to)
			} else {
				put(a.in[0], mask, a.to)
			}
		}
	}
	advance := func() {
		ADDQ(ldy, p["y"])
		for _, name := range pointers[1:] {
			ADDQ(ldx, p[name])
		}
	}

	// Rows of one, two or four vectors need no inner loop; of one and two,
	// several rows are computed at once.
	ldy3, ldx3 := tripled(ldy), tripled(ldx)
	place := func(name string, row, disp int) operand.Mem {
		ld, ld3 := ldx, ldx3
		if name == "y" {
			ld, ld3 = ldy, ldy3
		}
		switch row {
		case 0:
			return at(p[name], disp)
		case 3:
			return indexed(p[name], ld3, 1, disp)
		}
		return indexed(p[name], ld, uint8(row), disp)
	}
	done := label("done")
	for _, few := range []int{1, 2, 4} {
		other, loop, single, one := label("other"), label("loop"), label("single"), label("one")
		CMPQ(load("width"), imm(few*lanes))
		JNE(operand.LabelRef(other))
		together := 4 / few
		if together > 1 {
			SUBQ(imm(together), count)
			JL(operand.LabelRef(single))
			Label(loop)
			prefetch(p["x"], together*few*vector)
			block(together, few, nil, place)
			for range together {
				advance()
			}
			SUBQ(imm(together), count)
			JGE(operand.LabelRef(loop))
			Label(single)
			ADDQ(imm(together), count)
			JZ(operand.LabelRef(done))
		}
		Label(one)
		if together == 1 {
			prefetch(p["x"], few*vector)
		}
		block(1, few, nil, place)
		advance()
		DECQ(count)
		JNZ(operand.LabelRef(one))
		JMP(operand.LabelRef(done))
		Label(other)
	}

	row, next := label("row"), label("next")
	Label(row)
	offset, left := GP64(), GP64()
	XORQ(offset, offset)
	MOVQ(whole, left)
	within := func(name string, _, disp int) operand.Mem { return indexed(p[name], offset, 1, disp) }
	for _, vectors := range []int{4, 2, 1} {
		loop, end := label("loop"), label("end")
		Label(loop)
		CMPQ(left, imm(vectors*vector))
		JL(operand.LabelRef(end))
		block(1, vectors, nil, within)
		ADDQ(imm(vectors*vector), offset)
		SUBQ(imm(vectors*vector), left)
		if vectors == 4 {
			JMP(operand.LabelRef(loop))
		}
		Label(end)
	}
	TESTQ(rest, rest)
	JZ(operand.LabelRef(next))
	block(1, 1, mask, within)
	Label(next)
	advance()
	DECQ(count)
	JNZ(operand.LabelRef(row))
	Label(done)
	VZEROUPPER()
	RET()
}
