package kernel

import "time"

// Peak measures the multiply-adds per second that one core reaches with the
// instruction set in use and with nothing to load from memory (in portable Go:
// from the first cache). It takes some milliseconds. The speed of kernels is
// compared with it.
func Peak() float64 {
	best := 0.0
	for range 20 {
		start := time.Now()
		macs := isa.peak()
		if s := time.Since(start).Seconds(); s > 0 {
			best = max(best, float64(macs)/s)
		}
	}
	return best
}

// peakGeneric adds multiples of rows that stay in the first cache, as the
// portable products do, and returns the number of multiply-adds.
func peakGeneric() int {
	var rows [5][256]float32
	const rounds = 400
	for range rounds {
		addRows4(rows[0][:], rows[1][:], rows[2][:], rows[3][:], rows[4][:], 1, 2, 3, 4)
	}
	return rounds * 4 * len(rows[0])
}
