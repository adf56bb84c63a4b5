package kernel

import (
	"fmt"
	"math"
)

// GlobalAvgPool computes the mean over the hw pixels of each image. x is
// (n, hw, c), y is (n, c).
func GlobalAvgPool(y, x []float32, n, hw, c int) {
	globalAvgPool("GlobalAvgPool", y, x, n, hw, c, false)
}

// GlobalAvgPoolRelu is [GlobalAvgPool] of max(x, 0).
func GlobalAvgPoolRelu(y, x []float32, n, hw, c int) {
	globalAvgPool("GlobalAvgPoolRelu", y, x, n, hw, c, true)
}

func globalAvgPool(op string, y, x []float32, n, hw, c int, relu bool) {
	checkSame(op, n*hw*c, len(x))
	checkSame(op, n*c, len(y))
	f := 1 / float32(hw)
	for i := range n {
		out := y[i*c:][:c]
		if in := x[i*hw*c:][:hw*c]; relu {
			isa.poolSumRelu(out, in, hw, f)
		} else {
			isa.poolSum(out, in, nil, poolSums{pixels: 1, width: c, taps: hw, step: c}, f, false)
		}
	}
}

// GlobalAvgPoolBackward computes the gradient by the input of [GlobalAvgPool].
// dx is (n, hw, c) and overwritten, dy is (n, c).
func GlobalAvgPoolBackward(dx, dy []float32, n, hw, c int) {
	checkSame("GlobalAvgPoolBackward", n*hw*c, len(dx))
	checkSame("GlobalAvgPoolBackward", n*c, len(dy))
	f := 1 / float32(hw)
	for i := range n {
		d := dy[i*c:][:c]
		for p := range hw {
			isa.scale(dx[(i*hw+p)*c:][:c], d, f)
		}
	}
}

// GlobalAvgPoolReluBackward computes the gradient by the input x of
// [GlobalAvgPoolRelu].
func GlobalAvgPoolReluBackward(dx, dy, x []float32, n, hw, c int) {
	GlobalAvgPoolBackward(dx, dy, n, hw, c)
	ReluBackward(dx, dx, x)
}

// Linear computes y = x·w + b. x is (n, in), w is (in, out), b is (out), y is
// (n, out). b may be nil.
func Linear(y, x, w, b []float32, n, in, out int) {
	checkLinear("Linear", y, x, w, b, n, in, out)
	for i := range n {
		if row := y[i*out:][:out]; b != nil {
			copy(row, b)
		} else {
			clear(row)
		}
	}
	Gemm(y, x, w, n, out, in, out, in, out, true)
}

// LinearBackward computes the gradients of [Linear] from dy, which is (n, out).
// dx, dw and db are overwritten; dx and db may be nil.
func LinearBackward(dx, dw, db, dy, x, w []float32, n, in, out int) {
	checkLinear("LinearBackward", dy, x, w, db, n, in, out)
	checkSame("LinearBackward", in*out, len(dw))
	if db != nil {
		clear(db)
		for i := range n {
			AddTo(db, dy[i*out:][:out])
		}
	}
	GemmTN(dw, x, dy, n, out, in, out, in, out, false)
	if dx != nil {
		checkSame("LinearBackward", n*in, len(dx))
		// dx[i,p] = Σ_j dy[i,j]*w[p,j]: a product with the columns wᵀ would
		// need scratch; one row of products at a time does not.
		for i := range n {
			Gemm(dx[i*in:][:in], w, dy[i*out:][:out], in, 1, out, 1, out, 1, false)
		}
	}
}

func checkLinear(op string, y, x, w, b []float32, n, in, out int) {
	if len(y) != n*out || len(x) != n*in || len(w) != in*out || b != nil && len(b) != out {
		panic(fmt.Sprintf("kernel: %s: lengths y %d x %d w %d b %d do not fit n %d in %d out %d", op, len(y), len(x),
			len(w), len(b), n, in, out))
	}
}

// SoftmaxXent computes the mean cross entropy of the softmax of logits, which
// is (n, classes), against labels smoothed by smoothing:
//
//	target[i,j] = (1-smoothing)*[j == labels[i]] + smoothing/classes
//	loss        = -1/n Σ_i,j target[i,j] * log softmax(logits[i,:])[j]
//
// and, unless dlogits is nil, the gradient of the loss by the logits. correct
// counts the rows whose first largest logit is the label's. A row with a
// negative label is not counted: it adds nothing to loss and n, and its
// gradient is zero. dlogits may be logits.
func SoftmaxXent(dlogits, logits []float32, labels []int32, n, classes int, smoothing float32) (loss float64,
	correct int) {
	checkSame("SoftmaxXent", n*classes, len(logits))
	checkSame("SoftmaxXent", n, len(labels))
	if dlogits != nil {
		checkSame("SoftmaxXent", n*classes, len(dlogits))
	}
	rows := 0
	for i, l := range labels {
		if int(l) >= classes {
			panic(fmt.Sprintf("kernel: SoftmaxXent: label %d of row %d with %d classes", l, i, classes))
		}
		if l >= 0 {
			rows++
		}
	}
	off := float64(smoothing) / float64(classes)
	for i, l := range labels {
		row := logits[i*classes:][:classes]
		if l < 0 {
			if dlogits != nil {
				clear(dlogits[i*classes:][:classes])
			}
			continue
		}
		best := 0
		for j, v := range row {
			if v > row[best] {
				best = j
			}
		}
		if best == int(l) {
			correct++
		}
		top := float64(row[best])
		var z, all float64
		for _, v := range row {
			z += math.Exp(float64(v) - top)
			all += float64(v) - top
		}
		logZ := math.Log(z)
		own := float64(row[l]) - top
		loss += logZ - (1-float64(smoothing))*own - off*all
		if dlogits == nil {
			continue
		}
		d := dlogits[i*classes:][:classes]
		for j, v := range row {
			g := math.Exp(float64(v)-top-logZ) - off
			if j == int(l) {
				g -= 1 - float64(smoothing)
			}
			d[j] = float32(g / float64(rows))
		}
	}
	if rows > 0 {
		loss /= float64(rows)
	}
	return loss, correct
}
