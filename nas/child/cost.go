package child

import (
	"nasnet/nas/nn"
	"nasnet/nas/space"
)

// Cost is what a network costs, counted from the built network without the auxiliary classifier, which only training
// uses.
type Cost struct {
	// all stored numbers: the trainable ones and the moving statistics of the batch normalisations
	Params    int64 `json:"params"`
	Trainable int64 `json:"trainable"` // weights, gamma, beta, biases
	MAdds     int64 `json:"madds"`     // multiply-adds of convolutions and classifier, for one image
}

// CostOf returns the cost of a genotype's network, without allocating its weights.
func CostOf(g space.Genotype, net NetConfig) (Cost, error) {
	n, err := build(g, net, buildOptions{})
	if err != nil {
		return Cost{}, err
	}
	return n.cost(), nil
}

// cost counts the network. As in slim, a hidden state that no block reads is part of it, though nothing computes it.
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
