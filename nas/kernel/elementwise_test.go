package kernel_test

import (
	"math"
	"testing"

	"nasnet/nas/kernel"
)

func TestElementwiseKernelsAgreeWithTheirLoopsAtEveryLength(t *testing.T) {
	onEach(t, func(t *testing.T) {
		for n := 0; n < 140; n++ {
			m := newMemory(uint64(n))
			x, a, g := m.normal(n), m.normal(n), m.normal(n)
			want, wantG, wantSum := make([]float32, n), make([]float32, n), make([]float32, n)
			var squares float64
			for i, v := range x {
				if i%7 == 3 {
					x[i], v = 0, 0
				}
				want[i], wantSum[i] = max(v, 0), v+a[i]
				if v > 0 {
					wantG[i] = g[i]
				}
				squares += float64(v) * float64(v)
			}
			y := m.raw(n)
			kernel.Relu(y, x)
			equal(t, "relu", y, want)
			kernel.ReluBackward(y, g, x)
			equal(t, "relu gradient", y, wantG)
			kernel.Add(y, x, a)
			equal(t, "sum", y, wantSum)
			copy(y, x)
			kernel.AddTo(y, a)
			equal(t, "sum in place", y, wantSum)
			if got := kernel.SumSquares(x); math.Abs(got-squares) > 1e-12*max(squares, 1) {
				t.Fatalf("sum of %d squares = %v, want %v", n, got, squares)
			}
			kernel.Scale(y, 0.5)
			for i := range wantSum {
				wantSum[i] *= 0.5
			}
			equal(t, "scaled", y, wantSum)
			copy(y, g)
			kernel.ReluBackward(y, y, x)
			equal(t, "relu gradient in place", y, wantG)
			kernel.Relu(x, x)
			equal(t, "relu in place", x, want)
			m.check(t)
		}
	})
}

func TestLongSlicesAreComputedToTheirEnd(t *testing.T) {
	onEach(t, func(t *testing.T) {
		const n = 100_003 // more than any block
		m := newMemory(8)
		x, a, y := m.normal(n), m.normal(n), m.raw(n)
		check := func(what string, want func(i int) float32) {
			t.Helper()
			for i := range y {
				if y[i] != want(i) {
					t.Fatalf("%s[%d] = %v, want %v", what, i, y[i], want(i))
				}
			}
			m.check(t)
		}
		kernel.Relu(y, x)
		check("relu", func(i int) float32 { return max(x[i], 0) })
		kernel.Add(y, x, a)
		check("sum", func(i int) float32 { return x[i] + a[i] })
		kernel.ReluBackward(y, a, x)
		check("relu gradient", func(i int) float32 {
			if x[i] > 0 {
				return a[i]
			}
			return 0
		})
		copy(y, x)
		kernel.AddTo(y, a)
		check("sum in place", func(i int) float32 { return x[i] + a[i] })
		copy(y, x)
		kernel.Scale(y, 3)
		check("scaled", func(i int) float32 { return x[i] * 3 })
		copy(y, x)
		v := m.filled(n, 0)
		kernel.SGDStep(y, a, v, 0.5, 0, 0, false)
		check("step", func(i int) float32 { return x[i] - 0.5*a[i] })
		copy(y, x)
		kernel.RMSPropStep(y, a, m.filled(n, 0), m.filled(n, 0), 0.5, 1, 0, 1, 0)
		check("rmsprop step", func(i int) float32 { return x[i] - 0.5*a[i] })
		const rows = 20_000
		kernel.ConcatForward(y[:rows*5], [][]float32{x[:rows*3], a[:rows*2]}, []int{3, 2}, rows)
		y = y[:rows*5]
		check("concatenation", func(i int) float32 {
			if i%5 < 3 {
				return x[i/5*3+i%5]
			}
			return a[i/5*2+i%5-3]
		})
	})
}

func TestReluKeepsNaN(t *testing.T) {
	onEach(t, func(t *testing.T) {
		m := newMemory(1)
		x := m.normal(37)
		nan := float32(math.NaN())
		x[3], x[35] = nan, nan
		y := m.raw(37)
		kernel.Relu(y, x)
		if y[3] == y[3] || y[35] == y[35] {
			t.Error("a NaN became a number: a diverged network would look alive")
		}
	})
}

