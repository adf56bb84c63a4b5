package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/remote"
)

// terminal is a pseudo-terminal with a process on it, and all that it was sent.
type terminal struct {
	t      *testing.T
	cmd    *exec.Cmd
	master *os.File
	slave  *os.File
	before unix.Termios
	ended  chan struct{}

	mu   sync.Mutex
	out  []byte
	more chan struct{} // of size 1
}

// onTerminal starts this program, or another if args begin with a path, on a terminal of its own.
func onTerminal(t *testing.T, store string, args ...string) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here:", err)
	}
	fd := int(master.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Skip("no pseudo-terminals here:", err)
	}
	if err := errors.Join(unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0), unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 36, Col: 120})); err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	x := &terminal{t: t, master: master, slave: slave, ended: make(chan struct{}), more: make(chan struct{}, 1)}
	tio, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	x.before = *tio
	if filepath.IsAbs(args[0]) {
		x.cmd = exec.Command(args[0], args[1:]...)
	} else {
		x.cmd = &exec.Cmd{Path: os.Args[0], Args: append([]string{"nasnet"}, args...)}
	}
	x.cmd.Env = append(environment(store), "TERM=xterm-256color", "LANG=C.UTF-8")
	x.cmd.Stdin, x.cmd.Stdout, x.cmd.Stderr = slave, slave, slave
	x.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := x.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		buf := make([]byte, 1<<16)
		for {
			n, err := master.Read(buf)
			x.mu.Lock()
			x.out = append(x.out, buf[:n]...)
			x.mu.Unlock()
			select {
			case x.more <- struct{}{}:
			default:
			}
			if err != nil {
				return
			}
		}
	}()
	go func() { _ = x.cmd.Wait(); close(x.ended) }()
	t.Cleanup(func() {
		_ = x.cmd.Process.Kill()
		<-x.ended
		x.close()
	})
	return x
}

func environment(store string) []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + store, "XDG_DATA_HOME=" + store}
}

// close takes the terminal away.
func (x *terminal) close() {
	x.slave.Close()
	x.master.Close()
}

func (x *terminal) text() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return string(x.out)
}

// wait waits until the terminal was sent the text, after what it had been sent at the last call.
func (x *terminal) wait(text string) {
	x.t.Helper()
	late := time.After(30 * time.Second)
	for !strings.Contains(x.text(), text) {
		select {
		case <-x.more:
		case <-late:
			out := x.text()
			x.t.Fatalf("%q never came; the terminal got:\n%q", text, out[max(0, len(out)-4000):])
		}
	}
}

// press sends keys, and forgets what the terminal was sent so far.
func (x *terminal) press(keys string) {
	x.t.Helper()
	x.mu.Lock()
	x.out = nil
	x.mu.Unlock()
	if _, err := x.master.WriteString(keys); err != nil {
		x.t.Fatal(err)
	}
}

// end waits for the process and wants its exit code and the terminal as it was.
func (x *terminal) end(code int) {
	x.t.Helper()
	select {
	case <-x.ended:
	case <-time.After(30 * time.Second):
		x.t.Fatalf("the process does not end; the terminal got\n%q", x.text())
	}
	if got := x.cmd.ProcessState.ExitCode(); got != code {
		x.t.Errorf("exit code %d, want %d", got, code)
	}
	now, err := unix.IoctlGetTermios(int(x.slave.Fd()), unix.TCGETS)
	if err != nil {
		x.t.Fatal(err)
	}
	if now.Lflag != x.before.Lflag || now.Iflag != x.before.Iflag || now.Oflag != x.before.Oflag {
		x.t.Errorf("the terminal's modes differ: lflag %x, were %x", now.Lflag, x.before.Lflag)
	}
}

// nasnet runs the program without a terminal and returns what it prints.
func nasnet(t *testing.T, store string, args ...string) string {
	t.Helper()
	c := &exec.Cmd{Path: os.Args[0], Args: append([]string{"nasnet"}, args...), Env: environment(store)}
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		t.Fatalf("nasnet %s: %v\n%s%s", strings.Join(args, " "), err, out, errs.String())
	}
	return string(out)
}

