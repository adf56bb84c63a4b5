package dataset

import "fmt"

// Batch writes the images at positions idx of the view (0 ≤ idx[i] < Len) into dst, (len(idx), H, W, C) float32 with every channel
// normalised to (pixel/255 - mean)/std, and their labels into labels, which may be nil. With an augmenter the images are changed as it says;
// nil leaves them alone. Batch does not allocate and runs on the calling goroutine. It panics when a length is wrong or a position is not
// in the view.
func (v *View) Batch(dst []float32, labels []int32, idx []int32, a *Augmenter) {
	im := v.Data
	per := im.H * im.W * im.C
	if len(dst) != len(idx)*per {
		panic(fmt.Sprintf("dataset: Batch: dst has %d floats, %d images of %dx%dx%d need %d", len(dst), len(idx), im.H, im.W, im.C, len(idx)*per))
	}
	if labels != nil && len(labels) != len(idx) {
		panic(fmt.Sprintf("dataset: Batch: %d labels for %d images", len(labels), len(idx)))
	}
	if len(v.Mean) != im.C || len(v.Std) != im.C {
		panic(fmt.Sprintf("dataset: Batch: %d means and %d deviations for %d channels", len(v.Mean), len(v.Std), im.C))
	}
	for i, pos := range idx {
		n := int(v.Index[pos])
		out, in := dst[i*per:(i+1)*per], im.Pixels[n*per:(n+1)*per]
		if a.active() {
			v.augmented(out, in, a)
		} else {
			v.normalise(out, in)
		}
		if labels != nil {
			labels[i] = im.Labels[n]
		}
	}
}

// normalise writes out[i] = in[i]*s + t with s = 1/(255*std) and t = -mean/std of the channel of i. Product and sum are rounded one by one
// (no fused multiply-add), so every machine makes the same batch.
func (v *View) normalise(out []float32, in []uint8) {
	ch := v.Data.C
	out = out[:len(in)]
	for c := range ch {
		s, t := v.scale(c)
		for i := c; i < len(in); i += ch {
			out[i] = float32(float32(in[i])*s) + t
		}
	}
}

func (v *View) scale(c int) (s, t float32) {
	std := float64(v.Std[c])
	return float32(1 / (255 * std)), float32(-float64(v.Mean[c]) / std)
}

// augmented writes one image through the augmenter. Row y, column x of the result is row y+dy, column x+dx of the image padded by zeros, read
// from right to left if flipped.
func (v *View) augmented(out []float32, in []uint8, a *Augmenter) {
	h, w, ch := v.Data.H, v.Data.W, v.Data.C
	d := a.draw(h, w)
	clear(out)
	x0, x1 := max(0, -d.dx), min(w, w-d.dx) // columns of the crop that lie inside the image
	for y := max(0, -d.dy); x0 < x1 && y < min(h, h-d.dy); y++ {
		src := in[((y+d.dy)*w+x0+d.dx)*ch:]
		for c := range ch {
			s, t := v.scale(c)
			o, step := (y*w+x0)*ch+c, ch
			if d.flip {
				o, step = (y*w+w-1-x0)*ch+c, -ch
			}
			for i := c; i < (x1-x0)*ch; i += ch {
				out[o] = float32(float32(src[i])*s) + t
				o += step
			}
		}
	}
	for y := d.cutY0; y < d.cutY1; y++ {
		clear(out[(y*w+d.cutX0)*ch : (y*w+d.cutX1)*ch])
	}
}

// change is what is drawn for one image: the crop starts at (dy, dx) relative to the image, rows [cutY0, cutY1) and columns [cutX0, cutX1)
// of the result are cut out.
type change struct {
	dy, dx                     int
	flip                       bool
	cutY0, cutY1, cutX0, cutX1 int
}

func (a *Augmenter) active() bool { return a != nil && (a.Pad > 0 || a.Flip || a.Cutout > 0) }

func (a *Augmenter) draw(h, w int) (d change) {
	if a.Pad > 0 {
		d.dy = a.Rand.IntN(2*a.Pad+1) - a.Pad
		d.dx = a.Rand.IntN(2*a.Pad+1) - a.Pad
	}
	if a.Flip {
		d.flip = a.Rand.IntN(2) == 1
	}
	if a.Cutout > 0 {
		y, x := a.Rand.IntN(h)-a.Cutout/2, a.Rand.IntN(w)-a.Cutout/2
		d.cutY0, d.cutY1 = max(0, y), min(h, y+a.Cutout)
		d.cutX0, d.cutX1 = max(0, x), min(w, x+a.Cutout)
	}
	return d
}
