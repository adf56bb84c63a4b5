package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/remote"
	"nasnet/tui/term/ptytest"
)

// onTerminal starts this program on its own terminal, or another program if args begin with a path.
func onTerminal(t *testing.T, store string, args ...string) *ptytest.Terminal {
	t.Helper()
	return onTerminalOf(t, 120, 36, store, args...)
}

func onTerminalOf(t *testing.T, w, h int, store string, args ...string) *ptytest.Terminal {
	t.Helper()
	c := &exec.Cmd{Path: os.Args[0], Args: append([]string{"nasnet"}, args...)}
	if filepath.IsAbs(args[0]) {
		c = exec.Command(args[0], args[1:]...)
	}
	c.Env = append(environment(store), "TERM=xterm-256color", "LANG=C.UTF-8")
	return ptytest.Start(t, c, w, h)
}

func environment(store string) []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + store, "XDG_DATA_HOME=" + store}
}

// nasnet runs the program without a terminal and returns its output.
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

// fakeSearch starts a fake search on a terminal and waits for its screen.
func fakeSearch(t *testing.T) (x *ptytest.Terminal, store, dir string) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts processes")
	}
	t.Parallel()
	store = homeStore(t)
	dir = filepath.Join(store, "nasnet", "runs", "a")
	x = onTerminal(t, store, "search", "--fake", "--name", "a", "--children", "500", "--workers", "2")
	x.Wait("Top cells")
	return x, store, dir
}

