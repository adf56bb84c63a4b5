package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"nasnet/tui/term"
)

// lastError finds the error that ended a nasnet process in its standard error, after any warnings; "" if there is none.
func lastError(log string) (text string) {
	for l := range strings.Lines(log) {
		if l, ok := strings.CutPrefix(strings.TrimSpace(l), "nasnet: "); ok && !strings.HasPrefix(l, "warning: ") {
			text = l
		}
	}
	return text
}

// apartTime is how long a new process may take to answer. It reads its images first.
const apartTime = 2 * time.Minute

// startApart resumes the run in dir in its own process, without a screen, and waits until that answers. The process
// writes its standard error to the run's interface.log. It outlives this process and ends after its last child.
func (a *app) startApart(ctx context.Context, dir string) error {
	self, err := executable()
	if err != nil {
		return err
	}
	log, err := term.AppendTo(filepath.Join(dir, "interface.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	begin, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	c := exec.Command(self, "resume", dir, "--headless", "--store", string(a.store))
	c.Args[0] = "nasnet"
	c.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, launcherVar+"=") })
	c.Stderr = log
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // so no terminal can hang up on it
	if err := c.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for late := time.After(apartTime); ; {
		select {
		case err := <-ended:
			if err == nil {
				return nil // the run was done
			}
			b, _ := io.ReadAll(io.NewSectionReader(log, begin, 1<<16)) // on an error, the exit code must do
			if text := lastError(string(b)); text != "" {
				return errors.New(text)
			}
			return fmt.Errorf("nasnet resume: %w", err)
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-late:
			return fmt.Errorf("process %d does not answer after %v; it continues, and its messages are in %s",
				c.Process.Pid, apartTime, log.Name())
		case <-time.After(50 * time.Millisecond):
		}
		if st, err := look(ctx, dir, lookTime); err == nil && st.PID == c.Process.Pid {
			return nil
		}
	}
}
