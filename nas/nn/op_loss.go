package nn

import "nasnet/nas/kernel"

// SoftmaxXent adds weight times the mean softmax cross entropy of logits (n, classes) against labels (n), with label
// smoothing: the target is 1-smoothing for the label plus smoothing/classes for every class. Sum several losses with
// Add.
func (g *Graph) SoftmaxXent(logits, labels Node, smoothing, weight float32) Node {
	ls, ns := logits.Shape(), labels.Shape()
	if len(ls) != 2 || len(ns) != 1 || ls[0] != ns[0] {
		fail("softmax cross entropy", "logits %v, labels %v", ls, ns)
	}
	classes := ls[1]
	return g.apply(&op{
		name: "xent", n: ls[0], wrt: []bool{true, false},
		run: func(c *call) {
			loss, hits := kernel.SoftmaxXent(nil, c.in[0], c.labels, c.n, classes, smoothing)
			*c.loss, *c.hits = float64(weight)*loss, hits
		},
		grad: func(_, dy Node) []Node {
			dx := g.apply(&op{name: "xent dx", n: ls[0], shape: ls, inplace: []int{1},
				run: func(c *call) {
					kernel.SoftmaxXent(c.out, c.in[1], c.labels, c.n, classes, smoothing)
					kernel.Scale(c.out, weight*float32(*c.s[0]))
				}}, dy, logits, labels)
			return []Node{dx, nil}
		},
	}, logits, labels)
}

// SoftmaxXent returns the mean cross entropy of the first len(labels) rows of logits (rows, classes) against labels,
// and in how many rows the label has the largest logit. It is for the last, padded batch of an evaluation, and does not
// allocate.
func SoftmaxXent(logits []float32, labels []int32, classes int, smoothing float32) (loss float64, hits int) {
	return kernel.SoftmaxXent(nil, logits[:len(labels)*classes], labels, len(labels), classes, smoothing)
}

// FlushDenormals makes the current thread treat denormal numbers as zero, where the kernels can, until restore is
// called: denormals would make arithmetic a hundred times slower. The caller must hold the thread
// (runtime.LockOSThread). Programs do this on their own; call it for optimizers and other work between runs.
func FlushDenormals() (restore func()) { return kernel.FlushDenormals() }
