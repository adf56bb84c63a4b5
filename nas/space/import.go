package space

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// foreignOp says what an op of DARTS or NNI is here.
type foreignOp struct {
	name   string
	op     string // "" when there is none
	note   string // what differs, or why there is none
	export bool   // write op under this name
}

// foreignOps follows quark0/darts cnn/operations.py and microsoft/nni nas/hub/pytorch/nasnet.py.
var foreignOps = []foreignOp{
	{"skip_connect", "identity", "", true},
	{"avg_pool_3x3", "avg3x3", "", true},
	{"avg_pool_5x5", "avg5x5", "", true},
	{"max_pool_3x3", "max3x3", "", true},
	{"max_pool_5x5", "max5x5", "", true},
	{"max_pool_7x7", "max7x7", "", true},
	{"sep_conv_3x3", "sep3x3", "", true},
	{"sep_conv_5x5", "sep5x5", "", true},
	{"sep_conv_7x7", "sep7x7", "", true},
	{"conv_1x1", "conv1x1", "", true},
	{"conv 1x1", "conv1x1", "", false},
	{"conv_3x3", "conv3x3", bottleneck, true},
	{"conv 3x3", "conv3x3", bottleneck, false},
	{"conv_3x1_1x3", "conv1x3_3x1", bottleneck, true},
	{"conv_7x1_1x7", "conv1x7_7x1", bottleneck, true},
	{"none", "", "it means no connection, and every rung of a cell here has an op", false},
	{"dil_conv_3x3", "", depthwise, false},
	{"dil_conv_5x5", "", depthwise, false},
	{"dil_sep_conv_3x3", "", depthwise, false},
	{"avg_pool_2x2", "", "there are no 2x2 pools here", false},
	{"max_pool_2x2", "", "there are no 2x2 pools here", false},
}

const (
	bottleneck = "there it runs at full width with one batch normalisation, here in a bottleneck of a quarter (3/8 for 1x3 3x1) of the filters"
	depthwise  = "it is a depthwise-separable dilated convolution there; dil3x3 here is a plain dilated one"
)

const reversed = "inputs 0 and 1 were exchanged: there 0 is h[i-1], here 0 is h[i]"

// Import converts a genotype as other projects write it, and lists in notes what was changed on the way. It reads
//
//	DARTS_V1 = Genotype(normal=[('sep_conv_3x3', 1), …], normal_concat=[2, 3, 4, 5], reduce=[…], reduce_concat=range(2, 6))
//	{'normal/op_2_0': 'sep_conv_3x3', 'normal/input_2_0': [0], …, 'reduce/op_2_0': …}
//	0 2 0 0 0 4 0 1 …
//
// that is: quark0/darts and its descendants; the architecture dict of NNI; the fixed arc of ENAS's micro space (for each block input, op, input,
// op; ops 0 to 4 are sep3x3 sep5x5 avg3x3 max3x3 identity; normal cell, then reduction). All of them number the inputs the other way round. An op
// that does not exist here is an error which says why.
func Import(s string) (g Genotype, notes []string, err error) {
	if len(s) > maxBytes {
		return g, nil, fmt.Errorf("space: import: has %d bytes, want at most %d", len(s), maxBytes)
	}
	im := importer{}
	if isArc(s) {
		g, err = im.enas(strings.Fields(s))
	} else {
		g, err = im.python(strings.TrimSpace(s))
	}
	if err != nil {
		return Genotype{}, nil, fmt.Errorf("space: import: %w", err)
	}
	if err := g.Validate(); err != nil {
		return Genotype{}, nil, err
	}
	return g, append([]string{reversed}, im.notes...), nil
}

// ParseDARTS is [Import] without the notes.
func ParseDARTS(s string) (Genotype, error) {
	g, _, err := Import(s)
	return g, err
}

// importer collects notes, each once.
type importer struct{ notes []string }

func (im *importer) note(s string) {
	if !slices.Contains(im.notes, s) {
		im.notes = append(im.notes, s)
	}
}

func (im *importer) op(name string) (string, error) {
	var names []string
	for _, f := range foreignOps {
		if f.name == name && f.op == "" {
			return "", fmt.Errorf("op %s does not exist here: %s", name, f.note)
		}
		if f.name == name {
			if f.note != "" {
				im.note(name + " became " + f.op + ": " + f.note)
			}
			return f.op, nil
		}
		if f.export {
			names = append(names, f.name)
		}
	}
	return "", fmt.Errorf("op %q does not exist here, want one of %s", clip(name), strings.Join(names, " "))
}

// swap exchanges the numbers of the two inputs.
func swap(state int) int {
	if state == 0 || state == 1 {
		return 1 - state
	}
	return state
}

