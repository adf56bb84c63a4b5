package kernel

import "fmt"

// Conv describes one 2-D convolution (or, with Cout == Cin, a depthwise one)
// with explicit padding: output pixel (oy, ox) reads, for every tap (ky, kx),
// the input pixel
//
//	iy = oy*StrideH - PadTop  + ky*Dilation
//	ix = ox*StrideW - PadLeft + kx*Dilation
//
// and zero where that is outside the image. Padding may be negative: with
// PadTop = PadLeft = -1 the taps start at row 1, column 1 and read zeros past
// the end.
type Conv struct {
	N, H, W, Cin     int  // input (N, H, W, Cin)
	OH, OW, Cout     int  // output (N, OH, OW, Cout)
	KH, KW           int  // taps
	StrideH, StrideW int  //
	Dilation         int  // distance between taps, 1 for an ordinary convolution
	PadTop, PadLeft  int  //
	Relu             bool // the input is max(x, 0), applied as it is loaded
}

// Same describes a convolution with TensorFlow's SAME padding: OH = ceil(h/sh),
// and the odd row or column of padding goes to the bottom and the right.
func Same(n, h, w, cin, cout, kh, kw, sh, sw, dilation int) Conv {
	oh, top := samePad(h, kh, sh, dilation)
	ow, left := samePad(w, kw, sw, dilation)
	return Conv{N: n, H: h, W: w, Cin: cin, OH: oh, OW: ow, Cout: cout, KH: kh, KW: kw,
		StrideH: sh, StrideW: sw, Dilation: dilation, PadTop: top, PadLeft: left}
}

// Valid describes a convolution without padding.
func Valid(n, h, w, cin, cout, kh, kw, sh, sw, dilation int) Conv {
	return Conv{N: n, H: h, W: w, Cin: cin, Cout: cout, KH: kh, KW: kw,
		OH: (h-(kh-1)*dilation-1)/sh + 1, OW: (w-(kw-1)*dilation-1)/sw + 1,
		StrideH: sh, StrideW: sw, Dilation: dilation}
}

// samePad returns the output size and the padding before the first element of
// one axis under TensorFlow's SAME rule.
func samePad(size, k, stride, dilation int) (out, before int) {
	out = (size + stride - 1) / stride
	total := (out-1)*stride + (k-1)*dilation + 1 - size
	return out, max(total, 0) / 2
}

func (c Conv) check(op string, x, y, w []float32, weights int, scratch []float32) {
	if c.N < 0 || c.H < 1 || c.W < 1 || c.Cin < 1 || c.Cout < 1 || c.OH < 1 || c.OW < 1 ||
		c.KH < 1 || c.KW < 1 || c.StrideH < 1 || c.StrideW < 1 || c.Dilation < 1 {
		panic(fmt.Sprintf("kernel: %s: bad descriptor %+v", op, c))
	}
	if len(x) != c.N*c.H*c.W*c.Cin || len(y) != c.N*c.OH*c.OW*c.Cout || len(w) != weights {
		panic(fmt.Sprintf("kernel: %s: lengths input %d output %d weights %d do not fit %+v", op, len(x),
			len(y), len(w), c))
	}
	if s := c.Scratch(); len(scratch) < s {
		panic(fmt.Sprintf("kernel: %s: scratch %d < %d for %+v", op, len(scratch), s, c))
	}
}

// Scratch is the number of floats of scratch that the convolution and depthwise
// calls need for this descriptor.
func (c Conv) Scratch() int {
	p := c.pointwise()
	n := max(p.bands(wideBand).scratch(), p.bands(narrowBand).scratch(), c.bands(wideBand).scratch(),
		c.bands(narrowBand).scratch())
	weights := c.KH * c.KW * c.Cin * c.Cout
	if c.StrideH == 1 && c.StrideW == 1 {
		t := c.transposed()
		n = max(n, weights+max(t.pointwise().bands(wideBand).scratch(), t.bands(wideBand).scratch()))
	} else {
		h, w := c.paddedSize()
		n = max(n, weights+h*w*c.Cin+c.columnRows()*c.OW*c.KH*c.KW*c.Cin)
	}
	if c.Cin == c.Cout {
		n = max(n, c.depthwiseScratch())
	}
	return n
}

