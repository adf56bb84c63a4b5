package nn

import (
	"fmt"

	"nasnet/nas/kernel"
)

// NewShard returns an empty network of the same batch that shares only the parameters of g: gradients, moving
// statistics and memory are its own. So the programs of shards may run at the same time, each on its own goroutine, as
// long as nobody changes the parameters. A step is Train on every shard, with a part of the step's examples, and then
// [Combine].
//
// Batch normalisations use the statistics of their shard.
func NewShard(g *Graph) *Graph {
	s := NewGraph(g.batch)
	s.BN, s.store = g.BN, g.store
	return s
}

// Combine merges what Train computed in the shards of a network: the gradients of the first become the mean of all,
// which is the gradient of the mean loss over all their examples, and the moving statistics of every shard become the
// mean of all. Sums are taken in the order of the shards. It allocates nothing, and does nothing for a single program.
// It panics if the programs differ in network or batch.
func Combine(shards []*Program) {
	if len(shards) == 1 {
		return
	}
	first, share := shards[0], 1/float32(len(shards))
	for _, p := range shards {
		if p.Batch() != first.Batch() || len(p.Params()) != len(first.Params()) ||
			len(p.Buffers()) != len(first.Buffers()) {
			panic(fmt.Sprintf("nn: Combine: a shard has batch %d, %d parameters and %d statistics, the first has "+
				"%d, %d and %d", p.Batch(), len(p.Params()),
				len(p.Buffers()), first.Batch(), len(first.Params()), len(first.Buffers())))
		}
	}
	for i, q := range first.Params() {
		for _, p := range shards[1:] {
			kernel.AddTo(q.Grad, p.Params()[i].Grad)
		}
		kernel.Scale(q.Grad, share)
	}
	for i, b := range first.Buffers() {
		for _, p := range shards[1:] {
			kernel.AddTo(b.Value, p.Buffers()[i].Value)
		}
		kernel.Scale(b.Value, share)
		for _, p := range shards[1:] {
			copy(p.Buffers()[i].Value, b.Value)
		}
	}
}
