package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"

	xterm "github.com/charmbracelet/x/term"

	"nasnet/tui/term"
)

// A shell shows its prompt again when the process it started ends, and a Go process cannot fork. So for a search on a
// terminal, the shell starts a launcher: a process that starts the program itself in the same job, and waits.
//
//	shell ──waits for──▶ launcher ──starts, passes signals on──▶ nasnet: engine and screen, goroutines of one process
//	                       ◀───────────── "detached" ────────────
//
// To detach, the program leaves the terminal and tells the launcher, which ends. The shell shows its prompt, the
// program runs on, and no child loses a step. ctrl-z suspends only the launcher. When the program dies, the launcher
// restores the terminal; when the launcher dies, the program continues without a screen.

// launcherVar is the environment variable with the program's file descriptor to its launcher.
const launcherVar = "NASNET_LAUNCHER"

// The messages between the two, one byte each.
const (
	sayDetached  = 'd' // to the launcher: end with exit code 0
	sayInterrupt = 'i' // from the launcher: it got SIGINT
	sayTerminate = 't' // from the launcher: it got SIGTERM
)

// exitCode ends the process without a message: the program has printed one.
type exitCode int

func (e exitCode) Error() string { return "exit code " + strconv.Itoa(int(e)) }

// behindLauncher runs a command that shows a screen: in this process if it has a launcher or needs none, else in a
// second process, with this one as its launcher.
func (a *app) behindLauncher(headless bool, run func() error) error {
	if a.interactive(headless) {
		if err := a.loadKeys(); err != nil {
			return err
		}
	}
	if !a.interactive(headless) || a.launcher != nil {
		return run()
	}
	return a.launch()
}

// launch starts this program again and waits, as its launcher, until it ends or detaches.
func (a *app) launch() error {
	signal.Stop(a.stop)
	tty := a.Out.(*os.File)
	if !term.InForeground(tty) {
		// what the system does to a background job that draws
		if err := syscall.Kill(0, syscall.SIGTTOU); err != nil || !term.InForeground(tty) {
			return hinted{errors.New("the terminal belongs to another job"),
				"bring this job to the foreground (fg), or add --headless"}
		}
	}
	before, err := xterm.GetState(tty.Fd())
	if err != nil {
		return fmt.Errorf("terminal: %w", err)
	}
	here, there, err := socketPair()
	if err != nil {
		return fmt.Errorf("launcher: %w", err)
	}
	defer here.Close()
	self, err := executable()
	if err != nil {
		return fmt.Errorf("launcher: %w", err)
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT)
	defer signal.Stop(signals)
	c := exec.Command(self)
	c.Args = os.Args
	c.Env = append(os.Environ(), launcherVar+"=3")
	c.Stdin, c.Stdout, c.Stderr, c.ExtraFiles = os.Stdin, os.Stdout, os.Stderr, []*os.File{there}
	err = c.Start()
	there.Close()
	if err != nil {
		return fmt.Errorf("launcher: %w", err)
	}
	ended, detached := make(chan struct{}), make(chan struct{})
	go func() {
		_ = c.Wait() // ProcessState says more
		close(ended)
	}()
	go func() {
		var b [1]byte
		if n, _ := here.Read(b[:]); n == 1 && b[0] == sayDetached {
			close(detached)
		}
	}()
	for {
		select {
		case <-detached:
			return nil
		case <-ended:
			return a.afterProgram(c.ProcessState, tty, before)
		case s := <-signals:
			// If SIGINT or SIGTERM went to the whole job, the program has received it too. A second signal ends the
			// program at once, so it must not mistake the launcher's copy for one.
			switch s {
			case syscall.SIGINT:
				_, _ = here.Write([]byte{sayInterrupt}) // an error means that the program has ended
			case syscall.SIGTERM:
				_, _ = here.Write([]byte{sayTerminate})
			default:
				_ = c.Process.Signal(s)
			}
		}
	}
}

// leaveScreen undoes what the interface sets: mouse and bracketed paste off, the normal screen, cursor on, no
// attributes.
const leaveScreen = "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?1049l\x1b[?25h\x1b[0m"

// afterProgram restores the terminal if the program could not, and passes on its exit code.
func (a *app) afterProgram(state *os.ProcessState, tty *os.File, before *xterm.State) error {
	now, err := xterm.GetState(tty.Fd())
	if err == nil && *now != *before {
		fmt.Fprint(tty, leaveScreen)
		if err := xterm.Restore(tty.Fd(), before); err != nil {
			fmt.Fprintln(a.Err, "nasnet: terminal:", err)
		}
	}
	if w, ok := state.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return hinted{fmt.Errorf("killed by a signal: %s; finished children are kept", w.Signal()),
			"to list the runs: nasnet runs" + a.store.flag()}
	}
	if code := state.ExitCode(); code != 0 {
		return exitCode(code)
	}
	return nil
}

// executable returns the file to start this program again, even if its file was deleted or replaced in the meantime.
func executable() (string, error) {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe", nil
	}
	return os.Executable()
}

func socketPair() (a, b *os.File, err error) {
	syscall.ForkLock.RLock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	for _, fd := range fds {
		if err := syscall.SetNonblock(fd, true); err != nil {
			return nil, nil, os.NewSyscallError("fcntl", err)
		}
	}
	return os.NewFile(uintptr(fds[0]), "launcher"), os.NewFile(uintptr(fds[1]), "program"), nil
}

// launcher is the program's side of the connection to its launcher.
type launcher struct {
	conn   *os.File
	passed chan os.Signal // signals that the launcher received
}

// adoptLauncher returns the launcher that started this process, nil if none did.
func adoptLauncher() *launcher {
	fd, err := strconv.Atoi(os.Getenv(launcherVar))
	if os.Unsetenv(launcherVar); err != nil || fd < 3 {
		return nil
	}
	syscall.CloseOnExec(fd)
	if syscall.SetNonblock(fd, true) != nil {
		return nil // no such descriptor
	}
	// ctrl-z suspends the launcher, not the engine. The engine keeps running when another job has the terminal.
	signal.Ignore(syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU)
	l := &launcher{os.NewFile(uintptr(fd), "launcher"), make(chan os.Signal)}
	go l.listen()
	return l
}

// listen receives the launcher's messages until one side ends. When the launcher dies, the shell gets the terminal
// back, so listen treats that as a hangup.
func (l *launcher) listen() {
	var b [1]byte
	for {
		n, err := l.conn.Read(b[:])
		switch {
		case n == 1 && b[0] == sayInterrupt:
			l.passed <- os.Interrupt
		case n == 1 && b[0] == sayTerminate:
			l.passed <- syscall.SIGTERM
		case errors.Is(err, os.ErrClosed):
			return
		case err != nil:
			_ = syscall.Kill(os.Getpid(), syscall.SIGHUP)
			return
		}
	}
}

// release returns the terminal to the shell: further output of the program goes to the log, and the launcher ends.
func (l *launcher) release(log string) error {
	if err := term.Abandon(log); err != nil {
		return err
	}
	_, err := l.conn.Write([]byte{sayDetached})
	if e := l.conn.Close(); err == nil {
		err = e
	}
	return err
}
