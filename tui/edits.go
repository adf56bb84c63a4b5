package tui

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"nasnet/nas/space"
)

// edits is a genotype being changed by hand, decision by decision. Every change is a step that can be undone;
// consecutive changes of the same decision are one step.
type edits struct {
	reduction bool       // the reduction cell is being changed
	at        int        // operand under the cursor: 2*block + 0 or 1
	steps     []editStep // [0] is the unedited cell
	now       int        // the step shown; later ones are undone
	sent      int        // the step that was sent to training, -1 if none
}

// editStep is a genotype and the decision that changed; turn is empty if several changed.
type editStep struct {
	g    space.Genotype
	turn string
}

func newEdits(g space.Genotype) edits {
	g = g.Clone()
	g.Name = ""
	return edits{steps: []editStep{{g: g}}, sent: -1}
}

func (e *edits) genotype() space.Genotype { return e.steps[e.now].g }

// cell returns the cell being edited, which must not be changed.
func (e *edits) cell() space.Cell { return cellOf(e.genotype(), e.reduction) }

func cellOf(g space.Genotype, reduction bool) space.Cell {
	if reduction {
		return g.Reduction
	}
	return g.Normal
}

// unsaved reports whether there are edits that were not sent to training.
func (e *edits) unsaved() bool { return e.now > 0 && e.now != e.sent }

// take makes s the newest step and forgets undone ones. It replaces the last step if that changed the same decision,
// and drops a step that changes nothing.
func (e *edits) take(s editStep) {
	e.steps = slices.Clip(e.steps[:e.now+1])
	if e.now > 0 && s.turn != "" && e.steps[e.now].turn == s.turn && e.sent != e.now {
		e.steps = slices.Clip(e.steps[:e.now])
		e.now--
	}
	if e.steps[e.now].g.Text() == s.g.Text() {
		return
	}
	e.steps = append(e.steps, s)
	e.now++
	if e.sent >= e.now {
		e.sent = -1
	}
}

// turn changes the block under the cursor, as a step of the named decision.
func (e *edits) turn(decision string, change func(c *space.Cell, k *space.Block)) {
	g := e.genotype().Clone()
	c := &g.Normal
	if e.reduction {
		c = &g.Reduction
	}
	change(c, &c.Blocks[e.at/2])
	e.take(editStep{g, fmt.Sprintf("%s %s %d", cellName(e.reduction), decision, e.at)})
}

// operand returns the input and the op of the operand under the cursor.
func (e *edits) operand() (in int, op string) { return operandOf(e.cell(), e.at) }

func operandOf(c space.Cell, at int) (in int, op string) {
	if at/2 >= len(c.Blocks) {
		return 0, ""
	}
	k := c.Blocks[at/2]
	if at%2 == 0 {
		return k.In1, k.Op1
	}
	return k.In2, k.Op2
}

func (e *edits) setOperand(in int, op string) {
	decision := "op"
	if was, _ := e.operand(); in != was {
		decision = "input"
	}
	e.turn(decision, func(_ *space.Cell, k *space.Block) {
		if e.at%2 == 0 {
			k.In1, k.Op1 = in, op
		} else {
			k.In2, k.Op2 = in, op
		}
	})
}

// toggleCombine switches the block under the cursor between add and concat.
func (e *edits) toggleCombine() {
	to := space.Concat
	if e.cell().Blocks[e.at/2].Combine == space.Concat {
		to = space.Add
	}
	e.turn("combine", func(_ *space.Cell, k *space.Block) { k.Combine = to })
}

// toggleOutput adds a state to the output of the cell or removes it. A list equal to what the rule of the space gives
// is not stored.
func (e *edits) toggleOutput(state int) error {
	c := e.cell()
	out := slices.Sorted(slices.Values(c.Outputs()))
	if i := slices.Index(out, state); i >= 0 {
		out = slices.Delete(out, i, i+1)
	} else {
		out = append(out, state)
		slices.Sort(out)
	}
	if len(out) == 0 {
		return errors.New("the output would be empty")
	}
	if slices.Equal(out, c.LooseEnds()) {
		out = nil
	}
	e.turn(fmt.Sprintf("concat %d", state), func(c *space.Cell, _ *space.Block) { c.Concat = out })
	return nil
}

func (e *edits) undo() error {
	if e.now == 0 {
		return errors.New("there is nothing to undo")
	}
	e.now--
	return nil
}

func (e *edits) redo() error {
	if e.now == len(e.steps)-1 {
		return errors.New("there is nothing to redo")
	}
	e.now++
	return nil
}

// place names the operand under the cursor: b2.1.
func (e *edits) place() string { return fmt.Sprintf("b%d.%d", e.at/2, e.at%2+1) }

// was returns the old values of an operand that has changed; empty if it has not.
func (e *edits) was(reduction bool, block, operand int) string {
	if block < 0 {
		return ""
	}
	before, after := cellOf(e.steps[0].g, reduction), cellOf(e.genotype(), reduction)
	in, op := operandOf(before, 2*block+operand-1)
	in2, op2 := operandOf(after, 2*block+operand-1)
	var s []string
	if in != in2 {
		s = append(s, space.StateName(in))
	}
	if op != op2 {
		s = append(s, op)
	}
	if operand == 2 && before.Blocks[block].Combine != after.Blocks[block].Combine {
		s = append(s, before.Blocks[block].Combine)
	}
	return strings.Join(s, " ")
}

// summary lists all changes in a few words.
func (e *edits) summary() string {
	var out []string
	for _, d := range space.Diff(e.steps[0].g, e.genotype()) {
		s := d.B
		if d.Block >= 0 {
			s = fmt.Sprintf("b%d.%s=%s", d.Block, d.Field, d.B)
		} else {
			s = d.Field + "=" + s
		}
		if d.Cell == "reduction" {
			s = "reduction " + s
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

// words lists what a step changed, with the sign to between old and new.
func (e *edits) words(i int, to string) string {
	var out []string
	for _, d := range space.Diff(e.steps[i-1].g, e.steps[i].g) {
		name := d.Field
		if d.Block >= 0 {
			name = fmt.Sprintf("b%d.%s", d.Block, d.Field)
		}
		if d.Cell == "reduction" {
			name = "red. " + name
		}
		out = append(out, name+" "+d.A+" "+to+" "+d.B)
	}
	return strings.Join(out, ", ")
}

// invalid returns what is wrong with a genotype, or "" if nothing is.
func invalid(g space.Genotype) string {
	for _, reduction := range []bool{false, true} {
		c := cellOf(g, reduction)
		for _, s := range c.LooseEnds() {
			if len(c.Concat) > 0 && !slices.Contains(c.Concat, s) {
				return fmt.Sprintf("%s %s is unused: no block reads it, and it is not in the output",
					cellName(reduction), space.StateName(s))
			}
		}
	}
	if err := g.Validate(); err != nil {
		return strings.TrimPrefix(err.Error(), "space: ")
	}
	return ""
}
