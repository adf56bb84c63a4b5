package term

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Abandon detaches the process from its terminal for good: standard input is empty, standard output and error are
// appended to a file, and the process gets its own session, where no hangup of the terminal reaches it. The process
// must not lead its process group.
func Abandon(path string) error {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return fmt.Errorf("term: abandon: %w", err)
	}
	defer null.Close()
	log, err := openLog(path)
	if err != nil {
		return fmt.Errorf("term: abandon: %w", err)
	}
	defer log.Close()
	for fd, f := range []*os.File{null, log, log} {
		if err := dup(int(f.Fd()), fd); err != nil {
			return fmt.Errorf("term: abandon: %w", err)
		}
	}
	if _, err := unix.Setsid(); err != nil {
		return fmt.Errorf("term: abandon: new session: %w", err)
	}
	return nil
}

// InForeground reports whether the process belongs to the foreground job of the terminal f.
func InForeground(f *os.File) bool {
	job, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCGPGRP)
	return err == nil && job == unix.Getpgrp()
}
