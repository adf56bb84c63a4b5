// Package child builds the network that a genotype describes, counts its cost, trains it, and judges it.
//
//	genotype + NetConfig ──layout──▶ places of cells ──build──▶ nn.Graph ──▶ Trainer, Model, CostOf, Check, Bench
//
// The networks are those that the authors of NASNet (arXiv 1707.07012) released (tensorflow/models,
// research/slim/nets/nasnet, called slim here): parameter counts match exactly. Ops that the release lacks follow
// AmoebaNet, by the same authors (tensorflow/tpu, models/official/amoeba_net). Where paper and release differ, we build
// the release: output lists of cells ([space.Cell]), strides of the identity, padding.
//
// A [Trainer] trains one child on one goroutine and one thread, or on one thread per shard at most. Its result depends
// only on the genotype, the two configs, the data, the seed and the ids: not on time, other children, the number of
// threads, or the memory it was given. Shards split each step's batch into equal parts, and batch normalisation uses
// the statistics of a part, as in training on several devices: the number of shards changes the result, the number of
// threads does not. [Trainer.State] can be stored at the end of an epoch, and a new Trainer continues from it bit for
// bit. A [Model] is a trained network read back for evaluation and prediction.
//
// Images are NHWC float32. Parameters are named by their place, as in "cells/0/block1/op2/dw1/w": see [Check], which
// compares a network with the same one computed by another implementation.
//
// Package child does not load data (package dataset), choose genotypes (controller) or run several children (local).
package child
