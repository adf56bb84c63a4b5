package kernel_test

import (
	"testing"
	"time"

	"nasnet/nas/kernel"
)

func TestSpeedsCoverTheKernelsOfAChild(t *testing.T) {
	seen := map[string]int{}
	for _, s := range kernel.Speeds(1, time.Nanosecond, 1e9) {
		seen[s.Kernel]++
		if !(s.GBs > 0) || (s.Kernel == "conv" || s.Kernel == "depthwise") != (s.GMACs > 0 && s.Peak > 0) {
			t.Errorf("%+v", s)
		}
	}
	for _, k := range []string{"conv", "depthwise", "batch normalisation", "relu", "add", "average pool", "max pool"} {
		if seen[k] == 0 {
			t.Errorf("%s is not measured", k)
		}
	}
}
