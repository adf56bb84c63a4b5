//go:build !linux && !darwin

package local

// systemMemory returns 0: the machine's memory is unknown on this system.
func systemMemory() int64 { return 0 }