func TestConcatAndItsGradientCopyColumns(t *testing.T) {
	onEach(t, func(t *testing.T) {
		for _, widths := range [][]int{{1}, {3, 8}, {8, 8, 16}, {20, 1, 44, 7}} {
			const rows = 13
			mem := newMemory(uint64(len(widths)))
			var parts [][]float32
			total := 0
			for _, w := range widths {
				parts, total = append(parts, mem.normal(rows*w)), total+w
			}
			y := mem.raw(rows * total)
			kernel.ConcatForward(y, parts, widths, rows)
			offset := 0
			for p, w := range widths {
				for i := range rows {
					equal(t, "row", y[i*total+offset:][:w], parts[p][i*w:][:w])
				}
				back := mem.raw(rows * w)
				kernel.ConcatBackward(back, y, offset, w, total, rows)
				equal(t, "part", back, parts[p])
				offset += w
			}
			mem.check(t)
		}
	})
}

func TestDropPathScalesEachExample(t *testing.T) {
	onEach(t, func(t *testing.T) {
		const n, per = 3, 21
		m := newMemory(2)
		x, y := m.normal(n*per), m.raw(n*per)
		x[5] = float32(math.Inf(1)) // dropped: must not become NaN
		scale := []float32{0, 2, 1.25}
		kernel.DropPathForward(y, x, scale, n, per)
		for i, v := range y {
			want := x[i] * scale[i/per]
			if i < per {
				want = 0
			}
			if v != want {
				t.Fatalf("y[%d] = %v, want %v", i, v, want)
			}
		}
		kernel.DropPathForward(x, x, scale, n, per)
		equal(t, "in place", x, y)
		m.check(t)
	})
}

func TestOptimiserStepsAgreeWithTheirFormulas(t *testing.T) {
	onEach(t, func(t *testing.T) {
		for _, n := range []int{0, 1, 7, 8, 9, 31, 64, 133} {
			m := newMemory(uint64(n))
			for _, nesterov := range []bool{false, true} {
				w, g, v := m.normal(n), m.normal(n), m.normal(n)
				const lr, mu, decay = 0.1, 0.9, 0.01
				wantW, wantV := wide(w), wide(v)
				for i := range n {
					d := float64(g[i]) + decay*wantW[i]
					wantV[i] = mu*wantV[i] + d
					if nesterov {
						wantW[i] -= lr * (d + mu*wantV[i])
					} else {
						wantW[i] -= lr * wantV[i]
					}
				}
				kernel.SGDStep(w, g, v, lr, mu, decay, nesterov)
				near(t, "w", w, wantW, 1e-6)
				near(t, "v", v, wantV, 1e-6)
			}
			w, g, ms, mom := m.normal(n), m.normal(n), m.filled(n, 0.5), m.normal(n)
			wantW, wantMS, wantMom := wide(w), wide(ms), wide(mom)
			for i := range n {
				d := float64(g[i])
				wantMS[i] = 0.9*wantMS[i] + 0.1*d*d
				wantMom[i] = 0.8*wantMom[i] + 0.05*d/math.Sqrt(wantMS[i]+1)
				wantW[i] -= wantMom[i] + 0.05*0.01*wantW[i]
			}
			kernel.RMSPropStep(w, g, ms, mom, 0.05, 0.9, 0.8, 1, 0.01)
			near(t, "w", w, wantW, 1e-6)
			near(t, "ms", ms, wantMS, 1e-6)
			near(t, "mom", mom, wantMom, 1e-6)
			m.check(t)
		}
	})
}

func TestGlobalAveragePoolAndItsGradient(t *testing.T) {
	onEach(t, func(t *testing.T) {
		for _, s := range [][3]int{{1, 1, 1}, {2, 49, 3}, {3, 64, 20}, {2, 9, 44}} {
			n, hw, c := s[0], s[1], s[2]
			for _, relu := range []bool{false, true} {
				m := newMemory(uint64(hw * c))
				x, dy := m.normal(n*hw*c), m.normal(n*c)
				y, dx := m.raw(n*c), m.raw(n*hw*c)
				wantY, wantDX := make([]float64, n*c), make([]float64, n*hw*c)
				in := relu64(x, relu)
				for i := range in {
					o := i/(hw*c)*c + i%c
					wantY[o] += in[i] / float64(hw)
					if !relu || x[i] > 0 {
						wantDX[i] = float64(dy[o]) / float64(hw)
					}
				}
				if relu {
					kernel.GlobalAvgPoolRelu(y, x, n, hw, c)
					kernel.GlobalAvgPoolReluBackward(dx, dy, x, n, hw, c)
				} else {
					kernel.GlobalAvgPool(y, x, n, hw, c)
					kernel.GlobalAvgPoolBackward(dx, dy, n, hw, c)
				}
				near(t, "y", y, wantY, 1e-6)
				near(t, "dx", dx, wantDX, 1e-6)
				m.check(t)
			}
		}
	})
}

