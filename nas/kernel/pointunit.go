package kernel

import (
	"fmt"
	"slices"
)

// PointUnit describes how a cell takes another cell's output, as one operation:
// 1x1 convolutions (of max(x, 0) with Relu) and batch normalisation of an input
// given in parts, which stand for their concatenation along channels.
//
//	parts ── joined ──▶ a ── 1x1 of each path, joined ──▶ z ── gamma, beta ──▶ y
//
// Output pixel (oy, ox) of path i is computed from the input pixel
//
//	(oy*Stride + i, ox*Stride + i)
//
// and zero where that is outside the image: two paths with stride 2 are a
// factorized reduction. There are at most Stride paths, so no two of them read
// the same input pixel.
//
// The joined input is never in memory as a whole: a band of its pixels is
// assembled in a fast cache, where the products read it.
//
//	backward, first all of dy and z:   dgamma, dbeta
//	then for each band:                parts ──▶ a;  dy, z ──▶ dz
//	                                   a, dz ──▶ dw;  dz ──▶ da;  da, a > 0 ──▶ dx of each part
type PointUnit struct {
	N, H, W  int   // input pixels
	Channels []int // of each part
	Filters  []int // of each path
	Stride   int
	Relu     bool
}

// PointWeights are the parameters of a unit, or the gradients by them: path i is
// (Σ Channels, Filters[i]), the others are (Σ Filters).
type PointWeights struct {
	Paths       [][]float32
	Gamma, Beta []float32
}

// PointSaved is what the forward call saves for the backward one: Z is
// (N, OH, OW, Σ Filters), the others are (Σ Filters).
type PointSaved struct{ Z, Mean, Invstd []float32 }

// pointBand is the number of floats in a band of the joined input, chosen by
// measurement.
const pointBand = 16 << 10

// Out returns the rows and columns of output pixels: ceil(H/Stride),
// ceil(W/Stride).
func (u PointUnit) Out() (h, w int) {
	return (u.H + u.Stride - 1) / u.Stride, (u.W + u.Stride - 1) / u.Stride
}

func (u PointUnit) pixels() int {
	h, w := u.Out()
	return u.N * h * w
}

// direct reports whether the products read the input itself, without a copy.
func (u PointUnit) direct() bool { return len(u.Channels) == 1 && u.Stride == 1 && !u.Relu }

// band is the number of output pixels per band: with a stride, whole rows.
func (u PointUnit) band() int {
	m := max(pointBand/sum(u.Channels)/12*12, 12)
	if _, w := u.Out(); u.Stride > 1 {
		m = max(m/w, 1) * w
	}
	return min(m, u.pixels())
}

// Scratch returns how many floats of scratch space a call with this unit needs.
func (u PointUnit) Scratch() int {
	c, f, m := sum(u.Channels), sum(u.Filters), u.band()
	n := BNScratch(f) + c*f + m*f
	if !u.direct() {
		n += 2 * m * c
	}
	return n
}

// PointUnitForward computes y, which is (N, OH, OW, Σ Filters), from the parts,
// which are (N, H, W, Channels[p]), and saves what [PointUnitBackward] needs:
//
//	z = a·w of each path
//	mean, invstd = those of z, as in [BNTrainForward]
//	y = (z-mean)*invstd*gamma + beta
//
// y may be z if z is not needed later.
func PointUnitForward(y []float32, parts [][]float32, w PointWeights, s PointSaved, u PointUnit, eps float32,
	scratch []float32) {
	const op = "PointUnitForward"
	u.check(op, parts, y, w, scratch)
	s.check(op, u)
	f := sum(u.Filters)
	bn, scratch := scratch[:BNScratch(f)], scratch[BNScratch(f):]
	u.forward(s.Z, parts, w, scratch, func(at int, piece []float32) {
		if at == 0 {
			bnStart(piece[:f], f, bn)
		}
		bnGather(piece, f, bn)
	})
	bnFinish(s.Mean, s.Invstd, u.pixels(), f, eps, bn)
	bnNormalise(y, s.Z, w.Gamma, w.Beta, s.Mean, s.Invstd, f, bn)
}

