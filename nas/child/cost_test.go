package child

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"nasnet/nas/nn"
	"nasnet/nas/space"
)

func known(t testing.TB, name string) space.Genotype {
	t.Helper()
	k, err := space.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return k.Genotype
}

// strict is the genotype with the paper's output rule instead of the released output lists.
func strict(g space.Genotype) space.Genotype {
	g = g.Clone()
	g.Normal.Concat, g.Reduction.Concat = nil, nil
	return g
}

// The numbers come from the released networks (Keras applications for NASNet, pretrained-models.pytorch for PNASNet,
// the papers' tables) and, for the small ones, from a separate counter written after the released code.
func TestCountsEqualThePublishedNetworks(t *testing.T) {
	a, pnas := known(t, "nasnet-a"), known(t, "pnasnet-5")
	cifar := func(n, f, image, classes int) NetConfig {
		return NetConfig{Stack: "cifar", N: n, Filters: f, Image: image, Classes: classes}
	}
	imagenet := func(n, f, image, classes int) NetConfig {
		return NetConfig{Stack: "imagenet", N: n, Filters: f, Image: image, Classes: classes}
	}
	with := func(c NetConfig, stem float64, skip bool) NetConfig {
		c.StemMultiplier, c.SkipReduction = stem, skip
		return c
	}
	for _, c := range []struct {
		name                     string
		g                        space.Genotype
		net                      NetConfig
		trainable, moving, madds int64
		aux                      int64 // 0: not compared
	}{
		{"NASNet-A 4@1056, 224 px", a, imagenet(4, 44, 224, 1000), 5289978, 36738, 563638816, 2411240},
		{"NASNet-A 4@1056 with 1001 classes", a, imagenet(4, 44, 224, 1001), 5291035, 36738, 563639872, 2412009},
		{"NASNet-A 6@4032, 331 px", a, imagenet(6, 168, 331, 1000), 88753150, 196668, 23783414658, 4567784},
		{"NASNet-A 6@4032 with its settings spelt out", a, with(imagenet(6, 168, 331, 1000), 3, true), 88753150, 196668,
			23783414658, 4567784},
		{"NASNet-A 6@4032 with 1001 classes", a, imagenet(6, 168, 331, 1001), 88757183, 196668, 23783418690, 4568553},
		{"NASNet-A 5@1536, 299 px, narrow stem", a, with(imagenet(5, 64, 299, 1000), 1, false), 12247544, 64160,
			2552240432, 3326696},
		{"NASNet-A 5@1536, 299 px, wide stem, skipping", a, with(imagenet(5, 64, 299, 1000), 3, true), 12263416, 64288,
			2686417584, 3326696},
		{"NASNet-A 7@1920, 299 px, wide stem, skipping", a, with(imagenet(7, 80, 299, 1000), 3, true), 24613292, 107192,
			5373739132, 3351272},
		{"NASNet-A 7@1920, 299 px, narrow stem", a, with(imagenet(7, 80, 299, 1000), 1, false), 24595884, 107064,
			5226678524, 3351272},
		{"NASNet-A 6@768 on CIFAR-10", a, cifar(6, 32, 32, 10), 3346538, 37248, 544333312, 1631498},
		{"NASNet-A 6@768 on CIFAR-100", a, cifar(6, 32, 32, 100), 3415748, 37248, 544402432, 1700708},
		{"NASNet-A 7@2304 on CIFAR-10", a, cifar(7, 96, 32, 10), 32590954, 127872, 5151250944, 1729802},
		{"NASNet-A 4@768", a, cifar(4, 32, 32, 10), 2320618, 26496, 388259328, 1631498},
		{"NASNet-A 2@768, the size of a search", a, cifar(2, 32, 32, 10), 1294698, 15744, 232185344, 1631498},
		{"NASNet-A with the paper's output rule, 6 cells of 32", strict(a), cifar(6, 32, 32, 10), 3076906, 37184,
			499243264, 1623306},
		{"NASNet-A with the paper's output rule, 4 cells of 44", strict(a), imagenet(4, 44, 224, 1000), 4772516, 36738,
			518307552, 2399976},
		{"N=1 F=8, 16 px", a, cifar(1, 8, 16, 10), 72370, 2592, 3393408, 414986},
		{"N=1 F=8, 28 px", a, cifar(1, 8, 28, 10), 72370, 2592, 10388352, 1594634},
		{"N=1 F=8, 32 px", a, cifar(1, 8, 32, 10), 72370, 2592, 13567872, 1594634},
		{"N=2 F=8, 32 px", a, cifar(2, 8, 32, 10), 110562, 3936, 20297600, 1594634},
		{"N=1 F=16, 32 px", a, cifar(1, 16, 32, 10), 230362, 5184, 43257600, 1606922},
		{"N=2 F=16, 32 px", a, cifar(2, 16, 32, 10), 363194, 7872, 65761024, 1606922},
		{"N=2 F=4, 28 px", a, cifar(2, 4, 28, 10), 37526, 1968, 5361952, 1588490},
		{"PNASNet-5 large, 331 px", pnas, imagenet(4, 216, 331, 1000), 86057668, 176988, 24937e6, 0},
		{"PNASNet-5 large by the name of its stack", pnas, NetConfig{Stack: "pnasnet", N: 4, Filters: 216, Image: 331},
			86057668, 176988, 24937e6, 0},
		// Its second stem cell has 27 filters. The released code gives the odd one to the second path of a factorized
		// reduction; counters that halve and drop it (26 filters before a normalisation of 27) find 32 parameters
		// fewer.
		{"PNASNet-5 mobile, 224 px", pnas, imagenet(3, 54, 224, 1000), 5064455 + 32, 33664, 587.2e6, 0},
	} {
		got, err := CostOf(c.g, c.net)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got.Trainable != c.trainable || got.Params != c.trainable+c.moving {
			t.Errorf("%s: %d trainable of %d, want %d of %d", c.name, got.Trainable, got.Params, c.trainable,
				c.trainable+c.moving)
		}
		if tolerance := 0.0; got.MAdds != c.madds {
			if c.aux == 0 {
				tolerance = 1e-3 // only the rounded number is published
			}
			if math.Abs(float64(got.MAdds-c.madds)) > tolerance*float64(c.madds) {
				t.Errorf("%s: %d multiply-adds, want %d", c.name, got.MAdds, c.madds)
			}
		}
		if c.aux == 0 {
			continue
		}
		c.net.Aux = true
		n, err := build(c.g, c.net, buildOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if aux := sizeOf(n.g.Params()) - int64(n.params); aux != c.aux || n.noAux != "" {
			t.Errorf("%s: auxiliary classifier of %d (%q), want %d", c.name, aux, n.noAux, c.aux)
		}
	}
}

// sizeOf is the number of elements in parameters.
func sizeOf(params []*nn.Param) (n int64) {
	for _, p := range params {
		n += int64(p.Size())
	}
	return n
}

// cellCost is one cell within its network.
type cellCost struct {
	kind             string // normal, reduction
	channels, size   int    // of its output; size in pixels
	trainable, madds int64  // of the network up to and including this cell
}

// cellCosts counts the network of a genotype cell by cell.
func cellCosts(t *testing.T, g space.Genotype, net NetConfig) (costs []cellCost) {
	t.Helper()
	n, err := build(g, net, buildOptions{})
	if err != nil {
		t.Fatalf("%s, %+v: %v", nameOf(g), net, err)
	}
	states := []nn.Node{n.stem}
	for i, c := range n.cells {
		kind := "normal"
		if c.reduction {
			kind = "reduction"
		}
		states = append(append(states, c.states...), c.outs...)
		before := slices.DeleteFunc(slices.Clone(n.g.Params()), func(p *nn.Param) bool {
			cell, _, ok := cutCell(p.Name)
			return ok && cell > i || strings.HasPrefix(p.Name, "fc/")
		})
		costs = append(costs, cellCost{kind, channels(c.outs...), side(c.outs[0]), sizeOf(before),
			n.g.MAdds(states...)})
	}
	return costs
}

func TestCountsGrowCellByCellAsInTheReleasedNetworks(t *testing.T) {
	for _, c := range []struct {
		name  string
		net   NetConfig
		cells map[int]string // cell: kind, output channels x side, trainable parameters up to it
		count int
	}{
		{"6@768", NetConfig{N: 6, Filters: 32}, map[int]string{
			0: "normal 192x32 43168", 5: "normal 192x32 181216", 6: "reduction 256x16 268384",
			12: "normal 384x16 848736",
			13: "reduction 512x8 1154144", 19: "normal 768x8 3338848"}, 20},
		{"4@1056", NetConfig{Stack: "imagenet", N: 4, Filters: 44}, map[int]string{
			0: "reduction 44x56 9462", 1: "reduction 88x28 23410", 2: "normal 264x28 56410",
			6: "reduction 352x14 353586", 7: "normal 528x14 500898",
			11: "reduction 704x7 1598610", 12: "normal 1056x7 2156530", 15: "normal 1056x7 4232978"}, 16},
		{"6@4032", NetConfig{Stack: "imagenet", N: 6, Filters: 168, Image: 331}, map[int]string{
			0: "reduction 168x83 52014", 1: "reduction 336x42 173142", 2: "normal 1008x42 569958",
			8: "reduction 1344x21 5631126", 9: "normal 2016x21 7610166",
			15: "reduction 2688x11 27554454", 16: "normal 4032x11 35350998", 21: "normal 4032x11 84720150"}, 22},
	} {
		costs := cellCosts(t, known(t, "nasnet-a"), c.net)
		if len(costs) != c.count {
			t.Fatalf("%s: %d cells, want %d", c.name, len(costs), c.count)
		}
		for i, want := range c.cells {
			k := costs[i]
			if got := fmt.Sprintf("%s %dx%d %d", k.kind, k.channels, k.size, k.trainable); got != want {
				t.Errorf("%s: cell %d is %s, want %s", c.name, i, got, want)
			}
		}
		total, err := CostOf(known(t, "nasnet-a"), c.net)
		last := costs[len(costs)-1]
		if classes := int64(c.net.WithDefaults().Classes); err != nil ||
			total.MAdds != last.madds+int64(last.channels)*classes {
			t.Errorf("%s: %d multiply-adds after the last cell and %d in all (error %v), want %d times %d between them",
				c.name, last.madds, total.MAdds, err,
				last.channels, classes)
		}
	}
}
