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

// lastError is the error with which a nasnet process ended, in what it wrote to its standard error, which may begin
// with warnings; empty if there is none.
func lastError(log string) (text string) {
	for l := range strings.Lines(log) {
		if l, ok := strings.CutPrefix(strings.TrimSpace(l), "nasnet: "); ok && !strings.HasPrefix(l, "warning: ") {
			text = l
		}
	}
	return text
}

// apartTime is how long a process that was started apart may take until it answers. It reads its images first.
const apartTime = 2 * time.Minute

// startApart goes on with the run in dir in a process of its own, without a screen, and waits until it answers. What
// that process prints to its standard error is in the run's interface.log. It ends after its last child, and outlives
// this process.
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
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // it has no terminal that could hang up
	if err := c.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for late := time.After(apartTime); ; {
		select {
		case err := <-ended:
			if err == nil {
				return nil // it had nothing left to do
			}
			b, _ := io.ReadAll(io.NewSectionReader(log, begin, 1<<16)) // without it the exit code has to do
			if text := lastError(string(b)); text != "" {
				return errors.New(text)
			}
			return fmt.Errorf("nasnet resume: %w", err)
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-late:
			return fmt.Errorf("process %d has been at work on %s for %v and does not answer; it goes on, and what it "+
				"says is in %s", c.Process.Pid, dir, apartTime, log.Name())
		case <-time.After(50 * time.Millisecond):
		}
		if st, err := look(ctx, dir, lookTime); err == nil && st.PID == c.Process.Pid {
			return nil
		}
	}
}