// fakeSearch starts a search without training on a terminal and waits for its screen. At the end of the test the search is ended, whoever runs it.
func fakeSearch(t *testing.T) (x *terminal, store, dir string) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts processes")
	}
	t.Parallel()
	store = t.TempDir()
	dir = filepath.Join(store, "nasnet", "runs", "a")
	x = onTerminal(t, store, "search", "--fake", "--name", "a", "--children", "500", "--workers", "2")
	t.Cleanup(func() {
		if s := checkpoints.Summary(dir); s.Live {
			_ = syscall.Kill(s.PID, syscall.SIGKILL)
			for checkpoints.Summary(dir).Live {
				time.Sleep(5 * time.Millisecond)
			}
		}
	})
	x.wait("Top cells")
	return x, store, dir
}

func lookAt(t *testing.T, dir string) remote.Status {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	s, err := remote.Look(ctx, dir, remote.Visitor{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// until waits for what another process does.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never came:", what)
		}
	}
}

// goesOn wants a search in the same process as before, whose children go on from where they were, and no screen.
func goesOn(t *testing.T, dir string, was remote.Status) {
	t.Helper()
	until(t, "a search without a screen", func() bool { s := lookAt(t, dir); return s.Control.Viewers == 0 && s.Control.Holder == nas.Holder{} })
	now := lookAt(t, dir)
	if now.PID != was.PID {
		t.Errorf("process %d, before %d", now.PID, was.PID)
	}
	for _, c := range was.Running {
		for _, d := range now.Running {
			if c.Trial == d.Trial && d.Progress < c.Progress {
				t.Errorf("child %d was at %.2f and is at %.2f", c.Trial, c.Progress, d.Progress)
			}
		}
	}
	until(t, "more children", func() bool { return lookAt(t, dir).Finished > was.Finished })
}

func TestDetachGivesTheShellItsPromptAndTheSearchGoesOn(t *testing.T) {
	x, store, dir := fakeSearch(t)
	until(t, "a child in training", func() bool { s := lookAt(t, dir); return len(s.Running) > 0 && s.Running[0].Progress > 0 })
	was := lookAt(t, dir)
	if was.Control.Holder.TTY == "" || was.PID == x.cmd.Process.Pid {
		t.Errorf("the screen of process %d (front %d) is %+v", was.PID, x.cmd.Process.Pid, was.Control)
	}
	x.press("q")
	x.wait("detach")
	x.press("d")
	x.end(exitDone)
	x.wait("come back with: nasnet attach a")
	goesOn(t, dir, was)
	if sid, err := unix.Getsid(was.PID); err != nil || sid != was.PID {
		t.Errorf("the session of process %d is %d, %v", was.PID, sid, err)
	}
	for fd := range 3 {
		if to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", was.PID, fd)); err != nil || strings.HasPrefix(to, "/dev/pts") {
			t.Errorf("its descriptor %d is %s, %v", fd, to, err)
		}
	}

	// Come back from another terminal.
	began := time.Now()
	y := onTerminal(t, store, "attach")
	y.wait("Top cells")
	took := time.Since(began)
	t.Logf("attach shows the screen after %v", took.Round(time.Millisecond))
	if took > 2*time.Second { // 0.1 s on a free machine
		t.Errorf("attach takes %v", took)
	}
	y.press("p")
	y.wait("paused")
	if s := lookAt(t, dir); s.State != string(nas.Paused) || s.Control.Holder.PID != y.cmd.Process.Pid {
		t.Errorf("%s, control %+v", s.State, s.Control)
	}
	y.press("p")
	y.wait("running")
	// Its quit dialog leaves by default.
	y.press("q")
	y.wait("detach")
	y.press("\r")
	y.end(exitDone)
	y.wait("run a goes on in process")
	if s := lookAt(t, dir); s.PID != was.PID {
		t.Errorf("%+v", s)
	}
	if out := nasnet(t, store, "ctl", "a", "stop", "--wait"); !strings.Contains(out, "stopping") {
		t.Error(out)
	}
	if s := checkpoints.Summary(dir); s.Live || s.Status != "stopped" {
		t.Errorf("%+v", s)
	}
}

