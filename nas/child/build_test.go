package child

import (
	"fmt"
	"strings"
	"testing"

	"nasnet/nas/space"
)

// Whatever the op, the combine and the image side, each output of a cell has F filters, and each reduction halves the
// side, rounding up.
func TestEveryOpKeepsShapesAtEverySize(t *testing.T) {
	for _, op := range space.Ops {
		for _, combine := range []string{space.Add, space.Concat} {
			// block 0 reads h[i], block 1 reads h[i-1] and a block: so ops run with a stride, with other filters, and
			// with neither
			cell := space.Cell{Blocks: []space.Block{
				{In1: 0, Op1: op.Name, In2: 1, Op2: op.Name, Combine: combine},
				{In1: 1, Op1: op.Name, In2: 2, Op2: op.Name, Combine: combine},
			}, Concat: []int{0, 1, 3}}
			other := cell.Clone()
			other.Concat = []int{3, 2}
			g := space.Genotype{Normal: cell, Reduction: other}
			for _, image := range []int{4, 7, 8, 9} {
				name := fmt.Sprintf("%s, %s, %d px", op.Name, combine, image)
				for _, f := range []int{2, 8} {
					costs := cellCosts(t, g, NetConfig{N: 2, Filters: f, Image: image})
					size, filters := image, f
					for i, c := range costs {
						outputs := 3
						if c.kind == "reduction" {
							size, filters, outputs = (size+1)/2, 2*filters, 2
						}
						if c.size != size || c.channels != outputs*filters {
							t.Errorf("%s: cell %d has %d channels of %d px, want %d of %d", name, i, c.channels,
								c.size, outputs*filters, size)
						}
					}
				}
			}
		}
	}
}

func TestPNASNetReplacesCellsWhereNASNetInsertsThem(t *testing.T) {
	g := known(t, "nasnet-a")
	for stack, want := range map[string]string{
		"cifar":    "nrnrn",
		"imagenet": "rrnrnrn",
		"pnasnet":  "rrnrr",
	} {
		costs := cellCosts(t, g, NetConfig{Stack: stack, N: 1, Filters: 4, Image: 32, Classes: 2})
		got := ""
		for _, c := range costs {
			got += c.kind[:1]
		}
		if got != want {
			t.Errorf("%s: cells %s, want %s", stack, got, want)
		}
	}
}

func TestSmallestNetworksOfEveryStackCanBeBuilt(t *testing.T) {
	for _, s := range Stacks {
		for _, k := range space.Known {
			net := NetConfig{Stack: s.Name, N: 1, Filters: 8, Image: 32, Classes: 2, Aux: true}
			if s.Name == "cifar" {
				net.Filters, net.Image = 1, 4
			}
			if _, err := CostOf(k.Genotype, net); err != nil {
				t.Errorf("%s in %s: %v", k.Name, s.Name, err)
			}
		}
	}
}

func TestAFactorizedReductionToOneFilterIsRefused(t *testing.T) {
	_, err := CostOf(known(t, "amoebanet-c"), NetConfig{Stack: "imagenet", N: 1, Filters: 4, Image: 32})
	if err == nil || !strings.Contains(err.Error(), "cells/0/out/0: factorized reduction to 1 filter") {
		t.Errorf("error %v, want one that names the place", err)
	}
}
