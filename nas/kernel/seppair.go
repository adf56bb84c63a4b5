package kernel

import "fmt"

// SepPair describes a separable convolution: two units of [SepUnit], one after
// another, as one operation.
//
//	x ── first unit ──▶ z1 ── normalised ──▶ y1 ── second unit ──▶ z2 ── normalised ──▶ y
//
// y1 is never stored: the second unit normalises z1 as it loads an image.
// Backward, the sums for the first normalisation are gathered from each image
// of the gradient by y1 as soon as the second unit has made it.
type SepPair struct{ First, Second SepUnit }

// SepWeights are the parameters of one unit, or the gradients by them: Depth is
// (KH, KW, Cin), Point is (Cin, Filters), the others are (Filters).
type SepWeights struct{ Depth, Point, Gamma, Beta []float32 }

// SepSaved is what the forward call of one unit saves for the backward one: Z is
// (N, OH, OW, Filters), D has [SepUnit.Saved] floats, the others are (Filters).
type SepSaved struct{ Z, D, Mean, Invstd []float32 }

// SepMoving groups the moving statistics of a unit, (Filters) each.
type SepMoving struct{ Mean, Variance []float32 }

// normalised is the input of a unit that is given as the z of another unit.
type normalised struct {
	mean, scale, beta []float32 // the vectors of bnApply
	buf               []float32 // for the images of a group
	// scratch in which backward gathers the sums of the gradient
	bn []float32
}

func (n *normalised) values(z []float32) []float32 {
	y := n.buf[:len(z)]
	bnApply(y, z, n.mean, n.scale, n.beta)
	return y
}

// Scratch is the number of floats of scratch that the calls of this pair need.
// Calls that cannot make the gradient by y1 in dx have a place for it there.
func (p SepPair) Scratch() int {
	u, v := p.First, p.Second
	return BNScratch(u.Filters) + v.group()*v.H*v.W*v.Cin + max(u.Scratch(), v.Scratch()+BNScratch(v.Filters)) +
		u.N*u.OH*u.OW*u.Filters
}

// inPlace reports whether the gradient by y1 can be where the gradient by x
// will be.
func (p SepPair) inPlace() bool {
	u := p.First
	return u.H*u.W*u.Cin == u.OH*u.OW*u.Filters
}

// SepPairForward computes y and saves what [SepPairBackward] needs. x is the
// input of the first unit, y the output of the second.
func SepPairForward(y, x []float32, w1, w2 SepWeights, s1, s2 SepSaved, p SepPair, eps float32, scratch []float32) {
	const op = "SepPairForward"
	u, v := p.First, p.Second
	p.check(op, x, y, w1, w2)
	from, scratch := p.take(op, scratch)
	s1.check(op, u)
	s2.check(op, v)
	u.statistics(s1.Z, s1.D, s1.Mean, s1.Invstd, x, w1.Depth, w1.Point, eps, nil, scratch)
	from.mean, from.scale, from.beta = bnVectors(w1.Gamma, w1.Beta, s1.Mean, s1.Invstd, u.Filters, from.bn)
	v.statistics(s2.Z, s2.D, s2.Mean, s2.Invstd, s1.Z, w2.Depth, w2.Point, eps, &from, scratch)
	bnNormalise(y, s2.Z, w2.Gamma, w2.Beta, s2.Mean, s2.Invstd, v.Filters, scratch)
}

// sepInfer is the number of floats of y1 that [SepPairInfer] makes at a time,
// chosen by measurement.
const sepInfer = 16 << 10

// SepPairInfer computes y with the moving statistics, as in [BNInferForward]:
// both units for a few images at a time, whose y1 stays in a fast cache.
func SepPairInfer(y, x []float32, w1, w2 SepWeights, m1, m2 SepMoving, p SepPair, eps float32, scratch []float32) {
	const op = "SepPairInfer"
	u, v := p.First, p.Second
	p.check(op, x, y, w1, w2)
	checkSame(op, u.Filters, len(m1.Mean), len(m1.Variance))
	checkSame(op, v.Filters, len(m2.Mean), len(m2.Variance))
	_, scratch = p.take(op, scratch)
	from, between, to := u.H*u.W*u.Cin, u.OH*u.OW*u.Filters, v.OH*v.OW*v.Filters
	images := max(1, min(p.First.N, sepInfer/between))
	y1s, scratch := scratch[:images*between], scratch[images*between:]
	for n := 0; n < p.First.N; n += images {
		u.N = min(images, p.First.N-n)
		v.N = u.N
		y1 := y1s[:u.N*between]
		u.infer(y1, x[n*from:], w1, m1, eps, scratch)
		v.infer(y[n*to:][:v.N*to], y1, w2, m2, eps, scratch)
	}
}

