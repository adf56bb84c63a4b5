package dataset

import (
	"context"
	"fmt"
)

// Limits on what a data set may ask of the machine. We chose them: far above every set in use here, far below what
// would hurt.
const (
	maxSide   = 1024     // pixels of a side after resizing, and of a side in an IDX file
	maxImages = 20 << 20 // images in one part
	maxPixels = 4 << 30  // bytes of pixels in one part
)

// newImages allocates n images, or returns an error with the reason.
func newImages(n, h, w, c int) (Images, error) {
	if n < 0 || n > maxImages || h < 1 || h > maxSide || w < 1 || w > maxSide || c < 1 || c > 4 {
		return Images{}, fmt.Errorf("%d images of %dx%dx%d; want at most %d of %dx%dx4", n, h, w, c, maxImages,
			maxSide, maxSide)
	}
	if total := int64(n) * int64(h) * int64(w) * int64(c); total > maxPixels {
		return Images{}, fmt.Errorf("%d images of %dx%dx%d take %d bytes; want at most %d: use a smaller image side",
			n, h, w, c, total, int64(maxPixels))
	}
	return Images{N: n, H: h, W: w, C: c, Pixels: make([]uint8, n*h*w*c), Labels: make([]int32, n)}, nil
}

// resized returns the images at side x side. The labels are shared.
func resized(ctx context.Context, im Images, side int) (Images, error) {
	if im.H == side && im.W == side {
		return im, nil
	}
	out, err := newImages(im.N, side, side, im.C)
	if err != nil {
		return Images{}, err
	}
	out.Labels = im.Labels
	rz := newResizer(im.H, im.W, side, side, im.C)
	from, to := im.H*im.W*im.C, side*side*im.C
	for i := range im.N {
		if i%256 == 0 && ctx.Err() != nil {
			return Images{}, ctx.Err()
		}
		rz.resize(out.Pixels[i*to:(i+1)*to], im.Pixels[i*from:(i+1)*from])
	}
	return out, nil
}

// resizer scales images of one size to another, one axis at a time: area average along an axis that shrinks (each
// result is the mean of the input interval it covers), bilinear along one that grows (pixel centres at half-integers,
// edges repeated). It works in integers, with weights that are multiples of 2^-20 and sum to 1, so every machine gives
// the same bytes, at most 1 of 255 away from exact arithmetic.
type resizer struct {
	h, w, oh, ow, c int
	rows, cols      []tap
	tmp             []int32 // (h, ow, c), scaled by 2^20
}

const one = 1 << 20

// tap gives the weights of one result: sum over i of weight[i] * input[start+i], divided by 2^20.
type tap struct {
	start  int
	weight []int64
}

func newResizer(h, w, oh, ow, c int) *resizer {
	return &resizer{h: h, w: w, oh: oh, ow: ow, c: c, rows: taps(h, oh), cols: taps(w, ow), tmp: make([]int32, h*ow*c)}
}

// resize writes src (h, w, c) to dst (oh, ow, c).
func (r *resizer) resize(dst, src []uint8) {
	for y := range r.h {
		for x, t := range r.cols {
			for c := range r.c {
				var sum int64
				for i, k := range t.weight {
					sum += k * int64(src[(y*r.w+t.start+i)*r.c+c])
				}
				r.tmp[(y*r.ow+x)*r.c+c] = int32(sum)
			}
		}
	}
	row := r.ow * r.c
	for y, t := range r.rows {
		for x := range row {
			var sum int64
			for i, k := range t.weight {
				sum += k * int64(r.tmp[(t.start+i)*row+x])
			}
			dst[y*row+x] = uint8((sum + one*one/2) / (one * one))
		}
	}
}

// taps returns the weights that scale an axis from in to out pixels.
func taps(in, out int) []tap {
	ts := make([]tap, out)
	for o := range ts {
		if out < in {
			ts[o] = areaTap(in, out, o)
		} else {
			ts[o] = linearTap(in, out, o)
		}
	}
	return ts
}

// areaTap covers the interval [o*in/out, (o+1)*in/out) of the input, which is [o*in, (o+1)*in) in units of 1/out of an
// input pixel. It rounds the running sum of the weights at the end of each pixel, not each weight on its own, so the
// weights sum to exactly 1.
func areaTap(in, out, o int) tap {
	lo, hi := o*in, (o+1)*in
	t := tap{start: lo / out}
	before := int64(0)
	for p := t.start; p*out < hi; p++ {
		covered := min(hi, (p+1)*out) - lo
		upTo := (int64(covered)*one + int64(in)/2) / int64(in)
		t.weight = append(t.weight, upTo-before)
		before = upTo
	}
	return t
}

// linearTap reads at (o+1/2)*in/out - 1/2, which is num/(2*out) below.
func linearTap(in, out, o int) tap {
	num := (2*o+1)*in - out
	if num <= 0 {
		return tap{0, []int64{one}}
	}
	p := num / (2 * out)
	k := int64(num%(2*out)) * one / int64(2*out)
	if k == 0 || p >= in-1 {
		return tap{min(p, in-1), []int64{one}}
	}
	return tap{p, []int64{one - k, k}}
}
