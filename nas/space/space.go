package space

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// Space is what a controller searches: cells with a number of blocks over a set of ops, and the paper's rule for the
// output. A controller sees it as a list of decisions; a point of it is a list of choices, one per decision.
type Space struct {
	Ops    []string `json:"ops"`    // names; a choice is an index into them
	Blocks int      `json:"blocks"` // per cell; 5 in the paper
}

// Decision is one choice of a controller.
type Decision struct {
	Name   string   // "normal b0.in1"
	Arity  int      // choices are 0 to Arity-1
	Labels []string // one per choice
}

// perBlock is the number of decisions per block: in1, in2, op1, op2, combine, in this order (paper, section 3, steps 1
// to 5).
const perBlock = 5

var combines = []string{Add, Concat}

// New makes a space from the name of an op set or a list of ops, see [OpSet], and a number of blocks, 1 to [MaxBlocks].
func New(ops string, blocks int) (Space, error) {
	names, err := OpSet(ops)
	if err != nil {
		return Space{}, err
	}
	s := Space{Ops: names, Blocks: blocks}
	if err := s.Validate(); err != nil {
		return Space{}, err
	}
	return s, nil
}

// Validate returns an error unless [New] could have made s; it is for spaces from outside.
func (s Space) Validate() error {
	if s.Blocks < 1 || s.Blocks > MaxBlocks {
		return fmt.Errorf("space: %d blocks per cell, want 1 to %d", s.Blocks, MaxBlocks)
	}
	_, err := OpSet(strings.Join(s.Ops, ","))
	return err
}

// Decisions lists the 2*5*Blocks decisions: those of the Normal Cell, then those of the Reduction Cell (paper, appendix
// A.2).
func (s Space) Decisions() []Decision {
	var ds []Decision
	for _, kind := range []string{"normal", "reduction"} {
		for b := range s.Blocks {
			states := make([]string, 2+b)
			for i := range states {
				states[i] = StateName(i)
			}
			at := kind + " b" + strconv.Itoa(b) + "."
			ds = append(ds,
				Decision{at + "in1", len(states), states},
				Decision{at + "in2", len(states), states},
				Decision{at + "op1", len(s.Ops), s.Ops},
				Decision{at + "op2", len(s.Ops), s.Ops},
				Decision{at + "combine", len(combines), combines})
		}
	}
	return ds
}

// Arities lists the number of choices of each decision.
func (s Space) Arities() []int {
	var as []int
	for range 2 {
		for b := range s.Blocks {
			as = append(as, 2+b, 2+b, len(s.Ops), len(s.Ops), len(combines))
		}
	}
	return as
}

// Decode turns choices into the genotype they mean. It returns an error if their number is wrong or one is out of
// range.
func (s Space) Decode(choices []int) (Genotype, error) {
	if err := s.check(choices); err != nil {
		return Genotype{}, err
	}
	half := perBlock * s.Blocks
	return Genotype{Normal: s.decodeCell(choices[:half]), Reduction: s.decodeCell(choices[half:])}, nil
}

func (s Space) check(choices []int) error {
	arities := s.Arities()
	if len(choices) != len(arities) {
		return fmt.Errorf("space: decode: %d choices, want %d (%d blocks)", len(choices),
			len(arities), s.Blocks)
	}
	for i, c := range choices {
		if c < 0 || c >= arities[i] {
			return fmt.Errorf("space: decode: %s is %d, want 0 to %d", s.Decisions()[i].Name, c, arities[i]-1)
		}
	}
	return nil
}

func (s Space) decodeCell(ch []int) Cell {
	c := Cell{Blocks: make([]Block, s.Blocks)}
	for b := range c.Blocks {
		k := ch[perBlock*b:]
		c.Blocks[b] = Block{In1: k[0], In2: k[1], Op1: s.Ops[k[2]], Op2: s.Ops[k[3]], Combine: combines[k[4]]}
	}
	return c
}

// Encode is the inverse of [Space.Decode]. It returns an error if the genotype is not in the space: another number of
// blocks, an op that is not in the set, or an explicit concat list that differs, as a set, from the loose ends.
func (s Space) Encode(g Genotype) ([]int, error) {
	if err := g.Validate(); err != nil {
		return nil, err
	}
	choices := make([]int, 0, 2*perBlock*s.Blocks)
	for _, part := range []struct {
		kind string
		cell Cell
	}{{"normal", g.Normal}, {"reduction", g.Reduction}} {
		var err error
		if choices, err = s.encodeCell(choices, part.cell); err != nil {
			return nil, fmt.Errorf("space: encode: %s cell: %w", part.kind, err)
		}
	}
	return choices, nil
}

func (s Space) encodeCell(choices []int, c Cell) ([]int, error) {
	if len(c.Blocks) != s.Blocks {
		return nil, fmt.Errorf("has %d blocks, want %d, as the space", len(c.Blocks), s.Blocks)
	}
	for b, k := range c.Blocks {
		op1, op2 := slices.Index(s.Ops, k.Op1), slices.Index(s.Ops, k.Op2)
		for i, op := range []string{k.Op1, k.Op2} {
			if []int{op1, op2}[i] < 0 {
				return nil, fmt.Errorf("block b%d: op%d is %s, want one of the space's: %s", b, i+1, op,
					strings.Join(s.Ops, " "))
			}
		}
		choices = append(choices, k.In1, k.In2, op1, op2, slices.Index(combines, k.Combine))
	}
	if ends := c.LooseEnds(); !sameSet(c.Outputs(), ends) {
		return nil, fmt.Errorf("its explicit concat list is %v, want %v by the rule of the space (the states "+
			"that no block reads)", c.Concat, ends)
	}
	return choices, nil
}

// Random draws every choice uniformly.
func (s Space) Random(r *rand.Rand) []int {
	choices := s.Arities()
	for i, a := range choices {
		choices[i] = r.IntN(a)
	}
	return choices
}

// Mutate returns a copy of choices in which one decision, drawn uniformly from those that have another value, gets
// another value, drawn uniformly. choices must be a point of the space.
func (s Space) Mutate(r *rand.Rand, choices []int) []int {
	var free []int
	arities := s.Arities()
	for i, a := range arities {
		if a > 1 {
			free = append(free, i)
		}
	}
	out := slices.Clone(choices)
	i := free[r.IntN(len(free))] // never empty: a combine has two choices
	v := r.IntN(arities[i] - 1)
	if v >= out[i] {
		v++
	}
	out[i] = v
	return out
}

// sameSet reports whether a and b have the same numbers; neither may repeat one.
func sameSet(a, b []int) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
