// Package ptytest is for tests: it drives programs on pseudo-terminals. Keys go in, and what a terminal would show
// comes out, with its cost in bytes, reads and processor time.
//
// [Start] puts a program on a [Terminal] of its own, which answers no question; [Screen] is what its bytes show. Only
// tests import this package.
package ptytest
