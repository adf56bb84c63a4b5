package term

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// maxLog is the size in bytes from which openLog starts a new file.
const maxLog = 1 << 20

// AppendTo opens a log for reading and appending, and creates it if it does not exist. It refuses a link, which may
// lead anywhere, and a pipe, which may block forever, because the folder of the log may come from somebody else.
func AppendTo(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	if errors.Is(err, syscall.ELOOP) {
		return nil, fmt.Errorf("%s is a link; want a plain file", path)
	} else if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a plain file", path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// openLog opens the file for what a process prints while it has no terminal, and appends a line with the time and the
// process. A file that has grown large is first renamed to path.old, replacing an older one.
func openLog(path string) (*os.File, error) {
	if fi, err := os.Lstat(path); err == nil && fi.Mode().IsRegular() && fi.Size() >= maxLog {
		if err := os.Rename(path, path+".old"); err != nil {
			return nil, err
		}
	}
	f, err := AppendTo(path)
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(f, "%s info process %d prints here\n", time.Now().Format(time.RFC3339),
		os.Getpid()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
