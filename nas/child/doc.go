// Package child builds the network that a genotype describes, counts what it costs, trains it, and judges it.
//
//	space.Genotype + NetConfig ──layout──▶ places of cells ──build──▶ nn.Graph ──▶ Trainer, Model, CostOf, Check, Bench
//
// The networks are those of NASNet (arXiv 1707.07012) as its authors released them (tensorflow/models,
// research/slim/nets/nasnet, called slim here), to the unit of their parameter counts; the ops which that release does
// not have follow the same authors' AmoebaNet (tensorflow/tpu, models/official/amoeba_net). Where paper and release
// differ, the release is built: output lists of cells ([space.Cell]), strides of the identity, padding.
//
// A [Trainer] trains one child on one goroutine and one thread, or, if its TrainConfig has several shards, on up to as
// many. What it computes depends on the genotype, the two configs, the data, the seed and the ids alone: not on time,
// on other children, on the number of threads, or on the memory it was given. With shards, each step's batch is cut
// into as many equal parts, and batch normalisation uses the statistics of a part, as in training on several devices:
// so the number of shards is part of the result, the number of threads is not. At the end of an epoch its
// [Trainer.State] can be stored, and a new Trainer continues from it to the same bits. A [Model] is a trained network
// read back for evaluation and prediction.
//
// Images are NHWC float32. Parameters are named by their place, as in "cells/0/block1/op2/dw1/w": see [Check], which
// compares a network with one that another implementation computed.
//
// It does not load data (package dataset), choose genotypes (controller) or run several children (nas).
package child
