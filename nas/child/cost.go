package child

import (
	"nasnet/nas/nn"
	"nasnet/nas/space"
)

// Cost is what a network costs, counted from the built network. The auxiliary classifier is not in it: it is for training only.
type Cost struct {
	Params    int64 `json:"params"`    // all numbers that make the network: trainable ones and the moving statistics of the batch normalisations
	Trainable int64 `json:"trainable"` // weights, and gamma, beta and biases
	MAdds     int64 `json:"madds"`     // multiply-adds of convolutions and classifier for one image
}

// CellCost is one cell within its network.
type CellCost struct {
	Kind      string `json:"kind"`      // normal, reduction
	Filters   int    `json:"filters"`   // F of the cell
	Channels  int    `json:"channels"`  // of its output
	Size      int    `json:"size"`      // side of its output, pixels
	Trainable int64  `json:"trainable"` // of the network up to and including this cell
	MAdds     int64  `json:"madds"`     // of the same
}

// CostOf counts the network of a genotype, without allocating its weights.
func CostOf(g space.Genotype, net NetConfig) (Cost, error) {
	n, err := build(g, net, buildOptions{})
	if err != nil {
		return Cost{}, err
	}
	return n.cost(), nil
}

// AuxParams counts the trainable parameters of the auxiliary classifier that the network would have. If it is too small for one, reason says why.
func AuxParams(g space.Genotype, net NetConfig) (params int64, reason string, err error) {
	net.Aux = true
	n, err := build(g, net, buildOptions{})
	if err != nil {
		return 0, "", err
	}
	for _, p := range n.g.Params() {
		params += int64(p.Size())
	}
	return params - int64(n.params), n.noAux, nil
}

// CellCosts counts the network of a genotype cell by cell.
func CellCosts(g space.Genotype, net NetConfig) ([]CellCost, error) {
	n, err := build(g, net, buildOptions{})
	if err != nil {
		return nil, err
	}
	var costs []CellCost
	states := []nn.Node{n.stem}
	for _, c := range n.cells {
		kind := "normal"
		if c.reduction {
			kind = "reduction"
		}
		states = append(append(states, c.states...), c.outs...)
		costs = append(costs, CellCost{Kind: kind, Filters: c.filters, Channels: channels(c.outs...), Size: side(c.outs[0]), Trainable: int64(c.params),
			MAdds: n.g.MAdds(states...)})
	}
	return costs, nil
}

// cost counts. A hidden state that no block reads is part of the network, as in slim, though nothing computes it.
func (n *network) cost() Cost {
	c := Cost{Trainable: int64(n.params)}
	c.Params = c.Trainable
	for _, b := range n.g.Buffers() {
		if !isAux(b.Name) {
			c.Params += int64(b.Size())
		}
	}
	nodes := []nn.Node{n.logits}
	for _, cell := range n.cells {
		nodes = append(nodes, cell.states...)
	}
	c.MAdds = n.g.MAdds(nodes...)
	return c
}

func isAux(name string) bool { return len(name) > 4 && name[:4] == "aux/" }
