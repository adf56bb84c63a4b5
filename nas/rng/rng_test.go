package rng

import "testing"

func TestStreamsDependOnTheirKeyAlone(t *testing.T) {
	a := Stream(1, "init", 7, 2).Uint64()
	Stream(1, "other").Uint64()
	if b := Stream(1, "init", 7, 2).Uint64(); a != b {
		t.Errorf("same key gave %d and %d", a, b)
	}
	for name, b := range map[string]uint64{
		"another seed":       Stream(2, "init", 7, 2).Uint64(),
		"another purpose":    Stream(1, "shuffle", 7, 2).Uint64(),
		"another id":         Stream(1, "init", 7, 3).Uint64(),
		"one id fewer":       Stream(1, "init", 7).Uint64(),
		"ids in other order": Stream(1, "init", 2, 7).Uint64(),
	} {
		if a == b {
			t.Errorf("%s gave the same first number", name)
		}
	}
}

// A run must draw the same numbers in every later version of the program.
func TestStreamIsStable(t *testing.T) {
	const golden = 12663845392190867886
	if got := Stream(1, "init", 7, 2).Uint64(); got != golden {
		t.Errorf("got %d, want %d", got, uint64(golden))
	}
}
