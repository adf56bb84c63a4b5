package nn_test

import (
	"fmt"

	"nasnet/nas/nn"
	"nasnet/nas/rng"
)

// A small network that learns to tell bright images from dark ones.
func Example() {
	const batch = 8
	g := nn.NewGraph(batch)
	x, y := g.Input("x", batch, 4, 4, 1), g.Labels("y", batch)
	var loss, logits nn.Node
	err := nn.Try(func() {
		h := g.Conv(x, g.Param("stem/conv/w", nn.FanOut, 3, 3, 1, 4), nn.ConvOpts{})
		h = g.Conv(h, g.Param("c/w", nn.FanOut, 1, 1, 4, 4), nn.ConvOpts{Stride: 2, Relu: true})
		logits = g.Linear(g.GlobalAvgPool(h, true), g.Param("fc/w", nn.FanOut, 4, 2), g.Param("fc/b", nn.Zeros, 2))
		loss = g.SoftmaxXent(logits, y, 0, 1)
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := g.Compile(loss, logits)
	if err != nil {
		fmt.Println(err)
		return
	}
	r := rng.Stream(1, "example")
	g.InitParams(r)
	next := func() {
		for i := range batch {
			p.Labels(y)[i] = int32(i % 2)
			for j := range 16 {
				p.Value(x)[16*i+j] = float32(i%2) + r.Float32() // in [0, 1) or [1, 2)
			}
		}
	}
	opt := &nn.SGD{Momentum: 0.9}
	for range 100 {
		next()
		p.Train()
		opt.Step(p.Params(), 0.05)
	}
	next()
	p.Forward(false)
	fmt.Printf("%d of %d right\n", p.Hits(loss), batch)
	// Output: 8 of 8 right
}

// A network that does not fit together gives an error that names the node.
func ExampleTry() {
	g := nn.NewGraph(1)
	err := nn.Try(func() {
		x := g.Input("x", 1, 8, 8, 3)
		g.Conv(x, g.Param("stem/conv/w", nn.FanOut, 3, 3, 1, 8), nn.ConvOpts{})
	})
	fmt.Println(err)
	// Output: nn: conv of stem/conv/w: kernel (3, 3, 1, 8) for 3 channels
}
