package tui

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pty is this test binary running as the interface on a terminal of its own, which answers no question.
type pty struct {
	t      *testing.T
	cmd    *exec.Cmd
	master *os.File
	stderr bytes.Buffer
	start  time.Time
	before unix.Termios
	slave  *os.File

	mu    sync.Mutex
	out   []byte
	first time.Time
	ended chan struct{}
}

func openPty(t *testing.T, w, h int, env ...string) *pty {
	t.Helper()
	if testing.Short() {
		t.Skip("starts processes")
	}
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here:", err)
	}
	fd := int(master.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Skip("no pseudo-terminals here:", err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(h), Col: uint16(w)}); err != nil {
		t.Fatal(err)
	}
	p := &pty{t: t, master: master, slave: slave, ended: make(chan struct{})}
	tio, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	p.before = *tio
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LANG=C.UTF-8", "TERM=xterm-256color", "NASNET_TUI_SHOW=busy", "NASNET_TUI_HZ=0"}, env...)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = slave, slave, &p.stderr
	if slices.Contains(env, "NASNET_TUI_NOISE=1") {
		p.cmd.Stderr = slave
	}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	p.start = time.Now()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		buf := make([]byte, 1<<16)
		for {
			n, err := master.Read(buf)
			p.mu.Lock()
			p.out = append(p.out, buf[:n]...)
			if p.first.IsZero() && bytes.Contains(p.out, []byte("Children")) {
				p.first = time.Now()
			}
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	go func() { p.cmd.Wait(); close(p.ended) }()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.ended
		slave.Close()
		master.Close()
	})
	return p
}

func (p *pty) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.out)
}

// wait waits until the terminal was sent the text.
func (p *pty) wait(text string) {
	p.t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if strings.Contains(p.text(), text) {
			return
		}
	}
	p.t.Fatalf("%q never came; the terminal got:\n%q\nstandard error:\n%s", text, p.text(), p.stderr.String())
}

func (p *pty) press(keys string) {
	if _, err := p.master.WriteString(keys); err != nil {
		p.t.Fatal(err)
	}
}

// end waits for the process and checks that the terminal is as it was.
func (p *pty) end() {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		p.t.Fatal("the process does not end")
	}
	time.Sleep(20 * time.Millisecond) // for the last bytes
	out := p.text()
	if !strings.Contains(out, "\x1b[?1049l") || strings.LastIndex(out, "\x1b[?1049l") < strings.LastIndex(out, "\x1b[?1049h") {
		p.t.Error("the alternate screen is not left")
	}
	if strings.LastIndex(out, "\x1b[?25h") < strings.LastIndex(out, "\x1b[?25l") {
		p.t.Error("the cursor stays hidden")
	}
	now, err := unix.IoctlGetTermios(int(p.slave.Fd()), unix.TCGETS)
	if err != nil {
		p.t.Fatal(err)
	}
	if now.Lflag != p.before.Lflag || now.Iflag != p.before.Iflag || now.Oflag != p.before.Oflag {
		p.t.Errorf("the terminal's modes differ: lflag %x, were %x", now.Lflag, p.before.Lflag)
	}
}

func TestTheFirstFrameComesAtOnceOnATerminalThatAnswersNothing(t *testing.T) {
	for _, term := range []string{"xterm-256color", "linux", "vt100", "screen-256color"} {
		t.Run(term, func(t *testing.T) { // one after the other: the time counts
			p := openPty(t, 80, 24, "TERM="+term)
			p.wait("Top cells")
			took := p.first.Sub(p.start)
			t.Logf("first frame after %v", took.Round(time.Millisecond))
			if took > time.Second { // 0.05 s on a free machine; the stall this is about takes 5 s
				t.Errorf("first frame after %v", took)
			}
			for _, query := range []string{"\x1b]11;?", "\x1b]10;?", "\x1b[6n", "\x1b[c"} {
				if strings.Contains(p.text(), query) {
					t.Errorf("the terminal is asked %q", query)
				}
			}
		})
	}
}

func TestTheTerminalIsRestored(t *testing.T) {
	rows := []struct {
		name    string
		env     []string
		do      func(p *pty)
		outcome string
	}{
		{"stop now", nil, func(p *pty) { p.press("q"); p.wait("Leave"); p.press("s") }, "outcome: stop error: <nil>"},
		{"ctrl-c asks, and the dialog's keys decide", nil, func(p *pty) { p.press("\x03"); p.wait("Leave"); p.press("s") }, "outcome: stop error: <nil>"},
		{"detach", []string{"NASNET_TUI_DETACH=1"}, func(p *pty) { p.press("q"); p.wait("detach"); p.press("d") }, "outcome: detached error: <nil>"},
		{"a finished search is left without a question", []string{"NASNET_TUI_SHOW=done"}, func(p *pty) { p.press("q") }, "outcome: finished error: <nil>"},
		{"SIGTERM", nil, func(p *pty) { p.cmd.Process.Signal(syscall.SIGTERM) }, "outcome: terminated error: <nil>"},
		{"SIGHUP", nil, func(p *pty) { p.cmd.Process.Signal(syscall.SIGHUP) }, "outcome: hangup error: <nil>"},
		{"SIGQUIT dumps after it", nil, func(p *pty) { p.cmd.Process.Signal(syscall.SIGQUIT) }, ""},
		{"a panic while drawing", []string{"NASNET_TUI_SHOW=panic-view"}, func(*pty) {}, "error: tui: panic in view"},
		{"a panic in a command", []string{"NASNET_TUI_SHOW=panic-command"}, func(p *pty) { p.press("p") }, "error: tui: panic in command pause"},
		{"a panic in the subscription", []string{"NASNET_TUI_SHOW=panic-subscription"}, func(*pty) {}, "error: tui: panic in subscription"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			log := filepath.Join(t.TempDir(), "log")
			p := openPty(t, 80, 24, append(r.env, "NASNET_TUI_LOG="+log)...)
			if !strings.Contains(r.name, "drawing") && !strings.Contains(r.name, "subscription") {
				p.wait("Top cells")
			}
			r.do(p)
			p.end()
			if !strings.Contains(p.text(), r.outcome) {
				t.Errorf("the end is %q, want %q", last(p.text(), 300), r.outcome)
			}
			if strings.Contains(r.outcome, "panic") {
				b, err := os.ReadFile(log)
				if err != nil || !bytes.Contains(b, []byte("goroutine")) {
					t.Errorf("no stack in the log: %v", err)
				}
				if !strings.Contains(p.stderr.String(), "goroutine") {
					t.Error("no stack on standard error")
				}
			}
			if r.outcome == "" && !strings.Contains(p.stderr.String(), "SIGQUIT: quit") {
				t.Error("no dump on standard error")
			}
		})
	}
}

