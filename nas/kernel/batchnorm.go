package kernel

import (
	"fmt"
	"math"
)

// Batch normalisation treats its (m, c) matrix as rows of one period: the
// smallest multiple of c that fills whole vectors. Vectors of one value per
// channel are repeated to that length, so the inner loops need not know about
// channels:
//
//	x        c0 c1 c2 c0 c1 c2 c0 c1 c2 c0 c1 c2 ...
//	period   ───────────────────────────────────── 24 floats for 3 channels
//
// Sums run in float32 over at most bnBlock rows of a period, after subtracting
// a value near the mean; the sums of blocks are added with Kahan's
// compensation.
const bnBlock = 64

// period is the number of floats after which channels and vectors of 8 align,
// at least 32 if repetition is enough for that. Vectors of 16 are masked if it
// ends in a half.
func period(c int) int {
	p := c
	for p%8 != 0 {
		p += p
	}
	for p < 32 {
		p += p
	}
	return p
}

// BNScratch is the number of floats of scratch that the batch normalisation
// calls need for c channels.
func BNScratch(c int) int { return 10 * period(c) }

// BNTrainForward normalises each of the c channels of x, which is (m, c), with
// the statistics of the batch:
//
//	mean[j]   = Σ_i x[i,j] / m
//	invstd[j] = 1/sqrt(Σ_i (x[i,j]-mean[j])² / m + eps)
//	y[i,j]    = (x[i,j]-mean[j])*invstd[j]*gamma[j] + beta[j]
//
// It writes y, mean and invstd. y may be x.
func BNTrainForward(y, x, gamma, beta, mean, invstd []float32, m, c int, eps float32, scratch []float32) {
	checkBN("BNTrainForward", m, c, y, x, scratch, gamma, beta, mean, invstd)
	bnStart(x[:c], c, scratch)
	bnGather(x, c, scratch)
	bnFinish(mean, invstd, m, c, eps, scratch)
	bnNormalise(y, x, gamma, beta, mean, invstd, c, scratch)
}

// The parts of BNTrainForward, for callers that make x piece by piece: bnStart,
// bnGather for each piece of whole rows in order, bnFinish, bnNormalise. They
// share the scratch of [BNScratch].

// bnStart begins with a row of x, or with numbers near the means.
func bnStart(row []float32, c int, scratch []float32) {
	p := period(c)
	repeat(scratch[:p], row)
	clear(scratch[6*p:][:4*p])
}

func bnGather(x []float32, c int, scratch []float32) {
	p := period(c)
	shift, s1, s2 := scratch[:p], scratch[p:2*p], scratch[2*p:3*p]
	sum, square := bnTotals(c, scratch)
	for at := 0; at < len(x); {
		n, width := bnStep(len(x)-at, p)
		clear(s1[:width])
		clear(s2[:width])
		isa.bnSums(s1[:width], s2[:width], x[at:at+n], shift[:width], n/width)
		sum.add(s1[:width])
		square.add(s2[:width])
		at += n
	}
}

// bnFinish computes the statistics of m rows.
func bnFinish(mean, invstd []float32, m, c int, eps float32, scratch []float32) {
	sum, square := bnTotals(c, scratch)
	for j, shift := range scratch[:c] {
		d, q := sum.at(j)/float64(m), square.at(j)/float64(m)
		mean[j] = float32(float64(shift) + d)
		invstd[j] = float32(1 / math.Sqrt(max(q-d*d, 0)+float64(eps)))
	}
}

func bnNormalise(y, x, gamma, beta, mean, invstd []float32, c int, scratch []float32) {
	mu, a, b := bnVectors(gamma, beta, mean, invstd, c, scratch)
	bnApply(y, x, mu, a, b)
}

// bnVectors returns the vectors of bnApply, in a part of the scratch that only
// bnGradFinish changes.
func bnVectors(gamma, beta, mean, invstd []float32, c int, scratch []float32) (mu, a, b []float32) {
	p := period(c)
	mu, a, b = scratch[3*p:4*p], scratch[4*p:5*p], scratch[5*p:6*p]
	for j := range c {
		a[j] = gamma[j] * invstd[j]
	}
	repeat(mu, mean)
	repeat(a, a[:c])
	repeat(b, beta)
	return mu, a, b
}

// bnStep returns the floats of the next block of rows of a period, or of the
// last, shorter row.
func bnStep(left, p int) (n, width int) {
	if left < p {
		return left, left
	}
	return min(left/p, bnBlock) * p, p
}

// bnApply computes y = (x-mean)*a + b with vectors of a period.
func bnApply(y, x, mean, a, b []float32) {
	p := len(mean)
	block := max(elementBlock/p, 1) * p
	for at := 0; at < len(x); {
		n, width := min((len(x)-at)/p*p, block), p
		if n == 0 {
			n = len(x) - at
			width = n
		}
		isa.bnApply(y[at:at+n], x[at:at+n], mean[:width], a[:width], b[:width], n/width)
		at += n
	}
}

// repeat fills dst with copies of s, which may be the beginning of dst.
func repeat(dst, s []float32) {
	copy(dst, s)
	for n := len(s); n < len(dst); n *= 2 {
		copy(dst[n:], dst[:n])
	}
}

