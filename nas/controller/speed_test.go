package controller

import (
	"testing"

	"nasnet/nas/rng"
)

// nasnetArities are the decisions of two cells of five blocks with 14 ops: two inputs, two ops and a combine each.
func nasnetArities() []int {
	var a []int
	for range 2 {
		for b := range 5 {
			a = append(a, 2+b, 2+b, 14, 14, 2)
		}
	}
	return a
}

func benchController(b *testing.B) Controller {
	b.Helper()
	c, err := New(nasnetArities(), Config{Steps: 10})
	if err != nil {
		b.Fatal(err)
	}
	return c
}

func drawBatch(c Controller, seed uint64, n int, reward func(i int, choices []int) float64) []Sample {
	var batch []Sample
	for i := range n {
		p := c.Propose(rng.Stream(seed, "propose", uint64(i)))
		batch = append(batch, Sample{p.Choices, p.LogP, reward(i, p.Choices)})
	}
	return batch
}

func BenchmarkPropose(b *testing.B) {
	c := benchController(b)
	r := rng.Stream(1, "propose")
	b.ReportAllocs()
	for b.Loop() {
		c.Propose(r)
	}
}

// BenchmarkUpdate updates on 20 sequences of 50 decisions, in 10 gradient steps.
func BenchmarkUpdate(b *testing.B) {
	c := benchController(b)
	batch := drawBatch(c, 1, 20, func(i int, _ []int) float64 { return float64(i) / 20 })
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Update(batch); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBuildGraph(b *testing.B) {
	net := newNetwork[float32](nasnetArities(), 100, 32, 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := newGraph(net, objective{clipped: true, clip: 0.2, entropy: 1e-5}, 20); err != nil {
			b.Fatal(err)
		}
	}
}
