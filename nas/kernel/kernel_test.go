package kernel_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"nasnet/nas/kernel"
)

// onEach runs a test on every instruction set that this machine has.
func onEach(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	before := kernel.Arch()
	defer func() { _ = kernel.Configure(before) }()
	for _, name := range kernel.Available() {
		if err := kernel.Configure(name); err != nil {
			t.Fatal(err)
		}
		t.Run(name, f)
	}
}

// guard is the NaN that surrounds every buffer; no computation produces it.
const guard = 0x7fc0beef

// A memory hands out buffers between bands of guards and detects writes outside
// them.
type memory struct {
	rng  *rand.Rand
	bufs [][]float32
}

const band = 24

func newMemory(seed uint64) *memory { return &memory{rng: rand.New(rand.NewPCG(seed, 7))} }

// raw returns a buffer of guards: a kernel that reads what it should write
// produces NaN.
func (m *memory) raw(n int) []float32 {
	shift := m.rng.IntN(8) // any alignment
	all := make([]float32, band+shift+n+band)
	for i := range all {
		all[i] = math.Float32frombits(guard)
	}
	m.bufs = append(m.bufs, all[:band+shift], all[band+shift+n:])
	return all[band+shift : band+shift+n : band+shift+n]
}

// normal returns a buffer of standard normal numbers.
func (m *memory) normal(n int) []float32 {
	s := m.raw(n)
	for i := range s {
		s[i] = float32(m.rng.NormFloat64())
	}
	return s
}

// filled returns a buffer of one number.
func (m *memory) filled(n int, v float32) []float32 {
	s := m.raw(n)
	for i := range s {
		s[i] = v
	}
	return s
}

func (m *memory) check(t *testing.T) {
	t.Helper()
	for _, b := range m.bufs {
		for _, v := range b {
			if math.Float32bits(v) != guard {
				t.Fatal("a guard beside a buffer was overwritten")
			}
		}
	}
}

// near checks that |got-want| <= tol * the largest |want| (at least 1).
func near(t *testing.T, what string, got []float32, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	scale := 1.0
	for _, w := range want {
		scale = max(scale, math.Abs(w))
	}
	for i, w := range want {
		if d := math.Abs(float64(got[i]) - w); !(d <= tol*scale) {
			t.Fatalf("%s[%d] = %v, want %v (off by %.3g of %.3g)", what, i, got[i], w, d, scale)
		}
	}
}

func wide(s []float32) []float64 {
	out := make([]float64, len(s))
	for i, v := range s {
		out[i] = float64(v)
	}
	return out
}

func dot64(a, b []float32) (sum, size float64) {
	for i, v := range a {
		sum += float64(v) * float64(b[i])
		size += math.Abs(float64(v) * float64(b[i]))
	}
	return sum, size
}

func relu64(s []float32, on bool) []float64 {
	out := wide(s)
	if on {
		for i := range out {
			out[i] = max(out[i], 0)
		}
	}
	return out
}

func name(parts ...any) string { return fmt.Sprint(parts...) }
