// Package nas has the words of a search for neural architectures the way of NASNet (Zoph et al. 2018, arXiv
// 1707.07012), and what follows from them without a clock, a store or a goroutine: what a config says, how trials rank,
// whether the controller beats random cells. The rooms below it do the work:
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
// One word for one thing, in code, on screens, in help and in the README; what is stored keeps the names it was stored
// with. Op, Block (two inputs, two ops, one combine), Operand (an input with its op), Cell, Genotype (normal +
// reduction cell), Space and Decision are those of package space.
//
//	Run        a search as it is stored, with its events: created, until somebody begins it, running, paused, stopped or
//	           done; a Fork is a run that begins at a policy version of another
//	Proposal   what a controller draws; batches of them, applied to the controller, make policy versions
//	Trial      one child of a run: proposed, running, paused, done, failed or stopped
//	Child      the network of a trial; an Evaluator trains it, and what it earns is the Reward
//	Sample     a proposal of the controller, which an update learns from
//	Random     a trial whose cell is drawn uniformly: trained, ranked and picked like any other, it never enters an update,
//	           so that a [Verdict] can compare the controller with random search; stored as "shadow", the name of its flag
//	Retrain    a picked cell, trained again at other settings
//	Rung       one scale of a ladder of retrains: data, network, training
//	Preset     named settings: of a search, or of a training
//	Parameters all weights of a network; the Trainable ones are without the moving statistics
//	Front      the Pareto front: the cells that no other beats in both accuracy and cost
//
// # What makes a run repeatable
//
// Trial t is drawn with the stream ("propose", t) from policy version max(0, batch-lag), or, if it is random, uniformly
// with the stream ("shadow", t). It is trained with streams keyed by t, and, if it is not random, its reward enters the
// update of its batch at its place. Nothing depends on time, on the number of workers or on interruptions. Trials made
// by hand (submitted cells, retrains) have numbers of their own and never enter an update.
package nas
