package child

import (
	"fmt"

	"nasnet/nas/nn"
	"nasnet/nas/space"
)

// buildOptions say how to build a network; the zero value is for inference.
type buildOptions struct {
	batch     int     // 0: 1
	train     bool    // with a loss
	dropPath  bool    // DropPath on every op except the identity
	dropout   float64 // before the classifier
	smoothing float64
	auxWeight float64
	share     *nn.Graph // use the weights and moving statistics of this graph
	shardOf   *nn.Graph // use the weights of this graph, which has the same batch, and run beside it
}

// network is a built child: its graph and the nodes its users need. Its nodes have no memory until the graph is
// compiled or initialised.
type network struct {
	g      *nn.Graph
	config NetConfig
	stack  Stack

	input, labels nn.Node // labels: nil without a loss
	logits        nn.Node
	main, loss    nn.Node // cross entropy of the logits; the same plus the auxiliary loss. nil without a loss

	cells    []cellNodes
	stem     nn.Node
	pathCell []int  // the cell of each index of DropPath
	noAux    string // why the network lacks the auxiliary classifier that was asked for

	aux    nn.Node // logits of the auxiliary classifier
	params int     // elements of parameters outside the auxiliary classifier
}

// cellNodes is a cell in the graph.
type cellNodes struct {
	place
	states []nn.Node // all hidden states; those that no block reads are counted as well
	outs   []nn.Node // the cell's output: their concatenation
}

// build describes the network of a genotype. net must have its defaults; net and g must be valid. It allocates nothing
// as large as a weight.
func build(g space.Genotype, net NetConfig, o buildOptions) (*network, error) {
	if err := g.Validate(); err != nil {
		return nil, err
	}
	if err := net.Validate(); err != nil {
		return nil, fmt.Errorf("net: %w", err)
	}
	net = net.WithDefaults()
	stack, err := net.stackFor(g)
	if err != nil {
		return nil, err
	}
	o.batch = max(o.batch, 1)
	b := &builder{network: network{config: net, stack: stack}, options: o}
	err = nn.Try(func() {
		switch {
		case o.share != nil:
			b.g = nn.NewSharing(o.share, o.batch)
		case o.shardOf != nil:
			b.g = nn.NewShard(o.shardOf)
		default:
			b.g = nn.NewGraph(o.batch)
		}
		b.g.BN = nn.BN{Decay: float32(net.BNDecay), Eps: float32(net.BNEps)}
		b.build(g)
	})
	if err != nil {
		return nil, fmt.Errorf("%s at N=%d F=%d, %d px: %w", nameOf(g), net.N, net.Filters, net.Image, err)
	}
	return &b.network, nil
}

func nameOf(g space.Genotype) string {
	if g.Name != "" {
		return g.Name
	}
	return "cell " + g.ShortHash()
}

// builder adds the nodes of one network. Names of parameters are paths: each method gets the path of its part.
type builder struct {
	network
	options buildOptions
}

// build adds stem, cells and classifiers, as slim's build_nasnet_cifar and _build_nasnet_base.
func (b *builder) build(g space.Genotype) {
	c := b.config
	b.input = b.g.Input("input", b.options.batch, c.Image, c.Image, c.Channels)
	stem := nn.ConvOpts{}
	if b.stack.ImageNet {
		stem = nn.ConvOpts{Stride: 2, Valid: true}
	}
	b.stem = b.conv("stem/conv", b.input, c.stemFilters(b.stack), 3, 3, stem)
	b.stem = b.bn("stem/bn", b.stem)
	outs := [][]nn.Node{{b.stem}}
	auxInput := outs[0]
	for i, p := range layout(c, b.stack) {
		spec := g.Normal
		if p.reduction {
			spec = g.Reduction
		}
		var prev []nn.Node
		if p.prev >= 0 {
			prev = outs[p.prev]
		}
		cell := b.cell(cellPath(i), spec, outs[p.cur], prev, p)
		b.cells = append(b.cells, cell)
		outs = append(outs, cell.outs)
		if p.aux {
			auxInput = cell.outs
		}
	}
	var means []nn.Node
	for _, x := range outs[len(outs)-1] {
		means = append(means, b.g.GlobalAvgPool(x, true))
	}
	h := b.g.Concat(means...)
	if b.options.dropout > 0 {
		h = b.g.Dropout(h, 1-b.options.dropout)
	}
	b.logits = b.linear("fc", h, c.Classes)
	for _, p := range b.g.Params() {
		b.params += p.Size()
	}
	if c.Aux {
		b.auxHead(auxInput)
	}
	if !b.options.train {
		return
	}
	b.labels = b.g.Labels("labels", b.options.batch)
	b.main = b.g.SoftmaxXent(b.logits, b.labels, float32(b.options.smoothing), 1)
	b.loss = b.main
	if b.aux != nil {
		b.loss = b.g.Add(b.main, b.g.SoftmaxXent(b.aux, b.labels, float32(b.options.smoothing),
			float32(b.options.auxWeight)))
	}
}

// auxHead adds the auxiliary classifier (slim's _build_aux_head): relu, 5x5/3 average pool, 1x1 convolution to 128
// filters, a convolution to 768 over the whole remaining map, classifier.
func (b *builder) auxHead(xs []nn.Node) {
	if size := side(xs[0]); size < 5 {
		b.noAux = fmt.Sprintf("no auxiliary classifier: the feature map at two thirds of the depth is %dx%d; its "+
			"pool needs at least 5x5", size, size)
		return
	}
	x := b.g.AvgPoolValid(b.g.Relu(b.g.Concat(xs...)), 5, 3)
	x = b.point([]string{"aux/conv1"}, "aux/bn1", []nn.Node{x}, 128, nn.ConvOpts{})
	size := x.Shape()[1]
	x = b.bn("aux/bn2", b.conv("aux/conv2", x, 768, size, size, nn.ConvOpts{Relu: true, Valid: true}))
	b.aux = b.linear("aux/fc", b.g.Relu(x), b.config.Classes)
}

// conv adds a convolution with a kernel of kh x kw to the given number of filters, without bias.
func (b *builder) conv(path string, x nn.Node, filters, kh, kw int, o nn.ConvOpts) nn.Node {
	return b.g.Conv(x, b.g.Param(path+"/w", nn.FanOut, kh, kw, channels(x), filters), o)
}

func (b *builder) bn(path string, x nn.Node) nn.Node { return b.g.BatchNorm(path, x) }

// linear adds a classifier over all features of an example.
func (b *builder) linear(path string, x nn.Node, out int) nn.Node {
	s := x.Shape()
	w := b.g.Param(path+"/w", nn.FanOut, s.TotalSize()/s[0], out)
	return b.g.Linear(x, w, b.g.Param(path+"/b", nn.Zeros, out))
}

// channels returns the number of channels of the concatenation of xs.
func channels(xs ...nn.Node) (n int) {
	for _, x := range xs {
		n += x.Shape()[3]
	}
	return n
}

func side(x nn.Node) int { return x.Shape()[1] }