func lookAt(t *testing.T, dir string) remote.Status {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := remote.Look(ctx, dir, remote.Visitor{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// goesOn checks that the search continues in the same process, without a screen, and that no child lost progress.
func goesOn(t *testing.T, dir string, was remote.Status) {
	t.Helper()
	until(t, "a search without a screen", func() bool {
		s := lookAt(t, dir)
		return s.Control.Viewers == 0 &&
			s.Control.Holder == nas.Holder{}
	})
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
	until(t, "a child in training", func() bool {
		s := lookAt(t, dir)
		return len(s.Running) > 0 &&
			s.Running[0].Progress > 0
	})
	was := lookAt(t, dir)
	if was.Control.Holder.TTY == "" || was.PID == x.Cmd.Process.Pid {
		t.Errorf("the screen of process %d (launcher %d) is %+v", was.PID, x.Cmd.Process.Pid, was.Control)
	}
	x.Press("q")
	x.Wait("detach")
	x.Press("d")
	x.End(exitDone)
	x.Wait("to come back: nasnet attach a")
	goesOn(t, dir, was)
	if sid, err := unix.Getsid(was.PID); err != nil || sid != was.PID {
		t.Errorf("the session of process %d is %d, %v", was.PID, sid, err)
	}
	for fd := range 3 {
		if to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", was.PID, fd)); err != nil ||
			strings.HasPrefix(to, "/dev/pts") {
			t.Errorf("its descriptor %d is %s, %v", fd, to, err)
		}
	}

	// Come back from another terminal.
	began := time.Now()
	y := onTerminal(t, store, "attach")
	y.Wait("Top cells")
	t.Logf("attach shows the screen after %v", time.Since(began).Round(time.Millisecond))
	y.Press("p")
	y.Wait("paused")
	if s := lookAt(t, dir); s.State != string(nas.Paused) || s.Control.Holder.PID != y.Cmd.Process.Pid {
		t.Errorf("%s, control %+v", s.State, s.Control)
	}
	y.Press("p")
	y.Wait("running")
	// Its quit dialog leaves by default.
	y.Press("q")
	y.Wait("detach")
	y.Press("\r")
	y.End(exitDone)
	y.Wait("run a continues in process")
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
		do   func(x *ptytest.Terminal, engine int)
	}{
		{"the terminal goes away", func(x *ptytest.Terminal, _ int) { x.Close() }},
		{"SIGHUP to what the shell started", func(x *ptytest.Terminal, _ int) { x.Cmd.Process.Signal(syscall.SIGHUP) }},
		{"SIGHUP to the engine", func(_ *ptytest.Terminal, engine int) { syscall.Kill(engine, syscall.SIGHUP) }},
		{"SIGHUP to the job", func(x *ptytest.Terminal, _ int) { syscall.Kill(-x.Cmd.Process.Pid, syscall.SIGHUP) }},
		{"kill -9 of what the shell started", func(x *ptytest.Terminal, _ int) { x.Cmd.Process.Kill() }},
	} {
		t.Run(r.name, func(t *testing.T) {
			x, store, dir := fakeSearch(t)
			was := lookAt(t, dir)
			r.do(x, was.PID)
			goesOn(t, dir, was)
			if b, err := os.ReadFile(filepath.Join(dir, "log.jsonl")); err != nil ||
				!bytes.Contains(b, []byte(`"t":"terminal_gone"`)) {
				t.Errorf("the log does not say that the terminal has gone, %v", err)
			}
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
		do     func(x *ptytest.Terminal, engine int)
		code   int
		status string
	}{
		{"SIGTERM to what the shell started", func(x *ptytest.Terminal, _ int) {
			x.Cmd.Process.Signal(syscall.SIGTERM)
		}, exitDone, "stopped"},
		{"SIGTERM to the job", func(x *ptytest.Terminal, _ int) { syscall.Kill(-x.Cmd.Process.Pid, syscall.SIGTERM) },
			exitDone, "stopped"},
		{"SIGTERM to the engine", func(_ *ptytest.Terminal, engine int) { syscall.Kill(engine, syscall.SIGTERM) },
			exitDone, "stopped"},
		{"SIGINT to the job", func(x *ptytest.Terminal, _ int) { syscall.Kill(-x.Cmd.Process.Pid, syscall.SIGINT) },
			exitInterrupted, "stopped"},
		{"kill -9 of the engine", func(_ *ptytest.Terminal, engine int) { syscall.Kill(engine, syscall.SIGKILL) },
			exitFailed, "crashed"},
		{"a panic in a goroutine of the engine", func(_ *ptytest.Terminal, engine int) {
			syscall.Kill(engine, syscall.SIGUSR1)
		}, 2, "crashed"},
		{"SIGQUIT to the engine", func(_ *ptytest.Terminal, engine int) { syscall.Kill(engine, syscall.SIGQUIT) },
			2, "crashed"},
		{"stop from the quit dialog", func(x *ptytest.Terminal, _ int) {
			x.Press("q")
			x.Wait("stop now")
			x.Press("s")
		}, exitDone, "stopped"},
		{"the end after the running children", func(x *ptytest.Terminal, _ int) {
			x.Press("q")
			x.Wait("stop now")
			x.Press("w")
		}, exitDone, "stopped"},
	} {
		t.Run(r.name, func(t *testing.T) {
			x, _, dir := fakeSearch(t)
			engine := lookAt(t, dir).PID
			r.do(x, engine)
			x.End(r.code)
			x.Wait("\x1b[?1049l")
			x.Wait("\x1b[?25h")
			until(t, "the end of the engine", func() bool { return !checkpoints.Summary(dir).Live })
			if s := checkpoints.Summary(dir); s.Status != r.status {
				t.Errorf("the run is %s, want %s", s.Status, r.status)
			}
			if r.code == 2 { // the stack that Go prints is not lost with the screen
				b, err := os.ReadFile(filepath.Join(dir, "interface.log"))
				if text := string(b) + x.Sent(); !strings.Contains(text, "goroutine ") {
					t.Errorf("no stack in the log or on the terminal, %v", err)
				}
			}
			if _, err := os.Lstat(filepath.Join(dir, remote.SocketName)); r.status == "stopped" && !os.IsNotExist(err) {
				t.Errorf("the socket is still there: %v", err)
			}
		})
	}
}

// A terminal without cursor movement gets lines, and so does a pipe.
func TestADumbTerminalGetsJSONLines(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	t.Parallel()
	store := homeStore(t)
	args := []string{"search", "--fake", "--children", "2", "--update-every", "2", "--epochs", "1",
		"--strategy", "random"}
	check := func(where, out string) {
		t.Helper()
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if len(lines) < 8 {
			t.Errorf("%s: %d lines: %q", where, len(lines), out)
		}
		for _, l := range lines {
			var e struct {
				Time time.Time `json:"ts"`
				Type string    `json:"t"`
				Run  string    `json:"run"`
			}
			if err := json.Unmarshal([]byte(l), &e); err != nil || e.Time.IsZero() || e.Type == "" || e.Run == "" ||
				strings.Contains(l, "\x1b") {
				t.Errorf("%s: %q: %+v, %v", where, l, e, err)
			}
		}
	}
	check("a pipe", nasnet(t, store, args...))
	c := &exec.Cmd{Path: os.Args[0], Args: append([]string{"nasnet"}, args...),
		Env: append(environment(store), "TERM=dumb", "LANG=C.UTF-8")}
	x := ptytest.Start(t, c, 80, 24)
	x.End(exitDone)
	out, _, _ := strings.Cut(x.Sent(), "\x1b]9999") // the driver's own mark
	check("TERM=dumb", out)
}

// While a search is paused nothing changes: children, elapsed time, image rate, estimated end.
func TestAPauseCountsForNothing(t *testing.T) {
	x, _, dir := fakeSearch(t)
	until(t, "a guess of the end", func() bool { return lookAt(t, dir).ETA > 0 })
	x.Press("p")
	x.WaitScreen("‖ paused")
	still := func(s remote.Status) string {
		return fmt.Sprintf("finished %d, elapsed %.3f s, to go %.0f s, %.0f images/s, %+v", s.Finished, s.Elapsed,
			s.ETA, s.ImageRate, s.Running)
	}
	was := lookAt(t, dir)
	if was.ImageRate != 0 || was.ETA == 0 || len(was.Running) != 2 {
		t.Errorf("paused: %s", still(was))
	}
	x.Quiet(300 * time.Millisecond)
	cost := x.Measure(was.PID, 1500*time.Millisecond) // more than a child takes
	t.Logf("paused: %v", cost)
	if cost.Bytes != 0 {
		t.Errorf("%d bytes are sent while nothing moves", cost.Bytes)
	}
	now := lookAt(t, dir)
	if still(now) != still(was) {
		t.Errorf("while paused\n%s\nbecomes\n%s", still(was), still(now))
	}
	x.Press("p")
	x.WaitScreen("▸ running")
	until(t, "children", func() bool { return lookAt(t, dir).Finished > was.Finished })
	x.Press("qs")
	x.End(exitDone)
}

func TestOneScreenSteersAndItCanBeTakenOver(t *testing.T) {
	x, store, dir := fakeSearch(t)
	y := onTerminal(t, store, "attach", "a")
	y.Wait("watching: pts/")
	y.Press("p")
	y.Wait("this screen does not have control")
	if s := lookAt(t, dir); s.State != string(nas.Running) || s.Control.Viewers != 1 {
		t.Errorf("%s, %+v", s.State, s.Control)
	}
	z := onTerminal(t, store, "attach", "a", "--take")
	z.Wait("2 other screens watch")
	x.Wait("has taken control; W takes it back")
	z.Press("p")
	z.Wait("paused")
	if s := lookAt(t, dir); s.State != string(nas.Paused) || s.Control.Viewers != 2 ||
		s.Control.Holder.PID != z.Cmd.Process.Pid {
		t.Errorf("%s, %+v", s.State, s.Control)
	}
	x.Press("p")
	x.Wait("this screen does not have control")
	if out := nasnet(t, store, "runs"); !strings.Contains(out, "3 attached") {
		t.Error(out)
	}
	// The key takes control too, and back.
	x.Press("W")
	x.Wait("this screen has control")
	z.Wait("has taken control")
	z.Press("W")
	z.Wait("this screen has control")
	x.Wait("has taken control")

	// A script needs no control.
	nasnet(t, store, "ctl", "a", "resume")
	if s := lookAt(t, dir); s.State != string(nas.Running) {
		t.Error(s.State)
	}
	// Every screen reports the end; the attached ones stay.
	z.Press("q")
	z.Wait("stop now")
	z.Press("s")
	z.End(exitDone)
	x.End(exitDone)
	y.Wait("its process has ended; to resume: nasnet resume a")
	select {
	case <-y.Ended:
		t.Error("the screen is gone")
	default:
	}
	y.Press("q")
	y.End(exitDone)
	y.Wait("its process has ended; to resume: nasnet resume a")
}

func TestADoneSearchStaysForTheOneWhoSteers(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	t.Parallel()
	store := homeStore(t)
	dir := filepath.Join(store, "nasnet", "runs", "a")
	x := onTerminal(t, store, "search", "--fake", "--name", "a", "--children", "4", "--workers", "2",
		"--strategy", "random")
	x.Wait("Top cells")
	y := onTerminal(t, store, "attach", "--take")
	y.Wait("1 other screen watches")
	x.Press("q") // it watches, so it is not asked
	x.End(exitDone)
	until(t, "the end of the last child", func() bool { return lookAt(t, dir).State == string(nas.Done) })
	y.Wait("the search is done")
	nasnet(t, store, "ctl", "a", "submit", "nasnet-a") // a done search can continue
	until(t, "the end of the cell", func() bool {
		s := lookAt(t, dir)
		return s.State == string(nas.Done) && s.BestTrial != nil && *s.BestTrial == nas.FirstManual
	})
	y.Wait("the search is done: best .7370")
	y.Press("q")
	y.End(exitDone)
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
	store := homeStore(t)
	dir := filepath.Join(store, "nasnet", "runs", "a")
	bin := filepath.Join(store, "nasnet-bin", "nasnet")
	if err := errors.Join(os.MkdirAll(filepath.Dir(bin), 0o700), os.Symlink(absolute(t, os.Args[0]), bin)); err != nil {
		t.Fatal(err)
	}
	x := onTerminal(t, store, bash, "--norc", "--noprofile", "-i")
	x.Press("PS1='READY'\\> \n")
	x.Wait("READY>")
	x.Press(bin + " search --fake --name a --children 500\n")
	x.Wait("Top cells")
	was := lookAt(t, dir)
	x.Press("\x1a") // the shell is back, the engine continues, the screen keeps control
	x.Wait("READY>")
	until(t, "more children while the screen is stopped", func() bool { return lookAt(t, dir).Finished > was.Finished })
	if s := lookAt(t, dir); s.PID != was.PID || s.Control.Holder.PID != was.PID {
		t.Errorf("process %d, control %+v", s.PID, s.Control)
	}
	// In the background it stays away from the terminal, in the foreground it draws at once.
	x.Press("bg\n")
	x.Wait("READY>")
	was = lookAt(t, dir)
	until(t, "more children in the background", func() bool { return lookAt(t, dir).Finished > was.Finished })
	if strings.Contains(x.Sent(), "\x1b[?1049h") {
		t.Errorf("it draws in the background: %q", x.Sent())
	}
	x.Press("fg\n")
	x.Wait("Top cells")
	x.Press("\x1a")
	x.Wait("READY>")
	x.Press("fg\n")
	x.Wait("Top cells")
	x.Press("q")
	x.Wait("detach")
	x.Press("d")
	x.Wait("READY>")
	x.Press("echo code $?\n")
	x.Wait("code 0")
	x.Press("exit\n")
	x.End(0)
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
