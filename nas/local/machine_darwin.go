package local

import "golang.org/x/sys/unix"

// systemMemory is the memory of the machine, 0 if it cannot be known.
func systemMemory() int64 {
	n, err := unix.SysctlUint64("hw.memsize")
	if err != nil {
		return 0
	}
	return int64(n)
}
