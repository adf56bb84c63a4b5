package child

import "fmt"

// role is what a cell is in its stack, whatever the depth: cells of two networks correspond if they have the same role.
type role struct {
	reduction bool // the reduction cell of the genotype, with stride 2
	stem      bool // a reduction of an ImageNet stem
	stage     int  // reductions before it, not counting the stem's
	// normal cell: normal cells before it in its stage; reduction of the stem: reductions before it; else 0
	number int
}

// String names the role, counting from 1.
func (r role) String() string {
	switch {
	case r.stem:
		return fmt.Sprintf("stem reduction %d", r.number+1)
	case r.reduction:
		return fmt.Sprintf("reduction %d", r.stage+1)
	}
	return fmt.Sprintf("normal cell %d of stage %d", r.number+1, r.stage+1)
}

// kind names the group of cells that do the same work.
func (r role) kind() string {
	switch {
	case r.stem:
		return "a stem reduction"
	case r.reduction:
		return "a reduction"
	}
	return "a normal cell"
}

// place is one cell of a stack. Outputs are numbered: 0 is the stem's convolution, i+1 is cell i.
type place struct {
	role
	filters   int
	cur, prev int  // outputs read as h[i] and h[i-1]; prev -1: h[i-1] is h[i] before its projection
	aux       bool // the auxiliary classifier reads its output
}

// layout places the cells, as slim's _build_nasnet_base and _build_pnasnet_base. The reductions come before normal
// cells N and 2N, as slim's calc_reduction_layers computes.
func layout(c NetConfig, s Stack) []place {
	var ps []place
	last := 0 // the newest output
	before := func() int { return last - 1 }
	add := func(r role, filters, prev int) {
		ps = append(ps, place{role: r, filters: filters, cur: last, prev: prev})
		last++
	}
	if s.ImageNet {
		add(role{reduction: true, stem: true, number: 0}, c.Filters/4, before())
		add(role{reduction: true, stem: true, number: 1}, c.Filters/2, before())
	}
	stage, number := 0, 0 // of the next normal cell
	f := c.Filters
	for n := range 3 * c.N {
		reduction, prev := n == c.N || n == 2*c.N, before()
		if reduction {
			f *= 2
			add(role{reduction: true, stage: stage}, f, before())
			stage, number = stage+1, 0
			if !c.SkipReduction {
				prev = before()
			}
		}
		if !reduction || !s.Replace {
			add(role{stage: stage, number: number}, f, prev)
			number++
		}
		if n == 2*c.N-1 {
			ps[len(ps)-1].aux = true
		}
	}
	return ps
}
