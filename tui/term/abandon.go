package term

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Abandon takes the process off its terminal for good: nothing comes from standard input, standard output and error go
// to the end of a file, and the process is in a session of its own, where no hangup of the terminal reaches it. The
// process must not lead its process group.
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
		return fmt.Errorf("term: abandon: a session of its own: %w", err)
	}
	return nil
}

// InForeground says that the process belongs to the job that has the terminal f.
func InForeground(f *os.File) bool {
	job, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCGPGRP)
	return err == nil && job == unix.Getpgrp()
}
