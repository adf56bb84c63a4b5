package kernel

import "math"

// Target sizes of a band, in floats: a part of an image, padded with zeros and
// with Relu applied, that stays in a fast cache while it is used. Wide bands
// are read a few times and stay in the second cache; narrow ones, of weight
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
// Input rows that no tap touches are skipped (a 1x1 kernel with stride 2). If
// there is nothing to pad and Relu is off, a band is a part of the input
// itself.
type bands struct {
	c       Conv
	channel int // floats per pixel
	direct  bool
	rows    int // output rows per band
	width   int // columns per band
	line    int // from the first tap of an output row to the first of the next
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
	// Not so few rows that most of a band repeats the one before.
	fewest := max(1, 2*(c.KH-1)*c.Dilation/c.StrideH)
	b.rows = min(c.OH, max(fewest, (target-(c.KH-1)*b.tap)/b.line))
	return b
}

// pointwise folds the batch of a convolution that maps pixels to pixels into
// one tall image, so that small images make large products.
func (c Conv) pointwise() Conv {
	if c.KH == 1 && c.KW == 1 && c.StrideH == 1 && c.StrideW == 1 && c.PadTop == 0 && c.PadLeft == 0 && c.OH == c.H &&
		c.OW == c.W {
		c.H, c.OH, c.N = c.N*c.H, c.N*c.OH, min(c.N, 1)
	}
	return c
}

// scratch is the number of floats that load needs.
func (b bands) scratch() int {
	if b.direct {
		return 0
	}
	return b.line*(b.rows-1) + b.tap*(b.c.KH-1) + b.width*b.channel
}

// load returns the band of image n under the given number of output rows from o
// on: its first float is the first tap of the first pixel. If the band must be
// built and from is not nil, the values of x are normalised by it.
func (b bands) load(x []float32, n, o, rows int, from *normalised, scratch []float32) []float32 {
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
	width := max(0, min(c.W*b.channel-skip, rowLen-left))
	// The rows of the band from top to bottom are rows of the image.
	top := min(count, max(0, (step-1-first)/step))
	bottom := top + max(0, min(count-top, (c.H-1-first-top*step)/step+1))
	if first+top*step >= c.H {
		bottom = top
	}
	clear(scratch[:top*rowLen])
	clear(scratch[bottom*rowLen : count*rowLen])
	if width == 0 || top == bottom {
		clear(scratch[top*rowLen : bottom*rowLen])
		return scratch
	}
	// The padding: before the first row, between rows, after the last.
	clear(scratch[top*rowLen:][:left])
	if beside := rowLen - width; beside > 0 {
		for r := top; r < bottom-1; r++ {
			clear(scratch[r*rowLen+left+width:][:beside])
		}
	}
	clear(scratch[(bottom-1)*rowLen+left+width : bottom*rowLen])
	in, to := x[(n*c.H+first+top*step)*c.W*b.channel+skip:], scratch[top*rowLen+left:]
	lines, ldx := bottom-top, step*c.W*b.channel
	switch {
	case from != nil && c.Relu:
		isa.bnRows(to, in, from.mean, from.scale, from.beta, lines, width, rowLen, ldx, 0)
	case from != nil:
		isa.bnRows(to, in, from.mean, from.scale, from.beta, lines, width, rowLen, ldx, float32(math.Inf(-1)))
	case c.Relu:
		isa.reluRows(to, in, lines, width, rowLen, ldx)
	default:
		isa.copyRows(to, in, lines, width, rowLen, ldx)
	}
	return scratch
}
