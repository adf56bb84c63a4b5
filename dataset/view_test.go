package dataset_test

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"testing"

	"nasnet/dataset"
)

// small is n images of h x w x c in which every pixel differs from its neighbours.
func small(n, h, w, c int) *dataset.View {
	im := &dataset.Images{N: n, H: h, W: w, C: c, Pixels: make([]uint8, n*h*w*c), Labels: make([]int32, n)}
	for i := range im.Pixels {
		im.Pixels[i] = uint8(i*37 + 11)
	}
	v := &dataset.View{Data: im, Classes: n}
	for i := range n {
		im.Labels[i] = int32(i)
		v.Index = append(v.Index, int32(n-1-i)) // positions and images differ
	}
	for ch := range c {
		v.Mean, v.Std = append(v.Mean, 0.25+0.1*float32(ch)), append(v.Std, 0.5-0.1*float32(ch))
	}
	return v
}

func TestBatchIsNormalisedInTheRequestedOrder(t *testing.T) {
	v := small(3, 2, 2, 3)
	dst, labels := make([]float32, 2*2*2*3), make([]int32, 2)
	v.Batch(dst, labels, []int32{2, 0}, nil)
	if labels[0] != 0 || labels[1] != 2 {
		t.Errorf("labels %v, want [0 2]: the view is in reverse order", labels)
	}
	for i, got := range dst {
		n := []int{0, 2}[i/12]
		c := i % 3
		p := float64(v.Data.Pixels[n*12+i%12])
		want := (p/255 - float64(v.Mean[c])) / float64(v.Std[c])
		if math.Abs(float64(got)-want) > 1e-6 {
			t.Errorf("value %d is %v, want %v", i, got, want)
		}
	}
}

func TestBatchDoesNotAllocate(t *testing.T) {
	v := small(8, 32, 32, 3)
	dst, labels, idx := make([]float32, 8*32*32*3), make([]int32, 8), []int32{0, 1, 2, 3, 4, 5, 6, 7}
	a := &dataset.Augmenter{Pad: 4, Flip: true, Cutout: 16, Rand: rand.New(rand.NewPCG(1, 2))}
	all := &dataset.Augmenter{Crop: 0.3, Flip: true, Color: 0.4, Cutout: 16, Rand: a.Rand}
	for name, a := range map[string]*dataset.Augmenter{"plain": nil, "augmented": a, "cropped and coloured": all} {
		if n := testing.AllocsPerRun(20, func() { v.Batch(dst, labels, idx, a) }); n != 0 {
			t.Errorf("%s: %v allocations per batch", name, n)
		}
	}
}

// The reference draws in the documented order and does each step on whole arrays: pad, crop, flip, cut out.
func augmentSlowly(v *dataset.View, n int32, a *dataset.Augmenter) []float32 {
	im := v.Data
	dst := make([]float32, im.H*im.W*im.C)
	v.Batch(dst, nil, []int32{n}, nil)
	at := func(x []float32, r, c, ch int) *float32 { return &x[(r*im.W+c)*im.C+ch] }
	each := func(f func(r, c, ch int)) {
		for r := range im.H {
			for c := range im.W {
				for ch := range im.C {
					f(r, c, ch)
				}
			}
		}
	}
	if a.Pad > 0 {
		dy, dx := a.Rand.IntN(2*a.Pad+1), a.Rand.IntN(2*a.Pad+1)
		out := make([]float32, len(dst))
		each(func(r, c, ch int) {
			y, x := r+dy-a.Pad, c+dx-a.Pad
			if y >= 0 && y < im.H && x >= 0 && x < im.W {
				*at(out, r, c, ch) = *at(dst, y, x, ch)
			}
		})
		dst = out
	}
	if a.Flip && a.Rand.IntN(2) == 1 {
		out := make([]float32, len(dst))
		each(func(r, c, ch int) { *at(out, r, c, ch) = *at(dst, r, im.W-1-c, ch) })
		dst = out
	}
	if a.Cutout > 0 {
		y, x := a.Rand.IntN(im.H), a.Rand.IntN(im.W)
		each(func(r, c, ch int) {
			if r >= y-a.Cutout/2 && r < y-a.Cutout/2+a.Cutout && c >= x-a.Cutout/2 && c < x-a.Cutout/2+a.Cutout {
				*at(dst, r, c, ch) = 0
			}
		})
	}
	return dst
}

