package dataset

import (
	"math"
	"math/rand/v2"
)

// Augmenter draws the random changes of training images. Zeros are zeros of normalised space, where 0 is the mean
// colour of the training images, as in the authors' published CIFAR code (tensorflow/models, research/autoaugment:
// zero_pad_and_crop, random_flip, cutout_numpy). Crops of random size and changes of colour follow the ImageNet recipes
// (arXiv 1409.4842, section 6; torchvision RandomResizedCrop, ColorJitter without the hue).
//
// For each image it draws, in this order and only what is switched on: crop row and column, or the tries for a crop of
// random size; flip; brightness, contrast and saturation; cutout row and column. So the stream depends only on the
// settings, the size and the number of images.
type Augmenter struct {
	Pad int // pixels of zeros on each side, then a crop of the original size at a random place; 0 = off
	// replaces Pad: a crop of this fraction of the area or more and of aspect 3:4 to 4:3, scaled bilinearly to the
	// original size; 0 = off
	Crop   float64
	Flip   bool // left to right, with probability 1/2
	Mirror bool // always left to right; needs no Rand
	// multiply brightness, contrast and saturation by factors of 1-Color to 1+Color, clamped to 0 to 255; 0 = off
	Color float64
	// side of a square set to zero, centred on any pixel and clipped at the border (DeVries & Taylor 2017); 0 = off
	Cutout int
	Rand   *rand.Rand // required if anything random is on
}

// change is what is drawn for one image. If the crop has no size of its own, it has that of the image and starts at
// (dy, dx) relative to it; otherwise it is scaled to the size of the image. Rows [cutY0, cutY1) and columns [cutX0,
// cutX1) of the result are cut out.
type change struct {
	dy, dx, cropH, cropW           int
	flip                           bool
	color                          bool
	brightness, contrast, saturate float32
	cutY0, cutY1, cutX0, cutX1     int
}

func (a *Augmenter) active() bool {
	return a != nil && (a.Pad > 0 || a.Crop > 0 || a.Flip || a.Mirror || a.Color > 0 || a.Cutout > 0)
}

func (a *Augmenter) draw(h, w int) (d change) {
	switch {
	case a.Crop > 0:
		d.drawCrop(a, h, w)
	case a.Pad > 0:
		d.dy = a.Rand.IntN(2*a.Pad+1) - a.Pad
		d.dx = a.Rand.IntN(2*a.Pad+1) - a.Pad
	}
	if a.Flip {
		d.flip = a.Rand.IntN(2) == 1
	}
	d.flip = d.flip || a.Mirror
	if a.Color > 0 {
		factor := func() float32 { return float32(1 + a.Color*(2*a.Rand.Float64()-1)) }
		d.color, d.brightness, d.contrast, d.saturate = true, factor(), factor(), factor()
	}
	if a.Cutout > 0 {
		y, x := a.Rand.IntN(h)-a.Cutout/2, a.Rand.IntN(w)-a.Cutout/2
		d.cutY0, d.cutY1 = max(0, y), min(h, y+a.Cutout)
		d.cutX0, d.cutX1 = max(0, x), min(w, x+a.Cutout)
	}
	return d
}

// drawCrop tries ten shapes, as torchvision does, and uses the whole image if none of them fits inside it.
func (d *change) drawCrop(a *Augmenter, h, w int) {
	for range 10 {
		area := float64(h*w) * (a.Crop + (1-a.Crop)*a.Rand.Float64())
		aspect := math.Exp(math.Log(4.0/3) * (2*a.Rand.Float64() - 1))
		ch, cw := int(math.Round(math.Sqrt(area/aspect))), int(math.Round(math.Sqrt(area*aspect)))
		if ch >= 1 && cw >= 1 && ch <= h && cw <= w {
			d.cropH, d.cropW = ch, cw
			d.dy, d.dx = a.Rand.IntN(h-ch+1), a.Rand.IntN(w-cw+1)
			return
		}
	}
	d.cropH, d.cropW = h, w
}

