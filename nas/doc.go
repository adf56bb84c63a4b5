// Package nas has the words of a search for neural architectures the way of NASNet (Zoph et al. 2018, arXiv 1707.07012), and
// what follows from them without a clock, a store or a goroutine: what a config says, how trials rank, whether the controller
// beats random cells. The rooms below it do the work:
//
//	search   the goroutine that owns a run            local    trains children in this process
//	audit    verifies and ranks stored runs           remote   shows a live run to other processes
//	record   how a run lies in its store              fake     trains nothing
//	experiment  grids of trainings, ladders
//
// A [Config] says what a search does. Its owner keeps a [Ledger] of trials, hands jobs to an [Evaluator], and shows a
// [Snapshot]. Others steer it through an [Engine]: a [Command] in, a [Reply] out. What happens is told in events.
//
// # Words
//
// Op, Block (two inputs, two ops, one combine), Cell, Genotype (normal + reduction cell), Space and Decision are those of
// package space. A Proposal is what a controller draws. A Trial is one child of a run: proposed, running, paused, done, failed
// or stopped. A Child is the network of a trial. An Evaluator trains it; its validation accuracy is the Reward. Trials come in
// batches; each batch applied to the controller makes a new policy version. A Shadow is a proposal drawn uniformly: it is
// trained, ranked and picked like any other and never enters an update, so that a [Verdict] can compare the controller with
// random search under equal conditions. A Retrain trains a picked cell again at other settings. A Fork is a new run that begins
// at a policy version of another; both form a Lineage.
//
// # What makes a run repeatable
//
// Trial t is drawn with the stream ("propose", t) from policy version max(0, batch-lag), or, if it is a shadow, uniformly with
// the stream ("shadow", t). It is trained with streams keyed by t, and, if it is no shadow, its reward enters the update of its
// batch at its place. Nothing depends on time, on the number of workers or on interruptions. Trials made by hand (submitted
// cells, retrains) have numbers of their own and never enter an update.
package nas
