package space_test

import (
	"strings"
	"testing"

	"nasnet/nas/space"
)

// The wanted lists are from slim's nasnet_utils.py.
func TestNASNetAIsWrittenAsInSlim(t *testing.T) {
	k, err := space.Lookup("nasnet-a")
	if err != nil {
		t.Fatal(err)
	}
	got, err := k.Genotype.Slim()
	const want = `# NasNetANormalCell
operations = ['separable_5x5_2', 'separable_3x3_2', 'separable_5x5_2', 'separable_3x3_2', 'avg_pool_3x3', ` +
		`'none', 'avg_pool_3x3', 'avg_pool_3x3', 'separable_3x3_2', 'none']
used_hiddenstates = [1, 0, 0, 0, 0, 0, 0]
hiddenstate_indices = [0, 1, 1, 1, 0, 1, 1, 1, 0, 0]
# NasNetAReductionCell
operations = ['separable_5x5_2', 'separable_7x7_2', 'max_pool_3x3', 'separable_7x7_2', 'avg_pool_3x3', ` +
		`'separable_5x5_2', 'none', 'avg_pool_3x3', 'separable_3x3_2', 'max_pool_3x3']
used_hiddenstates = [1, 1, 1, 0, 0, 0, 0]
hiddenstate_indices = [0, 1, 0, 1, 0, 1, 3, 2, 2, 0]`
	if err != nil || got != want {
		t.Errorf("got %v\n%s\nwant\n%s", err, got, want)
	}
}

func TestSlimRefusesWhatItCannotBuild(t *testing.T) {
	const fine = "h.s5+p.s3 p.s5+p.s3 h.a3+p.i p.a3+p.a3 h.s3+h.i [p01234]"
	for _, c := range []struct{ normal, want string }{
		{strings.Replace(fine, "h.s5+", "h.s5&", 1), "normal cell: block b0: combines by concat"},
		{strings.Replace(fine, "h.s3+", "h.d3+", 1), "normal cell: block b4: op dil3x3 cannot be written"},
		{strings.Replace(fine, "[p01234]", "[01234p]", 1),
			"normal cell: its output is the states [2, 3, 4, 5, 6, 1] in this order"},
		{"h.s5+p.s3 h.i+p.i [01]", "normal cell: has 2 blocks, want 5"},
	} {
		g, err := space.ParseText("normal=" + c.normal + " reduction=" + fine)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.Slim(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.normal, err, c.want)
		}
	}
}
