// Package controller decides what to try next.
//
// A [Controller] sees a search space only as a list of arities: a proposal is one choice per decision. It knows nothing
// about cells, images or trials, so the same controller searches cells or a table of measured networks ([Benchmark]).
//
//	Propose ──▶ Proposal{Choices, LogP} ──▶ training ──▶ Sample{…, Reward} ──▶ Update (of batches) ──▶ policy version
//
// Strategies are rows of [Strategies]:
//
//	ppo        the controller of NASNet (Zoph et al. 2018, appendix A.2): an LSTM with one softmax per decision,
//	           trained by proximal policy optimisation
//	reinforce  the same network, one plain policy-gradient step per batch
//	evolution  regularized evolution (Real et al. 2019, arXiv 1802.01548)
//	random     uniform choices: the baseline that a strategy must beat
//
// # What a controller promises
//
// Propose does not change the controller: a proposal depends only on the generator and the policy version, so proposals
// may be drawn in any order, or again. Update applies one batch in the order given and is deterministic for any
// GOMAXPROCS; after an error the controller is unchanged. State returns exact bytes: a controller restored from them
// has the same future, bit for bit, with the same build on the same architecture. A controller has one owner; Update
// and Restore must not run at the same time as any other call.
//
// # What is learnt at which budget
//
// With the paper's rate (3.5e-4) and one gradient step per batch of 20, nothing is learnt below about 1,000 children.
// [DefaultConfig] picks settings for a budget. At 100 children no setting of PPO is much better than chance, but
// evolution is.
package controller
