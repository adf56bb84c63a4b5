package chart

import (
	"math"
	"slices"
)

// Reduce says how [Downsample] makes one value of several.
type Reduce int

// The reductions. Each skips values that are not finite, and gives NaN if there are no others.
const (
	Mean Reduce = iota
	Min
	Max
	Last
)

// Downsample makes n values of a longer series: value i reduces the i-th of n parts of nearly equal length. It returns
// a copy of a series of at most n values. The order within a part matters only for Last.
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

// part returns where part i of n begins in a series of length m, m >= n.
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

// scaleOf returns a scale that covers the finite values; lo and hi replace the ends of the data unless they are NaN. It
// is never empty.
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

// even widens a scale so that its rows are at even steps of one or two digits, with labels that need no rounding.
func (s scale) even(rows int) scale {
	n := float64(rows - 1)
	least := (s.hi/2 - s.lo/2) / n * 2
	if !finite(least) || least <= 0 {
		return s
	}
	unit := math.Pow(10, math.Floor(math.Log10(least)))
	for range 2 {
		for _, k := range []float64{1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9} {
			step, digit := k*unit, unit
			if k != math.Floor(k) {
				digit = unit / 2
			}
			lo := math.Floor(s.lo/digit+1e-9) * digit
			if hi := lo + n*step; hi >= s.hi-1e-9*step && finite(lo) && finite(hi) {
				return scale{lo, hi}
			}
		}
		unit *= 10
	}
	return s
}

// at maps v to [0, 1]. Values outside the scale map to its ends; NaN stays NaN.
func (s scale) at(v float64) float64 {
	if !finite(v) {
		return math.NaN()
	}
	t := (v/2 - s.lo/2) / (s.hi/2 - s.lo/2) // halves, because hi-lo may overflow
	return min(max(t, 0), 1)
}

// value is the inverse of at.
func (s scale) value(t float64) float64 { return s.lo*(1-t) + s.hi*t }
