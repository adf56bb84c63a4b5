// Package kernel computes the layers of the networks: convolutions, depthwise
// convolutions, batch normalisation, pools, elementwise operations, the head
// and the optimiser steps, each with its gradients.
//
// All tensors are float32 slices in NHWC order (batch, rows, columns,
// channels), dense unless a function takes a leading dimension. Weights of a
// convolution are (KH, KW, Cin, Cout), of a depthwise convolution (KH, KW, C).
//
// What every function promises:
//
//   - it allocates nothing and starts no goroutine; working memory comes in as
//     scratch, whose content on entry does not matter;
//   - it writes only its results, and reads no element outside the slices it is
//     given;
//   - it adds in a fixed order, so equal inputs give bit-identical results from
//     run to run on one instruction set ([Arch]); between instruction sets results
//     differ in the last bits;
//   - a wrong length is a programmer's error and panics.
//
// The inner loops are in a table, one column per instruction set: portable Go,
// which is the reference and always built, and AVX2 with FMA and AVX-512 in
// assembly, which the generator in asm/ writes. The program uses the best one
// that the machine has; the environment variable NASNET_KERNELS, or
// [Configure], forces one. The tag noasm builds without assembly. The script
// .ci/avx512 tests AVX-512 in an emulator.
//
// Results must not overlap inputs, except where a comment allows it.
package kernel
