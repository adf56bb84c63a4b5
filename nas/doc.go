// Package nas searches neural architectures the way of NASNet (Zoph et al. 2018, arXiv 1707.07012).
//
// A [Search] is one goroutine that owns a run. It asks a controller for batches of proposals, hands each [Trial] to a pool of workers, applies the
// rewards to the controller in proposal order, and commits every change to the run's store before the change counts:
//
//	controller ──propose──▶ trials ──▶ workers (Evaluator: child networks in goroutines)
//	     ▲                     │                 │ progress, result
//	     └──rewards in order───┴──── owner ◀─────┘
//	                                  │ commit, then publish
//	                     store ◀──────┴──────▶ Snapshot ▶ screen, events ▶ JSON lines
//
// Others reach it through [Search.Do] (a [Command] in, a [Reply] out), [Search.Snapshot] (an immutable picture of the run) and the event stream. There
// is no mutex in the core.
//
// # Words
//
// Op, Block (two inputs, two ops, one combine), Cell, Genotype (normal + reduction cell), Space and Decision are those of package space. A Proposal is
// what a controller draws. A Trial is one child of a run: proposed, running, paused, done, failed or stopped. A Child is the network of a trial. An
// Evaluator trains it; its validation accuracy is the Reward. Trials come in batches; each batch applied to the controller makes a new policy version.
// A Shadow is a proposal drawn uniformly: it is trained, ranked and picked like any other and never enters an update, so that a [Verdict] can compare
// the controller with random search under equal conditions.
// A Retrain trains a picked cell again at other settings. A Fork is a new run that begins at a policy version of another; both form a Lineage.
//
// # What makes a run repeatable
//
// Trial t is drawn with the stream ("propose", t) from policy version max(0, batch-lag), or, if it is a shadow, uniformly with the stream ("shadow", t);
// it is trained with streams keyed by t, and, if it is no shadow, its reward enters the update of its batch at its place. Nothing depends on time, on the number of workers or on interruptions. Trials made by hand (submitted cells,
// retrains) have numbers of their own and never enter an update.
package nas