// ConvForward computes y = conv(x, w). y is (N, OH, OW, Cout), x is
// (N, H, W, Cin), w is (KH, KW, Cin, Cout).
//
//	y[n,oy,ox,co] = Σ_ky,kx,ci x[n,iy,ix,ci] * w[ky,kx,ci,co]
func ConvForward(y, x, w []float32, c Conv, scratch []float32) {
	c.check("ConvForward", x, y, w, c.KH*c.KW*c.Cin*c.Cout, scratch)
	convBands(y, x, w, c.pointwise(), scratch, nil)
}

// convBands is [ConvForward], but y is zero where mask is not nil and <= 0.
func convBands(y, x, w []float32, c Conv, scratch, mask []float32) {
	b := c.bands(wideBand)
	row := c.OW * c.Cout
	for n := range c.N {
		for o := 0; o < c.OH; o += b.rows {
			rows := min(b.rows, c.OH-o)
			a := b.load(x, n, o, rows, nil, scratch)
			at := (n*c.OH + o) * row
			out := y[at:][:rows*row]
			if c.Dilation == 1 {
				l := lines{width: c.OW, pixel: c.StrideW * c.Cin, line: b.line, segs: c.KH, k: c.KW * c.Cin, seg: b.tap}
				gemm(out, a, w, rows*c.OW, c.Cout, c.Cout, c.Cout, l, false)
			} else {
				l := lines{width: c.OW, pixel: c.StrideW * c.Cin, line: b.line, segs: c.KW, k: c.Cin,
					seg: c.Dilation * c.Cin}
				for ky := range c.KH {
					gemm(out, a[ky*b.tap:], w[ky*c.KW*c.Cin*c.Cout:], rows*c.OW, c.Cout, c.Cout, c.Cout, l, ky > 0)
				}
			}
			if mask != nil {
				isa.reluBackward(out, out, mask[at:][:rows*row])
			}
		}
	}
}

// transposed returns the convolution of dy with the flipped filter that gives
// dx, for stride 1.
func (c Conv) transposed() Conv {
	return Conv{N: c.N, H: c.OH, W: c.OW, Cin: c.Cout, OH: c.H, OW: c.W, Cout: c.Cin, KH: c.KH, KW: c.KW,
		StrideH: 1, StrideW: 1, Dilation: c.Dilation,
		PadTop: (c.KH-1)*c.Dilation - c.PadTop, PadLeft: (c.KW-1)*c.Dilation - c.PadLeft}
}

// ConvBackwardData computes the gradient of the loss by the input of
// [ConvForward] from the gradient dy by its output. dx is overwritten. x is
// read only when c.Relu is set, which masks dx where x <= 0.
func ConvBackwardData(dx, dy, w, x []float32, c Conv, scratch []float32) {
	c.check("ConvBackwardData", dx, dy, w, c.KH*c.KW*c.Cin*c.Cout, scratch)
	if c.Relu {
		checkSame("ConvBackwardData", len(dx), len(x))
	} else {
		x = nil
	}
	if c.StrideH == 1 && c.StrideW == 1 {
		wt, rest := scratch[:len(w)], scratch[len(w):]
		taps := c.KH * c.KW
		for t := range taps { // wt[taps-1-t, co, ci] = w[t, ci, co]
			transpose(wt[(taps-1-t)*c.Cin*c.Cout:], w[t*c.Cin*c.Cout:], c.Cin, c.Cout, c.Cin)
		}
		convBands(dx, dy, wt, c.transposed().pointwise(), rest, x)
		return
	}
	c.scatterColumns(dx, dy, w, scratch)
	if x != nil {
		ReluBackward(dx, dx, x)
	}
}

