package cli

import (
	"fmt"
	"testing"

	"nasnet/nas"
	"nasnet/nas/space"
)

func TestALadderTakesAsManyCellsAsAreWanted(t *testing.T) {
	known, err := space.Lookup("nasnet-a")
	if err != nil {
		t.Fatal(err)
	}
	ranks := func(n int) (ranked []nas.Ranked) {
		for i := range n {
			ranked = append(ranked, nas.Ranked{Trial: i, Genotype: known.Genotype, Reward: 1 - float64(i)/100})
		}
		return ranked
	}
	for _, r := range []struct {
		n, top, middle, bottom int
		want                   string
	}{
		{9, 0, 1, 0, "[4]"},
		{10, 0, 1, 0, "[4]"},
		{9, 0, 2, 0, "[3 4]"},
		{10, 0, 3, 0, "[3 4 5]"},
		{10, 2, 2, 1, "[0 1 4 5 9]"},
		{3, 2, 3, 2, "[0 1 2]"},
		{3, 0, 9, 0, "[0 1 2]"},
	} {
		f := ladderFlags{top: r.top, middle: r.middle, bottom: r.bottom, only: true}
		cs, err := f.candidates("run", ranks(r.n))
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, c := range cs {
			var id int
			if _, err := fmt.Sscanf(c.Name, "trial %d", &id); err != nil {
				t.Fatal(err)
			}
			got = append(got, id)
		}
		if fmt.Sprint(got) != r.want {
			t.Errorf("of %d cells, top %d, middle %d, bottom %d: %v, want %s", r.n, r.top, r.middle, r.bottom, got, r.want)
		}
	}
}
