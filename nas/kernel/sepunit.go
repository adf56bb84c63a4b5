package kernel

import "fmt"

// SepUnit describes the unit that separable convolutions are made of, as one
// operation: a depthwise convolution (of max(x, 0) with Relu), a pointwise one
// to Filters channels without padding or stride, batch normalisation.
//
//	x ── depthwise, wd ──▶ d ── 1x1, wp ──▶ z ── gamma, beta ──▶ y
//
// Forward, bands of d stay in a fast cache from one convolution to the next,
// and the statistics are gathered from z while it is there. Backward, a few
// images pass through everything together, and the gradients by d and z are
// never in memory as a whole. d is computed again, unless the filter is so
// large that saving it costs less ([SepUnit.Saved]).
//
//	backward, first all of dy and z:   dgamma, dbeta
//	then for each few images:          x ──▶ d
//	                                   dy, z ──▶ dz;  d, dz ──▶ dwp;  dz ──▶ dd
//	                                   x, dd ──▶ dwd;  dd, x > 0 ──▶ dx
type SepUnit struct {
	Conv        // the depthwise convolution: Cin == Cout
	Filters int // channels of y
}

// Sizes, chosen by measurement.
const (
	sepChunk = 4 << 10 // floats of d or z that make a product worth the call
	// most floats of a padded image that is kept while d and dwd are computed
	// from it
	sepPadded = 48 << 10
	sepLarge  = 25 // taps from which on d is saved
)

// Saved is the number of floats of d that the forward call saves for the
// backward one: none if computing them again costs less.
func (u SepUnit) Saved() int {
	if u.KH*u.KW < sepLarge {
		return 0
	}
	return u.N * u.OH * u.OW * u.Cin
}

func (u SepUnit) checkSaved(op string, d []float32) {
	if len(d) != u.Saved() {
		panic(fmt.Sprintf("kernel: %s: %d saved floats, want %d", op, len(d), u.Saved()))
	}
}

// Scratch is the number of floats of scratch that the calls of this unit need.
func (u SepUnit) Scratch() int { return max(u.forwardScratch(), u.backwardScratch()) }

func (u SepUnit) forwardScratch() int {
	b := u.sepBands()
	return BNScratch(u.Filters) + u.spread() + b.scratch() + b.pixels()*u.Cin
}

func (u SepUnit) backwardScratch() int {
	padded, image := u.padded()
	return BNScratch(u.Filters) + u.Cin*u.Filters + padded.sepBands().pixels()*u.Filters +
		u.group()*(u.OH*u.OW*u.Cin+image) + max(u.depthwiseScratch(), padded.depthwiseScratch())
}

// group is the number of images that go backward together.
func (u SepUnit) group() int {
	return max(1, min(u.N, sepChunk/(u.OH*u.OW*max(u.Cin, u.Filters))))
}

// padded returns the depthwise convolution of an image with padding and Relu
// already applied, and the image's floats. If there is nothing to apply or the
// image is too large for this to pay off, it returns the convolution as it is
// and 0.
func (u SepUnit) padded() (c Conv, image int) {
	b := u.bands(wideBand)
	if b.direct || u.KH == 1 {
		return u.Conv, 0
	}
	c = u.Conv
	c.H, c.W = (u.OH-1)*u.StrideH+(u.KH-1)*u.Dilation+1, b.width
	c.PadTop, c.PadLeft, c.Relu = 0, 0, false
	if image = c.H * c.W * c.Cin; image > sepPadded {
		return u.Conv, 0
	}
	return c, image
}

// statistics computes z and its statistics:
//
//	d = depthwise(x, wd)
//	z = pointwise(d, wp)
//	mean, invstd = those of z, as in [BNTrainForward]
//
// x is (N, H, W, Cin), or from what is normalised to it; wd is (KH, KW, Cin),
// wp is (Cin, Filters), z is (N, OH, OW, Filters), d has [SepUnit.Saved]
// floats. backward needs d, z, mean and invstd.
func (u SepUnit) statistics(z, d, mean, invstd, x, wd, wp []float32, eps float32, from *normalised, scratch []float32) {
	f := u.Filters
	bn, scratch := scratch[:BNScratch(f)], scratch[BNScratch(f):]
	u.forward(z, d, x, wd, wp, from, scratch, func(at int, piece []float32) {
		if at == 0 {
			bnStart(piece[:f], f, bn)
		}
		bnGather(piece, f, bn)
	})
	bnFinish(mean, invstd, u.N*u.OH*u.OW, f, eps, bn)
}

// infer computes y from x with the moving statistics, as in [BNInferForward].
func (u SepUnit) infer(y, x []float32, w SepWeights, m SepMoving, eps float32, scratch []float32) {
	f := u.Filters
	u.forward(y, nil, x, w.Depth, w.Point, nil, scratch, func(_ int, piece []float32) {
		BNInferForward(piece, piece, w.Gamma, w.Beta, m.Mean, m.Variance, len(piece)/f, f, eps)
	})
}