// scatterColumns is [ConvBackwardData] without the mask, for any stride: a
// product makes the gradients of each output pixel's window, which are added
// into a padded image.
func (c Conv) scatterColumns(dx, dy, w, scratch []float32) {
	k := c.KH * c.KW * c.Cin
	wt, scratch := scratch[:len(w)], scratch[len(w):]
	transpose(wt, w, k, c.Cout, k) // wt[co, (ky, kx, ci)]
	h, width := c.paddedSize()
	image, columns := scratch[:h*width*c.Cin], scratch[h*width*c.Cin:]
	block := c.columnRows()
	for n := range c.N {
		clear(image)
		for o := 0; o < c.OH; o += block {
			rows := min(block, c.OH-o)
			gemm(columns, dy[(n*c.OH+o)*c.OW*c.Cout:], wt, rows*c.OW, k, k, k, dense(rows*c.OW, c.Cout, c.Cout), false)
			for i := range rows * c.OW {
				oy, ox := o+i/c.OW, i%c.OW
				for ky := range c.KH {
					col := columns[i*k+ky*c.KW*c.Cin:][:c.KW*c.Cin]
					to := image[((oy*c.StrideH+ky*c.Dilation)*width+ox*c.StrideW)*c.Cin:]
					if c.Dilation == 1 {
						isa.add(to[:len(col)], to, col)
						continue
					}
					for kx := range c.KW {
						isa.add(to[kx*c.Dilation*c.Cin:][:c.Cin], to[kx*c.Dilation*c.Cin:], col[kx*c.Cin:][:c.Cin])
					}
				}
			}
		}
		c.crop(dx[n*c.H*c.W*c.Cin:][:c.H*c.W*c.Cin], image, h, width)
	}
}

// paddedSize returns the rows and columns of input that the windows span.
func (c Conv) paddedSize() (h, w int) {
	return (c.OH-1)*c.StrideH + (c.KH-1)*c.Dilation + 1, (c.OW-1)*c.StrideW + (c.KW-1)*c.Dilation + 1
}

// columnRows is how many output rows scatterColumns computes at once.
func (c Conv) columnRows() int {
	return max(1, min(c.OH, wideBand/(c.OW*c.KH*c.KW*c.Cin)))
}

// crop copies the image dx out of the padded image of h rows and w columns,
// with zeros where no window reaches.
func (c Conv) crop(dx, image []float32, h, w int) {
	row := c.W * c.Cin
	left := max(-c.PadLeft, 0)             // columns of dx before the padded image
	from := max(c.PadLeft, 0)              // columns of padding before dx
	count := max(0, min(c.W-left, w-from)) // columns in both
	for iy := range c.H {
		out := dx[iy*row:][:row]
		r := iy + c.PadTop
		if r < 0 || r >= h || count == 0 {
			clear(out)
			continue
		}
		clear(out[:left*c.Cin])
		copy(out[left*c.Cin:], image[(r*w+from)*c.Cin:][:count*c.Cin])
		clear(out[(left+count)*c.Cin:])
	}
}

// transpose writes t[j*ld+i] = s[i*cols+j].
func transpose(t, s []float32, rows, cols, ld int) {
	for i := range rows {
		for j, v := range s[i*cols:][:cols] {
			t[j*ld+i] = v
		}
	}
}

// ConvBackwardWeight computes the gradient of the loss by the weights of
// [ConvForward]. dw is overwritten.
func ConvBackwardWeight(dw, x, dy []float32, c Conv, scratch []float32) {
	c.check("ConvBackwardWeight", x, dy, dw, c.KH*c.KW*c.Cin*c.Cout, scratch)
	clear(dw)
	c = c.pointwise()
	b := c.bands(narrowBand)
	tap := c.Cin * c.Cout
	for n := range c.N {
		for o := 0; o < c.OH; o += b.rows {
			rows := min(b.rows, c.OH-o)
			a := b.load(x, n, o, rows, nil, scratch)
			d := dy[(n*c.OH+o)*c.OW*c.Cout:]
			l := lines{width: c.OW, pixel: c.StrideW * c.Cin, line: b.line, segs: 1, k: c.KW * c.Cin}
			if c.Dilation > 1 {
				l.k = c.Cin
			}
			for ky := range c.KH {
				if c.Dilation == 1 {
					gemmTN(dw[ky*c.KW*tap:], a[ky*b.tap:], d, rows*c.OW, c.Cout, c.Cout, c.Cout, l)
					continue
				}
				for kx := range c.KW {
					gemmTN(dw[(ky*c.KW+kx)*tap:], a[ky*b.tap+kx*c.Dilation*c.Cin:], d, rows*c.OW, c.Cout,
						c.Cout, c.Cout, l)
				}
			}
		}
	}
}
