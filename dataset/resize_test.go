package dataset

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func scaled(in []uint8, h, w, oh, ow, c int) []uint8 {
	out := make([]uint8, oh*ow*c)
	newResizer(h, w, oh, ow, c).resize(out, in)
	return out
}

func TestResize(t *testing.T) {
	for _, test := range []struct {
		name         string
		in           []uint8
		h, w, oh, ow int
		c            int
		want         []uint8
	}{
		{"half the size averages squares of four", []uint8{0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130,
			140, 150}, 4, 4, 2, 2, 1, []uint8{25, 45, 105, 125}},
		{"two thirds weighs the shared pixel by half", []uint8{0, 90, 255, 0, 90, 255, 0, 90, 255}, 3, 3, 2, 2, 1,
			[]uint8{30, 200, 30, 200}},
		{"the same size is a copy", []uint8{1, 2, 3, 4}, 2, 2, 2, 2, 1, []uint8{1, 2, 3, 4}},
		{"twice the size is bilinear with half-pixel centres", []uint8{0, 100, 0, 100}, 2, 2, 2, 4, 1,
			[]uint8{0, 25, 75, 100, 0, 25, 75, 100}},
		{"one pixel fills everything", []uint8{7}, 1, 1, 2, 2, 1, []uint8{7, 7, 7, 7}},
		{"everything becomes one pixel", []uint8{10, 20, 30, 40}, 2, 2, 1, 1, 1, []uint8{25}},
		{"channels do not mix", []uint8{0, 255, 0, 255, 0, 255, 0, 255}, 2, 2, 1, 1, 2, []uint8{0, 255}},
		{"halves round up", []uint8{0, 1}, 1, 2, 1, 1, 1, []uint8{1}},
	} {
		if got := scaled(test.in, test.h, test.w, test.oh, test.ow, test.c); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

// For every pair of sizes the weights sum to one and stay inside the input, and white stays white.
func TestTapsOfAllSizes(t *testing.T) {
	for in := 1; in <= 70; in++ {
		for out := 1; out <= 70; out++ {
			for o, tp := range taps(in, out) {
				sum := int64(0)
				for _, k := range tp.weight {
					sum += k
					if k < 0 {
						t.Fatalf("%d to %d, result %d: weight %d", in, out, o, k)
					}
				}
				if sum != one || tp.start < 0 || tp.start+len(tp.weight) > in {
					t.Fatalf("%d to %d, result %d: weights sum to %d, from %d on, %d of them", in, out, o, sum,
						tp.start, len(tp.weight))
				}
			}
		}
	}
}

func TestAreaAverageIsWithinOneOfExactArithmetic(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, s := range [][2]int{{28, 16}, {100, 7}, {513, 32}} {
		in := make([]uint8, s[0]*s[0])
		for i := range in {
			in[i] = uint8(r.IntN(256))
		}
		got := scaled(in, s[0], s[0], s[1], s[1], 1)
		ratio := float64(s[0]) / float64(s[1])
		cover := func(p, o int) float64 {
			return max(0, min(float64(p+1), float64(o+1)*ratio)-max(float64(p), float64(o)*ratio)) / ratio
		}
		for oy := range s[1] {
			for ox := range s[1] {
				want := 0.0
				for y := int(float64(oy) * ratio); y < min(s[0], int(float64(oy+1)*ratio)+1); y++ {
					for x := int(float64(ox) * ratio); x < min(s[0], int(float64(ox+1)*ratio)+1); x++ {
						want += cover(y, oy) * cover(x, ox) * float64(in[y*s[0]+x])
					}
				}
				if d := math.Abs(float64(got[oy*s[1]+ox]) - want); d > 1 {
					t.Fatalf("%d to %d: result (%d,%d) is %d, want %.3f", s[0], s[1], oy, ox, got[oy*s[1]+ox], want)
				}
			}
		}
	}
}

func TestResizedRefusesWhatDoesNotFit(t *testing.T) {
	im := Images{N: maxImages, H: 1, W: 1, C: 3}
	if _, err := resized(context.Background(), im, maxSide); err == nil {
		t.Error("60 terabytes of pixels were allocated")
	}
}
