package child_test

import (
	"context"
	"math"
	"runtime"
	"runtime/debug"
	"testing"

	"nasnet/nas/child"
	"nasnet/nas/space"
)

// Training takes the memory that was planned before it started, within 5 %.
func TestPlannedMemoryIsWhatTrainingTakes(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the collector runs only where the test says so
	heap := func() float64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	data := map[int]child.Data{16: images(t, 32, 8, 16), 32: images(t, 32, 8, 32)}
	for name, net := range map[string]child.NetConfig{
		"activations": {N: 1, Filters: 8, Image: 32, Channels: 1, Classes: 4},
		"weights":     {N: 1, Filters: 48, Image: 16, Channels: 1, Classes: 4},
	} {
		k, err := space.Lookup("nasnet-a")
		if err != nil {
			t.Fatal(err)
		}
		train := child.TrainConfig{Epochs: 1, Batch: 16, LR: 0.01, Optimizer: "sgd", Momentum: 0.9}
		before := heap()
		told, err := child.BytesOf(k.Genotype, net, train)
		if err != nil {
			t.Fatal(err)
		}
		if took := heap() - before; took > 2e6 {
			t.Errorf("%s: planning the memory took %.1f MB itself", name, took/1e6)
		}
		before = heap()
		tr, err := child.NewTrainer(k.Genotype, net, train, data[net.Image], 1)
		if err != nil {
			t.Fatal(err)
		}
		planned := float64(tr.Bytes())
		if planned != float64(told) {
			t.Errorf("%s: %d bytes before the network is built, %.0f after", name, told, planned)
		}
		stop := context.Canceled
		if _, err := tr.Run(t.Context(), func(child.Progress) error { return stop }); err != stop {
			t.Fatalf("error %v, want %v", err, stop)
		}
		took := heap() - before
		runtime.KeepAlive(tr)
		t.Logf("%s: %.1f MB planned, %.1f MB taken", name, planned/1e6, took/1e6)
		if math.Abs(took/planned-1) > 0.05 {
			t.Errorf("%s: %.1f MB taken, %.1f MB planned (%.1f %% off)", name, took/1e6, planned/1e6,
				100*(took/planned-1))
		}
	}
}
