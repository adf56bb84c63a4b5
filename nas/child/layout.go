package child

// place is one cell of a stack. Outputs are numbered: 0 is the stem's convolution, i+1 is cell i.
type place struct {
	reduction bool // the reduction cell of the genotype, with stride 2
	filters   int
	cur, prev int  // outputs read as h[i] and h[i-1]; prev -1: there is none, h[i-1] is h[i] before its projection
	aux       bool // the auxiliary classifier reads its output
}

// layout places the cells, as slim's _build_nasnet_base and _build_pnasnet_base. Reductions stand at the two thirds: before normal cells N and 2N,
// which is what slim's calc_reduction_layers computes.
func layout(c NetConfig, s Stack) []place {
	var ps []place
	last := 0 // the newest output
	before := func() int { return last - 1 }
	add := func(reduction bool, filters, prev int) {
		ps = append(ps, place{reduction: reduction, filters: filters, cur: last, prev: prev})
		last++
	}
	if s.ImageNet {
		add(true, c.Filters/4, before())
		add(true, c.Filters/2, before())
	}
	f := c.Filters
	for n := range 3 * c.N {
		reduction, prev := n == c.N || n == 2*c.N, before()
		if reduction {
			f *= 2
			add(true, f, before())
			if !c.SkipReduction {
				prev = before()
			}
		}
		if !reduction || !s.Replace {
			add(false, f, prev)
		}
		if n == 2*c.N-1 {
			ps[len(ps)-1].aux = true
		}
	}
	return ps
}
