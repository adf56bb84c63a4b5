package cli

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"nasnet/dataset"
	"nasnet/nas"
	"nasnet/nas/audit"
	"nasnet/nas/child"
	"nasnet/nas/space"
)

func TestALadderChoosesCellsByRank(t *testing.T) {
	known, err := space.Lookup("nasnet-a")
	if err != nil {
		t.Fatal(err)
	}
	ranks := func(n int) (ranked []audit.Ranked) {
		for i := range n {
			ranked = append(ranked, audit.Ranked{Trial: i, Genotype: known.Genotype, Reward: 1 - float64(i)/100})
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
			t.Errorf("of %d cells, top %d, middle %d, bottom %d: %v, want %s", r.n, r.top, r.middle,
				r.bottom, got, r.want)
		}
	}
}

// The best random cell is marked whether it was chosen or added as a baseline.
func TestTheBestRandomCellOfALadderIsNamed(t *testing.T) {
	known, err := space.Lookup("nasnet-a")
	if err != nil {
		t.Fatal(err)
	}
	var ranked []audit.Ranked
	for i, k := range []nas.Kind{nas.Sampled, nas.Random, nas.Submitted, nas.Random, nas.Sampled} {
		ranked = append(ranked, audit.Ranked{Trial: i, Kind: k, Genotype: known.Genotype, Reward: 1 - float64(i)/100})
	}
	for _, r := range []struct {
		f    ladderFlags
		want string // each cell as trial:origin, with * for a baseline
	}{
		{ladderFlags{top: 1}, "[0: 1:best random cell* NASNet-A:the paper's cell* all-sep3x3:every op a separable " +
			"3x3*]"},
		{ladderFlags{top: 1, only: true}, "[0:]"},
		{ladderFlags{top: 2, only: true}, "[0: 1:best random cell]"},
		{ladderFlags{top: 5, only: true}, "[0: 1:best random cell 2:made by hand 3:random cell 4:]"},
		{ladderFlags{bottom: 2, only: true}, "[3:random cell 4:]"},
		{ladderFlags{cells: []string{"3"}}, "[1:best random cell* 3:random cell NASNet-A:the paper's cell* " +
			"all-sep3x3:every op a separable 3x3*]"},
	} {
		cs, err := r.f.candidates("run", ranked)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range cs {
			text := strings.TrimPrefix(c.Name, "trial ") + ":" + c.Is()
			if c.Baseline != "" {
				text += "*"
			}
			got = append(got, text)
		}
		if fmt.Sprint(got) != r.want {
			t.Errorf("top %d, bottom %d, trials %v: %v; want %s", r.f.top, r.f.bottom, r.f.cells, got, r.want)
		}
	}
}

// The settings of a rung mean the same as flags.
func TestARungMeansWhatFlagsMean(t *testing.T) {
	for _, r := range []struct{ preset, rung, flags string }{
		{"10-minutes", "epochs=3,drop-path=0.3", "--epochs 3 --drop-path 0.3"},
		{"10-minutes", "epochs=3,drop-path=0.3,drop-path-mode=scaled",
			"--epochs 3 --drop-path 0.3 --drop-path-mode scaled"},
		{"10-minutes", "epochs=3,stack=imagenet,filters=8", "--epochs 3 --stack imagenet --filters 8"},
		{"6@4032", "skip-reduction=false", "--skip-reduction=false"},
		{"6@4032", "stem-multiplier=2,stack=cifar", "--stack cifar --stem-multiplier 2"},
		{"1-hour", "n=2, f=4, epochs=1", "--n 2 --filters 4 --epochs 1"},
	} {
		preset, err := child.PresetNamed(r.preset)
		if err != nil {
			t.Fatal(err)
		}
		images := dataset.Info{Image: 331, Channels: 3, Classes: make([]string, 10)}
		rung := preset.For(images)
		if err := setRung(&rung, r.rung, preset.Within > 0); err != nil {
			t.Fatal(err)
		}
		var train training
		fs := pflag.NewFlagSet("train", pflag.ContinueOnError)
		train.register(fs)
		if err := fs.Parse(strings.Fields(r.flags)); err != nil {
			t.Fatal(err)
		}
		if err := train.decide(fs, preset, images); err != nil {
			t.Fatal(err)
		}
		if rung != train.Setup {
			t.Errorf("%s, %s:\n%+v\nwith flags\n%+v", r.preset, r.rung, rung, train.Setup)
		}
		if r.rung == "epochs=3,drop-path=0.3" && rung.Train.DropPath != (child.DropPath{Mode: "linear", Prob: 0.3}) {
			t.Errorf("paths are dropped as %+v", rung.Train.DropPath)
		}
		if d := rung.Net.WithDefaults(); r.rung == "skip-reduction=false" && d.SkipReduction {
			t.Errorf("inputs are skipped all the same: %+v", d)
		}
	}
	var s child.Setup
	for rung, want := range map[string]string{"n=0": `n "0"; want 1 to 200`, "n": `"n"; want a setting and its value`,
		"shards=2": `unknown setting "shards"; want one of n, filters`,
		"n=1":      "no epochs, and the preset has none; want epochs=N"} {
		if err := setRung(&s, rung, true); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %s", rung, err, want)
		}
	}
}
