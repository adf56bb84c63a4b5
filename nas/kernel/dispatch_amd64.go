//go:build amd64 && !noasm

package kernel

func available() []kernels { return []kernels{generic} }

// FlushDenormals makes the floating-point unit of the calling thread treat
// subnormal numbers as zero, which would otherwise slow assembly kernels
// hundredfold, and returns a function that restores the former state. The
// caller holds the thread by runtime.LockOSThread for as long. It does nothing
// where there is no assembly.
func FlushDenormals() (restore func()) { return func() {} }
