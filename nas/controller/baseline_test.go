package controller

import (
	"math"
	"testing"
)

func rewards(r ...float64) []Sample {
	var batch []Sample
	for _, x := range r {
		batch = append(batch, Sample{Reward: x})
	}
	return batch
}

func near(a, b []float64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if math.Abs(a[i]-b[i]) > 1e-12 {
			return false
		}
	}
	return true
}

func TestBaseline(t *testing.T) {
	var b baseline
	for _, step := range []struct {
		name  string
		batch []Sample
		adv   []float64
		after float64
	}{
		{"an empty batch does not start it", nil, nil, 0},
		{"it starts at the mean of the first batch", rewards(1, 3), []float64{-1, 1}, 0.5*(0.5*2+0.5*1) + 0.5*3},
		{"advantages use the baseline from before the batch", rewards(2.25, 10), []float64{0, 7.75}, 0.5*2.25 + 0.5*10},
		{"a reward of zero counts", rewards(0), []float64{-6.125}, 3.0625},
	} {
		if adv := b.advance(step.batch, 0.5); !near(adv, step.adv) || math.Abs(b.value-step.after) > 1e-12 {
			t.Errorf("%s: advantages %v, baseline %v; want %v, %v", step.name, adv, b.value, step.adv, step.after)
		}
	}
}

func TestNormalize(t *testing.T) {
	for _, c := range []struct {
		name     string
		in, want []float64
	}{
		{"mean 0 and deviation 1", []float64{1, 3}, []float64{-1, 1}},
		{"equal advantages become zeros", []float64{0.3, 0.3, 0.3}, []float64{0, 0, 0}},
		{"a single advantage stays", []float64{-4}, []float64{-4}},
		{"none", nil, nil},
	} {
		if normalize(c.in); !near(c.in, c.want) {
			t.Errorf("%s: %v; want %v", c.name, c.in, c.want)
		}
	}
}
