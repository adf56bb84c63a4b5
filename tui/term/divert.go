package term

import (
	"fmt"
	"os"

	xterm "github.com/charmbracelet/x/term"
	"golang.org/x/sys/unix"
)

// Divert appends to a file what the process prints on standard output and standard error, if they are terminals, so
// that nothing stray reaches the screen, be it a library's print or the dump of a crash. It returns another handle of
// the terminal f to draw on, and a function that undoes it all; call it once.
func Divert(f *os.File, path string) (tty *os.File, undo func(), err error) {
	log, err := openLog(path)
	if err != nil {
		return nil, nil, fmt.Errorf("term: divert: %w", err)
	}
	defer log.Close()
	own, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, nil, fmt.Errorf("term: divert: %w", err)
	}
	tty = os.NewFile(uintptr(own), f.Name())
	saved := map[int]int{}
	undo = func() {
		for fd, was := range saved {
			_ = dup(was, fd)
			_ = unix.Close(was)
		}
		_ = tty.Close()
	}
	for _, fd := range []int{1, 2} {
		if !xterm.IsTerminal(uintptr(fd)) {
			continue
		}
		was, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
		if err == nil {
			saved[fd] = was
			err = dup(int(log.Fd()), fd)
		}
		if err != nil {
			undo()
			return nil, nil, fmt.Errorf("term: divert: %w", err)
		}
	}
	return tty, undo, nil
}
