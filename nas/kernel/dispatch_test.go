package kernel_test

import (
	"slices"
	"testing"

	"nasnet/nas/kernel"
)

func TestConfigureSelectsOnlyWhatIsAvailable(t *testing.T) {
	before := kernel.Arch()
	defer func() { _ = kernel.Configure(before) }()
	if !slices.Contains(kernel.Available(), "generic") {
		t.Error("generic kernels are missing")
	}
	for _, name := range []string{"", "sse2", "AVX2"} {
		if err := kernel.Configure(name); err == nil {
			t.Errorf("%q was accepted", name)
		}
	}
	for _, name := range kernel.Available() {
		if err := kernel.Configure(name); err != nil || kernel.Arch() != name || kernel.ArchError() != nil {
			t.Errorf("%q: %v, arch %q, %v", name, err, kernel.Arch(), kernel.ArchError())
		}
	}
}

func TestAWrongLengthPanics(t *testing.T) {
	for what, f := range map[string]func(){
		"convolution": func() {
			c := kernel.Same(1, 3, 3, 2, 2, 3, 3, 1, 1, 1)
			kernel.ConvForward(make([]float32, 18), make([]float32, 17), make([]float32, 36), c,
				make([]float32, c.Scratch()))
		},
		"sum":  func() { kernel.Add(make([]float32, 3), make([]float32, 3), make([]float32, 2)) },
		"pool": func() { kernel.AvgPoolForward(nil, make([]float32, 9), kernel.SamePool(1, 3, 3, 1, 3, 1), nil) },
		"gemm": func() {
			kernel.Gemm(make([]float32, 4), make([]float32, 4), make([]float32, 3), 2, 2, 2, 2, 2, 2, false)
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", what)
				}
			}()
			f()
		}()
	}
}

func TestThePeakIsPositive(t *testing.T) {
	onEach(t, func(t *testing.T) {
		if p := kernel.Peak(); !(p > 1e6) {
			t.Errorf("%v multiply-adds a second", p)
		}
	})
}
