package nas

import (
	"maps"
	"slices"
	"testing"
)

// The images of retrains are kept as long as somebody trains on them, or nothing else was read since; those of the search are kept for ever.
func TestImagesThatNobodyUsesAreNotKept(t *testing.T) {
	l := NewLocal()
	at := func(side int) DataSpec {
		return DataSpec{Name: "synthetic", Image: side, TrainImages: 32, ValImages: 16, Seed: 1}
	}
	read := func(side int) {
		t.Helper()
		if v, d, err := l.Views(t.Context(), at(side)); err != nil || d.Train.H != side || v.Train.Len() != 32 {
			t.Fatalf("at %d px: %v", side, err)
		}
	}
	kept := func(want ...int) {
		t.Helper()
		var data, views []int
		for k := range maps.Keys(l.data) {
			data = append(data, k.image)
		}
		for s := range maps.Keys(l.views) {
			views = append(views, s.Image)
		}
		slices.Sort(data)
		slices.Sort(views)
		if !slices.Equal(data, want) || !slices.Equal(views, want) {
			t.Errorf("images of %v px are kept, views of %v; want %v", data, views, want)
		}
	}
	read(8)
	read(10)
	read(8)
	kept(8, 10)
	read(12)
	kept(8, 12)
	_, used, err := l.use(t.Context(), at(12))
	if err != nil {
		t.Fatal(err)
	}
	read(14)
	read(16)
	kept(8, 12, 16)
	l.leave(used)
	read(14)
	kept(8, 14)
}

// A search that takes the images as they are reads them once, and its children find them.
func TestImagesAtTheirOwnSideAreReadOnce(t *testing.T) {
	l := NewLocal()
	c := Config{Data: "synthetic", TrainImages: 32, ValImages: 16, Seed: 1}
	d, err := l.Prepare(t.Context(), &c)
	if err != nil {
		t.Fatal(err)
	}
	v, again, err := l.Views(t.Context(), c.dataSpec())
	if err != nil || again != d || v.Train.Len() != 32 || len(l.data) != 1 || !l.data[keyOf(c.dataSpec())].first {
		t.Errorf("%d data sets are kept, the children's is that of the start: %v (error %v)", len(l.data), again == d, err)
	}
}