// python reads a Genotype(…) call, with a name before it or not, or a dict of NNI.
func (im *importer) python(s string) (g Genotype, err error) {
	if i := strings.Index(s, "Genotype("); i > 0 { // "DARTS_V2 = ", a time stamp of a log
		if name, ok := strings.CutSuffix(strings.TrimSpace(s[:i]), "="); ok {
			if f := strings.Fields(name); len(f) > 0 && f[len(f)-1] != "genotype" {
				g.Name = f[len(f)-1]
			}
		}
		s = s[i:]
	}
	v, err := parsePython(s)
	if err != nil {
		return g, err
	}
	c, ok := v.(*pyCall)
	switch {
	case ok && c.name == "Genotype":
		err = im.darts(&g, c)
	case ok && c.name == "":
		err = im.nni(&g, c)
	default:
		err = errors.New("want Genotype(normal=…, reduce=…) or a dict with keys like normal/op_2_0")
	}
	return g, err
}

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
		return cell, fmt.Errorf("%s is no list", field)
	}
	ops = flat(ops)
	if len(ops)%2 != 0 {
		return cell, fmt.Errorf("%s has %d ops, want two a block", field, len(ops))
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
			return cell, fmt.Errorf("entry %d of %s is %v, want an op and an input, as ('sep_conv_3x3', 0)", i, field, clip(fmt.Sprint(v)))
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
		im.note("there was no " + field + "_concat: the states no block reads are concatenated")
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

// flat opens the pairs of a list in which each block is one pair of (op, input).
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
			return nil, fmt.Errorf("%v is no state", clip(fmt.Sprint(v)))
		}
		list = append(list, i)
	}
	return list, nil
}

// nni reads keys like normal/op_2_0 and reduce/input_5_1: the node, counted from 2, and its operand.
func (im *importer) nni(g *Genotype, c *pyCall) error {
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
				name, _ := c.kw[kind+"/op_"+at].(string)
				v := c.kw[kind+"/input_"+at]
				if l, ok := v.([]any); ok && len(l) == 1 {
					v = l[0]
				}
				in, ok := v.(int)
				if name == "" || !ok {
					return fmt.Errorf("%s/op_%s or %s/input_%s is missing, or no op and no state", kind, at, kind, at)
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
	if used := 4 * (len(g.Normal.Blocks) + len(g.Reduction.Blocks)); used != len(c.keys) {
		for _, k := range c.keys {
			if k != "width" && k != "depth" && !isNNIKey(k, len(g.Normal.Blocks), len(g.Reduction.Blocks)) {
				return fmt.Errorf("key %q was not understood, want keys like normal/op_2_0 and reduce/input_2_0, nodes counted from 2", clip(k))
			}
		}
		im.note("width and depth are no part of a genotype and were left out")
	}
	im.note("the dict does not say what is concatenated: taken as loose_end (NASNet, ENAS, AmoebaNet of NNI); DARTS and PNAS there concatenate all blocks")
	return nil
}

// isNNIKey says whether nni has read the key, for the given numbers of blocks.
func isNNIKey(key string, normal, reduce int) bool {
	for kind, blocks := range map[string]int{"normal": normal, "reduce": reduce} {
		for b := range blocks {
			for i := range 2 {
				if at := fmt.Sprintf("%d_%d", b+2, i); key == kind+"/op_"+at || key == kind+"/input_"+at {
					return true
				}
			}
		}
	}
	return false
}

// enasOps are the ops of melodyguan/enas, micro search space, by their number there (src/cifar10/micro_child.py).
var enasOps = []string{"sep3x3", "sep5x5", "avg3x3", "max3x3", "identity"}

// isArc says whether s is nothing but numbers.
func isArc(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r != ' ' && r != '\n' && r != '\t' && (r < '0' || r > '9') }) < 0 &&
		strings.TrimSpace(s) != ""
}

// enas reads a fixed arc. Its output rule differs from the paper's: an input of the cell that no block reads is concatenated too (_fixed_combine).
func (im *importer) enas(words []string) (g Genotype, err error) {
	if len(words)%8 != 0 {
		return g, fmt.Errorf("the arc has %d numbers, want 8 for each block: input, op, input, op in both cells", len(words))
	}
	half := len(words) / 2
	for i, cell := range []*Cell{&g.Normal, &g.Reduction} {
		part := words[i*half:]
		num := func(j int) int {
			n, e := strconv.Atoi(part[j])
			if e != nil {
				err = fmt.Errorf("%s is no number of an arc", clip(part[j]))
				return 0
			}
			return n
		}
		op := func(j int) string {
			n := num(j)
			if n >= len(enasOps) {
				err = fmt.Errorf("op %d does not exist, want 0 to %d", n, len(enasOps)-1)
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
			im.note("an input that no block reads is part of the output, as ENAS has it")
		}
	}
	return g, err
}

// DARTS writes g as a Genotype(…) of DARTS and NNI, inputs numbered their way. It is an error when g has an op or a combine which they do not
// have. Import reads it back.
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
			return "", fmt.Errorf("block b%d: combines by %s, which cannot be written; only %s can", b, k.Combine, Add)
		}
		for _, r := range []struct {
			in int
			op string
		}{{k.In1, k.Op1}, {k.In2, k.Op2}} {
			i := slices.IndexFunc(foreignOps, func(f foreignOp) bool { return f.export && f.op == r.op })
			if i < 0 {
				return "", fmt.Errorf("block b%d: op %s cannot be written: %s", b, r.op, "it has no counterpart there")
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
