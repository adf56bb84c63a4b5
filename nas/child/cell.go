package child

import (
	"fmt"
	"strconv"
	"strings"

	"nasnet/nas/nn"
	"nasnet/nas/space"
)

// cell adds one cell, as slim's NasNetABaseCell:
//
//	cur  ── relu, 1x1 to F, BN ─────────────────────────────▶ state 0 = h[i]
//	prev ── matched to F filters and cur's size if needed ──▶ state 1 = h[i-1]     (first cell: cur, unprojected)
//	block b: op1(state in1) and op2(state in2), added, or concatenated and projected to F ──▶ state 2+b
//	outs = the output states, each with F filters and the size of the last block's; their readers concatenate them
//
// In a cell of stride 2, only the ops that read state 0 or 1 have that stride.
func (b *builder) cell(path string, spec space.Cell, cur, prev []nn.Node, p place) cellNodes {
	f, stride := p.filters, 1
	if p.reduction {
		stride = 2
	}
	states := []nn.Node{b.point([]string{path + "/cur/conv"}, path+"/cur/bn", cur, f, nn.ConvOpts{Relu: true})}
	if prev == nil {
		states = append(states, b.g.Concat(cur...))
	} else {
		states = append(states, b.match(path+"/prev", prev, f, side(cur[0]), true))
	}
	for i, k := range spec.Blocks {
		block := path + "/block" + strconv.Itoa(i)
		x := b.op(opPath(path, i, 1), k.Op1, states[k.In1], f, strideOf(k.In1, stride))
		y := b.op(opPath(path, i, 2), k.Op2, states[k.In2], f, strideOf(k.In2, stride))
		if k.Combine == space.Concat {
			// The paper only says that 1x1 convolutions are "inserted as necessary" (A.4).
			states = append(states, b.point([]string{block + "/combine/conv"}, block+"/combine/bn", []nn.Node{x, y}, f,
				nn.ConvOpts{Relu: true}))
		} else {
			states = append(states, b.g.Add(x, y))
		}
	}
	last := states[len(states)-1]
	c := cellNodes{place: p, states: states}
	for _, s := range spec.Outputs() {
		c.outs = append(c.outs, b.match(path+"/out/"+strconv.Itoa(s), states[s:s+1], f, side(last), false))
	}
	return c
}

// cellPath and opPath return the path of a cell and of one of its ops. All nodes of an op have its path as prefix.
func cellPath(i int) string { return "cells/" + strconv.Itoa(i) }

// cutCell splits the name of an array into its cell and the rest.
func cutCell(name string) (cell int, rest string, ok bool) {
	name, ok = strings.CutPrefix(name, "cells/")
	if !ok {
		return 0, "", false
	}
	number, rest, ok := strings.Cut(name, "/")
	cell, err := strconv.Atoi(number)
	return cell, rest, ok && err == nil
}

func opPath(cell string, block, operand int) string {
	return fmt.Sprintf("%s/block%d/op%d", cell, block, operand)
}

// strideOf returns the stride of an op that reads the given state, in a cell of the given stride.
func strideOf(state, stride int) int {
	if state < 2 {
		return stride
	}
	return 1
}

// match gives the concatenation of xs f filters and the given side, which is the side of xs or half of it. If xs have
// both already, it adds nothing, otherwise a 1x1 convolution or a factorized reduction (slim: factorized_reduction),
// and BN. If xs are a cell's outputs, relu comes first; slim omits it in a cell's output list.
func (b *builder) match(path string, xs []nn.Node, f, size int, relu bool) nn.Node {
	switch {
	case side(xs[0]) != size:
		if f < 2 {
			panic(&nn.BuildError{Op: path, Err: fmt.Errorf("factorized reduction to %d filter; want 2 or more, "+
				"one for each of its two paths", f)})
		}
		// Two paths take every other pixel, the second one shifted by one: together they see all rows and columns along
		// the diagonal. An odd filter goes to the second path.
		return b.point([]string{path + "/path1", path + "/path2"}, path+"/bn", xs, f,
			nn.ConvOpts{Stride: 2, Relu: relu})
	case channels(xs...) != f:
		return b.point([]string{path + "/conv"}, path+"/bn", xs, f, nn.ConvOpts{Relu: relu})
	}
	return b.g.Concat(xs...)
}

// point adds 1x1 convolutions of the concatenation of xs, which divide f filters among them, and BN.
func (b *builder) point(paths []string, bn string, xs []nn.Node, f int, o nn.ConvOpts) nn.Node {
	var weights []nn.Node
	for i, path := range paths {
		filters := (i+1)*f/len(paths) - i*f/len(paths)
		weights = append(weights, b.g.Param(path+"/w", nn.FanOut, 1, 1, channels(xs...), filters))
	}
	return b.g.PointUnit(xs, weights, b.g.Norm(bn, f), o)
}

// op adds an op of a block with f filters, and DropPath unless it is the identity.
func (b *builder) op(path, name string, x nn.Node, f, stride int) nn.Node {
	row, ok := space.OpByName(name)
	if !ok {
		panic(&nn.BuildError{Op: path, Err: fmt.Errorf("unknown op %q", name)})
	}
	make, ok := families[row.Family]
	if !ok {
		panic(&nn.BuildError{Op: path, Err: fmt.Errorf("op %s is of family %q, which package child cannot build", name,
			row.Family)})
	}
	b.g.Part = path
	y := make(b, path, x, row.Kernel, f, stride)
	b.g.Part = ""
	if b.options.dropPath && row.Family != space.Identity {
		y = b.g.DropPath(y, len(b.pathCell))
		b.pathCell = append(b.pathCell, len(b.cells))
	}
	return y
}
