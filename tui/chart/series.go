package chart

import (
	"math"
	"slices"
)

// Reduce says how [Downsample] makes one value of several.
type Reduce int

// The reductions. Each passes over values that are not finite; of none but those it makes NaN.
const (
	Mean Reduce = iota
	Min
	Max
	Last
)

// Downsample makes n values of a longer series: value i stands for the i-th of n parts, as equal as can be. A series of
// at most n values comes back as a copy. The order of a part does not matter except for Last.
func Downsample(values []float64, n int, how Reduce) []float64 {
	if n <= 0 {
		return nil
	}
	if len(values) <= n {
		return slices.Clone(values)
	}
	out := make([]float64, n)
	for i := range out {
		out[i] = how.of(values[part(i, n, len(values)):part(i+1, n, len(values))])
	}
	return out
}

// part is where part i of n begins in a series of length m, m >= n.
func part(i, n, m int) int {
	return int(int64(i) * int64(m) / int64(n))
}

func (how Reduce) of(values []float64) float64 {
	out, mean, k := math.NaN(), 0.0, 0.0
	for _, v := range values {
		switch {
		case !finite(v):
			continue
		case how == Mean:
			k++
			mean += v/k - mean/k // no overflow for large values
			out = mean
		case math.IsNaN(out), how == Last, how == Min && v < out, how == Max && v > out:
			out = v
		}
	}
	return out
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// scale is a linear map of values to [0, 1].
type scale struct{ lo, hi float64 }

// scaleOf covers the finite values, with the ends of [lo, hi] that are not NaN in place of those of the data. It is
// never empty.
func scaleOf(lo, hi float64, series ...[]float64) scale {
	s := scale{math.Inf(1), math.Inf(-1)}
	for _, values := range series {
		for _, v := range values {
			if finite(v) {
				s.lo, s.hi = min(s.lo, v), max(s.hi, v)
			}
		}
	}
	if s.lo > s.hi {
		s = scale{0, 1}
		if finite(lo) && !finite(hi) {
			s = scale{lo, lo + 1}
		}
		if finite(hi) && !finite(lo) {
			s = scale{hi - 1, hi}
		}
	}
	if finite(lo) {
		s.lo = lo
	}
	if finite(hi) {
		s.hi = hi
	}
	if s.hi/2-s.lo/2 <= 0 { // constant, or the bounds are the wrong way round
		s.lo, s.hi = min(s.lo, s.hi), max(s.lo, s.hi)
		pad := max(math.Abs(s.lo), math.Abs(s.hi)) / 10
		if pad == 0 || s.hi/2+pad/2 == s.hi/2 {
			pad = 1
		}
		s.lo, s.hi = max(s.lo-pad, -math.MaxFloat64), min(s.hi+pad, math.MaxFloat64)
	}
	return s
}

// at is the place of v in [0, 1]; values outside the scale are at its ends, NaN stays.
func (s scale) at(v float64) float64 {
	if !finite(v) {
		return math.NaN()
	}
	t := (v/2 - s.lo/2) / (s.hi/2 - s.lo/2) // halves, because hi-lo may overflow
	return min(max(t, 0), 1)
}

// value is the inverse of at.
func (s scale) value(t float64) float64 { return s.lo*(1-t) + s.hi*t }