// PointUnitInfer is [PointUnitForward] with the moving statistics, as in
// [BNInferForward].
func PointUnitInfer(y []float32, parts [][]float32, w PointWeights, movingMean, movingVar []float32, u PointUnit,
	eps float32, scratch []float32) {
	u.check("PointUnitInfer", parts, y, w, scratch)
	f := sum(u.Filters)
	u.forward(y, parts, w, scratch, func(_ int, piece []float32) {
		BNInferForward(piece, piece, w.Gamma, w.Beta, movingMean, movingVar, len(piece)/f, f, eps)
	})
}

// forward computes z in bands. It passes each band, with the number of its
// first pixel, to made while the band is still in a cache.
func (u PointUnit) forward(z []float32, parts [][]float32, w PointWeights, scratch []float32,
	made func(at int, piece []float32)) {
	c, f := sum(u.Channels), sum(u.Filters)
	pixels, band := u.pixels(), u.band()
	for at := 0; at < pixels; at += band {
		m, column := min(band, pixels-at), 0
		piece := z[at*f:][:m*f]
		for i, filters := range u.Filters {
			a := u.load(scratch, parts, at, m, i)
			gemm(piece[column:], a, w.Paths[i], m, filters, f, filters, dense(m, c, c), false)
			column += filters
		}
		made(at, piece)
	}
}

// PointUnitBackward computes the gradients dx of each part and d, from dy and
// from the inputs and saved values of the forward call. If add[p] is set, the
// gradient of part p is added to dx[p]; otherwise it overwrites it. Without a
// stride, dx[0] may be dy if they have the same size and add[0] is not set.
func PointUnitBackward(dx [][]float32, add []bool, d PointWeights, dy []float32, parts [][]float32, w PointWeights,
	s PointSaved, u PointUnit, scratch []float32) {
	const op = "PointUnitBackward"
	u.check(op, parts, dy, w, scratch)
	u.check(op, dx, dy, d, scratch)
	s.check(op, u)
	checkSame(op, len(dx), len(add))
	c, f := sum(u.Channels), sum(u.Filters)
	pixels, band := u.pixels(), u.band()
	take := func(n int) (t []float32) {
		t, scratch = scratch[:n], scratch[n:]
		return t
	}
	bn, transposed, dz := take(BNScratch(f)), take(c*f), take(band*f)
	bnStart(s.Mean, f, bn)
	bnGradGather(dy, s.Z, f, bn)
	bnGradFinish(d.Gamma, d.Beta, w.Gamma, s.Invstd, pixels, f, bn)
	column := 0
	for i, filters := range u.Filters {
		transpose(transposed[column*c:], w.Paths[i], c, filters, c)
		clear(d.Paths[i])
		column += filters
	}
	for at := 0; at < pixels; at += band {
		m, column := min(band, pixels-at), 0
		dz := dz[:m*f]
		bnGradApply(dz, dy[at*f:][:m*f], s.Z[at*f:][:m*f], f, bn)
		u.clear(dx, add, at, m)
		for i, filters := range u.Filters {
			a := u.load(scratch, parts, at, m, i)
			gemmTN(d.Paths[i], a, dz[column:], m, filters, filters, f, dense(m, c, c))
			if u.direct() {
				gemm(dx[0][at*c:], dz[column:], transposed, m, c, c, c, dense(m, filters, f), add[0])
			} else {
				da := scratch[m*c:][:m*c]
				gemm(da, dz[column:], transposed[column*c:], m, c, c, c, dense(m, filters, f), false)
				u.store(dx, add, da, a, at, m, i)
			}
			column += filters
		}
	}
}

// load returns the m pixels of the joined input under the output pixels of a
// path from the pixel at on: in place if there is only one part, else in a.
func (u PointUnit) load(a []float32, parts [][]float32, at, m, path int) []float32 {
	c := sum(u.Channels)
	if u.direct() {
		return parts[0][at*c:][:m*c]
	}
	a = a[:m*c]
	rows := isa.copyRows
	if u.Relu {
		rows = isa.reluRows
	}
	column := 0
	for p, width := range u.Channels {
		u.stretches(at, m, path, func(out, count, in, inside int) {
			if column == 0 && inside < count {
				clear(a[(out+inside)*c : (out+count)*c])
			}
			if inside > 0 {
				rows(a[out*c+column:], parts[p][in*width:], inside, width, c, u.Stride*width)
			}
		})
		column += width
	}
	return a
}