// augmented writes one image through the augmenter. Products and sums are rounded separately, as in normalise.
func (v *View) augmented(out []float32, in []uint8, a *Augmenter) {
	h, w, ch := v.Data.H, v.Data.W, v.Data.C
	d := a.draw(h, w)
	// rows and columns of the result, before the flip, that show the image
	y0, y1, x0, x1 := 0, h, 0, w
	switch {
	case d.cropH > 0:
		cropped(out, in, h, w, ch, d)
	default:
		y0, y1, x0, x1 = max(0, -d.dy), min(h, h-d.dy), max(0, -d.dx), min(w, w-d.dx)
		clear(out)
		for y := y0; x0 < x1 && y < y1; y++ {
			src, dst := in[((y+d.dy)*w+x0+d.dx)*ch:], out[(y*w+x0)*ch:]
			for i := range (x1 - x0) * ch {
				dst[i] = float32(src[i])
			}
		}
	}
	if x0 < x1 && y0 < y1 {
		if d.color {
			colored(out, y0, y1, x0, x1, w, ch, d)
		}
		for c := range ch {
			s, t := v.scale(c)
			for y := y0; y < y1; y++ {
				row := out[(y*w+x0)*ch : (y*w+x1)*ch]
				for i := c; i < len(row); i += ch {
					row[i] = float32(row[i]*s) + t
				}
			}
		}
	}
	if d.flip {
		mirror(out, h, w, ch)
	}
	for y := d.cutY0; y < d.cutY1; y++ {
		clear(out[(y*w+d.cutX0)*ch : (y*w+d.cutX1)*ch])
	}
}

// cropped scales the crop to the size of the image, bilinearly between pixel centres, as values of 0 to 255.
func cropped(out []float32, in []uint8, h, w, ch int, d change) {
	sy, sx := float32(d.cropH)/float32(h), float32(d.cropW)/float32(w)
	for y := range h {
		ya, yb, fy := between(y, sy, d.cropH)
		a, b := in[((d.dy+ya)*w+d.dx)*ch:], in[((d.dy+yb)*w+d.dx)*ch:]
		for x := range w {
			xa, xb, fx := between(x, sx, d.cropW)
			for c := range ch {
				top := mix(float32(a[xa*ch+c]), float32(a[xb*ch+c]), fx)
				low := mix(float32(b[xa*ch+c]), float32(b[xb*ch+c]), fx)
				out[(y*w+x)*ch+c] = mix(top, low, fy)
			}
		}
	}
}

// between returns the two of n pixels that surround the centre of result pixel i, and its distance from the first.
func between(i int, scale float32, n int) (a, b int, f float32) {
	at := float32((float32(i)+0.5)*scale) - 0.5
	a = int(math.Floor(float64(at)))
	f = at - float32(a)
	return min(max(a, 0), n-1), min(max(a+1, 0), n-1), f
}

func mix(a, b, f float32) float32 { return a + float32((b-a)*f) }

// colored changes brightness, then contrast around the mean grey of the visible part, then saturation, each clamped to
// 0 to 255. Only an image with three channels has saturation.
func colored(out []float32, y0, y1, x0, x1, w, ch int, d change) {
	sum := 0.0
	each := func(f func(pixel []float32)) {
		for y := y0; y < y1; y++ {
			for x := x0; x < x1; x++ {
				f(out[(y*w+x)*ch : (y*w+x+1)*ch])
			}
		}
	}
	each(func(p []float32) {
		for c := range p {
			p[c] = within(float32(p[c] * d.brightness))
		}
		sum += float64(luma(p))
	})
	mean := float32(sum / float64((y1-y0)*(x1-x0)))
	each(func(p []float32) {
		for c := range p {
			p[c] = within(mix(mean, p[c], d.contrast))
		}
		if g := luma(p); ch == 3 {
			for c := range p {
				p[c] = within(mix(g, p[c], d.saturate))
			}
		}
	})
}

// luma returns the luma of a colour (ITU-R BT.601), or the first channel.
func luma(p []float32) float32 {
	if len(p) != 3 {
		return p[0]
	}
	return float32(0.299*p[0]) + float32(0.587*p[1]) + float32(0.114*p[2])
}

func within(v float32) float32 { return min(max(v, 0), 255) }

func mirror(out []float32, h, w, ch int) {
	for y := range h {
		row := out[y*w*ch : (y+1)*w*ch]
		for l, r := 0, w-1; l < r; l, r = l+1, r-1 {
			for c := range ch {
				row[l*ch+c], row[r*ch+c] = row[r*ch+c], row[l*ch+c]
			}
		}
	}
}