func TestAugmenterEqualsItsReference(t *testing.T) {
	for _, s := range []struct{ h, w, c int }{{5, 5, 1}, {8, 6, 3}, {1, 1, 1}} {
		for _, a := range []dataset.Augmenter{
			{Flip: true}, {Pad: 1}, {Pad: 2, Flip: true}, {Cutout: 1}, {Cutout: 3}, {Cutout: 4, Flip: true},
			{Pad: 4, Flip: true, Cutout: 2}, {Pad: 20}, {Cutout: 99},
		} {
			name := fmt.Sprintf("%dx%dx%d pad %d flip %v cutout %d", s.h, s.w, s.c, a.Pad, a.Flip, a.Cutout)
			v := small(2, s.h, s.w, s.c)
			fast, slow := a, a
			fast.Rand, slow.Rand = rand.New(rand.NewPCG(3, 4)), rand.New(rand.NewPCG(3, 4))
			dst := make([]float32, s.h*s.w*s.c)
			for i := range dst {
				dst[i] = 99 // left over from an earlier batch
			}
			for round := range 50 {
				v.Batch(dst, nil, []int32{int32(round % 2)}, &fast)
				want := augmentSlowly(v, int32(round%2), &slow)
				for i := range want {
					if dst[i] != want[i] {
						t.Fatalf("%s, round %d: value %d is %v, want %v", name, round, i, dst[i], want[i])
					}
				}
			}
		}
	}
}

// A run must see the same images in every later version and on every machine: the bits of a batch are pinned.
func TestAugmentedBatchIsStable(t *testing.T) {
	v := small(8, 8, 8, 3)
	dst := make([]float32, 8*8*8*3)
	a := &dataset.Augmenter{Pad: 2, Flip: true, Cutout: 3, Rand: rand.New(rand.NewPCG(1, 2))}
	v.Batch(dst, nil, []int32{0, 1, 2, 3, 4, 5, 6, 7}, a)
	h := fnv.New64a()
	for _, f := range dst {
		b := math.Float32bits(f)
		h.Write([]byte{byte(b), byte(b >> 8), byte(b >> 16), byte(b >> 24)})
	}
	if got, want := h.Sum64(), uint64(goldenBatch); got != want {
		t.Errorf("got %#x, want %#x", got, want)
	}
}

const goldenBatch = 0x4c65826cc1bc638

func TestBatchPanicsOnWrongLengths(t *testing.T) {
	v := small(2, 2, 2, 1)
	for name, f := range map[string]func(){
		"dst too short":    func() { v.Batch(make([]float32, 3), nil, []int32{0}, nil) },
		"labels too long":  func() { v.Batch(make([]float32, 4), make([]int32, 2), []int32{0}, nil) },
		"position outside": func() { v.Batch(make([]float32, 4), nil, []int32{2}, nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

func BenchmarkBatch(b *testing.B) {
	v := small(64, 32, 32, 3)
	dst, labels, idx := make([]float32, 64*32*32*3), make([]int32, 64), make([]int32, 64)
	for i := range idx {
		idx[i] = int32(i)
	}
	for name, a := range map[string]*dataset.Augmenter{
		"plain":     nil,
		"augmented": {Pad: 4, Flip: true, Cutout: 16, Rand: rand.New(rand.NewPCG(1, 2))},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				v.Batch(dst, labels, idx, a)
			}
			b.ReportMetric(float64(64*b.N)/b.Elapsed().Seconds(), "images/s")
		})
	}
}
