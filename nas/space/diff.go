package space

import (
	"strconv"
)

// Difference is one decision in which two genotypes differ.
type Difference struct {
	Cell  string // "normal" or "reduction"
	Block int    // -1: the whole cell
	// "in1", "op1", "in2", "op2", "combine"; "block" if one cell lacks the block; "concat" for the output states
	Field string
	A, B  string // as [StateName], op name, combine; block and concat in text form, "" if missing
}

// String returns one line: "normal b2.op2: identity, sep7x7".
func (d Difference) String() string {
	at := d.Cell
	if d.Block >= 0 {
		at += " b" + strconv.Itoa(d.Block)
	}
	show := func(s string) string {
		if s == "" {
			return "none"
		}
		return s
	}
	sep := "."
	if d.Block < 0 {
		sep = " "
	}
	return at + sep + d.Field + ": " + show(d.A) + ", " + show(d.B)
}

// Diff lists where two genotypes differ, block by block in the order they are written, normal cell first; concat lists
// are compared as sets. Isomorphic genotypes can differ in this sense: to compare the meaning, use [Genotype.Hash] or
// the canonical forms.
func Diff(a, b Genotype) []Difference {
	return append(diffCell("normal", a.Normal, b.Normal), diffCell("reduction", a.Reduction, b.Reduction)...)
}

func diffCell(kind string, a, b Cell) []Difference {
	var ds []Difference
	add := func(block int, field, x, y string) {
		if x != y {
			ds = append(ds, Difference{Cell: kind, Block: block, Field: field, A: x, B: y})
		}
	}
	for i := range max(len(a.Blocks), len(b.Blocks)) {
		switch {
		case i >= len(a.Blocks):
			add(i, "block", "", b.Blocks[i].Text())
		case i >= len(b.Blocks):
			add(i, "block", a.Blocks[i].Text(), "")
		default:
			x, y := a.Blocks[i], b.Blocks[i]
			add(i, "in1", StateName(x.In1), StateName(y.In1))
			add(i, "op1", x.Op1, y.Op1)
			add(i, "in2", StateName(x.In2), StateName(y.In2))
			add(i, "op2", x.Op2, y.Op2)
			add(i, "combine", x.Combine, y.Combine)
		}
	}
	if x, y := a.Outputs(), b.Outputs(); !sameSet(x, y) {
		add(-1, "concat", listText(x), listText(y))
	}
	return ds
}
