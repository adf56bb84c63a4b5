package nn_test

import "testing"

func TestStepsDoNotAllocate(t *testing.T) {
	for _, c := range optimizers {
		ps, o := network(t), c.make()
		o.Step(ps, 0.1)
		if n := testing.AllocsPerRun(10, func() { o.Step(ps, 0.1) }); n != 0 {
			t.Errorf("%s: %v allocations per step", c.name, n)
		}
	}
}
