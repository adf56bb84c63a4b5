package controller

import "math"

// baseline is the moving average of rewards that advantages are measured from (paper, A.2: "an exponential moving
// average of previous rewards with a weight of 0.95"). It starts at the mean of the first batch.
type baseline struct {
	value float64
	set   bool
}

// advance returns each sample's reward minus the baseline from before the batch, and then moves the baseline by the
// rewards one by one, in batch order. The paper does not give the order; we read "previous rewards" as those of earlier
// batches.
func (b *baseline) advance(batch []Sample, decay float64) []float64 {
	if !b.set && len(batch) > 0 {
		for _, s := range batch {
			b.value += s.Reward / float64(len(batch))
		}
		b.set = true
	}
	adv := make([]float64, len(batch))
	for i, s := range batch {
		adv[i] = s.Reward - b.value
	}
	for _, s := range batch {
		b.value = float64(decay*b.value) + float64((1-decay)*s.Reward)
	}
	return adv
}

// normalize shifts and scales advantages to mean 0 and standard deviation 1, in place. A batch of equal rewards carries
// no information and becomes zeros; a single advantage is unchanged.
func normalize(adv []float64) {
	if len(adv) < 2 {
		return
	}
	n := float64(len(adv))
	mean, sq := 0.0, 0.0
	for _, a := range adv {
		mean += a / n
	}
	for _, a := range adv {
		sq += (a - mean) * (a - mean) / n
	}
	sd := math.Sqrt(sq)
	for i := range adv {
		if sd < 1e-9 {
			adv[i] = 0
		} else {
			adv[i] = (adv[i] - mean) / sd
		}
	}
}
