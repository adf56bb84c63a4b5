package nn_test

import (
	"slices"
	"testing"
)

func TestBranchesComputeWhatOneThreadDoes(t *testing.T) {
	_, p, x, logits := manyOps(t, 9, true)
	input := p.Value(x)
	var images, want [2][]float32
	for i := range images {
		images[i] = slices.Clone(input)
		p.Forward(false)
		want[i] = slices.Clone(p.Value(logits))
		slices.Reverse(input)
	}
	for _, threads := range []int{1, 2, 5} {
		b, err := p.Branches(threads)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 40 { // two inputs in turn, so that leftover values of the previous run are wrong
			copy(input, images[i%2])
			b.Forward()
			if got := p.Value(logits); !slices.Equal(got, want[i%2]) {
				t.Fatalf("%d threads: %v, want %v", threads, got, want[i%2])
			}
		}
	}
	_, p, _, _ = manyOps(t, 9, false)
	if _, err := p.Branches(2); err == nil {
		t.Error("branches in shared memory were accepted")
	}
}
