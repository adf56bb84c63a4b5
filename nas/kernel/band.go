package kernel

// Sizes that a band aims at, in floats: a part of an image, padded with zeros
// and with Relu applied, stays in a fast cache while it is used. Wide bands are
// read a few times and stay in the second cache; narrow ones, of weight
// gradients, are read many times and stay in the first.
const (
	wideBand   = 12 << 10
	narrowBand = 4 << 10
)

// bands cuts the input of a convolution into bands of output rows and lays each
// out with its padding, so that the loops over pixels have no edges:
//
//	          padLeft      W           right
//	        ┌────────┬────────────────┬─────┐
//	row 0   │ 0 0 0  │ 0 0 0 0 0 0 0  │ 0 0 │  rows above the image
//	row 1   │ 0 0 0  │ max(x,0) ...   │ 0 0 │
//	        └────────┴────────────────┴─────┘
//
// Input rows that no tap touches are left out (a 1x1 kernel with stride 2).
// Where nothing is to be padded and Relu is off, bands lie in the input itself.
type bands struct {
	c       Conv
	channel int // floats of a pixel
	direct  bool
	rows    int // output rows of a band
	width   int // columns of a band
	line    int // from the first tap of an output row to that of the next
	tap     int // from a tap to the one below
}

func (c Conv) bands(target int) bands {
	b := bands{c: c, channel: c.Cin, width: (c.OW-1)*c.StrideW + (c.KW-1)*c.Dilation + 1}
	b.direct = !c.Relu && c.PadTop <= 0 && c.PadLeft <= 0 &&
		(c.OH-1)*c.StrideH-c.PadTop+(c.KH-1)*c.Dilation < c.H && b.width-c.PadLeft <= c.W
	if b.direct {
		b.width = c.W
	}
	b.tap = c.Dilation * b.width * c.Cin
	b.line = c.StrideH * b.width * c.Cin
	if c.KH == 1 && !b.direct {
		b.line = b.width * c.Cin
	}
	// Not so few rows that most of a band is what the one before had as well.
	fewest := max(1, 2*(c.KH-1)*c.Dilation/c.StrideH)
	b.rows = min(c.OH, max(fewest, (target-(c.KH-1)*b.tap)/b.line))
	return b
}

// pointwise folds the batch of a convolution that maps pixels to pixels into
// one tall image, so that small images make large products.
func (c Conv) pointwise() Conv {
	if c.KH == 1 && c.KW == 1 && c.StrideH == 1 && c.StrideW == 1 && c.PadTop == 0 && c.PadLeft == 0 && c.OH == c.H && c.OW == c.W {
		c.H, c.OH, c.N = c.N*c.H, c.N*c.OH, min(c.N, 1)
	}
	return c
}

// scratch is the floats that load wants.
func (b bands) scratch() int {
	if b.direct {
		return 0
	}
	return b.line*(b.rows-1) + b.tap*(b.c.KH-1) + b.width*b.channel
}

// load returns the band of image n under the output rows from o on, of which
// there are rows: its first float is the first tap of the first pixel.
func (b bands) load(x []float32, n, o, rows int, scratch []float32) []float32 {
	c := b.c
	if b.direct {
		return x[((n*c.H+o*c.StrideH-c.PadTop)*c.W-c.PadLeft)*b.channel:]
	}
	first, step, count := o*c.StrideH-c.PadTop, 1, (rows-1)*c.StrideH+(c.KH-1)*c.Dilation+1
	if c.KH == 1 {
		step, count = c.StrideH, rows
	}
	rowLen := b.width * b.channel
	left := min(max(c.PadLeft, 0), b.width) * b.channel
	skip := min(max(-c.PadLeft, 0), c.W) * b.channel
	inside := max(0, min(c.W*b.channel-skip, rowLen-left))
	if c.Relu && inside == rowLen && inside == c.W*b.channel && step == 1 && first >= 0 && first+count <= c.H {
		isa.relu(scratch[:count*rowLen], x[(n*c.H+first)*rowLen:][:count*rowLen]) // no padding: one piece
		return scratch
	}
	for r := range count {
		row := scratch[r*rowLen:][:rowLen]
		iy := first + r*step
		if iy < 0 || iy >= c.H {
			clear(row)
			continue
		}
		clear(row[:left])
		in := x[(n*c.H+iy)*c.W*b.channel+skip:][:inside]
		if c.Relu {
			isa.relu(row[left:left+inside], in)
		} else {
			copy(row[left:], in)
		}
		clear(row[left+inside:])
	}
	return scratch
}
