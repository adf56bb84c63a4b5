package dataset_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"nasnet/dataset"
)

// raw returns a view whose batches are the pixels themselves, 0 to 255.
func raw(n, h, w, c int) *dataset.View {
	v := small(n, h, w, c)
	for ch := range c {
		v.Mean[ch], v.Std[ch] = 0, 1.0/255
	}
	return v
}

func one(v *dataset.View, a *dataset.Augmenter) []float32 {
	out := make([]float32, v.Data.H*v.Data.W*v.Data.C)
	v.Batch(out, nil, []int32{0}, a)
	return out
}

func TestMirrorIsTheImageReadBackwards(t *testing.T) {
	v := raw(1, 3, 5, 3)
	is, was := one(v, &dataset.Augmenter{Mirror: true}), one(v, nil)
	for y := range 3 {
		for x := range 5 {
			for c := range 3 {
				if is[(y*5+x)*3+c] != was[(y*5+4-x)*3+c] {
					t.Fatalf("row %d, column %d, channel %d: %v, want %v", y, x, c, is[(y*5+x)*3+c], was[(y*5+4-x)*3+c])
				}
			}
		}
	}
}

// A crop of a plane a + by + cx is again a plane, magnified. Its values reveal where the crop was taken, which must be
// inside the image, and its area and aspect, which must be as requested.
func TestRandomCropsAreMagnifiedPartsOfTheImage(t *testing.T) {
	const side, least = 32, 0.25
	v := raw(1, side, side, 2)
	for y := range side {
		for x := range side {
			v.Data.Pixels[(y*side+x)*2], v.Data.Pixels[(y*side+x)*2+1] = uint8(8*y), uint8(8*x)
		}
	}
	a := &dataset.Augmenter{Crop: least, Rand: rand.New(rand.NewPCG(1, 2))}
	areas, rows := 0.0, map[int]bool{}
	const rounds = 400
	for range rounds {
		out := one(v, a)
		at := func(y, x, c int) float64 { return float64(out[(y*side+x)*2+c]) / 8 }
		mid := side / 2
		// rows of the crop, measured away from the border, where the plane is cut off
		h := (at(mid+4, mid, 0) - at(mid-4, mid, 0)) / 8 * side
		w := (at(mid, mid+4, 1) - at(mid, mid-4, 1)) / 8 * side
		top := at(mid, mid, 0) + 0.5 - (float64(mid)+0.5)*h/side // row at which it begins
		if math.Abs(h-math.Round(h)) > 1e-3 || math.Abs(w-math.Round(w)) > 1e-3 ||
			math.Abs(top-math.Round(top)) > 1e-3 {
			t.Fatalf("a crop of %v x %v from row %v; want whole pixels", h, w, top)
		}
		if h > side+1e-3 || w > side+1e-3 || top < -1e-3 || top+h > side+1e-3 {
			t.Fatalf("a crop of %v x %v from row %v of an image of %d", h, w, top, side)
		}
		if area, aspect := h*w/(side*side), w/h; area < least*0.93 || aspect > 4.0/3*1.07 || aspect < 0.75*0.93 {
			t.Fatalf("a crop of %v x %v: area %v, aspect %v", h, w, area, aspect)
		}
		areas += h * w / (side * side) / rounds
		rows[int(math.Round(top))] = true
	}
	if areas < 0.5 || areas > 0.7 || len(rows) < 10 {
		t.Errorf("mean area %v, %d first rows; want about 0.6, and many", areas, len(rows))
	}
	if is, was := one(v, &dataset.Augmenter{Crop: 1, Rand: a.Rand}), one(v, nil); !equal(is, was) {
		t.Error("a crop of the whole area is not the image")
	}
}

func equal(a, b []float32) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}

// The reference makes each change to the whole image in float64.
func TestColourChangesEqualTheirReference(t *testing.T) {
	for _, ch := range []int{1, 3} {
		v := raw(1, 6, 6, ch)
		const part = 0.5
		a := &dataset.Augmenter{Color: part, Rand: rand.New(rand.NewPCG(5, 6))}
		slow := rand.New(rand.NewPCG(5, 6))
		changed := 0
		for round := range 30 {
			got, was := one(v, a), one(v, nil)
			var f [3]float64
			for i := range f {
				f[i] = 1 + part*(2*slow.Float64()-1)
			}
			want := referenceColour(was, ch, f[0], f[1], f[2])
			for i := range want {
				if math.Abs(float64(got[i])-want[i]) > 1e-3 {
					t.Fatalf("%d channels, round %d, value %d: %v, want %v", ch, round, i, got[i], want[i])
				}
				if math.Abs(want[i]-float64(was[i])) > 5 {
					changed++
				}
			}
		}
		if changed == 0 {
			t.Error("nothing changed")
		}
	}
}

func referenceColour(image []float32, ch int, brightness, contrast, saturation float64) []float64 {
	clip := func(v float64) float64 { return math.Max(0, math.Min(255, v)) }
	grey := func(p []float64) float64 {
		if len(p) == 1 {
			return p[0]
		}
		return 0.299*p[0] + 0.587*p[1] + 0.114*p[2]
	}
	out, mean := make([]float64, len(image)), 0.0
	for i, v := range image {
		out[i] = clip(float64(v) * brightness)
	}
	for i := 0; i < len(out); i += ch {
		mean += grey(out[i:i+ch]) / float64(len(out)/ch)
	}
	for i, v := range out {
		out[i] = clip(mean + (v-mean)*contrast)
	}
	for i := 0; ch == 3 && i < len(out); i += ch {
		g := grey(out[i : i+ch])
		for c := range ch {
			out[i+c] = clip(g + (out[i+c]-g)*saturation)
		}
	}
	return out
}
