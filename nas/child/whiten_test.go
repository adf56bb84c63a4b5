package child

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"nasnet/dataset"
	"nasnet/nas/nn"
	"nasnet/nas/rng"
	"nasnet/nas/space"
)

// whitened returns the stem of a network for three-channel images of 12 pixels, before and after whitening, and the
// images.
func whitened(t *testing.T, filters int) (before, after []float32, w *nn.Param, v *dataset.View) {
	t.Helper()
	d, err := dataset.Synthetic(dataset.SyntheticConfig{Classes: 4, Train: 200, Test: 8, Image: 12,
		Channels: 3, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	v, _, err = d.Split(rng.Stream(1, "split"), 190, 10)
	if err != nil {
		t.Fatal(err)
	}
	g := nn.NewGraph(1)
	g.Param("stem/conv/w", nn.FanOut, 3, 3, 3, filters)
	g.InitParams(rng.Stream(2, "init"))
	w = g.Params()[0]
	before = slices.Clone(w.Value)
	if err := whiten(w, v); err != nil {
		t.Fatal(err)
	}
	return before, w.Value, w, v
}

// The filters' outputs on the images have variance 1 for each component and no correlation between components; a
// component with hardly any variance stays below 1.
func TestWhitenedFiltersGiveUncorrelatedOutputs(t *testing.T) {
	_, _, w, v := whitened(t, 54)
	filters := mat.NewDense(27, 54, nil)
	for i, x := range w.Value {
		filters.Set(i/54, i%54, float64(x))
	}
	var out mat.Dense
	out.Product(filters.T(), patchCovariance(v, 3), filters)
	for a := range 54 {
		for b := range 54 {
			got, sign := out.At(a, b), 1-2*float64((a+b)%2)
			switch {
			case a/2 != b/2 && math.Abs(got) > 1e-4:
				t.Errorf("filters %d and %d: covariance %v, want 0", a, b, got)
			case a/2 == b/2 && (got*sign > 1 || a < 20 && got*sign < 0.95):
				t.Errorf("filters %d and %d of one component: covariance %v, want %v or a little less", a, b, got, sign)
			}
		}
	}
}

func TestFewAndManyFiltersAreWhitened(t *testing.T) {
	_, most, _, _ := whitened(t, 54)
	before, few, _, _ := whitened(t, 7)
	for i, x := range few {
		if x == before[i] {
			t.Fatalf("weight %d of 7 filters is still the random %v", i, x)
		}
		if want := most[i/7*54+i%7]; x != want {
			t.Fatalf("weight %d of 7 filters is %v, of 54 filters %v", i, x, want)
		}
	}
	before, many, _, _ := whitened(t, 60)
	for i, x := range many {
		if (x == before[i]) != (i%60 >= 54) {
			t.Fatalf("filter %d of 60: %v, before %v; want 54 whitened and 6 as they were", i%60, x, before[i])
		}
	}
}

// Only a sample of large images is read, and the images of a folder are sorted by class: the sample must have every
// class.
func TestPatchesAreSampledFromTheWholeView(t *testing.T) {
	const side, plain, all = 200, 200, 300
	im := &dataset.Images{N: all, H: side, W: side, C: 1, Pixels: make([]uint8, all*side*side),
		Labels: make([]int32, all)}
	noise := rng.Stream(3, "noise")
	for i := plain * side * side; i < len(im.Pixels); i++ {
		im.Pixels[i] = uint8(noise.IntN(256))
	}
	v := &dataset.View{Data: im, Index: make([]int32, all), Mean: []float32{0.5}, Std: []float32{1}}
	for i := range v.Index {
		v.Index[i] = int32(i)
	}
	// Two thirds of the images are black, -0.5; in the others neighbouring pixels are independent.
	if got := patchCovariance(v, 3).At(1, 0); math.Abs(got-2./3*0.25) > 0.01 {
		t.Errorf("covariance of neighbours %v; want that of all images, %v", got, 2./3*0.25)
	}
}

// Images of one colour have no components; the filters stay finite.
func TestImagesOfOneColourGiveFiniteFilters(t *testing.T) {
	_, _, w, v := whitened(t, 54)
	plain := *v
	im := *v.Data
	im.Pixels = slices.Repeat([]uint8{17}, len(im.Pixels))
	plain.Data, plain.Mean = &im, []float32{17. / 255, 17. / 255, 17. / 255}
	if err := whiten(w, &plain); err != nil {
		t.Fatal(err)
	}
	for i, x := range w.Value {
		if math.IsNaN(float64(x)) || math.Abs(float64(x)) > 1/math.Sqrt(whitenFloor)+1e-3 {
			t.Fatalf("weight %d is %v", i, x)
		}
	}
}

// The trainer whitens the stem and leaves the rest of the network alone.
func TestWhitenWhitensTheStem(t *testing.T) {
	d, err := dataset.Synthetic(dataset.SyntheticConfig{Classes: 4, Train: 64, Test: 8, Image: 10,
		Channels: 1, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	tr, va, err := d.Split(rng.Stream(1, "split"), 48, 16)
	if err != nil {
		t.Fatal(err)
	}
	k, err := space.Lookup("nasnet-a")
	if err != nil {
		t.Fatal(err)
	}
	start := func(white bool) []*nn.Param {
		c := TrainConfig{Epochs: 1, Batch: 8, LR: 0.05, Whiten: white}
		x, err := NewTrainer(k.Genotype, NetConfig{N: 1, Filters: 4, Image: 10, Channels: 1, Classes: 4}, c,
			Data{Train: tr, Val: va}, 5)
		if err != nil {
			t.Fatal(err)
		}
		return x.network.g.Params()
	}
	plain, white := start(false), start(true)
	for i, p := range plain {
		if same := slices.Equal(p.Value, white[i].Value); same != (p.Name != "stem/conv/w") {
			t.Errorf("%s: equal %v", p.Name, same)
		}
	}
}