// store moves the gradient da by the pixels a of load, which are (m, channels),
// to the gradients by the parts.
func (u PointUnit) store(dx [][]float32, add []bool, da, a []float32, at, m, path int) {
	c, column := sum(u.Channels), 0
	for p, width := range u.Channels {
		u.stretches(at, m, path, func(out, _, in, inside int) {
			if inside == 0 {
				return
			}
			to, from, where := dx[p][in*width:], da[out*c+column:], a[out*c+column:]
			switch {
			case u.Relu && add[p]:
				isa.maskAddRows(to, from, where, inside, width, u.Stride*width, c)
			case u.Relu:
				isa.maskRows(to, from, where, inside, width, u.Stride*width, c)
			case add[p]:
				isa.addRows(to, from, inside, width, u.Stride*width, c)
			default:
				isa.copyRows(to, from, inside, width, u.Stride*width, c)
			}
		})
		column += width
	}
}

// clear zeroes, before anything is stored, the gradients around the output
// pixels [at, at+m), because no path reads some of those pixels.
func (u PointUnit) clear(dx [][]float32, add []bool, at, m int) {
	if u.Stride == 1 {
		return
	}
	u.stretches(at, m, 0, func(_, _, in, _ int) {
		rows := min(u.Stride, u.H-in/u.W%u.H)
		for p, width := range u.Channels {
			if !add[p] {
				clear(dx[p][in*width:][:rows*u.W*width])
			}
		}
	})
}

// stretches cuts the output pixels [at, at+m) into stretches in which a path's
// input pixels are Stride apart: count pixels from at+out on, the first inside
// of which are in the image, from the input pixel in on.
func (u PointUnit) stretches(at, m, path int, f func(out, count, in, inside int)) {
	if u.Stride == 1 {
		f(0, m, at, m)
		return
	}
	h, w := u.Out()
	for out := 0; out < m; out += w {
		row := (at + out) / w
		y, inside := row%h*u.Stride+path, (u.W-path+u.Stride-1)/u.Stride
		if y >= u.H {
			inside = 0
		}
		f(out, w, (row/h*u.H+y)*u.W+path, inside)
	}
}

func sum(s []int) (n int) {
	for _, v := range s {
		n += v
	}
	return n
}

// check panics unless the parts or their gradients, y or its gradient, and the
// weights or their gradients have the unit's lengths.
func (u PointUnit) check(op string, parts [][]float32, y []float32, w PointWeights, scratch []float32) {
	if u.N < 1 || u.H < 1 || u.W < 1 || u.Stride < 1 || len(u.Channels) < 1 || len(u.Filters) < 1 ||
		len(u.Filters) > u.Stride {
		u.bad(op, "descriptor", 0)
	}
	if len(parts) != len(u.Channels) || len(w.Paths) != len(u.Filters) {
		u.bad(op, "number of parts or paths", len(parts))
	}
	for p, c := range u.Channels {
		if c < 1 || len(parts[p]) != u.N*u.H*u.W*c {
			u.bad(op, "length of a part", len(parts[p]))
		}
	}
	for i, f := range u.Filters {
		if f < 1 || len(w.Paths[i]) != sum(u.Channels)*f {
			u.bad(op, "length of weights", len(w.Paths[i]))
		}
	}
	f := sum(u.Filters)
	if len(w.Gamma) != f || len(w.Beta) != f || len(y) != u.pixels()*f {
		u.bad(op, "length of the output, gamma or beta", len(y))
	}
	if len(scratch) < u.Scratch() {
		u.bad(op, "length of scratch", len(scratch))
	}
}

func (s PointSaved) check(op string, u PointUnit) {
	f := sum(u.Filters)
	if len(s.Z) != u.pixels()*f || len(s.Mean) != f || len(s.Invstd) != f {
		u.bad(op, "length of saved values", len(s.Z))
	}
}

// bad panics: what, the number n, does not fit.
func (u PointUnit) bad(op, what string, n int) {
	// the slices of every call stay on the stack
	u.Channels, u.Filters = slices.Clone(u.Channels), slices.Clone(u.Filters)
	panic(fmt.Sprintf("kernel: %s: %s %d does not fit %+v", op, what, n, u))
}
