package term

import (
	"fmt"
	"os"
	"time"
)

// maxLog is the size, in bytes, from which a log of stray prints is put aside when it is opened.
const maxLog = 1 << 20

// openLog opens the file that takes what a process prints while it has no terminal, and writes the time and the process
// at its end. One that has grown large becomes path.old, in the place of an older one.
func openLog(path string) (*os.File, error) {
	if fi, err := os.Stat(path); err == nil && fi.Size() >= maxLog {
		if err := os.Rename(path, path+".old"); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
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