func last(s string, n int) string { return s[max(0, len(s)-n):] }

func TestBytesToTheTerminal(t *testing.T) {
	rate := func(t *testing.T, env ...string) float64 {
		p := openPty(t, 160, 48, env...)
		p.wait("Top cells")
		time.Sleep(700 * time.Millisecond)
		from := len(p.text())
		time.Sleep(time.Second)
		return float64(len(p.text()) - from)
	}
	t.Run("nothing moves, nothing is sent", func(t *testing.T) {
		t.Parallel()
		if r := rate(t); r != 0 {
			t.Errorf("%.0f B/s", r)
		}
	})
	t.Run("four children at 4 Hz stay under 1 kB/s at 160x48", func(t *testing.T) {
		t.Parallel()
		r := rate(t, "NASNET_TUI_HZ=4")
		t.Logf("%.0f B/s", r)
		if r == 0 || r > 1000 {
			t.Errorf("%.0f B/s", r)
		}
	})
	t.Run("without the differ it is several times that", func(t *testing.T) {
		t.Parallel()
		r := rate(t, "NASNET_TUI_HZ=4", "NASNET_TUI_NODIFF=1")
		t.Logf("%.0f B/s", r)
		if r < 1000 {
			t.Errorf("%.0f B/s: the differ is for nothing", r)
		}
	})
}

func TestTheScreenFollowsTheTerminalsSize(t *testing.T) {
	t.Parallel()
	p := openPty(t, 80, 24)
	p.wait("Top cells")
	for _, s := range [][2]int{{160, 48}, {60, 15}, {1, 1}, {100, 30}, {120, 36}} {
		if err := unix.IoctlSetWinsize(int(p.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(s[1]), Col: uint16(s[0])}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(150 * time.Millisecond)
	}
	p.press("?")
	p.wait("EVERYWHERE")
}

func TestSuspendWithoutAShellIsRefused(t *testing.T) {
	t.Parallel()
	p := openPty(t, 80, 24)
	p.wait("Top cells")
	p.press("\x1a")
	p.wait("there is no shell")
	p.press("?")
	p.wait("EVERYWHERE")
}

func TestWhatIsPrintedMeanwhileGoesToTheLog(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	p := openPty(t, 80, 24, "NASNET_TUI_NOISE=1", "NASNET_TUI_LOG="+log)
	p.wait("Top cells")
	time.Sleep(400 * time.Millisecond)
	if strings.Contains(p.text(), "stray") {
		t.Error("it lands on the screen")
	}
	b, err := os.ReadFile(log)
	for _, want := range []string{"stray 1", "stray error 1", "stray log 1"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %q in the log: %q, %v", want, b, err)
		}
	}
	p.press("q")
	p.wait("Leave")
	p.press("s")
	p.end()
	if !strings.Contains(p.text(), "outcome: stop") {
		t.Error("standard output is not given back")
	}
}

func TestWhatTheEnvironmentAsksFor(t *testing.T) {
	colour := regexp.MustCompile("\x1b\\[[0-9;]*\\b[349][0-8][;m]")
	rows := []struct {
		name    string
		env     []string
		must    string
		mustNot *regexp.Regexp
	}{
		{"colour where nothing is said", nil, "\x1b[36m", nil},
		{"no colour with NO_COLOR, but bold", []string{"NO_COLOR=1"}, "\x1b[1m", colour},
		{"ASCII with LANG=C", []string{"LANG=C"}, "+- 1 Reward", regexp.MustCompile("[^\x00-\x7f]")},
		{"ASCII with Chinese widths", []string{"LANG=zh_CN.UTF-8"}, "+- 1 Reward", regexp.MustCompile("[^\x00-\x7f]")},
		{"square corners on the console", []string{"TERM=linux"}, "┌─ 1", regexp.MustCompile("[╭╮╰╯▏▎▍▋▊▉━┃]")},
		{"never 256 or 16 million colours", []string{"COLORTERM=truecolor", "TERM=xterm-kitty"}, "\x1b[36m", regexp.MustCompile("[34]8;[25];")},
		{"no mouse until asked", nil, "Top cells", regexp.MustCompile(`\?100[0236]h`)},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			p := openPty(t, 80, 24, r.env...)
			p.wait("help")
			if out := stripPlain(p.text()); !strings.Contains(p.text(), r.must) && !strings.Contains(out, r.must) {
				t.Errorf("no %q in %q", r.must, p.text())
			}
			if r.mustNot != nil {
				if at := r.mustNot.FindString(p.text()); at != "" {
					t.Errorf("%q is sent", at)
				}
			}
		})
	}
}

func stripPlain(s string) string { return sgr.ReplaceAllString(s, "") }
