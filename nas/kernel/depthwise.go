package kernel

// DepthwiseForward convolves every channel with its own KH x KW filter. x is
// (N, H, W, C), y is (N, OH, OW, C), w is (KH, KW, C); c.Cin == c.Cout == C.
//
//	y[n,oy,ox,ch] = Σ_ky,kx x[n,iy,ix,ch] * w[ky,kx,ch]
func DepthwiseForward(y, x, w []float32, c Conv, scratch []float32) {
	c.checkDepthwise("DepthwiseForward", x, y, w, scratch)
	depthwiseBands(y, x, w, c, scratch, mask{}, false)
}

// depthwiseBands is [DepthwiseForward] with a mask on its results. With acc
// they are added to y.
func depthwiseBands(y, x, w []float32, c Conv, scratch []float32, m mask, acc bool) {
	spread, scratch := scratch[:c.spread()], scratch[c.spread():]
	b := c.bands(wideBand)
	row := c.OW * c.Cin
	scratch, result := scratch[:b.scratch()], scratch[b.scratch():]
	for n := range c.N {
		for o := 0; o < c.OH; o += b.rows {
			rows := min(b.rows, c.OH-o)
			a := b.load(x, n, o, rows, nil, scratch)
			at := (n*c.OH + o) * row
			sum := y[at:][:rows*row]
			out := sum
			if acc {
				out = result[:rows*row]
			}
			isa.dwForward(out, a, w, rows, b.taps(), m.at(n, o), spread)
			if acc {
				isa.add(sum, sum, out)
			}
		}
	}
}

// taps describes where the taps of a depthwise convolution are in a band.
type taps struct {
	ow, c, kh, kw int
	stride        int // columns from pixel to pixel
	dilation      int // columns from tap to tap
	line, tap     int // floats from row to row, and from a tap to the one below
}

// mask says which results of a depthwise convolution become zero: those where x
// is not positive. Rows of x are line floats apart, images are image floats
// apart. If x is nil, no result becomes zero.
type mask struct {
	x           []float32
	line, image int
}

// inputMask is the mask by the input x of the convolution if it has Relu.
func (c Conv) inputMask(x []float32) mask {
	if !c.Relu {
		return mask{}
	}
	return mask{x, c.W * c.Cin, c.H * c.W * c.Cin}
}

// at returns the mask from a row of an image on.
func (m mask) at(image, row int) mask {
	if m.x != nil {
		m.x = m.x[image*m.image+row*m.line:]
	}
	return m
}

func (b bands) taps() taps {
	c := b.c
	return taps{ow: c.OW, c: c.Cin, kh: c.KH, kw: c.KW, stride: c.StrideW, dilation: c.Dilation,
		line: b.line, tap: b.tap}
}

// spread is the size of the scratch in which the portable loop repeats filters
// of few channels, so that it covers more than one pixel at once.
func (c Conv) spread() int { return c.KH * c.KW * spreadWidth(c.Cin) }

func spreadWidth(c int) int { return c * max(1, 64/c) }

func (c Conv) depthwiseScratch() int {
	n := max(c.spread()+c.bands(wideBand).scratch(), c.bands(narrowBand).scratch())
	filter := c.KH * c.KW * c.Cin
	switch {
	case c.StrideH == 1 && c.StrideW == 1:
		t := c.transposed()
		b := t.bands(wideBand)
		return max(n, filter+t.spread()+b.scratch()+b.rows*t.OW*t.Cin)
	case c.phased():
		return max(n, c.phases().scratch())
	default:
		h, w := c.paddedSize()
		return max(n, (h*w+c.H*c.W)*c.Cin)
	}
}

// DepthwiseBackwardData computes the gradient by the input of
// [DepthwiseForward]. dx is overwritten; x is read only when c.Relu is set,
// which masks dx where x <= 0.
func DepthwiseBackwardData(dx, dy, w, x []float32, c Conv, scratch []float32) {
	c.checkDepthwise("DepthwiseBackwardData", dx, dy, w, scratch)
	if c.Relu {
		checkSame("DepthwiseBackwardData", len(dx), len(x))
	}
	depthwiseData(dx, dy, w, c.inputMask(x), c, scratch, false)
}

// depthwiseData is [DepthwiseBackwardData] with a mask and without checks; acc
// adds to dx.
func depthwiseData(dx, dy, w []float32, m mask, c Conv, scratch []float32, acc bool) {
	switch {
	case c.StrideH == 1 && c.StrideW == 1:
		flipped, rest := scratch[:len(w)], scratch[len(w):]
		n := c.KH * c.KW
		for t := range n {
			copy(flipped[(n-1-t)*c.Cin:][:c.Cin], w[t*c.Cin:])
		}
		depthwiseBands(dx, dy, flipped, c.transposed(), rest, m, acc)
	case c.phased():
		c.gatherPhases(dx, dy, w, m, scratch, acc)
	default:
		c.scatterDepthwise(dx, dy, w, m, scratch, acc)
	}
}

// phased reports whether gatherPhases computes this gradient.
func (c Conv) phased() bool {
	return c.StrideH == 2 && c.StrideW == 2 && c.Dilation == 1 && c.PadTop >= 0 && c.PadLeft >= 0
}

