package nas

import (
	"reflect"
	"testing"

	"nasnet/nas/controller"
)

func TestThePastOfAFork(t *testing.T) {
	a, b, d := controller.Config{Entropy: 1}, controller.Config{Entropy: 2}, controller.Config{Entropy: 3}
	for _, x := range []struct {
		past []Past
		at   int
		want []Past
	}{
		{nil, 0, nil},
		{nil, 7, []Past{{7, d}}},
		{[]Past{{3, a}, {5, b}}, 0, nil},
		{[]Past{{3, a}, {5, b}}, 2, []Past{{2, a}}},
		{[]Past{{3, a}, {5, b}}, 3, []Past{{3, a}}},
		{[]Past{{3, a}, {5, b}}, 4, []Past{{3, a}, {4, b}}},
		{[]Past{{3, a}, {5, b}}, 9, []Past{{3, a}, {5, b}, {9, d}}},
	} {
		got := (Config{Inheritance: Inheritance{Past: x.past}, Controller: d}).PastUntil(x.at)
		if !reflect.DeepEqual(got, x.want) {
			t.Errorf("%v at %d: %v; want %v", x.past, x.at, got, x.want)
		}
	}
	c := Config{Inheritance: Inheritance{Past: []Past{{3, a}, {5, b}}}, Controller: d}
	for version, want := range map[int]controller.Config{1: a, 3: a, 4: b, 5: b, 6: d} {
		if got := c.ControllerAt(version); got != want {
			t.Errorf("version %d was made with entropy %v; want %v", version, got.Entropy, want.Entropy)
		}
	}
}
