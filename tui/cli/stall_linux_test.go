package cli

import (
	"syscall"
	"testing"
	"time"

	"nasnet/checkpoints"
	"nasnet/tui/term/ptytest"
)

// stalled starts a fake search on a terminal that then stops reading, as after SIGSTOP or a broken connection. It
// returns once the program is stuck in a write.
func stalled(t *testing.T) (x *ptytest.Terminal, store, dir string, release func()) {
	t.Helper()
	x, store, dir = fakeSearch(t)
	release = x.Hold()
	t.Cleanup(release)
	pid := lookAt(t, dir).PID
	size := 0
	until(t, "a write that does not end", func() bool {
		size++
		x.Resize(200-size%2, 60) // a whole frame
		return ptytest.Writing(pid)
	})
	return x, store, dir, release
}

func TestAStoppedTerminalHoldsNothingUp(t *testing.T) {
	x, store, dir, release := stalled(t)
	was := lookAt(t, dir)
	began := time.Now()
	until(t, "children while the terminal is stopped", func() bool { return lookAt(t, dir).Finished >= was.Finished+4 })
	t.Logf("4 children in %v; two workers without a screen need 2.4 s", time.Since(began).Round(time.Millisecond))
	// Another terminal sees it and steers it.
	y := onTerminal(t, store, "attach", "a", "--take")
	y.WaitScreen("1 other screen watches")
	y.Press("p")
	y.WaitScreen("paused")
	y.Press("p")
	y.WaitScreen("running")
	if !ptytest.Writing(was.PID) {
		t.Error("the terminal is not stopped any more")
	}
	// Once it reads again, it shows the current state.
	release()
	x.Resize(120, 36)
	x.WaitScreen("has taken control")
	x.Press("?")
	x.WaitScreen("EVERYWHERE")
	y.Press("q")
	y.WaitScreen("stop now")
	y.Press("s")
	y.End(exitDone)
	x.End(exitDone)
}

func TestASearchEndsWhoseTerminalIsStopped(t *testing.T) {
	for _, r := range []struct {
		name string
		do   func(t *testing.T, x *ptytest.Terminal, store string)
		code int
	}{
		{"SIGTERM", func(_ *testing.T, x *ptytest.Terminal, _ string) { x.Cmd.Process.Signal(syscall.SIGTERM) },
			exitDone},
		{"nasnet ctl stop", func(t *testing.T, _ *ptytest.Terminal, store string) {
			nasnet(t, store, "ctl", "a", "stop", "--wait")
		}, exitDone},
	} {
		t.Run(r.name, func(t *testing.T) {
			x, store, dir, release := stalled(t)
			began := time.Now()
			r.do(t, x, store)
			until(t, "the end of the engine", func() bool { return !checkpoints.Summary(dir).Live })
			t.Logf("after %v", time.Since(began).Round(time.Millisecond))
			if s := checkpoints.Summary(dir); s.Status != "stopped" {
				t.Errorf("%+v", s)
			}
			release()
			x.End(r.code) // the launcher has put the terminal in order
		})
	}
}

// The first SIGTERM shuts a search down in order; a second one does not wait.
func TestASecondSIGTERMEndsAtOnce(t *testing.T) {
	x, _, dir, release := stalled(t)
	first := time.Now()
	x.Cmd.Process.Signal(syscall.SIGTERM)
	until(t, "the end of the search", func() bool { return checkpoints.Summary(dir).Status == "stopped" })
	second := time.Now()
	x.Cmd.Process.Signal(syscall.SIGTERM)
	until(t, "the end of the process", func() bool { return !checkpoints.Summary(dir).Live })
	if time.Since(first) >= screenTime {
		t.Skip("the machine is too slow: the process ended on its own")
	}
	t.Logf("after %v", time.Since(second).Round(time.Millisecond))
	release()
	x.End(exitInterrupted) // not the 0 of an orderly shutdown
}