// phases is the layout of gatherPhases.
type phases struct {
	lead  int // columns of zeros before the gradients of a row
	width int // columns of a padded row of gradients
	pairs int // pairs of columns of dx that are computed
	rows  int // rows of gradients
	c     int
}

func (c Conv) phases() phases {
	lead := (c.KW - 1) / 2
	pairs := (c.W + c.PadLeft + 1) / 2
	return phases{lead: lead, width: lead + max(c.OW, pairs), pairs: pairs, rows: c.OH, c: c.Cin}
}

func (p phases) scratch() int { return (p.rows*p.width + 2*p.pairs) * p.c }

// gatherPhases is depthwiseData for stride 2. An input pixel meets only the
// taps of its own parity:
//
//	dx[iy,ix] = Σ_ky≡iy+PadTop, kx≡ix+PadLeft (mod 2) dy[(iy+PadTop-ky)/2, (ix+PadLeft-kx)/2] * w[ky,kx]
func (c Conv) gatherPhases(dx, dy, w []float32, m mask, scratch []float32, acc bool) {
	p := c.phases()
	grads, line := scratch[:p.rows*p.width*p.c], scratch[p.rows*p.width*p.c:][:2*p.pairs*p.c]
	row := p.width * p.c
	clear(grads)
	for n := range c.N {
		for oy := range c.OH {
			copy(grads[oy*row+p.lead*p.c:][:c.OW*p.c], dy[(n*c.OH+oy)*c.OW*p.c:])
		}
		for iy := range c.H {
			out := dx[(n*c.H+iy)*c.W*p.c:][:c.W*p.c]
			// The taps ky, ky+2, ... meet the gradient rows oy, oy-1, ...
			ky := (iy + c.PadTop) % 2
			oy := (iy + c.PadTop - ky) / 2
			if over := oy - (c.OH - 1); over > 0 {
				ky, oy = ky+2*over, oy-over
			}
			count := 0
			if ky < c.KH {
				count = min((c.KH-ky+1)/2, oy+1)
			}
			if count <= 0 {
				if !acc {
					clear(out)
				}
				continue
			}
			isa.dwGather(line, grads, w[ky*c.KW*p.c:], oy*row, row, count, p.pairs, p.c, c.KW, p.lead)
			finish(out, line[c.PadLeft*p.c:][:len(out)], m.at(n, iy), acc)
		}
	}
}

// finish writes or adds a row of a gradient to dx, with a mask. It may
// overwrite made.
func finish(dx, made []float32, m mask, acc bool) {
	switch {
	case m.x != nil && acc:
		isa.reluBackward(made, made, m.x[:len(made)])
		isa.add(dx, dx, made)
	case m.x != nil:
		isa.reluBackward(dx, made, m.x[:len(made)])
	case acc:
		isa.add(dx, dx, made)
	default:
		copy(dx, made)
	}
}

// scatterDepthwise is depthwiseData for any stride.
func (c Conv) scatterDepthwise(dx, dy, w []float32, m mask, scratch []float32, acc bool) {
	h, width := c.paddedSize()
	image := scratch[:h*width*c.Cin]
	cropped := scratch[len(image):][:c.H*c.W*c.Cin]
	for n := range c.N {
		clear(image)
		for o := range c.OH * c.OW {
			d := dy[(n*c.OH*c.OW+o)*c.Cin:][:c.Cin]
			for t := range c.KH * c.KW {
				iy, ix := o/c.OW*c.StrideH+t/c.KW*c.Dilation, o%c.OW*c.StrideW+t%c.KW*c.Dilation
				to, f := image[(iy*width+ix)*c.Cin:][:len(d)], w[t*c.Cin:][:len(d)]
				for j, v := range d {
					to[j] += v * f[j]
				}
			}
		}
		c.crop(cropped, image, h, width)
		for iy := range c.H {
			row := cropped[iy*c.W*c.Cin:][:c.W*c.Cin]
			finish(dx[n*len(cropped)+iy*len(row):][:len(row)], row, m.at(n, iy), acc)
		}
	}
}

// DepthwiseBackwardWeight computes the gradient by the weights of
// [DepthwiseForward]. dw is overwritten.
func DepthwiseBackwardWeight(dw, x, dy []float32, c Conv, scratch []float32) {
	c.checkDepthwise("DepthwiseBackwardWeight", x, dy, dw, scratch)
	clear(dw)
	depthwiseWeight(dw, x, dy, c, scratch)
}

// depthwiseWeight is [DepthwiseBackwardWeight] added to dw.
func depthwiseWeight(dw, x, dy []float32, c Conv, scratch []float32) {
	b := c.bands(narrowBand)
	for n := range c.N {
		for o := 0; o < c.OH; o += b.rows {
			rows := min(b.rows, c.OH-o)
			a := b.load(x, n, o, rows, nil, scratch)
			isa.dwWeight(dw, a, dy[(n*c.OH+o)*c.OW*c.Cin:][:rows*c.OW*c.Cin], rows, b.taps())
		}
	}
}

func (c Conv) checkDepthwise(op string, x, y, w, scratch []float32) {
	if c.Cin != c.Cout {
		panic("kernel: " + op + ": Cin and Cout differ")
	}
	c.check(op, x, y, w, c.KH*c.KW*c.Cin, scratch)
}
