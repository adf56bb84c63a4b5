// Package nas defines the types of an architecture search in the manner of NASNet (Zoph et al. 2018, arXiv 1707.07012).
// It computes what follows from them without a clock, a store or a goroutine: which trial comes next, how trials rank,
// whether the controller beats random cells. The packages below it do the work:
//
//	search      the goroutine that owns a run      local    trains children in this process
//	audit       verifies and ranks stored runs     remote   shows a live run to other processes
//	record      how a run is stored                fake     an evaluator that trains nothing
//	experiment  grids of trainings, ladders
//
// A [Config] describes a search. Its owner keeps a [Ledger] of trials, hands each [Job] to an [Evaluator] and publishes
// a [Snapshot] after every change. Others steer the search through an [Engine]: a [Command] in, a [Reply] out.
// Everything that happens is an [Event].
//
// # Words
//
// One word per thing, in code, on screens, in help and in the guide. Stored data keeps its old names. Package space
// defines Op, Block (two inputs, two ops, one combine), Operand (an input with its op), Cell, Genotype (normal +
// reduction cell), Space and Decision.
//
//	Run        a stored search with its events: created (never started), running, draining, paused, stopped or done
//	Draining   starting no new children; the run stops when the running ones have finished
//	Sitting    the time in which one process works on a run
//	Fork       a run that starts from a policy version of another run
//	Policy     what the controller has learned so far; each update makes a new version, 0 is untrained
//	Proposal   a trial that the search draws itself, as a sample or at random; each batch of proposals makes the next
//	           policy version
//	Trial      one child of a run: queued, running, paused, done, failed or stopped
//	Queued     without a worker: next in line, or a repeat that shares the result of an unfinished training; stored as
//	           "proposed"
//	Waiting    running, but not training yet, because too little memory is free
//	Child      the network of a trial; an Evaluator trains it, and it earns the Reward
//	Checkpoint the stored state of a half-trained child, from which its training continues
//	Sample     a proposal drawn by the controller; updates learn from samples only
//	Random     a proposal drawn uniformly: trained, ranked and picked like any other, it never enters an update, so a
//	           [Verdict] can compare the controller with random search; stored as "shadow", the name of its flag
//	Retrain    a picked cell, trained again with other settings
//	Rung       one scale of a ladder of retrains: data, network, training
//	Preset     named settings, of a search or of a training
//	Parameters all weights of a network; Trainable excludes the moving statistics
//	Accuracy   the validation accuracy of a child; its Reward, unless a cost term weighs it
//	Best       the trial with the highest reward, of any kind except retrains, at the run's own settings
//	Top cells  the ranking that Best leads: the highest reward of each different cell
//	Top 5      the mean reward of the 5 top cells among equal numbers of samples or random cells, in a [Verdict]
//	Peak       the highest reward of the samples so far, inherited ones included: a curve, not a cell to pick
//	Starred    marked by the user; a starred cell can be below the top cells
//	Front      the Pareto front: the top cells that no other top cell beats in both accuracy and cost
//
// # What makes a run repeatable
//
// A sample with number t is drawn from policy version max(0, batch-lag) with the random stream ("propose", t), a random
// cell uniformly with the stream ("shadow", t). Trial t trains with streams keyed by t. The reward of a sample enters
// the update of its batch in proposal order. Nothing depends on time, on the number of workers or on interruptions.
// Trials made by hand (submitted cells, retrains) have their own numbers and never enter an update.
package nas
