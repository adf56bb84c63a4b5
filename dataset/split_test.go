package dataset_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"nasnet/dataset"
)

// uneven is a data set with the given number of training images in each class.
func uneven(counts ...int) *dataset.Data {
	d := &dataset.Data{Mean: []float32{0}, Std: []float32{1}}
	d.Info.Name = "uneven"
	for c, n := range counts {
		d.Info.Classes = append(d.Info.Classes, "c")
		for range n {
			d.Train.Labels = append(d.Train.Labels, int32(c))
		}
	}
	d.Train.N = len(d.Train.Labels)
	return d
}

func perClass(d *dataset.Data, v *dataset.View) []int {
	n := make([]int, len(d.Info.Classes))
	for _, i := range v.Index {
		n[d.Train.Labels[i]]++
	}
	return n
}

func stream() *rand.Rand { return rand.New(rand.NewPCG(7, 7)) }

func TestSplit(t *testing.T) {
	for _, test := range []struct {
		name       string
		have       []int
		train, val int
		wantTrain  []int
		wantVal    []int
	}{
		{"classes of equal size stay equal", []int{100, 100, 100}, 150, 30, []int{50, 50, 50}, []int{10, 10, 10}},
		{"0 for training is the rest", []int{100, 100}, 0, 40, []int{80, 80}, []int{20, 20}},
		{"0 for validation is the rest", []int{100, 100}, 160, 0, []int{80, 80}, []int{20, 20}},
		{"all images can be used", []int{10, 10}, 16, 4, []int{8, 8}, []int{2, 2}},
		{"uneven classes get their share", []int{300, 100}, 200, 40, []int{150, 50}, []int{30, 10}},
		{"a class of one image does not break it", []int{1, 99}, 90, 10, []int{1, 89}, []int{0, 10}},
		{"an empty class does not break it", []int{0, 50}, 40, 10, []int{0, 40}, []int{0, 10}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := uneven(test.have...)
			tr, va, err := d.Split(stream(), test.train, test.val)
			if err != nil {
				t.Fatal(err)
			}
			if got := perClass(d, tr); !slices.Equal(got, test.wantTrain) {
				t.Errorf("training has %v of each class, want %v", got, test.wantTrain)
			}
			if got := perClass(d, va); !slices.Equal(got, test.wantVal) {
				t.Errorf("validation has %v of each class, want %v", got, test.wantVal)
			}
			seen := map[int32]bool{}
			for _, i := range slices.Concat(tr.Index, va.Index) {
				if seen[i] {
					t.Fatalf("image %d occurs twice", i)
				}
				seen[i] = true
			}
		})
	}
}

func TestSplitKeepsClassesWithinOneImageForAnySizes(t *testing.T) {
	d := uneven(37, 37, 37, 37, 37, 37, 37)
	for val := 1; val < d.Train.N; val += 13 {
		for train := 1; train <= d.Train.N-val; train += 11 {
			tr, va, err := d.Split(stream(), train, val)
			if err != nil {
				t.Fatal(err)
			}
			if tr.Len() != train || va.Len() != val {
				t.Fatalf("asked for %d and %d, got %d and %d", train, val, tr.Len(), va.Len())
			}
			if n := perClass(d, va); slices.Max(n)-slices.Min(n) > 1 {
				t.Fatalf("validation of %d has %v of each class", val, n)
			}
			if n := perClass(d, tr); slices.Max(n)-slices.Min(n) > 2 {
				t.Fatalf("training of %d beside %d has %v of each class", train, val, n)
			}
		}
	}
}

func TestSplitIsAFunctionOfItsStream(t *testing.T) {
	d := uneven(50, 50)
	a, av, _ := d.Split(stream(), 60, 20)
	b, bv, _ := d.Split(stream(), 60, 20)
	if !slices.Equal(a.Index, b.Index) || !slices.Equal(av.Index, bv.Index) {
		t.Error("the same stream gave different splits")
	}
	c, _, _ := d.Split(rand.New(rand.NewPCG(8, 8)), 60, 20)
	if slices.Equal(a.Index, c.Index) {
		t.Error("another stream gave the same split")
	}
	_, fewer, _ := d.Split(stream(), 10, 20)
	if !slices.Equal(av.Index, fewer.Index) {
		t.Error("fewer training images changed the validation part")
	}
	if slices.IsSorted(a.Index) {
		t.Error("the training part is in the order of the classes")
	}
}

func TestSplitRefusesMoreImagesThanThereAre(t *testing.T) {
	d := uneven(50, 50)
	for _, test := range []struct {
		name       string
		train, val int
		want       string
	}{
		{"one more than there are", 81, 20, "81 training and 20 validation images: there are 100"},
		{"a validation part that leaves nothing", 0, 100, "0 training and 100 validation images: there are 100"},
		{"more validation images than there are", 0, 200, "there are 100"},
		{"a training part that leaves nothing", 100, 0, "there are 100"},
		{"no sizes", 0, 0, "both sizes are 0"},
		{"a negative size", -1, 10, "want 0 or more"},
		{"sizes whose sum overflows", 1 << 62, 1 << 62, "there are 100"},
	} {
		_, _, err := d.Split(stream(), test.train, test.val)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", test.name, err, test.want)
		}
	}
}
