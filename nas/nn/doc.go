// Package nn describes, differentiates and trains networks.
//
// A [Graph] is one network as a Gorgonia expression graph whose operations are this project's kernels (NHWC, float32).
// Gorgonia checks the types and derives the gradients; a [Program] then runs kernels only. Compiling plans everything:
// which kernels run, in which order, and where in an [Arena] each value is, so that a step allocates nothing. [Exec]
// runs graphs of stock Gorgonia operations, for controllers.
//
//	g := nn.NewGraph(64)
//	x, y := g.Input("x", 64, 28, 28, 1), g.Labels("y", 64)
//	h := g.Conv(x, g.Param("stem/conv/w", nn.FanOut, 3, 3, 1, 24), nn.ConvOpts{})
//	h = g.BatchNorm("stem/bn", h)
//	h = g.Conv(h, g.Param("c/w", nn.FanOut, 3, 3, 24, 32), nn.ConvOpts{Stride: 2, Relu: true})
//	h = g.BatchNorm("c/bn", h)
//	logits := g.Linear(g.GlobalAvgPool(h, true), g.Param("fc/w", nn.FanOut, 32, 10), g.Param("fc/b", nn.Zeros, 10))
//	loss := g.SoftmaxXent(logits, y, 0, 1)
//	p, err := g.Compile(loss, logits)
//	g.InitParams(r)                                      // r is a seeded *rand.Rand
//	for each batch {
//		copy(p.Value(x), pixels); copy(p.Labels(y), labels)
//		p.Train()                                 // p.Loss(), p.Hits(loss), Param.Grad
//		optimizer.Step(p.Params(), lr)
//	}
//	p.Forward(false)                                  // p.Value(logits), with moving statistics
//
// Training and evaluation use the same program. Train runs forward and backward; Forward(false) runs only the forward
// part, with moving statistics and nothing dropped. Examples are then independent, so the last batch of an evaluation
// can be padded: rows with the label -1 count neither in the loss nor in the hits, and change nothing else.
// [NewSharing] describes the same network for another batch size, with the same parameters.
//
// [NewShard] describes the same network once more, for a part of each batch that is computed in parallel; [Combine]
// merges the parts.
//
// [Branches] runs the independent steps of an evaluation on several threads. [Graph.Layers] lists an evaluation in
// terms that other programs share, for exporting a network.
//
// # Promises
//
// Train and Forward do not allocate, start no goroutine and add in a fixed order: equal inputs give bit-identical
// results, wherever the plan puts the values. Different graphs may be built, compiled and run in different goroutines.
// Every gradient is tested against differences in float64.
//
// # What it does not do
//
// Shapes are static. The only type is float32 (losses and statistics are added in float64), the only device the
// processor.
package nn
