package kernel_test

import (
	"math"
	"testing"

	"nasnet/nas/kernel"
)

const eps = 1e-3

// bnReference computes batch normalisation forward in float64.
func bnReference(x, gamma, beta []float64, m, c int) (y, mean, invstd []float64) {
	y, mean, invstd = make([]float64, m*c), make([]float64, c), make([]float64, c)
	for j := range c {
		var q float64
		for i := range m {
			mean[j] += x[i*c+j] / float64(m)
		}
		for i := range m {
			q += (x[i*c+j] - mean[j]) * (x[i*c+j] - mean[j])
		}
		invstd[j] = 1 / math.Sqrt(q/float64(m)+float64(float32(eps)))
		for i := range m {
			y[i*c+j] = (x[i*c+j]-mean[j])*invstd[j]*gamma[j] + beta[j]
		}
	}
	return y, mean, invstd
}

var bnSizes = [][2]int{{1, 1}, {1, 8}, {2, 3}, {3, 8}, {7, 20}, {63, 44}, {64, 1}, {65, 16}, {40, 24}, {100, 100},
	{33, 5}, {513, 32}, {1030, 8}, {9, 96}, {130, 130}}

func TestBatchNormalisationAgreesWithTheDefinition(t *testing.T) {
	onEach(t, func(t *testing.T) {
		for _, s := range bnSizes {
			m, c := s[0], s[1]
			for _, offset := range []float32{0, 300} {
				mem := newMemory(uint64(m*1000 + c))
				x, gamma, beta := mem.normal(m*c), mem.normal(c), mem.normal(c)
				for i := range x {
					x[i] += offset // far from zero: sums of squares would cancel
				}
				y, mean, invstd := mem.raw(m*c), mem.raw(c), mem.raw(c)
				scratch := mem.raw(kernel.BNScratch(c))
				kernel.BNTrainForward(y, x, gamma, beta, mean, invstd, m, c, eps, scratch)
				wantY, wantMean, wantInv := bnReference(wide(x), wide(gamma), wide(beta), m, c)
				// The inputs themselves carry offset*2^-24 of rounding, times invstd.
				tol := 4e-6 + float64(offset)*1e-6
				at := name(m, "x", c, "+", offset, " ")
				near(t, at+"mean", mean, wantMean, 1e-6)
				if m > 1 {
					near(t, at+"invstd", invstd, wantInv, tol)
					near(t, at+"y", y, wantY, tol)
				}
				inplace := mem.raw(m * c)
				copy(inplace, x)
				kernel.BNTrainForward(inplace, inplace, gamma, beta, mean, invstd, m, c, eps, scratch)
				equal(t, at+"y in place", inplace, y)
				mem.check(t)
			}
		}
	})
}

func TestBatchNormalisationGradientsAgreeWithFiniteDifferences(t *testing.T) {
	onEach(t, func(t *testing.T) {
		for _, s := range bnSizes {
			m, c := s[0], s[1]
			if m == 1 || m*c > 1500 {
				continue
			}
			at := name(m, "x", c, " ")
			mem := newMemory(uint64(m*1000 + c))
			x, gamma, beta, dy := mem.normal(m*c), mem.normal(c), mem.normal(c), mem.normal(m*c)
			_, mean64, inv64 := bnReference(wide(x), wide(gamma), wide(beta), m, c)
			mean, invstd := mem.raw(c), mem.raw(c)
			for j := range c {
				mean[j], invstd[j] = float32(mean64[j]), float32(inv64[j])
			}
			dx, dgamma, dbeta := mem.raw(m*c), mem.raw(c), mem.raw(c)
			scratch := mem.raw(kernel.BNScratch(c))
			kernel.BNBackward(dx, dgamma, dbeta, dy, x, gamma, mean, invstd, m, c, scratch)
			mem.check(t)
			loss := func(x, gamma, beta []float64) (l float64) {
				y, _, _ := bnReference(x, gamma, beta, m, c)
				for i, v := range y {
					l += v * float64(dy[i])
				}
				return l
			}
			args := [][]float64{wide(x), wide(gamma), wide(beta)}
			for a, got := range [][]float32{dx, dgamma, dbeta} {
				var want []float64
				var pick []float32
				for i := 0; i < len(got); i += 1 + len(got)/60 {
					const h = 1e-5
					v := args[a][i]
					args[a][i] = v + h
					up := loss(args[0], args[1], args[2])
					args[a][i] = v - h
					down := loss(args[0], args[1], args[2])
					args[a][i] = v
					want, pick = append(want, (up-down)/(2*h)), append(pick, got[i])
				}
				near(t, at+[]string{"dx", "dgamma", "dbeta"}[a], pick, want, 2e-5)
			}
			kernel.BNBackward(dy, dgamma, dbeta, dy, x, gamma, mean, invstd, m, c, scratch)
			equal(t, at+"dx in place", dy, dx)
			mem.check(t)
		}
	})
}

