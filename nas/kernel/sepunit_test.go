package kernel_test

import "nasnet/nas/kernel"

// sepUnits are units of awkward sizes: small images that go in groups, large ones
// in bands, and images too large for a padded copy.
func sepUnits() []kernel.SepUnit {
	var us []kernel.SepUnit
	for _, c := range [][2]int{{1, 1}, {3, 5}, {8, 8}, {20, 3}, {44, 20}, {16, 44}} {
		for _, k := range []int{3, 5, 7} {
			for _, stride := range []int{1, 2} {
				for _, size := range [][2]int{{1, 1}, {5, 4}, {9, 14}} {
					us = append(us, kernel.SepUnit{
						Conv: kernel.Same(3, size[0], size[1], c[0], c[0], k, k, stride, stride, 1), Filters: c[1]})
				}
			}
		}
	}
	shift := kernel.Same(2, 7, 6, 5, 5, 3, 3, 2, 2, 1)
	shift.PadTop, shift.PadLeft = -1, -1
	return append(us,
		kernel.SepUnit{Conv: kernel.Same(29, 4, 4, 24, 24, 3, 3, 1, 1, 1), Filters: 24},
		kernel.SepUnit{Conv: kernel.Same(2, 33, 40, 20, 20, 5, 5, 1, 1, 1), Filters: 24},
		kernel.SepUnit{Conv: kernel.Same(1, 63, 60, 20, 20, 7, 7, 2, 2, 1), Filters: 8},
		kernel.SepUnit{Conv: kernel.Same(2, 9, 8, 4, 4, 3, 3, 1, 1, 2), Filters: 6},
		kernel.SepUnit{Conv: kernel.Valid(3, 9, 8, 4, 4, 3, 3, 1, 1, 1), Filters: 6},
		kernel.SepUnit{Conv: kernel.Same(3, 6, 5, 4, 4, 1, 1, 2, 2, 1), Filters: 6},
		kernel.SepUnit{Conv: kernel.Same(3, 6, 5, 4, 4, 3, 5, 1, 2, 1), Filters: 6},
		kernel.SepUnit{Conv: shift, Filters: 4},
	)
}

// sepWeights makes parameters of a unit, or memory for their gradients.
func sepWeights(u kernel.SepUnit, make func(n int) []float32) kernel.SepWeights {
	return kernel.SepWeights{Depth: make(u.KH * u.KW * u.Cin), Point: make(u.Cin * u.Filters), Gamma: make(u.Filters),
		Beta: make(u.Filters)}
}

// sepParts groups the results of the three operations of a unit, run one after
// another.
type sepParts struct{ d, z, y, mean, invstd []float32 }

func partsForward(mem *memory, u kernel.SepUnit, x []float32, w kernel.SepWeights) (p sepParts) {
	m, c, f := u.N*u.OH*u.OW, u.Cin, u.Filters
	point := kernel.Same(u.N, u.OH, u.OW, c, f, 1, 1, 1, 1, 1)
	scratch := mem.raw(max(u.Conv.Scratch(), point.Scratch(), kernel.BNScratch(f)))
	p = sepParts{mem.raw(m * c), mem.raw(m * f), mem.raw(m * f), mem.raw(f), mem.raw(f)}
	kernel.DepthwiseForward(p.d, x, w.Depth, u.Conv, scratch)
	kernel.ConvForward(p.z, p.d, w.Point, point, scratch)
	kernel.BNTrainForward(p.y, p.z, w.Gamma, w.Beta, p.mean, p.invstd, m, f, eps, scratch)
	return p
}

// partsBackward computes the gradients of partsForward for given z and statistics.
func partsBackward(mem *memory, u kernel.SepUnit, dy, x []float32, w kernel.SepWeights, p sepParts) (dx []float32,
	dw kernel.SepWeights) {
	m, c, f := u.N*u.OH*u.OW, u.Cin, u.Filters
	point := kernel.Same(u.N, u.OH, u.OW, c, f, 1, 1, 1, 1, 1)
	scratch := mem.raw(max(u.Conv.Scratch(), point.Scratch(), kernel.BNScratch(f)))
	dx, dw = mem.raw(len(x)), sepWeights(u, mem.raw)
	dd, dz := mem.raw(m*c), mem.raw(m*f)
	kernel.BNBackward(dz, dw.Gamma, dw.Beta, dy, p.z, w.Gamma, p.mean, p.invstd, m, f, scratch)
	kernel.ConvBackwardWeight(dw.Point, p.d, dz, point, scratch)
	kernel.ConvBackwardData(dd, dz, w.Point, nil, point, scratch)
	kernel.DepthwiseBackwardWeight(dw.Depth, x, dd, u.Conv, scratch)
	kernel.DepthwiseBackwardData(dx, dd, w.Depth, x, u.Conv, scratch)
	return dx, dw
}
