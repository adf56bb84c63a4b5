// Package space is the search space of NASNet (arXiv 1707.07012, section 3) as plain data.
//
// A [Cell] is a list of blocks. A [Block] reads two hidden states, applies one [Op] to each and combines the results by
// [Add] or [Concat]. A [Genotype] is a Normal Cell and a Reduction Cell; it has a JSON form, a one-line text form, a
// canonical form and a hash. A [Space] is what a controller searches: a set of ops and a number of blocks, presented as
// a list of [Decision] values with their arities.
//
// Hidden states are numbered as in the reference code of TensorFlow (slim, TPU): 0 is h[i], the output of the previous
// cell; 1 is h[i-1], the output of the cell before that; 2+b is the result of block b. DARTS, ENAS and NNI number the
// two inputs the other way round; [Import] converts them.
//
// By the paper's rule the output of a cell is the concatenation of all its blocks' results that no block reads. A cell
// may have an explicit list instead, because published cells break the rule: NASNet-A as released also concatenates an
// input and a state that a block reads.
//
// The package imports only the standard library, does no I/O and keeps no state; any number of goroutines may read its
// values. It does not know how an op is computed, how cells are stacked or what a network costs.
package space