func TestWhatEndsTheScreenDoesNotEndTheSearch(t *testing.T) {
	for _, r := range []struct {
		name string
		do   func(x *terminal, engine int)
	}{
		{"the terminal goes away", func(x *terminal, _ int) { x.close() }},
		{"SIGHUP to what the shell started", func(x *terminal, _ int) { x.cmd.Process.Signal(syscall.SIGHUP) }},
		{"SIGHUP to the engine", func(_ *terminal, engine int) { syscall.Kill(engine, syscall.SIGHUP) }},
		{"SIGHUP to the job", func(x *terminal, _ int) { syscall.Kill(-x.cmd.Process.Pid, syscall.SIGHUP) }},
		{"kill -9 of what the shell started", func(x *terminal, _ int) { x.cmd.Process.Kill() }},
	} {
		t.Run(r.name, func(t *testing.T) {
			x, store, dir := fakeSearch(t)
			was := lookAt(t, dir)
			r.do(x, was.PID)
			goesOn(t, dir, was)
			nasnet(t, store, "ctl", "a", "stop", "--wait")
			if s := checkpoints.Summary(dir); s.Live || s.Status != "stopped" {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestWhatEndsTheSearchLeavesTheTerminalInOrder(t *testing.T) {
	for _, r := range []struct {
		name   string
		do     func(x *terminal, engine int)
		code   int
		status string
	}{
		{"SIGTERM to what the shell started", func(x *terminal, _ int) { x.cmd.Process.Signal(syscall.SIGTERM) }, exitDone, "stopped"},
		{"SIGTERM to the job", func(x *terminal, _ int) { syscall.Kill(-x.cmd.Process.Pid, syscall.SIGTERM) }, exitDone, "stopped"},
		{"SIGTERM to the engine", func(_ *terminal, engine int) { syscall.Kill(engine, syscall.SIGTERM) }, exitDone, "stopped"},
		{"SIGINT to the job", func(x *terminal, _ int) { syscall.Kill(-x.cmd.Process.Pid, syscall.SIGINT) }, exitInterrupted, "stopped"},
		{"kill -9 of the engine", func(_ *terminal, engine int) { syscall.Kill(engine, syscall.SIGKILL) }, exitFailed, "crashed"},
		{"stop from the quit dialog", func(x *terminal, _ int) { x.press("q"); x.wait("stop now"); x.press("s") }, exitDone, "stopped"},
		{"the end after the running children", func(x *terminal, _ int) { x.press("q"); x.wait("stop now"); x.press("w") }, exitDone, "stopped"},
	} {
		t.Run(r.name, func(t *testing.T) {
			x, _, dir := fakeSearch(t)
			engine := lookAt(t, dir).PID
			r.do(x, engine)
			x.end(r.code)
			x.wait("\x1b[?1049l")
			x.wait("\x1b[?25h")
			until(t, "the end of the engine", func() bool { return !checkpoints.Summary(dir).Live })
			if s := checkpoints.Summary(dir); s.Status != r.status {
				t.Errorf("the run is %s, want %s", s.Status, r.status)
			}
			if _, err := os.Lstat(filepath.Join(dir, remote.SocketName)); r.status == "stopped" && !os.IsNotExist(err) {
				t.Errorf("the socket is still there: %v", err)
			}
		})
	}
}

func TestOneScreenSteersAndItCanBeTakenOver(t *testing.T) {
	x, store, dir := fakeSearch(t)
	y := onTerminal(t, store, "attach", "a")
	y.wait("looking on: pts/")
	y.press("p")
	y.wait("this screen does not have the control")
	if s := lookAt(t, dir); s.State != string(nas.Running) || s.Control.Viewers != 1 {
		t.Errorf("%s, %+v", s.State, s.Control)
	}
	z := onTerminal(t, store, "attach", "a", "--take")
	z.wait("2 others look on")
	x.wait("has taken the control; W takes it back")
	z.press("p")
	z.wait("paused")
	if s := lookAt(t, dir); s.State != string(nas.Paused) || s.Control.Viewers != 2 || s.Control.Holder.PID != z.cmd.Process.Pid {
		t.Errorf("%s, %+v", s.State, s.Control)
	}
	x.press("p")
	x.wait("this screen does not have the control")
	if out := nasnet(t, store, "runs"); !strings.Contains(out, "3 attached") {
		t.Error(out)
	}
	// The key takes it as well, and gives it back.
	x.press("W")
	x.wait("this screen has the control")
	z.wait("has taken the control")
	z.press("W")
	z.wait("this screen has the control")
	x.wait("has taken the control")

	// A script needs no control.
	nasnet(t, store, "ctl", "a", "resume")
	if s := lookAt(t, dir); s.State != string(nas.Running) {
		t.Error(s.State)
	}
	// The end is told on every screen; those attached stay.
	z.press("q")
	z.wait("stop now")
	z.press("s")
	z.end(exitDone)
	x.end(exitDone)
	y.wait("the program that runs it has ended; nasnet resume a goes on")
	select {
	case <-y.ended:
		t.Error("the screen is gone")
	default:
	}
	y.press("q")
	y.end(exitDone)
	y.wait("the program that runs it has ended; nasnet resume a goes on")
}

func TestADoneSearchStaysForTheOneWhoSteers(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	t.Parallel()
	store := t.TempDir()
	dir := filepath.Join(store, "nasnet", "runs", "a")
	x := onTerminal(t, store, "search", "--fake", "--name", "a", "--children", "4", "--workers", "2", "--strategy", "random")
	x.wait("Top cells")
	y := onTerminal(t, store, "attach", "--take")
	y.wait("1 other looks on")
	x.press("q") // it looks on, so it is not asked
	x.end(exitDone)
	until(t, "the end of the last child", func() bool { return lookAt(t, dir).State == string(nas.Done) })
	y.wait("the search is done")
	nasnet(t, store, "ctl", "a", "submit", "nasnet-a") // what is done can go on
	until(t, "the end of the cell", func() bool {
		s := lookAt(t, dir)
		return s.State == string(nas.Done) && s.BestTrial != nil && *s.BestTrial == nas.FirstManual
	})
	y.wait("the search is done: best .7370")
	y.press("q")
	y.end(exitDone)
	until(t, "the end of the process", func() bool { return !checkpoints.Summary(dir).Live })
	if s := checkpoints.Summary(dir); s.Status != "done" || s.Done != 4 {
		t.Errorf("%+v", s)
	}
}

func TestAShellsJobControl(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash:", err)
	}
	store := t.TempDir()
	dir := filepath.Join(store, "nasnet", "runs", "a")
	bin := filepath.Join(store, "nasnet-bin", "nasnet")
	if err := errors.Join(os.MkdirAll(filepath.Dir(bin), 0o700), os.Symlink(absolute(t, os.Args[0]), bin)); err != nil {
		t.Fatal(err)
	}
	x := onTerminal(t, store, bash, "--norc", "--noprofile", "-i")
	x.press("PS1='READY'\\> \n")
	x.wait("READY>")
	x.press(bin + " search --fake --name a --children 500\n")
	t.Cleanup(func() {
		if s := checkpoints.Summary(dir); s.Live {
			_ = syscall.Kill(s.PID, syscall.SIGKILL)
		}
	})
	x.wait("Top cells")
	was := lookAt(t, dir)
	x.press("\x1a") // the shell is back, the engine goes on, the screen keeps the control
	x.wait("READY>")
	until(t, "more children while the screen is stopped", func() bool { return lookAt(t, dir).Finished > was.Finished })
	if s := lookAt(t, dir); s.PID != was.PID || s.Control.Holder.PID != was.PID {
		t.Errorf("process %d, control %+v", s.PID, s.Control)
	}
	// In the background it stays away from the terminal, in the foreground it draws at once.
	x.press("bg\n")
	x.wait("READY>")
	was = lookAt(t, dir)
	until(t, "more children in the background", func() bool { return lookAt(t, dir).Finished > was.Finished })
	if strings.Contains(x.text(), "\x1b[?1049h") {
		t.Errorf("it draws in the background: %q", x.text())
	}
	x.press("fg\n")
	x.wait("Top cells")
	x.press("\x1a")
	x.wait("READY>")
	x.press("fg\n")
	x.wait("Top cells")
	x.press("q")
	x.wait("detach")
	x.press("d")
	x.wait("READY>")
	x.press("echo code $?\n")
	x.wait("code 0")
	x.press("exit\n")
	x.end(0)
	goesOn(t, dir, lookAt(t, dir))
	nasnet(t, store, "ctl", "a", "stop", "--wait")
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
