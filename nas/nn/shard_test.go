package nn_test

import (
	"math"
	"slices"
	"sync"
	"testing"

	"nasnet/nas/nn"
	"nasnet/nas/rng"
)

// headed describes a small classifier of 5x5x2 images, with or without batch normalisation.
func headed(t *testing.T, g *nn.Graph, n int, norm bool) (p *nn.Program, x, y nn.Node) {
	t.Helper()
	x, y = g.Input("x", n, 5, 5, 2), g.Labels("y", n)
	h := g.Conv(x, g.Param("k/w", nn.FanOut, 3, 3, 2, 6), nn.ConvOpts{})
	if norm {
		h = g.BatchNorm("bn", h)
	}
	l := g.Linear(g.GlobalAvgPool(h, true), g.Param("fc/w", nn.FanOut, 6, 3), g.Param("fc/b", nn.Zeros, 3))
	p, err := g.Compile(g.SoftmaxXent(l, y, 0.1, 1), l)
	if err != nil {
		t.Fatal(err)
	}
	return p, x, y
}

// fed gives a program its part of a batch, which is the same whatever the number of shards.
func fed(p *nn.Program, x, y nn.Node, shard int) {
	r := rng.Stream(1, "batch")
	all := make([]float32, 12*5*5*2)
	uniform(1)(r, all, nil)
	copy(p.Value(x), all[shard*p.Batch()*50:])
	for i := range p.Labels(y) {
		p.Labels(y)[i] = int32((shard*p.Batch() + i) * 5 % 3)
	}
}

func TestShardsHaveTheGradientOfTheWholeBatch(t *testing.T) {
	for _, n := range []int{2, 3, 4} {
		whole, x, y := headed(t, nn.NewGraph(12), 12, false)
		fed(whole, x, y, 0)
		g := nn.NewGraph(12 / n)
		first, x, y := headed(t, g, 12/n, false)
		fed(first, x, y, 0)
		shards := []*nn.Program{first}
		for i := 1; i < n; i++ {
			p, x, y := headed(t, nn.NewShard(g), 12/n, false)
			fed(p, x, y, i)
			shards = append(shards, p)
		}
		g.InitParams(rng.Stream(1, "init"))
		for i, p := range whole.Params() {
			copy(p.Value, first.Params()[i].Value)
		}
		whole.Train()
		var all sync.WaitGroup
		for _, p := range shards {
			all.Go(p.Train)
		}
		all.Wait()
		nn.Combine(shards)
		for i, p := range whole.Params() {
			for k, want := range p.Grad {
				if got := first.Params()[i].Grad[k]; math.Abs(float64(got-want)) > 1e-6 {
					t.Errorf("%d shards: gradient %s[%d] is %v, of the whole batch %v", n, p.Name, k, got, want)
				}
			}
		}
	}
}

func TestShardsMoveTheMeanOfTheirStatistics(t *testing.T) {
	g := nn.NewGraph(4)
	first, x, y := headed(t, g, 4, true)
	fed(first, x, y, 0)
	shards := []*nn.Program{first}
	for i := 1; i < 3; i++ {
		p, x, y := headed(t, nn.NewShard(g), 4, true)
		fed(p, x, y, i)
		shards = append(shards, p)
	}
	g.InitParams(rng.Stream(1, "init"))
	for range 2 {
		var own [][]float32
		for _, p := range shards {
			p.Train()
			for _, b := range p.Buffers() {
				own = append(own, slices.Clone(b.Value))
			}
		}
		if slices.Equal(own[0], own[2]) {
			t.Fatal("shards with different images have the same statistics")
		}
		nn.Combine(shards)
		for i, b := range first.Buffers() {
			for k, got := range b.Value {
				want := (float64(own[i][k]) + float64(own[2+i][k]) + float64(own[4+i][k])) / 3
				if math.Abs(float64(got)-want) > 1e-6 {
					t.Errorf("%s[%d] is %v, want the mean %v", b.Name, k, got, want)
				}
				for s, p := range shards {
					if p.Buffers()[i].Value[k] != got {
						t.Errorf("%s[%d] of shard %d is %v, of the first %v", b.Name, k, s,
							p.Buffers()[i].Value[k], got)
					}
				}
			}
		}
		for _, p := range shards[1:] { // the weights are shared, the gradients are not
			p.Params()[0].Value[0]++
			if first.Params()[0].Value[0] != p.Params()[0].Value[0] ||
				&first.Params()[0].Grad[0] == &p.Params()[0].Grad[0] {
				t.Error("the weights are not shared, or the gradients are")
			}
		}
	}
	if n := testing.AllocsPerRun(10, func() { nn.Combine(shards) }); n != 0 {
		t.Errorf("Combine allocates %v times", n)
	}
}

func TestOnlyShardsAreCombined(t *testing.T) {
	a, _, _ := headed(t, nn.NewGraph(4), 4, true)
	for name, b := range map[string]*nn.Program{
		"another batch":     first(headed(t, nn.NewGraph(3), 3, true)),
		"no normalisations": first(headed(t, nn.NewGraph(4), 4, false)),
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			nn.Combine([]*nn.Program{a, b})
		}()
	}
}

func first(p *nn.Program, _, _ nn.Node) *nn.Program { return p }
