package child_test

import (
	"bytes"
	"math"
	"testing"

	"nasnet/nas/child"
	"nasnet/nas/space"
)

func TestBenchMeasuresWhatItReports(t *testing.T) {
	net := child.NetConfig{N: 1, Filters: 4, Image: 8}
	r, err := child.Bench(tiny(t), net, child.BenchOptions{Batch: 4, Threads: 2, Seconds: 0.05})
	if err != nil {
		t.Fatal(err)
	}
	cost, err := child.CostOf(tiny(t), net)
	if err != nil || r.Params != cost.Trainable || r.MAdds != cost.MAdds || r.Threads != 2 {
		t.Errorf("%+v of a network that costs %+v (error %v)", r, cost, err)
	}
	if r.TrainImagesPerS <= 0 || r.ForwardImages <= r.TrainImagesPerS || r.TrainSteps < 3 || math.IsNaN(r.Loss) {
		t.Errorf("%+v", r)
	}
	if want := 3 * float64(r.MAdds) * r.TrainImagesPerS / 1e9; math.Abs(r.GMACsTrain-want) > 1e-9 {
		t.Errorf("%v GMAC/s, want %v", r.GMACsTrain, want)
	}
	sum := 0.0
	for i, o := range r.Ops {
		sum += o.Share
		if o.Calls < 1 || i > 0 && i < len(r.Ops)-1 && o.MS > r.Ops[i-1].MS {
			t.Errorf("op %d of %+v", i, r.Ops)
		}
	}
	if math.Abs(sum-1) > 1e-9 || r.Ops[len(r.Ops)-1].Kind != "optimizer" {
		t.Errorf("shares add up to %v: %+v", sum, r.Ops)
	}
	if r.AllocBytesPerOp > 4096 { // another child's goroutine may start meanwhile
		t.Errorf("%v bytes allocated per step", r.AllocBytesPerOp)
	}
	if _, err := child.Bench(tiny(t), net, child.BenchOptions{Batch: 4, Seconds: 1}); err == nil {
		t.Error("0 threads were accepted")
	}
	if _, err := child.Bench(space.Genotype{}, net, child.BenchOptions{Batch: 4, Threads: 1, Seconds: 1}); err == nil {
		t.Error("an empty genotype was accepted")
	}
}

func TestBenchMeasuresShards(t *testing.T) {
	net := child.NetConfig{N: 1, Filters: 4, Image: 8}
	one, err := child.Bench(tiny(t), net, child.BenchOptions{Batch: 8, Threads: 1, Seconds: 0.02})
	if err != nil || one.Shards != 1 {
		t.Fatalf("%+v (error %v)", one, err)
	}
	two, err := child.Bench(tiny(t), net, child.BenchOptions{Batch: 8, Threads: 1, Shards: 2, Seconds: 0.05})
	if err != nil || two.Shards != 2 || two.Params != one.Params || two.TrainImagesPerS <= 0 ||
		two.ForwardImages <= 0 || math.IsNaN(two.Loss) {
		t.Fatalf("%+v (error %v)", two, err)
	}
	if ratio := float64(two.ArenaBytes) / float64(one.ArenaBytes); ratio < 0.9 || ratio > 1.5 {
		t.Errorf("two halves of a batch take %d bytes, the whole %d", two.ArenaBytes, one.ArenaBytes)
	}
	if two.AllocBytesPerOp > 4096 {
		t.Errorf("%v bytes allocated per step", two.AllocBytesPerOp)
	}
	if _, err := child.Bench(tiny(t), net, child.BenchOptions{Batch: 8, Threads: 1, Shards: 3,
		Seconds: 0.05}); err == nil {
		t.Error("a batch of 8 in 3 parts was accepted")
	}
}

func TestBenchWritesAProfile(t *testing.T) {
	var b bytes.Buffer
	if _, err := child.Bench(tiny(t), child.NetConfig{N: 1, Filters: 4, Image: 8},
		child.BenchOptions{Batch: 4, Threads: 1, Seconds: 0.01, Profile: &b}); err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(b.Bytes(), []byte{0x1f, 0x8b}) { // pprof's files are gzip
		t.Errorf("profile of %d bytes: %.20q", b.Len(), b.Bytes())
	}
}

func BenchmarkTrainStepNASNetA(b *testing.B) {
	k, err := space.Lookup("nasnet-a")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		r, err := child.Bench(k.Genotype, child.NetConfig{N: 2, Filters: 16},
			child.BenchOptions{Batch: 64, Threads: 1, Seconds: 1})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(r.TrainImagesPerS, "images/s")
		b.ReportMetric(r.GMACsTrain, "GMAC/s")
	}
}

func BenchmarkBuildNASNetA(b *testing.B) {
	k, err := space.Lookup("nasnet-a")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := child.CostOf(k.Genotype, child.NetConfig{N: 6, Filters: 32}); err != nil {
			b.Fatal(err)
		}
	}
}
