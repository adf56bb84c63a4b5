//go:build !amd64 || noasm

package kernel

func available() []kernels { return []kernels{generic} }

// FlushDenormals makes the floating-point unit of the calling thread treat
// subnormal numbers as zero, because they would slow assembly kernels a
// hundredfold, and returns a function that restores the former state. Until
// then the caller must hold the thread with runtime.LockOSThread. Without
// assembly it does nothing.
func FlushDenormals() (restore func()) { return func() {} }