// sums has compensated sums, one per place of a period: hi is the sum, lo the
// excess in hi.
type sums struct {
	hi, lo []float32
	c      int // channels
}

// bnTotals returns the two sums at the end of the scratch of [BNScratch].
func bnTotals(c int, scratch []float32) (first, second sums) {
	p := period(c)
	s := scratch[6*p:]
	return sums{s[:p], s[p : 2*p], c}, sums{s[2*p : 3*p], s[3*p : 4*p], c}
}

// add adds the sums of whole repetitions of the channels.
func (s sums) add(part []float32) { isa.kahan(s.hi[:len(part)], s.lo[:len(part)], part) }

// at returns the sum of a channel.
func (s sums) at(j int) (sum float64) {
	for ; j < len(s.hi); j += s.c {
		sum += float64(s.hi[j]) - float64(s.lo[j])
	}
	return sum
}

// BNUpdateMoving moves the moving statistics towards those of a batch of m
// rows: moving = decay*moving + (1-decay)*batch. The variance is recovered from
// invstd and made unbiased, times m/(m-1), as in PyTorch and TensorFlow's fused
// operation.
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

// BNInferForward normalises x, which is (m, c), with the moving statistics:
//
//	y[i,j] = (x[i,j]-movingMean[j])/sqrt(movingVar[j]+eps)*gamma[j] + beta[j]
//
// y may be x.
func BNInferForward(y, x, gamma, beta, movingMean, movingVar []float32, m, c int, eps float32) {
	checkBN("BNInferForward", m, c, y, x, nil, gamma, beta, movingMean, movingVar)
	// rows that stay in a cache from one vector of channels to the next
	block := max(elementBlock/4/c, 1)
	for i := 0; i < m; i += block {
		rows := min(block, m-i)
		isa.bnInfer(y[i*c:][:rows*c], x[i*c:][:rows*c], gamma, beta, movingMean, movingVar, rows, eps)
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
	checkBN("BNBackward", m, c, dx, x, scratch, gamma, dgamma, mean, invstd)
	checkBN("BNBackward", m, c, dy, x, scratch, dbeta)
	bnStart(mean, c, scratch)
	bnGradGather(dy, x, c, scratch)
	bnGradFinish(dgamma, dbeta, gamma, invstd, m, c, scratch)
	bnGradApply(dx, dy, x, c, scratch)
}

// The parts of BNBackward: bnStart with the means, bnGradGather for each piece
// of whole rows in order, bnGradFinish, then bnGradApply for any piece. They
// share the scratch of [BNScratch].

func bnGradGather(dy, x []float32, c int, scratch []float32) {
	p := period(c)
	mu, s1, s2 := scratch[:p], scratch[p:2*p], scratch[2*p:3*p]
	sum, product := bnTotals(c, scratch)
	for at := 0; at < len(x); {
		n, width := bnStep(len(x)-at, p)
		clear(s1[:width])
		clear(s2[:width])
		isa.bnGradSums(s1[:width], s2[:width], dy[at:at+n], x[at:at+n], mu[:width], n/width)
		sum.add(s1[:width])
		product.add(s2[:width])
		at += n
	}
}

func bnGradFinish(dgamma, dbeta, gamma, invstd []float32, m, c int, scratch []float32) {
	p := period(c)
	sum, product := bnTotals(c, scratch)
	a, b, d := scratch[3*p:4*p], scratch[4*p:5*p], scratch[5*p:6*p]
	for j := range c {
		s, q := sum.at(j), product.at(j)*float64(invstd[j])
		dbeta[j], dgamma[j] = float32(s), float32(q)
		f := float64(gamma[j]) * float64(invstd[j])
		a[j] = float32(f)
		b[j] = float32(-f * q / float64(m) * float64(invstd[j]))
		d[j] = float32(-f * s / float64(m))
	}
	repeat(a, a[:c])
	repeat(b, b[:c])
	repeat(d, d[:c])
}

func bnGradApply(dx, dy, x []float32, c int, scratch []float32) {
	p := period(c)
	mu, a, b, d := scratch[:p], scratch[3*p:4*p], scratch[4*p:5*p], scratch[5*p:6*p]
	block := max(elementBlock/p, 1) * p
	for at := 0; at < len(x); {
		n, width := min((len(x)-at)/p*p, block), p
		if n == 0 {
			n = len(x) - at
			width = n
		}
		isa.bnGrad(dx[at:at+n], dy[at:at+n], x[at:at+n], mu[:width], a[:width], b[:width], d[:width], n/width)
		at += n
	}
}

func checkBN(op string, m, c int, y, x, scratch []float32, channels ...[]float32) {
	if m < 1 || c < 1 || len(x) != m*c || len(y) != m*c {
		panic(fmt.Sprintf("kernel: %s: %d and %d floats for %d rows of %d", op, len(x), len(y), m, c))
	}
	if scratch != nil && len(scratch) < BNScratch(c) {
		panic(fmt.Sprintf("kernel: %s: scratch %d < %d", op, len(scratch), BNScratch(c)))
	}
	for _, s := range channels {
		if len(s) != c {
			panic(fmt.Sprintf("kernel: %s: vector of %d for %d channels", op, len(s), c))
		}
	}
}