// SepPairBackward computes the gradients dx, d1 and d2, from dy and from the
// inputs and saved values of the forward call. dx is overwritten and may be dy
// if they have the same size; with acc it is added to, and may not be dy.
func SepPairBackward(dx []float32, d1, d2 SepWeights, dy, x []float32, w1, w2 SepWeights, s1, s2 SepSaved, p SepPair,
	scratch []float32, acc bool) {
	const op = "SepPairBackward"
	u, v := p.First, p.Second
	p.check(op, x, dy, w1, w2)
	p.check(op, dx, dy, d1, d2)
	from, scratch := p.take(op, scratch)
	s1.check(op, u)
	s2.check(op, v)
	f, g := u.Filters, v.Filters
	dy1 := dx
	if acc || !p.inPlace() {
		n := u.N * u.OH * u.OW * f
		dy1, scratch = scratch[:n], scratch[n:]
	}
	bn, rest := scratch[:BNScratch(g)], scratch[BNScratch(g):]
	bnStart(s2.Mean, g, bn)
	bnGradGather(dy, s2.Z, g, bn)
	bnGradFinish(d2.Gamma, d2.Beta, w2.Gamma, s2.Invstd, v.N*v.OH*v.OW, g, bn)
	from.mean, from.scale, from.beta = bnVectors(w1.Gamma, w1.Beta, s1.Mean, s1.Invstd, f, from.bn)
	bnStart(s1.Mean, f, from.bn)
	v.backward(dy1, d2.Depth, d2.Point, dy, s1.Z, s2.Z, s2.D, w2.Depth, w2.Point, bn, &from, rest, false)
	bnGradFinish(d1.Gamma, d1.Beta, w1.Gamma, s1.Invstd, u.N*u.OH*u.OW, f, from.bn)
	u.backward(dx, d1.Depth, d1.Point, dy1, x, s1.Z, s1.D, w1.Depth, w1.Point, from.bn, nil, scratch, acc)
}

func (p SepPair) check(op string, x, y []float32, w1, w2 SepWeights) {
	u, v := p.First, p.Second
	if u.N != v.N || u.OH != v.H || u.OW != v.W || u.Filters != v.Cin {
		panic(fmt.Sprintf("kernel: %s: bad descriptor %+v", op, p))
	}
	for i, w := range [2]SepWeights{w1, w2} {
		u := [2]SepUnit{u, v}[i]
		if len(w.Depth) != u.KH*u.KW*u.Cin || len(w.Point) != u.Cin*u.Filters || len(w.Gamma) != u.Filters ||
			len(w.Beta) != u.Filters {
			panic(fmt.Sprintf("kernel: %s: weights of %d, %d, %d, %d do not fit %+v", op, len(w.Depth), len(w.Point),
				len(w.Gamma), len(w.Beta), u))
		}
	}
	if len(x) != u.N*u.H*u.W*u.Cin || len(y) != v.N*v.OH*v.OW*v.Filters || u.Cin != u.Cout || v.Cin != v.Cout {
		panic(fmt.Sprintf("kernel: %s: lengths %d and %d do not fit %+v", op, len(x), len(y), p))
	}
}

// take splits off from the scratch what every call needs.
func (p SepPair) take(op string, scratch []float32) (from normalised, rest []float32) {
	if s := p.Scratch(); len(scratch) < s {
		panic(fmt.Sprintf("kernel: %s: scratch %d < %d for %+v", op, len(scratch), s, p))
	}
	u, v := p.First, p.Second
	n, group := BNScratch(u.Filters), v.group()*v.H*v.W*v.Cin
	from.bn, from.buf = scratch[:n], scratch[n:][:group]
	return from, scratch[n+group:]
}

func (s SepSaved) check(op string, u SepUnit) {
	u.checkSaved(op, s.D)
	if len(s.Z) != u.N*u.OH*u.OW*u.Filters || len(s.Mean) != u.Filters || len(s.Invstd) != u.Filters {
		panic(fmt.Sprintf("kernel: %s: saved lengths %d, %d, %d do not fit %+v", op, len(s.Z), len(s.Mean),
			len(s.Invstd), u))
	}
}
