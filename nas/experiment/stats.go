package experiment

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"

	"nasnet/nas/rng"
)

// Interval is an estimate with a 95 % interval.
type Interval struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	N     int     `json:"n"` // observations
}

// resamples is the number of bootstrap samples of an interval.
const resamples = 4000

// rankCorrelation returns Spearman's rank correlation with a bootstrap interval (percentiles, resampled pairs). ok is
// false for fewer than three pairs, or if all values are equal, because JSON has no NaN.
func rankCorrelation(x, y []float64) (iv Interval, ok bool) {
	return bootstrap(len(x), func(index []int) float64 { return spearman(pick(x, index), pick(y, index)) })
}

// partialCorrelation returns the rank correlation of x and y given z: the correlation of what is left of their ranks
// after a linear fit to the ranks of z.
func partialCorrelation(x, y, z []float64) (iv Interval, ok bool) {
	return bootstrap(len(x), func(index []int) float64 {
		a, b, c := pick(x, index), pick(y, index), pick(z, index)
		xy, xz, yz := spearman(a, b), spearman(a, c), spearman(b, c)
		return (xy - xz*yz) / math.Sqrt((1-xz*xz)*(1-yz*yz))
	})
}

// meanOf returns the mean with a bootstrap interval.
func meanOf(x []float64) (iv Interval, ok bool) {
	return bootstrap(len(x), func(index []int) float64 { return stat.Mean(pick(x, index), nil) })
}

// bootstrap estimates f of n observations; f gets their indices. Resamples for which f is not finite, for example
// because all resampled ranks are equal, are skipped; if those are most of them, there is no estimate.
func bootstrap(n int, f func(index []int) float64) (iv Interval, ok bool) {
	index := make([]int, n)
	for i := range index {
		index[i] = i
	}
	iv = Interval{N: n}
	if n < 3 {
		return iv, false
	}
	if iv.Value = f(index); math.IsNaN(iv.Value) || math.IsInf(iv.Value, 0) {
		return Interval{N: n}, false
	}
	r := rng.Stream(uint64(n), "bootstrap")
	var values []float64
	for range resamples {
		draw(r, index)
		if v := f(index); !math.IsNaN(v) && !math.IsInf(v, 0) {
			values = append(values, v)
		}
	}
	if len(values) < resamples/2 {
		return Interval{N: n}, false
	}
	slices.Sort(values)
	iv.Low, iv.High = stat.Quantile(0.025, stat.LinInterp, values, nil),
		stat.Quantile(0.975, stat.LinInterp, values, nil)
	return iv, true
}

func draw(r *rand.Rand, index []int) {
	for i := range index {
		index[i] = r.IntN(len(index))
	}
}

func pick(x []float64, index []int) []float64 {
	out := make([]float64, len(index))
	for i, k := range index {
		out[i] = x[k]
	}
	return out
}

func spearman(x, y []float64) float64 { return stat.Correlation(ranks(x), ranks(y), nil) }

// ranks returns ranks from 1, least value first; equal values share the mean of their ranks.
func ranks(x []float64) []float64 {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case x[a] < x[b]:
			return -1
		case x[a] > x[b]:
			return 1
		}
		return 0
	})
	out := make([]float64, len(x))
	for from := 0; from < len(order); {
		to := from
		for to < len(order) && x[order[to]] == x[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			out[i] = float64(from+to+1) / 2
		}
		from = to
	}
	return out
}
