package kernel

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Kernels is the environment variable that forces an instruction set.
const Kernels = "NASNET_KERNELS"

// arch names the instruction set in use; archErr says why the one that was
// asked for is not.
var (
	arch    = "generic"
	archErr error
)

func init() {
	if name := os.Getenv(Kernels); name != "" {
		if err := Configure(name); err != nil {
			archErr = fmt.Errorf("%s: %w", Kernels, err)
		}
		return
	}
	best := Available()
	_ = Configure(best[len(best)-1]) // available, so it cannot fail
}

// Arch is the instruction set in use: "generic", "avx2" or "avx512".
func Arch() string { return arch }

// ArchError says why the instruction set that the environment variable
// NASNET_KERNELS asks for is not in use, and is nil when it is or none is asked
// for. A program reports it and stops: it must not compute with other kernels
// than it was told to.
func ArchError() error { return archErr }

// Configure selects the instruction set by name. It must not be called while
// another goroutine computes.
func Configure(name string) error {
	have := Available()
	if !slices.Contains(have, name) {
		return fmt.Errorf("kernel: no %q kernels here; there are %s", name, strings.Join(have, ", "))
	}
	arch, archErr = name, nil
	return nil
}

// Available lists the instruction sets that this build and this machine have,
// slowest first.
func Available() []string { return []string{"generic"} }

// FlushDenormals makes the floating-point unit of the calling thread treat
// subnormal numbers as zero, which would otherwise slow assembly kernels
// hundredfold, and returns a function that restores the former state. The
// caller holds the thread by runtime.LockOSThread for as long. It does nothing
// where there is no assembly.
func FlushDenormals() (restore func()) { return func() {} }
