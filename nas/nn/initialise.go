package nn

import (
	"math"
	"math/rand/v2"
)

// Init fills v, an array of the given shape, with initial values drawn from r.
type Init func(r *rand.Rand, v []float32, shape []int)

// Zeros fills with zeros, the initial value of beta and b.
func Zeros(_ *rand.Rand, v []float32, _ []int) { fill(v, 0) }

// Ones fills with ones, the initial value of gamma.
func Ones(_ *rand.Rand, v []float32, _ []int) { fill(v, 1) }

// FanOut is the initialiser of NASNet's convolutions and linear layers (slim nets/nasnet/nasnet.py,
// nasnet_cifar_arg_scope: variance_scaling_initializer(mode='FAN_OUT')): normal, truncated at two standard deviations,
// of variance 2/n where n is the last dimension times the area of the kernel. As there, the standard deviation before
// truncation is sqrt(1.3*2/n), which makes up for it.
func FanOut(r *rand.Rand, v []float32, shape []int) {
	n := shape[len(shape)-1]
	for _, d := range shape[:max(0, len(shape)-2)] {
		n *= d
	}
	truncated(r, v, math.Sqrt(1.3*2/float64(n)))
}

// FanOutDepthwise is FanOut for a depthwise kernel, which is (kh, kw, 1, channels) here and (kh, kw, channels, 1) in
// slim: n = kh*kw.
func FanOutDepthwise(r *rand.Rand, v []float32, shape []int) {
	truncated(r, v, math.Sqrt(1.3*2/float64(shape[0]*shape[1])))
}

// truncated draws from a normal distribution, and draws again if a value is more than two standard deviations away.
func truncated(r *rand.Rand, v []float32, std float64) {
	for i := range v {
		z := r.NormFloat64()
		for math.Abs(z) > 2 {
			z = r.NormFloat64()
		}
		v[i] = float32(z * std)
	}
}