// forward computes z in pieces and shows each, with its place in z, while it is
// in a cache.
func (u SepUnit) forward(z, d, x, wd, wp []float32, from *normalised, scratch []float32,
	made func(at int, piece []float32)) {
	f, b := u.Filters, u.sepBands()
	keep := len(d) > 0
	if !keep {
		d = scratch[u.spread()+b.scratch():]
	}
	pieces(x, wd, u.Conv, b, from, d, keep, scratch, func(at, m int, d []float32) {
		piece := z[at*f:][:m*f]
		gemm(piece, d, wp, m, f, f, f, dense(m, u.Cin, u.Cin), false)
		made(at*f, piece)
	})
}

// pieces computes d, by the convolution c in bands b, and shows it in pieces of
// m pixels from the pixel at on: small enough for a fast cache, and large
// enough for a product. With keep, d has all of them, else only the current
// one.
func pieces(x, wd []float32, c Conv, b bands, from *normalised, d []float32, keep bool, scratch []float32,
	made func(at, m int, d []float32)) {
	spread, band := scratch[:c.spread()], scratch[c.spread():]
	at, m := 0, 0 // pixels shown, and pixels that wait
	size := c.H * c.W * c.Cin
	for n := range c.N {
		image, loaded := x[n*size:][:size], from
		if from != nil && b.direct {
			image, loaded = from.values(image), nil
		}
		for o := 0; o < c.OH; o += b.rows {
			rows := min(b.rows, c.OH-o)
			pixels := rows * c.OW
			isa.dwForward(d[m*c.Cin:][:pixels*c.Cin], b.load(image, 0, o, rows, loaded, band), wd, rows, b.taps(),
				mask{}, spread)
			m += pixels
			if m*c.Cin < sepChunk && (n < c.N-1 || o+rows < c.OH) {
				continue
			}
			made(at, m, d)
			if keep {
				d = d[m*c.Cin:]
			}
			at, m = at+m, 0
		}
	}
}

// backward computes the gradients dx, dwd and dwp from dy, the inputs and
// results of statistics, and bn after bnGradFinish. With Relu, dx is masked
// where x <= 0. It is overwritten and may be dy if they have the same size;
// with acc it is added to.
func (u SepUnit) backward(dx, dwd, dwp, dy, x, z, d, wd, wp, bn []float32, from *normalised,
	scratch []float32, acc bool) {
	c, f, pixels := u.Conv, u.Filters, u.OH*u.OW
	take := func(n int) (s []float32) {
		s, scratch = scratch[:n], scratch[n:]
		return s
	}
	p, image := u.padded()
	b := p.sepBands()
	wt, group := take(len(wp)), u.group()
	dz, dds, images := take(b.pixels()*f), take(group*pixels*c.Cin), take(group*image)
	transpose(wt, wp, c.Cin, f, c.Cin)
	clear(dwd)
	clear(dwp)
	whole := c.bands(wideBand)
	whole.rows = c.OH
	// The whole input is in the padded image.
	inside := image > 0 && c.PadTop >= 0 && c.PadLeft >= 0 && c.PadTop+c.H <= p.H && c.PadLeft+c.W <= p.W
	for n := 0; n < u.N; n += group {
		c.N = min(group, u.N-n)
		p.N = c.N
		given, dd := x[n*c.H*c.W*c.Cin:][:c.N*c.H*c.W*c.Cin], dds[:c.N*pixels*c.Cin]
		in, loaded := given, from
		if from != nil && !inside {
			in, loaded = from.values(given), nil
		}
		products := func(at, m int, d []float32) {
			place, dz := (n*pixels+at)*f, dz[:m*f]
			bnGradApply(dz, dy[place:][:m*f], z[place:][:m*f], f, bn)
			gemmTN(dwp, d, dz, m, f, f, f, dense(m, c.Cin, c.Cin))
			gemm(dd[at*c.Cin:], dz, wt, m, c.Cin, c.Cin, c.Cin, dense(m, f, f), false)
		}
		src := in
		if image > 0 {
			src = images[:c.N*image]
			for i := range c.N {
				whole.load(in, i, 0, c.OH, loaded, src[i*image:][:image])
			}
		}
		if len(d) > 0 {
			for at := 0; at < c.N*pixels; at += b.pixels() {
				products(at, min(b.pixels(), c.N*pixels-at), d[(n*pixels+at)*c.Cin:])
			}
		} else {
			pieces(src, wd, p, b, nil, dd, true, scratch, products)
		}
		depthwiseWeight(dwd, src, dd, p, scratch)
		out := dx[n*c.H*c.W*c.Cin:][:len(in)]
		m := c.inputMask(in)
		if inside && c.Relu {
			m = mask{images[(c.PadTop*p.W+c.PadLeft)*c.Cin:], p.W * c.Cin, image}
		}
		depthwiseData(out, dd, wd, m, c, scratch, acc)
		if from != nil {
			bnGradGather(out, given, c.Cin, from.bn)
		}
	}
}

// sepBands returns the bands of d, no larger than a piece if that costs
// nothing.
func (c Conv) sepBands() bands {
	b := c.bands(wideBand)
	if b.direct {
		b.rows = max(1, min(b.rows, sepChunk/(c.OW*c.Cin)))
	}
	return b
}

// pixels is the most pixels that a piece of d has.
func (b bands) pixels() int { return sepChunk/b.c.Cin + b.rows*b.c.OW }
