package child_test

import (
	"slices"
	"testing"

	"nasnet/nas/child"
	"nasnet/nas/space"
)

func TestLatencyIsMeasuredByRung(t *testing.T) {
	k, err := space.Lookup("nasnet-a")
	if err != nil {
		t.Fatal(err)
	}
	net := child.NetConfig{N: 1, Filters: 8, Image: 16, Aux: true}
	l, err := child.MeasureLatency(k.Genotype, net,
		child.LatencyOptions{Batches: []int{1, 4}, Threads: 2, Seconds: 0.01})
	if err != nil {
		t.Fatal(err)
	}
	want, err := child.CostOf(k.Genotype, net)
	if err != nil || l.Cost != want {
		t.Errorf("cost %+v, want %+v (error %v)", l.Cost, want, err)
	}
	var ways []child.LatencyPoint
	for _, p := range l.Network {
		ways = append(ways, child.LatencyPoint{Batch: p.Batch, Threads: p.Threads, Branches: p.Branches})
		if !(p.Fastest > 0) || p.MS < p.Fastest || !(p.Images > 0) {
			t.Errorf("%+v", p)
		}
	}
	all := []child.LatencyPoint{{Batch: 1, Threads: 1}, {Batch: 1, Threads: 2, Branches: true}, {Batch: 4, Threads: 1},
		{Batch: 4, Threads: 2},
		{Batch: 4, Threads: 2, Branches: true}}
	if !slices.Equal(ways, all) {
		t.Errorf("ways %+v; want %+v", ways, all)
	}
	if len(l.Operands) != 20 {
		t.Fatalf("%d operands, want 20", len(l.Operands))
	}
	trainable, madds := l.Other.Trainable, l.Other.MAdds
	for _, r := range l.Operands {
		trainable, madds = trainable+r.Trainable, madds+r.MAdds
		op, _ := space.OpByName(r.Op)
		nothing := op.Family == space.Identity && r.Cell == "normal" && r.In == "h[i]" ||
			op.Family == space.Identity && r.In == "b1"
		for i, ms := range r.MS {
			if (ms == 0) != nothing {
				t.Errorf("%s %s of %s takes %v ms at batch %d", r.Cell, r.Op, r.In, ms, l.Batches[i])
			}
		}
		if (r.MAdds > 0) != (r.Trainable > 0) || op.Family == space.Separable && r.MAdds == 0 {
			t.Errorf("%+v", r)
		}
	}
	if trainable != want.Trainable || madds != want.MAdds || !(l.Other.MS[0] > 0) || !(l.Other.MS[1] > 0) {
		t.Errorf("operands and the rest have %d parameters and %d multiply-adds, want %d and %d; the rest takes %v ms",
			trainable, madds, want.Trainable, want.MAdds, l.Other.MS)
	}
}

func TestMeasureOneGrowsWithTheWork(t *testing.T) {
	k, err := space.Lookup("nasnet-a")
	if err != nil {
		t.Fatal(err)
	}
	small, err := child.MeasureOne(k.Genotype, child.NetConfig{N: 1, Filters: 4, Image: 8, Aux: true}, 0.01)
	if err != nil || !(small > 0) {
		t.Fatalf("%v ms, %v", small, err)
	}
	large, err := child.MeasureOne(k.Genotype, child.NetConfig{N: 2, Filters: 24, Image: 32}, 0.01)
	if err != nil || large < 2*small { // 200 times the work
		t.Errorf("%v ms of the large network, %v of the small one; %v", large, small, err)
	}
	if ms, err := child.MeasureOne(k.Genotype, child.NetConfig{N: 1, Filters: 4096, Image: 1024}, 0.01); err == nil {
		t.Errorf("a network that does not fit into memory was measured: %v ms", ms)
	}
}

func TestLatencyRefusesWhatItCannotMeasure(t *testing.T) {
	k, err := space.Lookup("nasnet-a")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []child.LatencyOptions{{Threads: 1, Seconds: 1}, {Batches: []int{0}, Threads: 1, Seconds: 1},
		{Batches: []int{1}, Seconds: 1}, {Batches: []int{1}, Threads: 1}} {
		if _, err := child.MeasureLatency(k.Genotype, child.NetConfig{}, o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
	huge := child.NetConfig{N: 1, Filters: 512, Image: 512}
	if _, err := child.MeasureLatency(k.Genotype, huge,
		child.LatencyOptions{Batches: []int{64}, Threads: 1, Seconds: 1}); err == nil {
		t.Error("64 images of 512 pixels were accepted")
	}
}
