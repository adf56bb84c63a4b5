package child_test

import (
	"math"
	"testing"

	"nasnet/nas/child"
)

func TestDropPathFollowsItsSchedule(t *testing.T) {
	scaled, linear := child.DropPath{Mode: "scaled", Prob: 0.4}, child.DropPath{Mode: "linear", Prob: 0.4}
	constant := child.DropPath{Mode: "constant", Prob: 0.3}
	for _, c := range []struct {
		name        string
		d           child.DropPath
		cell, cells int
		progress    float64
		want        float64
	}{
		{"scaled: the first of 20 cells at the end", scaled, 0, 20, 1, 0.98},
		{"scaled: the tenth halfway", scaled, 9, 20, 0.5, 0.90},
		{"scaled: the last halfway", scaled, 19, 20, 0.5, 0.80},
		{"scaled: the last at the end", scaled, 19, 20, 1, 0.60},
		{"scaled: nothing is dropped at first", scaled, 19, 20, 0, 1},
		{"scaled: progress past the end is the end", scaled, 19, 20, 1.5, 0.60},
		{"linear: a quarter of the way, the first cell", linear, 0, 20, 0.25, 0.90},
		{"linear: a quarter of the way, the last cell", linear, 19, 20, 0.25, 0.90},
		{"linear: at the end", linear, 3, 20, 1, 0.60},
		{"linear: before the start is the start", linear, 3, 20, -1, 1},
		{"constant: at first", constant, 0, 20, 0, 0.7},
		{"constant: at the end", constant, 19, 20, 1, 0.7},
		{"none", child.DropPath{Mode: "none", Prob: 0.5}, 19, 20, 1, 1},
		{"no mode", child.DropPath{Prob: 0.5}, 19, 20, 1, 1},
	} {
		if got := c.d.Keep(c.cell, c.cells, c.progress); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: keeps with %v, want %v", c.name, got, c.want)
		}
	}
}
