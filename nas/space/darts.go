package space

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

func (im *importer) darts(g *Genotype, c *pyCall) error {
	// The namedtuple has these four fields in this order.
	fields := []string{"normal", "normal_concat", "reduce", "reduce_concat"}
	if len(c.args) > len(fields) {
		return fmt.Errorf("Genotype has %d arguments, want %d", len(c.args), len(fields))
	}
	for i, v := range c.args {
		if _, twice := c.kw[fields[i]]; twice {
			return fmt.Errorf("%s is given twice", fields[i])
		}
		c.kw[fields[i]] = v
	}
	for _, k := range c.keys {
		if !slices.Contains(fields, k) {
			return fmt.Errorf("Genotype has %s, want %s", clip(k), strings.Join(fields, ", "))
		}
	}
	var err error
	if g.Normal, err = im.dartsCell(c, "normal"); err != nil {
		return fmt.Errorf("normal cell: %w", err)
	}
	if g.Reduction, err = im.dartsCell(c, "reduce"); err != nil {
		return fmt.Errorf("reduction cell: %w", err)
	}
	return nil
}

func (im *importer) dartsCell(c *pyCall, field string) (cell Cell, err error) {
	ops, ok := c.kw[field].([]any)
	if !ok {
		return cell, fmt.Errorf("%s is not a list", field)
	}
	ops = flat(ops)
	if len(ops)%2 != 0 {
		return cell, fmt.Errorf("%s has %d ops, want two per block", field, len(ops))
	}
	for i, v := range ops {
		pair, _ := v.([]any)
		var name string
		var in int
		if len(pair) == 2 {
			name, _ = pair[0].(string)
			in, ok = pair[1].(int)
		}
		if name == "" || !ok {
			return cell, fmt.Errorf("entry %d of %s is %v, want an op and an input, as ('sep_conv_3x3', 0)", i, field,
				clip(fmt.Sprint(v)))
		}
		if name, err = im.op(name); err != nil {
			return cell, fmt.Errorf("block b%d: %w", i/2, err)
		}
		if i%2 == 0 {
			cell.Blocks = append(cell.Blocks, Block{In1: swap(in), Op1: name, Combine: Add})
		} else {
			k := &cell.Blocks[i/2]
			k.In2, k.Op2 = swap(in), name
		}
	}
	v, ok := c.kw[field+"_concat"]
	if !ok {
		im.note(field + "_concat was missing: the states that no block reads are concatenated")
		return cell, nil
	}
	list, err := intList(v)
	if err != nil {
		return cell, fmt.Errorf("%s_concat: %w", field, err)
	}
	for _, st := range list {
		cell.Concat = append(cell.Concat, swap(st))
	}
	if sameSet(cell.Concat, cell.LooseEnds()) {
		cell.Concat = nil
	}
	return cell, nil
}

// flat unpacks a list in which each block is one pair of (op, input) pairs.
func flat(ops []any) []any {
	var out []any
	for _, v := range ops {
		if l, ok := v.([]any); ok && len(l) == 2 {
			if _, nested := l[0].([]any); nested {
				out = append(out, l...)
				continue
			}
		}
		out = append(out, v)
	}
	return out
}

// intList reads a list of integers or range(a, b).
func intList(v any) ([]int, error) {
	if c, ok := v.(*pyCall); ok && c.name == "range" && len(c.keys) == 0 && len(c.args) == 2 {
		a, ok1 := c.args[0].(int)
		b, ok2 := c.args[1].(int)
		if ok1 && ok2 && a >= 0 && b <= MaxBlocks+2 {
			var list []int
			for i := a; i < b; i++ {
				list = append(list, i)
			}
			return list, nil
		}
	}
	vs, ok := v.([]any)
	if !ok {
		return nil, errors.New("want a list of states or range(a, b)")
	}
	var list []int
	for _, v := range vs {
		i, ok := v.(int)
		if !ok {
			return nil, fmt.Errorf("%v is not a state", clip(fmt.Sprint(v)))
		}
		list = append(list, i)
	}
	return list, nil
}

// DARTS writes g as a Genotype(…) of DARTS and NNI, with inputs numbered their way. It returns an error if g has an op
// or a combine that they lack. Import reads it back.
func (g Genotype) DARTS() (string, error) {
	normal, err := dartsText(g.Normal)
	if err != nil {
		return "", fmt.Errorf("space: DARTS form: normal cell: %w", err)
	}
	reduce, err := dartsText(g.Reduction)
	if err != nil {
		return "", fmt.Errorf("space: DARTS form: reduction cell: %w", err)
	}
	return fmt.Sprintf("Genotype(normal=%s, normal_concat=%s, reduce=%s, reduce_concat=%s)",
		normal, concatText(g.Normal), reduce, concatText(g.Reduction)), nil
}

func dartsText(c Cell) (string, error) {
	var items []string
	for b, k := range c.Blocks {
		if k.Combine != Add {
			return "", fmt.Errorf("block b%d: combines by %s, which cannot be written; want %s", b, k.Combine, Add)
		}
		for _, r := range []struct {
			in int
			op string
		}{{k.In1, k.Op1}, {k.In2, k.Op2}} {
			i := slices.IndexFunc(foreignOps, func(f foreignOp) bool { return f.export && f.op == r.op })
			if i < 0 {
				return "", fmt.Errorf("block b%d: op %s cannot be written: %s", b, r.op, "DARTS has no counterpart")
			}
			items = append(items, fmt.Sprintf("('%s', %d)", foreignOps[i].name, swap(r.in)))
		}
	}
	return "[" + strings.Join(items, ", ") + "]", nil
}

func concatText(c Cell) string {
	var items []string
	for _, s := range c.Outputs() {
		items = append(items, strconv.Itoa(swap(s)))
	}
	return "[" + strings.Join(items, ", ") + "]"
}
