package local

import (
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// systemMemory returns the machine's memory in bytes, or what the control groups of the process allow if that is less;
// 0 if neither can be read.
func systemMemory() int64 { return memoryUnder("/") }

// memoryUnder does the same for a system whose root is a given folder.
func memoryUnder(root string) int64 {
	limit := int64(0)
	less := func(n int64) {
		if n > 0 && (limit == 0 || n < limit) {
			limit = n
		}
	}
	for line := range strings.Lines(text(root, "proc/meminfo")) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemTotal:" {
			if kib, err := strconv.ParseInt(f[1], 10, 64); err == nil {
				less(kib << 10)
			}
		}
	}
	// HIERARCHY:CONTROLLERS:PATH; version 2 has an empty list of controllers
	for line := range strings.Lines(text(root, "proc/self/cgroup")) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 {
			continue
		}
		base, file := "sys/fs/cgroup", "memory.max"
		switch f[1] {
		case "":
		case "memory":
			base, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		for dir := path.Clean("/" + f[2]); ; dir = path.Dir(dir) { // every parent group has a limit too
			// "max" is not a number and means no limit
			if n, err := strconv.ParseInt(strings.TrimSpace(text(root, filepath.Join(base, dir, file))), 10,
				64); err == nil {
				less(n)
			}
			if dir == "/" {
				break
			}
		}
	}
	return limit
}

// text returns the content of a file, empty if it cannot be read.
func text(root, name string) string {
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		return ""
	}
	return string(b)
}
