//go:build unix && !linux

package checkpoints

// networkFS reports whether a folder is on a network file system. Only Linux checks; elsewhere every folder counts as
// local.
var networkFS = func(dir string) bool { return false }
