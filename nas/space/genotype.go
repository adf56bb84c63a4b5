package space

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"unicode"
	"unicode/utf8"

	"nasnet/nas/strictjson"
)

// Genotype is an architecture without its scale: what a controller proposes and a child network is built from.
type Genotype struct {
	Name      string `json:"name,omitempty"`
	Normal    Cell   `json:"normal"`
	Reduction Cell   `json:"reduction"`
}

// Limits for parsing.
const (
	maxBytes = 64 << 10 // of JSON or text; 64 blocks take less than 8 KiB
	maxName  = 100      // bytes
)

// Cell returns the cell called "normal" or "reduction".
func (g Genotype) Cell(kind string) (Cell, bool) {
	switch kind {
	case "normal":
		return g.Normal, true
	case "reduction":
		return g.Reduction, true
	}
	return Cell{}, false
}

// Clone returns a copy that shares no memory with g.
func (g Genotype) Clone() Genotype {
	return Genotype{Name: g.Name, Normal: g.Normal.Clone(), Reduction: g.Reduction.Clone()}
}

// Validate returns the first error in the name or a cell: the number of blocks; an unknown state, op or combine; a
// concat list with an unknown or repeated state; a block whose result goes nowhere. The name is printed on terminals,
// so it must be printable UTF-8 of at most 100 bytes.
func (g Genotype) Validate() error {
	if err := validName(g.Name); err != nil {
		return fmt.Errorf("space: %w", err)
	}
	if err := g.Normal.validate(); err != nil {
		return fmt.Errorf("space: normal cell: %w", err)
	}
	if err := g.Reduction.validate(); err != nil {
		return fmt.Errorf("space: reduction cell: %w", err)
	}
	return nil
}

func validName(s string) error {
	if len(s) > maxName {
		return fmt.Errorf("name has %d bytes, want at most %d", len(s), maxName)
	}
	if !utf8.ValidString(s) {
		return fmt.Errorf("name %q is not UTF-8", s)
	}
	if slices.ContainsFunc([]rune(s), func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fmt.Errorf("name %q has a character that is not printable", s)
	}
	return nil
}

// UnmarshalJSON decodes a block and requires all five fields: a missing input must not become state 0.
func (k *Block) UnmarshalJSON(b []byte) error {
	var w struct {
		In1     *int    `json:"in1"`
		Op1     *string `json:"op1"`
		In2     *int    `json:"in2"`
		Op2     *string `json:"op2"`
		Combine *string `json:"combine"`
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&w); err != nil {
		return fmt.Errorf("block: %w", err)
	}
	for _, f := range []struct {
		name    string
		missing bool
	}{{"in1", w.In1 == nil}, {"op1", w.Op1 == nil}, {"in2", w.In2 == nil}, {"op2", w.Op2 == nil},
		{"combine", w.Combine == nil}} {
		if f.missing {
			return fmt.Errorf("block: %q is missing", f.name)
		}
	}
	*k = Block{In1: *w.In1, Op1: *w.Op1, In2: *w.In2, Op2: *w.Op2, Combine: *w.Combine}
	return nil
}

// ParseJSON decodes and validates one genotype. It refuses unknown, missing and repeated fields, anything after the
// object, and more than 64 KiB.
func ParseJSON(b []byte) (Genotype, error) {
	var g Genotype
	if err := strictjson.Decode(b, maxBytes, &g); err != nil {
		return Genotype{}, fmt.Errorf("space: genotype JSON: %w", err)
	}
	if err := g.Validate(); err != nil {
		return Genotype{}, err
	}
	return g, nil
}
