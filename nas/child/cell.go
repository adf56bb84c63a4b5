package child

import (
	"fmt"
	"strconv"

	"nasnet/nas/nn"
	"nasnet/nas/space"
)

// cell adds one cell, as slim's NasNetABaseCell:
//
//	cur  ── relu, 1x1 to F, BN ─────────────────────────────▶ state 0 = h[i]
//	prev ── matched to F filters and cur's size if needed ──▶ state 1 = h[i-1]     (the first cell: cur, as it is)
//	block b: op1(state in1) and op2(state in2), added, or concatenated and brought back to F ──▶ state 2+b
//	out  = the output states, each with F filters and the size of the last block's, concatenated
//
// With stride 2, ops that read state 0 or 1 have the stride, the others none.
func (b *builder) cell(path string, spec space.Cell, cur, prev nn.Node, p place) cellNodes {
	f, stride := p.filters, 1
	if p.reduction {
		stride = 2
	}
	first := b.bn(path+"/cur/bn", b.conv(path+"/cur/conv", cur, f, 1, 1, nn.ConvOpts{Relu: true}))
	if prev == nil {
		prev = cur
	} else {
		prev = b.match(path+"/prev", prev, f, side(cur), true)
	}
	states := []nn.Node{first, prev}
	for i, k := range spec.Blocks {
		block := path + "/block" + strconv.Itoa(i)
		x := b.op(block+"/op1", k.Op1, states[k.In1], f, strideOf(k.In1, stride))
		y := b.op(block+"/op2", k.Op2, states[k.In2], f, strideOf(k.In2, stride))
		if k.Combine == space.Concat {
			// The paper only says that 1x1 convolutions are inserted as necessary (A.4).
			z := b.conv(block+"/combine/conv", b.g.Concat(x, y), f, 1, 1, nn.ConvOpts{Relu: true})
			states = append(states, b.bn(block+"/combine/bn", z))
		} else {
			states = append(states, b.g.Add(x, y))
		}
	}
	last := states[len(states)-1]
	var outs []nn.Node
	for _, s := range spec.Outputs() {
		outs = append(outs, b.match(path+"/out/"+strconv.Itoa(s), states[s], f, side(last), false))
	}
	c := cellNodes{place: p, states: states, out: b.g.Concat(outs...)}
	for _, p := range b.g.Params() {
		c.params += p.Size()
	}
	return c
}

// strideOf returns the stride of an op that reads the given state of a cell with the given stride.
func strideOf(state, stride int) int {
	if state < 2 {
		return stride
	}
	return 1
}

// match brings x to f filters and the given side, which is x's own or half of it: unchanged if it is so already, by a 1x1 convolution, or by factorized
// reduction (slim: factorized_reduction), and BN. relu is applied first where x is a cell's output; slim does without in a cell's output list.
func (b *builder) match(path string, x nn.Node, f, size int, relu bool) nn.Node {
	switch {
	case side(x) != size:
		if f < 2 {
			panic(&nn.BuildError{Op: path, Err: fmt.Errorf("factorized reduction to %d filter: it needs two paths; want more filters", f)})
		}
		// Two paths of every other pixel, the second shifted by one: together they see all rows and columns of the diagonal. An odd filter goes to the second.
		x1 := b.conv(path+"/path1", x, f/2, 1, 1, nn.ConvOpts{Stride: 2, Relu: relu})
		x2 := b.conv(path+"/path2", x, f-f/2, 1, 1, nn.ConvOpts{Stride: 2, Relu: relu, Shift: true})
		return b.bn(path+"/bn", b.g.Concat(x1, x2))
	case channels(x) != f:
		return b.bn(path+"/bn", b.conv(path+"/conv", x, f, 1, 1, nn.ConvOpts{Relu: relu}))
	}
	return x
}

// op adds an op of a block with f filters, and drop path unless it is the identity.
func (b *builder) op(path, name string, x nn.Node, f, stride int) nn.Node {
	row, ok := space.OpByName(name)
	if !ok {
		panic(&nn.BuildError{Op: path, Err: fmt.Errorf("unknown op %q", name)})
	}
	make, ok := families[row.Family]
	if !ok {
		panic(&nn.BuildError{Op: path, Err: fmt.Errorf("op %s has a family %q that no network can be built from", name, row.Family)})
	}
	y := make(b, path, x, row.Kernel, f, stride)
	if b.options.dropPath && row.Family != space.Identity {
		y = b.g.DropPath(y, len(b.pathCell))
		b.pathCell = append(b.pathCell, len(b.cells))
	}
	return y
}