func TestLinearAgreesWithTheDefinition(t *testing.T) {
	onEach(t, func(t *testing.T) {
		for _, s := range [][3]int{{1, 1, 1}, {2, 7, 10}, {64, 96, 10}, {5, 44, 100}} {
			n, in, out := s[0], s[1], s[2]
			m := newMemory(uint64(in))
			x, w, b, dy := m.normal(n*in), m.normal(in*out), m.normal(out), m.normal(n*out)
			y, dx, dw, db := m.raw(n*out), m.raw(n*in), m.raw(in*out), m.raw(out)
			kernel.Linear(y, x, w, b, n, in, out)
			kernel.LinearBackward(dx, dw, db, dy, x, w, n, in, out)
			c := kernel.Valid(n, 1, 1, in, out, 1, 1, 1, 1, 1)
			wantY, wantDX, wantDW := convReference(x, w, dy, c, false)
			wantDB := make([]float64, out)
			for i := range dy {
				wantY[i] += float64(b[i%out])
				wantDB[i%out] += float64(dy[i])
			}
			near(t, "y", y, wantY, 2e-6)
			near(t, "dx", dx, wantDX, 2e-6)
			near(t, "dw", dw, wantDW, 2e-6)
			near(t, "db", db, wantDB, 2e-6)
			m.check(t)
		}
	})
}

func TestCrossEntropyAndItsGradient(t *testing.T) {
	loss64 := func(logits []float64, labels []int32, classes int, smoothing float64) float64 {
		var sum, rows float64
		for i, l := range labels {
			if l < 0 {
				continue
			}
			rows++
			row := logits[i*classes:][:classes]
			var z float64
			for _, v := range row {
				z += math.Exp(v)
			}
			for j, v := range row {
				target := smoothing / float64(classes)
				if j == int(l) {
					target += 1 - smoothing
				}
				sum -= target * (v - math.Log(z))
			}
		}
		return sum / rows
	}
	for _, smoothing := range []float64{0, 0.1} {
		const n, classes = 6, 7
		m := newMemory(4)
		logits, d := m.normal(n*classes), m.raw(n*classes)
		labels := []int32{0, 3, 6, 2, -1, 5}
		logits[3*classes+2] = 30 // surely correct
		loss, correct := kernel.SoftmaxXent(d, logits, labels, n, classes, float32(smoothing))
		at := wide(logits)
		if want := loss64(at, labels, classes, float64(float32(smoothing))); math.Abs(loss-want) > 1e-9 {
			t.Errorf("loss %v, want %v", loss, want)
		}
		right := 0
		for i, l := range labels {
			best := 0
			for j := range classes {
				if logits[i*classes+j] > logits[i*classes+best] {
					best = j
				}
			}
			if best == int(l) {
				right++
			}
		}
		if correct != right || right == 0 {
			t.Errorf("%d correct, want %d", correct, right)
		}
		want := make([]float64, len(at))
		for i, v := range at {
			const h = 1e-5
			at[i] = v + h
			up := loss64(at, labels, classes, smoothing)
			at[i] = v - h
			want[i] = (up - loss64(at, labels, classes, smoothing)) / (2 * h)
			at[i] = v
		}
		near(t, "gradient", d, want, 1e-7)
		if l, k := kernel.SoftmaxXent(nil, logits, labels, n, classes, float32(smoothing)); l != loss || k != correct {
			t.Error("the loss differs without a gradient")
		}
		m.check(t)
	}
}

func TestCrossEntropyOfHugeLogitsIsFinite(t *testing.T) {
	d := make([]float32, 2)
	loss, _ := kernel.SoftmaxXent(d, []float32{1e30, -1e30}, []int32{0}, 1, 2, 0)
	if loss != 0 || d[0] != 0 || d[1] != 0 {
		t.Errorf("loss %v gradient %v, want zeros", loss, d)
	}
}
