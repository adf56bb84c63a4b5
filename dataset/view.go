package dataset

import "fmt"

// Batch writes the images at positions idx of the view (0 ≤ idx[i] < Len) into dst, (len(idx), H, W, C) float32 with
// every channel normalised to (pixel/255 - mean)/std, and their labels into labels, which may be nil. The augmenter, if
// not nil, changes the images. Batch does not allocate and runs on the calling goroutine. It panics if a length is
// wrong or a position is not in the view.
func (v *View) Batch(dst []float32, labels []int32, idx []int32, a *Augmenter) {
	im := v.Data
	per := im.H * im.W * im.C
	if len(dst) != len(idx)*per {
		panic(fmt.Sprintf("dataset: Batch: dst has %d floats; %d images of %dx%dx%d need %d", len(dst), len(idx), im.H,
			im.W, im.C, len(idx)*per))
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

// normalise writes out[i] = in[i]*s + t with s = 1/(255*std) and t = -mean/std of i's channel. Product and sum are
// rounded separately (no fused multiply-add), so every machine makes the same batch.
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
