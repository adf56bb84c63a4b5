package kernel

import (
	"fmt"
	"math"
)

// BNScratch is the number of floats of scratch that the batch normalisation
// calls want for c channels.
func BNScratch(c int) int { return 0 }

// BNTrainForward normalises each of the c channels of x, which is (m, c), by
// the statistics of the batch:
//
//	mean[j]   = Σ_i x[i,j] / m
//	invstd[j] = 1/sqrt(Σ_i (x[i,j]-mean[j])² / m + eps)
//	y[i,j]    = (x[i,j]-mean[j])*invstd[j]*gamma[j] + beta[j]
//
// It writes y, mean and invstd. y may be x.
func BNTrainForward(y, x, gamma, beta, mean, invstd []float32, m, c int, eps float32, scratch []float32) {
	checkBN("BNTrainForward", m, c, y, x, gamma, beta, mean, invstd)
	for j := range c {
		var s, q float64
		for i := range m {
			s += float64(x[i*c+j])
		}
		mu := s / float64(m)
		for i := range m {
			d := float64(x[i*c+j]) - mu
			q += d * d
		}
		mean[j] = float32(mu)
		invstd[j] = float32(1 / math.Sqrt(q/float64(m)+float64(eps)))
		a := gamma[j] * invstd[j]
		for i := range m {
			y[i*c+j] = (x[i*c+j]-mean[j])*a + beta[j]
		}
	}
}

// BNUpdateMoving moves the moving statistics towards those of a batch of m
// rows, moving = decay*moving + (1-decay)*batch. The variance is recovered from
// invstd and taken unbiased, times m/(m-1), as PyTorch and TensorFlow's fused
// operation do.
func BNUpdateMoving(movingMean, movingVar, mean, invstd []float32, m int, eps, decay float32) {
	checkSame("BNUpdateMoving", len(mean), len(invstd), len(movingMean), len(movingVar))
	unbias := 1.0
	if m > 1 {
		unbias = float64(m) / float64(m-1)
	}
	for j, s := range invstd {
		v := max(1/(float64(s)*float64(s))-float64(eps), 0) * unbias
		movingMean[j] = decay*movingMean[j] + (1-decay)*mean[j]
		movingVar[j] = decay*movingVar[j] + (1-decay)*float32(v)
	}
}

// BNInferForward normalises x, which is (m, c), by the moving statistics:
//
//	y[i,j] = (x[i,j]-movingMean[j])/sqrt(movingVar[j]+eps)*gamma[j] + beta[j]
//
// y may be x.
func BNInferForward(y, x, gamma, beta, movingMean, movingVar []float32, m, c int, eps float32) {
	checkBN("BNInferForward", m, c, y, x, gamma, beta, movingMean, movingVar)
	for j := range c {
		a := gamma[j] * float32(1/math.Sqrt(float64(movingVar[j])+float64(eps)))
		for i := range m {
			y[i*c+j] = (x[i*c+j]-movingMean[j])*a + beta[j]
		}
	}
}

// BNBackward computes the gradients of [BNTrainForward] from dy, which is
// (m, c), and the x, mean and invstd of the forward call. With
// x̂ = (x-mean)*invstd:
//
//	dbeta[j]  = Σ_i dy[i,j]
//	dgamma[j] = Σ_i dy[i,j]*x̂[i,j]
//	dx[i,j]   = gamma[j]*invstd[j] * (dy[i,j] - dbeta[j]/m - x̂[i,j]*dgamma[j]/m)
//
// dx may be dy.
func BNBackward(dx, dgamma, dbeta, dy, x, gamma, mean, invstd []float32, m, c int, scratch []float32) {
	checkBN("BNBackward", m, c, dx, x, gamma, dgamma, mean, invstd)
	checkBN("BNBackward", m, c, dy, x, dbeta)
	for j := range c {
		var s, q float64
		for i := range m {
			d := float64(dy[i*c+j])
			s += d
			q += d * float64((x[i*c+j]-mean[j])*invstd[j])
		}
		dbeta[j], dgamma[j] = float32(s), float32(q)
		a := gamma[j] * invstd[j]
		b, d := float32(q/float64(m))*invstd[j], float32(s/float64(m))
		for i := range m {
			dx[i*c+j] = a * (dy[i*c+j] - d - (x[i*c+j]-mean[j])*b)
		}
	}
}

func checkBN(op string, m, c int, y, x []float32, channels ...[]float32) {
	if m < 1 || c < 1 || len(x) != m*c || len(y) != m*c {
		panic(fmt.Sprintf("kernel: %s: %d and %d floats for %d rows of %d", op, len(x), len(y), m, c))
	}
	for _, s := range channels {
		if len(s) != c {
			panic(fmt.Sprintf("kernel: %s: vector of %d for %d channels", op, len(s), c))
		}
	}
}