func TestBatchNormalisationGradientsOfManyRows(t *testing.T) {
	onEach(t, func(t *testing.T) {
		const m, c = 5000, 12
		mem := newMemory(5)
		x, gamma, dy := mem.normal(m*c), mem.normal(c), mem.normal(m*c)
		for i := range x {
			x[i] += 50
		}
		_, mean64, inv64 := bnReference(wide(x), wide(gamma), wide(gamma), m, c)
		mean, invstd := mem.raw(c), mem.raw(c)
		dx, dgamma, dbeta := mem.raw(m*c), mem.raw(c), mem.raw(c)
		wantX, wantG, wantB := make([]float64, m*c), make([]float64, c), make([]float64, c)
		for j := range c {
			mean[j], invstd[j] = float32(mean64[j]), float32(inv64[j])
			for i := range m {
				wantB[j] += float64(dy[i*c+j])
				wantG[j] += float64(dy[i*c+j]) * (float64(x[i*c+j]) - mean64[j]) * inv64[j]
			}
			for i := range m {
				xhat := (float64(x[i*c+j]) - mean64[j]) * inv64[j]
				wantX[i*c+j] = float64(gamma[j]) * inv64[j] * (float64(dy[i*c+j]) - wantB[j]/m - xhat*wantG[j]/m)
			}
		}
		kernel.BNBackward(dx, dgamma, dbeta, dy, x, gamma, mean, invstd, m, c, mem.raw(kernel.BNScratch(c)))
		mem.check(t)
		near(t, "dbeta", dbeta, wantB, 3e-6)
		near(t, "dgamma", dgamma, wantG, 1e-5)
		near(t, "dx", dx, wantX, 1e-5)
	})
}

func TestMovingStatisticsFollowTheBatchWithUnbiasedVariance(t *testing.T) {
	onEach(t, func(t *testing.T) {
		const m, c = 10, 5
		mem := newMemory(3)
		x, gamma, beta := mem.normal(m*c), mem.normal(c), mem.normal(c)
		_, mean64, inv64 := bnReference(wide(x), wide(gamma), wide(beta), m, c)
		mean, invstd := mem.raw(c), mem.raw(c)
		mm, mv := mem.normal(c), mem.filled(c, 2)
		var wantM, wantV []float64
		for j := range c {
			mean[j], invstd[j] = float32(mean64[j]), float32(inv64[j])
			var q float64
			for i := range m {
				q += (float64(x[i*c+j]) - mean64[j]) * (float64(x[i*c+j]) - mean64[j])
			}
			wantM = append(wantM, 0.9*float64(mm[j])+0.1*mean64[j])
			wantV = append(wantV, 0.9*2+0.1*q/(m-1))
		}
		kernel.BNUpdateMoving(mm, mv, mean, invstd, m, eps, 0.9)
		near(t, "mean", mm, wantM, 1e-6)
		near(t, "var", mv, wantV, 1e-6)

		y := mem.raw(m * c)
		kernel.BNInferForward(y, x, gamma, beta, mm, mv, m, c, eps)
		want := make([]float64, m*c)
		for i := range want {
			j := i % c
			want[i] = (float64(x[i])-wantM[j])/math.Sqrt(wantV[j]+eps)*float64(gamma[j]) + float64(beta[j])
		}
		near(t, "y", y, want, 1e-6)
		mem.check(t)
	})
}

func TestInferenceNormalisationOfAnySize(t *testing.T) {
	onEach(t, func(t *testing.T) {
		for _, s := range bnSizes {
			m, c := s[0], s[1]
			mem := newMemory(9)
			x, gamma, beta, mm := mem.normal(m*c), mem.normal(c), mem.normal(c), mem.normal(c)
			mv := mem.normal(c)
			want := make([]float64, m*c)
			for j := range c {
				mv[j] *= mv[j]
				for i := range m {
					want[i*c+j] = (float64(x[i*c+j])-float64(mm[j]))/math.Sqrt(float64(mv[j])+eps)*float64(gamma[j]) +
						float64(beta[j])
				}
			}
			y := mem.raw(m * c)
			kernel.BNInferForward(y, x, gamma, beta, mm, mv, m, c, eps)
			near(t, name(m, "x", c), y, want, 2e-6)
			mem.check(t)
		}
	})
}

