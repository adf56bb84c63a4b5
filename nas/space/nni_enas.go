package space

import (
	"fmt"
	"strconv"
	"strings"
)

// nni reads keys like normal/op_2_0 and reduce/input_5_1: the node, counted from 2, and its operand.
func (im *importer) nni(g *Genotype, c *pyCall) error {
	read := map[string]bool{}
	for i, cell := range []*Cell{&g.Normal, &g.Reduction} {
		kind := []string{"normal", "reduce"}[i]
		for b := 0; ; b++ {
			if _, ok := c.kw[fmt.Sprintf("%s/op_%d_0", kind, b+2)]; !ok {
				break
			}
			k := Block{Combine: Add}
			for i, o := range []struct {
				in *int
				op *string
			}{{&k.In1, &k.Op1}, {&k.In2, &k.Op2}} {
				at := fmt.Sprintf("%d_%d", b+2, i)
				opKey, inKey := kind+"/op_"+at, kind+"/input_"+at
				read[opKey], read[inKey] = true, true
				name, _ := c.kw[opKey].(string)
				v := c.kw[inKey]
				if l, ok := v.([]any); ok && len(l) == 1 {
					v = l[0]
				}
				in, ok := v.(int)
				if name == "" || !ok {
					return fmt.Errorf("%s or %s is missing or invalid, want an op and a state", opKey, inKey)
				}
				var err error
				if *o.op, err = im.op(name); err != nil {
					return fmt.Errorf("%s cell: block b%d: %w", kind, b, err)
				}
				*o.in = swap(in)
			}
			cell.Blocks = append(cell.Blocks, k)
		}
	}
	if len(read) != len(c.keys) {
		for _, k := range c.keys {
			if k != "width" && k != "depth" && !read[k] {
				return fmt.Errorf("key %q is unknown, want keys like normal/op_2_0 and reduce/input_2_0, "+
					"nodes counted from 2", clip(k))
			}
		}
		im.note("width and depth are not part of a genotype and were skipped")
	}
	im.note("the dict does not name the output states: read as loose_end (NNI's NASNet, ENAS, AmoebaNet); NNI's " +
		"DARTS and PNAS concatenate all blocks")
	return nil
}

// enasOps lists the ops of melodyguan/enas, micro search space, by their numbers there (src/cifar10/micro_child.py).
var enasOps = []string{"sep3x3", "sep5x5", "avg3x3", "max3x3", "identity"}

// isArc reports whether s has nothing but numbers.
func isArc(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return r != ' ' && r != '\n' && r != '\t' &&
			(r < '0' || r > '9')
	}) < 0 &&
		strings.TrimSpace(s) != ""
}

// enas reads a fixed arc. Its output rule differs from the paper's: an input of the cell that no block reads is
// concatenated too (_fixed_combine).
func (im *importer) enas(words []string) (g Genotype, err error) {
	if len(words)%8 != 0 {
		return g, fmt.Errorf("the arc has %d numbers, want 8 per block: input, op, input, op in both "+
			"cells", len(words))
	}
	half := len(words) / 2
	for i, cell := range []*Cell{&g.Normal, &g.Reduction} {
		part := words[i*half:]
		num := func(j int) int {
			n, e := strconv.Atoi(part[j])
			if e != nil {
				err = fmt.Errorf("%s is not a number of an arc", clip(part[j]))
				return 0
			}
			return n
		}
		op := func(j int) string {
			n := num(j)
			if n >= len(enasOps) {
				err = fmt.Errorf("op %d is unknown, want 0 to %d", n, len(enasOps)-1)
				return ""
			}
			return enasOps[n]
		}
		var read [2]bool
		for j := 0; j < half; j += 4 {
			k := Block{In1: swap(num(j)), Op1: op(j + 1), In2: swap(num(j + 2)), Op2: op(j + 3), Combine: Add}
			for _, in := range []int{k.In1, k.In2} {
				if in < 2 {
					read[in] = true
				}
			}
			cell.Blocks = append(cell.Blocks, k)
		}
		if !read[0] || !read[1] {
			for in, r := range read {
				if !r {
					cell.Concat = append(cell.Concat, in)
				}
			}
			cell.Concat = append(cell.Concat, cell.LooseEnds()...)
			im.note("an input that no block reads is part of the output, as in ENAS")
		}
	}
	return g, err
}
