package nn_test

import (
	"math"
	"testing"

	"nasnet/nas/nn"
)

func TestScheduleFollowsItsCurve(t *testing.T) {
	cycle := nn.Schedule{Curve: "one-cycle", Base: 0.5}
	cosine, warm := nn.Schedule{Curve: "cosine", Base: 0.025}, nn.Schedule{Curve: "cosine", Base: 0.4, Warmup: 4}
	for _, c := range []struct {
		name        string
		s           nn.Schedule
		step, total int
		want        float64
	}{
		{"cosine starts at the base", cosine, 0, 100, 0.025},
		{"a quarter of the way", cosine, 25, 100, 0.025 * (1 + math.Sqrt2/2) / 2},
		{"half the base halfway", cosine, 50, 100, 0.0125},
		{"the last step is just above zero", cosine, 99, 100, 0.025 * (1 + math.Cos(0.99*math.Pi)) / 2},
		{"zero at the end", cosine, 100, 100, 0},
		{"and beyond", cosine, 1000, 100, 0},
		{"a step before the first is the first", cosine, -5, 100, 0.025},
		{"warm-up starts above zero", warm, 0, 12, 0.1},
		{"warm-up is linear", warm, 2, 12, 0.3},
		{"warm-up reaches the base", warm, 3, 12, 0.4},
		{"the curve starts at the base after it", warm, 4, 12, 0.4},
		{"and reaches half the base midway from there to the end", warm, 8, 12, 0.2},
		{"warm-up longer than training", nn.Schedule{Curve: "cosine", Base: 1, Warmup: 10}, 4, 5, 0.5},
		{"warm-up as long as training", nn.Schedule{Curve: "cosine", Base: 1, Warmup: 5}, 5, 5, 0},
		{"constant stays", nn.Schedule{Curve: "constant", Base: 0.1}, 99, 100, 0.1},
		{"one cycle starts low", cycle, 0, 1000, 0.02},
		{"is halfway up after 15 %", cycle, 150, 1000, 0.26},
		{"reaches its top after 30 %", cycle, 300, 1000, 0.5},
		{"is halfway down at 65 %", cycle, 650, 1000, 0.250001},
		{"and ends at next to nothing", cycle, 1000, 1000, 0.5 / 25e4},
		{"step keeps the base for the first half", nn.Schedule{Curve: "step", Base: 0.1}, 49, 100, 0.1},
		{"is a tenth from there", nn.Schedule{Curve: "step", Base: 0.1}, 50, 100, 0.01},
		{"and a hundredth from three quarters", nn.Schedule{Curve: "step", Base: 0.1}, 75, 100, 0.001},
		{"no curve is constant", nn.Schedule{Base: 0.1}, 99, 100, 0.1},
	} {
		if got := c.s.At(c.step, c.total); math.Abs(got-c.want) > 1e-15 {
			t.Errorf("%s: %v at step %d of %d, want %v", c.name, got, c.step, c.total, c.want)
		}
	}
}

func TestEveryCurveReachesOneAndStaysInRange(t *testing.T) {
	for _, c := range nn.Curves {
		top := 0.0
		for i := range 1001 {
			v := c.At(float64(i) / 1000)
			if v < 0 || v > 1 {
				t.Errorf("%s is %v at %v", c.Name, v, float64(i)/1000)
			}
			top = max(top, v)
		}
		if top != 1 {
			t.Errorf("%s reaches %v, want 1", c.Name, top)
		}
	}
}