func TestPoolsAgreeWithTheDefinition(t *testing.T) {
	onEach(t, func(t *testing.T) {
		run := func(p kernel.Pool) {
			t.Helper()
			if !t.Run(name(p), func(t *testing.T) { testPool(t, p) }) {
				t.FailNow()
			}
		}
		for i, c := range []int{1, 3, 8, 20, 44} {
			for h := 1; h <= 9; h++ {
				for _, k := range []int{3, 5, 7} {
					for _, s := range []int{1, 2} {
						run(kernel.SamePool(2, h, 1+(h*4+i+k)%9, c, k, s))
					}
				}
			}
			run(kernel.ValidPool(1, 8, 9, c, 5, 3))
			run(kernel.SamePool(1, 16, 32, c, 3, 1))
			run(kernel.SamePool(1, 7, 33, c, 3, 2))
			run(kernel.SamePool(1, 5, 4, c, 2, 2))
			run(kernel.SamePool(1, 5, 7, c, 1, 2))
		}
	})
}

func testPool(t *testing.T, p kernel.Pool) {
	m := newMemory(uint64(p.H*100 + p.W*10 + p.C + p.K))
	x, dy := m.normal(p.N*p.H*p.W*p.C), m.normal(p.N*p.OH*p.OW*p.C)
	for i := range x {
		if i%5 == 0 {
			x[i] = 1 // ties: the first counts
		}
	}
	avg, dAvg := make([]float64, len(dy)), make([]float64, len(x))
	top, dTop, at := make([]float64, len(dy)), make([]float64, len(x)), make([]uint8, len(dy))
	for o := range dy {
		ch, ox, oy, n := o%p.C, o/p.C%p.OW, o/p.C/p.OW%p.OH, o/p.C/p.OW/p.OH
		var in, tap []int
		for ky := range p.K {
			for kx := range p.K {
				iy, ix := oy*p.Stride-p.PadTop+ky, ox*p.Stride-p.PadLeft+kx
				if iy >= 0 && iy < p.H && ix >= 0 && ix < p.W {
					in, tap = append(in, ((n*p.H+iy)*p.W+ix)*p.C+ch), append(tap, ky*p.K+kx)
				}
			}
		}
		best := 0
		for i, xi := range in {
			avg[o] += float64(x[xi]) / float64(len(in))
			dAvg[xi] += float64(dy[o]) / float64(len(in))
			if x[xi] > x[in[best]] {
				best = i
			}
		}
		top[o], at[o] = float64(x[in[best]]), uint8(tap[best])
		dTop[in[best]] += float64(dy[o])
	}
	y, dx, scratch := m.raw(len(dy)), m.raw(len(x)), m.raw(p.Scratch())
	kernel.AvgPoolForward(y, x, p, scratch)
	near(t, "average", y, avg, 1e-6)
	kernel.AvgPoolBackward(dx, dy, p, scratch, false)
	near(t, "gradient of the average", dx, dAvg, 1e-6)
	added := func(what string, gradient []float64, call func(sum []float32)) {
		sum, want := m.normal(len(x)), make([]float64, len(x))
		for i, v := range sum {
			want[i] = float64(v) + gradient[i]
		}
		call(sum)
		near(t, what+" added to what was there", sum, want, 1e-6)
	}
	added("gradient of the average", dAvg, func(sum []float32) { kernel.AvgPoolBackward(sum, dy, p, scratch, true) })
	y, dx = m.raw(len(dy)), m.raw(len(x))
	idx := make([]uint8, len(dy)+16)
	for i := range idx {
		idx[i] = 0xee
	}
	kernel.MaxPoolForward(y, idx[8:8+len(dy)], x, p)
	near(t, "maximum", y, top, 0)
	for i, v := range idx {
		if want := uint8(0xee); i < 8 || i >= 8+len(dy) {
			if v != want {
				t.Fatal("idx: a guard was overwritten")
			}
		} else if v != at[i-8] {
			t.Fatalf("idx[%d] = %d, want %d", i-8, v, at[i-8])
		}
	}
	kernel.MaxPoolBackward(dx, dy, idx[8:8+len(dy)], p, false)
	near(t, "gradient of the maximum", dx, dTop, 1e-6)
	added("gradient of the maximum", dTop, func(sum []float32) {
		kernel.MaxPoolBackward(sum, dy, idx[8:8+len(dy)], p, true)
	})
	m.check(t)
}

func equal(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i, w := range want {
		if math.Float32bits(got[i]) != math.Float32bits(w) {
			t.Fatalf("%s[%d] = %v, want %v to the bit", what, i, got[i], w)
		}
	}
}
