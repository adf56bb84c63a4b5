package space

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// slimBlocks is the number of blocks of every cell in slim (nasnet_utils.py, NasNetABaseCell.__call__).
const slimBlocks = 5

// Slim writes g as the constants in NasNetANormalCell and NasNetAReductionCell of the released NASNet
// (tensorflow/models research/slim/nets/nasnet/nasnet_utils.py): operations and hidden states block by block, 0 being
// h[i], and for each state a 1 if it is not part of the output. It returns an error if these classes cannot build g:
// other ops, concat as a combine, another number of blocks, an output that is not in the order of the states.
func (g Genotype) Slim() (string, error) {
	var b strings.Builder
	for _, part := range []struct {
		class, name string
		cell        Cell
	}{{"NasNetANormalCell", "normal", g.Normal}, {"NasNetAReductionCell", "reduction", g.Reduction}} {
		text, err := slimText(part.cell)
		if err != nil {
			return "", fmt.Errorf("space: slim form: %s cell: %w", part.name, err)
		}
		fmt.Fprintf(&b, "# %s\n%s", part.class, text)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

func slimText(c Cell) (string, error) {
	if len(c.Blocks) != slimBlocks {
		return "", fmt.Errorf("has %d blocks, want %d", len(c.Blocks), slimBlocks)
	}
	var ops []string
	var states []int
	for b, k := range c.Blocks {
		if k.Combine != Add {
			return "", fmt.Errorf("block b%d: combines by %s, which cannot be written; want %s", b, k.Combine, Add)
		}
		for _, r := range []struct {
			in int
			op string
		}{{k.In1, k.Op1}, {k.In2, k.Op2}} {
			op, ok := slimOp(r.op)
			if !ok {
				return "", fmt.Errorf("block b%d: op %s cannot be written: slim has identity, pools and separable "+
					"convolutions", b, r.op)
			}
			ops, states = append(ops, "'"+op+"'"), append(states, r.in)
		}
	}
	outs := c.Outputs()
	if !slices.IsSorted(outs) {
		return "", fmt.Errorf("its output is the states %s in this order, want ascending order", list(outs))
	}
	used := make([]int, len(c.Blocks)+2)
	for s := range used {
		if !slices.Contains(outs, s) {
			used[s] = 1
		}
	}
	return fmt.Sprintf("operations = [%s]\nused_hiddenstates = %s\nhiddenstate_indices = %s\n", strings.Join(ops, ", "),
		list(used), list(states)), nil
}

// slimOp returns slim's name for an op.
func slimOp(name string) (string, bool) {
	op, _ := OpByName(name)
	family, _ := op.Family.Row()
	return strings.ReplaceAll(family.Slim, "K", strconv.Itoa(op.Kernel)), family.Slim != ""
}

// list writes integers as Python does.
func list(v []int) string { return strings.ReplaceAll(fmt.Sprint(v), " ", ", ") }
