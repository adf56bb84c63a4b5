package tui

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"nasnet/tui/term/ptytest"
)

// openPty starts this test binary as the interface on its own terminal; its standard error is kept apart.
func openPty(t *testing.T, w, h int, env ...string) (*ptytest.Terminal, *bytes.Buffer) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts processes")
	}
	c, errs := exec.Command(os.Args[0]), new(bytes.Buffer)
	c.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LANG=C.UTF-8", "TERM=xterm-256color",
		"NASNET_TUI_SHOW=busy", "NASNET_TUI_HZ=0"}, env...)
	if !slices.Contains(env, "NASNET_TUI_NOISE=1") {
		c.Stderr = errs
	}
	return ptytest.Start(t, c, w, h), errs
}

func TestTheFirstFrameIsImmediateOnATerminalThatNeverAnswers(t *testing.T) {
	for _, term := range []string{"xterm-256color", "linux", "vt100", "screen-256color"} {
		t.Run(term, func(t *testing.T) { // one after the other: the time counts
			var p *ptytest.Terminal
			took := time.Hour
			// 0.05 s on a free machine; the stall to avoid always takes 5 s
			for try := 0; try < 3 && took > 4*time.Second; try++ {
				p, _ = openPty(t, 80, 24, "TERM="+term)
				took = p.WaitScreen("Top cells").Sub(p.Began)
				t.Logf("first frame after %v", took.Round(time.Millisecond))
			}
			if took > 4*time.Second {
				t.Errorf("first frame after %v at best", took)
			}
			for _, query := range []string{"\x1b]11;?", "\x1b]10;?", "\x1b[6n", "\x1b[c"} {
				if strings.Contains(p.Sent(), query) {
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
		do      func(p *ptytest.Terminal)
		outcome string
		code    int
	}{
		{"stop now", nil, func(p *ptytest.Terminal) { p.Press("q"); p.Wait("Leave"); p.Press("s") },
			"outcome: stop error: <nil>", 0},
		{"ctrl-c asks, and the dialog's keys decide", nil, func(p *ptytest.Terminal) {
			p.Press("\x03")
			p.Wait("Leave")
			p.Press("s")
		}, "outcome: stop error: <nil>", 0},
		{"detach", []string{"NASNET_TUI_DETACH=1"}, func(p *ptytest.Terminal) {
			p.Press("q")
			p.Wait("detach")
			p.Press("d")
		}, "outcome: detached error: <nil>", 0},
		{"q leaves a finished search without a question", []string{"NASNET_TUI_SHOW=done"},
			func(p *ptytest.Terminal) { p.Press("q") }, "outcome: finished error: <nil>", 0},
		{"SIGTERM", nil, func(p *ptytest.Terminal) { p.Cmd.Process.Signal(syscall.SIGTERM) },
			"outcome: terminated error: <nil>", 0},
		{"SIGHUP", nil, func(p *ptytest.Terminal) { p.Cmd.Process.Signal(syscall.SIGHUP) },
			"outcome: hangup error: <nil>", 0},
		{"SIGQUIT dumps after it", nil, func(p *ptytest.Terminal) { p.Cmd.Process.Signal(syscall.SIGQUIT) }, "", 2},
		{"a panic while drawing", []string{"NASNET_TUI_SHOW=panic-view"}, func(*ptytest.Terminal) {},
			"error: tui: panic in view", 0},
		{"a panic in a command", []string{"NASNET_TUI_SHOW=panic-command"}, func(p *ptytest.Terminal) { p.Press("p") },
			"error: tui: panic in command toggle", 0},
		{"a panic in the subscription", []string{"NASNET_TUI_SHOW=panic-subscription"}, func(*ptytest.Terminal) {},
			"error: tui: panic in subscription", 0},
		{"a panic while a message is taken", []string{"NASNET_TUI_SHOW=panic-update", "NASNET_TUI_HZ=10"},
			func(*ptytest.Terminal) {}, "error: tui: panic in update", 0},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			log := filepath.Join(t.TempDir(), "log")
			p, errs := openPty(t, 80, 24, append(r.env, "NASNET_TUI_LOG="+log)...)
			if !strings.Contains(r.outcome, "panic") || strings.Contains(r.outcome, "command") {
				p.Wait("Top cells")
			}
			r.do(p)
			p.End(r.code)
			if !strings.Contains(p.Sent(), r.outcome) {
				t.Errorf("the end is %q, want %q", last(p.Sent(), 300), r.outcome)
			}
			if strings.Contains(r.outcome, "panic") {
				b, err := os.ReadFile(log)
				if err != nil || !bytes.Contains(b, []byte("goroutine")) {
					t.Errorf("no stack in the log: %v", err)
				}
				if !strings.Contains(errs.String(), "goroutine") {
					t.Error("no stack on standard error")
				}
			}
			if r.outcome == "" && !strings.Contains(errs.String(), "SIGQUIT: quit") {
				t.Error("no dump on standard error")
			}
		})
	}
}

func last(s string, n int) string { return s[max(0, len(s)-n):] }

// screensByKeys are the screens, each with the keys that lead to it from the dashboard.
var screensByKeys = []struct{ name, keys, shows string }{
	{"dashboard", "", "Top cells"},
	{"runs", "R", "6 runs"},
	{"cell", "5\r", "tab reduction"},
	{"compare", "5 j c", "Ops"},
	{"edit", "5e", "Change b"},
	{"retrain", "5r", "Settings"},
	{"policy", "H", "Probabilities"},
	{"front", "a", "by MAdds"},
	{"ladder", "l", "Standings"},
	{"log", "L", "Event"},
	{"help", "?", "EVERYWHERE"},
}

// TestEveryScreenIsCheap measures each screen at two sizes, at rest and with four children reporting four times a
// second. To measure for longer:
//
//	NASNET_MEASURE=10s go test ./tui -run EveryScreenIsCheap -v
func TestEveryScreenIsCheap(t *testing.T) {
	over := 600 * time.Millisecond
	if d, err := time.ParseDuration(os.Getenv("NASNET_MEASURE")); err == nil {
		over = d
	}
	for _, r := range []struct {
		name     string
		w, h, hz int
		rate     float64 // bytes a second at most
		share    float64 // of a processor, in percent, on a free machine
	}{
		{"at rest, 80x24", 80, 24, 0, 0, 0.5},
		{"at rest, 160x48", 160, 48, 0, 0, 0.5},
		{"at 4 Hz, 80x24", 80, 24, 4, 400, 1},
		{"at 4 Hz, 160x48", 160, 48, 4, 1000, 1},
	} {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			p, _ := openPty(t, r.w, r.h, fmt.Sprint("NASNET_TUI_HZ=", r.hz))
			p.WaitScreen("Top cells")
			for _, s := range screensByKeys {
				p.Press(s.keys)
				p.WaitScreen(s.shows)
				if r.hz == 0 {
					p.Quiet(200 * time.Millisecond)
				} else {
					p.Measure(p.Cmd.Process.Pid, 300*time.Millisecond) // the screen itself is drawn
				}
				c := p.Measure(p.Cmd.Process.Pid, over)
				t.Logf("%-9s %v", s.name, c)
				if c.Rate() > r.rate {
					t.Errorf("%s: %.0f B/s; want at most %.0f", s.name, c.Rate(), r.rate)
				}
				if c.Share() > 5*r.share { // the machine does other work too
					t.Errorf("%s: %.2f %% of a processor; want about %.1f", s.name, c.Share(), r.share)
				}
				if n := float64(c.Reads) / over.Seconds(); n > fps+1 {
					t.Errorf("%s: %.1f writes a second for %d frames", s.name, n, fps)
				}
				if s.name == "dashboard" && r.hz > 0 && c.Bytes == 0 {
					t.Error("nothing moves")
				}
				if strings.Contains(p.Sent(), "\x1b[?25h") {
					t.Errorf("%s: the cursor is shown", s.name)
				}
				if s.keys != "" {
					p.Press("\x1b")
					p.Until("the dashboard", func() bool {
						return !strings.Contains(p.Screen(), s.shows) && strings.Contains(p.Screen(), "Top cells")
					})
				}
			}
		})
	}
	t.Run("without the differ it is several times that", func(t *testing.T) {
		t.Parallel()
		p, _ := openPty(t, 160, 48, "NASNET_TUI_HZ=4", "NASNET_TUI_NODIFF=1")
		p.WaitScreen("Top cells")
		c := p.Measure(p.Cmd.Process.Pid, over)
		t.Log(c)
		if c.Rate() < 1000 {
			t.Errorf("%.0f B/s: the differ saves nothing", c.Rate())
		}
	})
}

// The search publishes a thousand snapshots a second. To measure for longer:
//
//	NASNET_MEASURE=10m go test ./tui -run TakesNoMoreMemory -v
func TestTheInterfaceTakesNoMoreMemoryOverTime(t *testing.T) {
	t.Parallel()
	over := 4 * time.Second
	if d, err := time.ParseDuration(os.Getenv("NASNET_MEASURE")); err == nil {
		over = d
	}
	p, _ := openPty(t, 160, 48, "NASNET_TUI_HZ=1000")
	p.WaitScreen("Top cells")
	pid := p.Cmd.Process.Pid
	p.Measure(pid, over/2)
	before := p.Memory(pid)
	c := p.Measure(pid, over)
	after := p.Memory(pid)
	t.Logf("%.1f MB, then %.1f MB after %v; %v", float64(before)/1e6, float64(after)/1e6, over, c)
	if after > before+10<<20 {
		t.Errorf("it grew by %.1f MB in %v", float64(after-before)/1e6, over)
	}
}

func TestManyResizesEndInTheFrameOfTheLastSize(t *testing.T) {
	t.Parallel()
	fresh, _ := openPty(t, 120, 36)
	fresh.WaitScreen("Top cells")
	fresh.Quiet(300 * time.Millisecond)
	want := fresh.Screen()
	p, _ := openPty(t, 80, 24)
	p.WaitScreen("Top cells")
	r := rand.New(rand.NewPCG(1, 1))
	for i := range 100 {
		p.Resize(1+r.IntN(200), 1+r.IntN(60))
		if i%10 == 0 {
			p.Measure(p.Cmd.Process.Pid, 50*time.Millisecond) // some sizes last for a frame, most do not
		}
	}
	p.Resize(120, 36)
	p.Until("the frame of a terminal that always had this size", func() bool { return p.Screen() == want })
	p.Quiet(500 * time.Millisecond)
	if got := p.Screen(); got != want {
		t.Errorf("the frame changes afterwards:\n%s", diffLines(want, got))
	}
	p.Press("?")
	p.WaitScreen("EVERYWHERE")
}

func TestEveryTerminalShowsTheSameText(t *testing.T) {
	t.Parallel()
	want := ""
	for _, term := range []string{"xterm-256color", "xterm", "screen-256color", "tmux-256color", "vt100",
		"xterm-ghostty"} {
		p, _ := openPty(t, 100, 30, "TERM="+term)
		p.WaitScreen("Top cells")
		p.Quiet(300 * time.Millisecond)
		if want == "" {
			want = p.Screen()
		}
		if got := p.Screen(); got != want {
			t.Errorf("TERM=%s:\n%s", term, diffLines(want, got))
		}
	}
}

func TestSuspendWithoutAShellIsRefused(t *testing.T) {
	t.Parallel()
	p, _ := openPty(t, 80, 24)
	p.Wait("Top cells")
	p.Press("\x1a")
	p.Wait("there is no shell")
	p.Press("?")
	p.Wait("EVERYWHERE")
}

func TestPrintsBehindTheScreenGoToTheLog(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	p, _ := openPty(t, 80, 24, "NASNET_TUI_NOISE=1", "NASNET_TUI_LOG="+log)
	p.Wait("Top cells")
	var b []byte
	for late := time.Now().Add(2 * time.Minute); !bytes.Contains(b, []byte("stray log 1")) &&
		time.Now().Before(late); time.Sleep(20 * time.Millisecond) {
		b, _ = os.ReadFile(log) // until it is there
	}
	for _, want := range []string{"stray 1", "stray error 1", "stray log 1"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %q in the log: %q", want, b)
		}
	}
	if strings.Contains(p.Sent(), "stray") {
		t.Error("it reaches the screen")
	}
	p.Press("q")
	p.Wait("Leave")
	p.Press("s")
	p.End(0)
	if !strings.Contains(p.Sent(), "outcome: stop") {
		t.Error("standard output is not restored")
	}
}

func TestTheScreenObeysTheEnvironment(t *testing.T) {
	colour := regexp.MustCompile("\x1b\\[[0-9;]*\\b[349][0-8][;m]")
	rows := []struct {
		name    string
		env     []string
		must    string
		mustNot *regexp.Regexp
	}{
		{"colour by default", nil, "\x1b[36m", nil},
		{"no colour with NO_COLOR, but bold", []string{"NO_COLOR=1"}, "\x1b[1m", colour},
		{"ASCII with LANG=C", []string{"LANG=C"}, "+- 1 Reward", regexp.MustCompile("[^\x00-\x7f]")},
		{"ASCII with Chinese widths", []string{"LANG=zh_CN.UTF-8"}, "+- 1 Reward", regexp.MustCompile("[^\x00-\x7f]")},
		{"square corners on the console", []string{"TERM=linux"}, "┌─ 1", regexp.MustCompile("[╭╮╰╯▏▎▍▋▊▉━┃]")},
		{"never 256 or 16 million colours", []string{"COLORTERM=truecolor", "TERM=xterm-kitty"}, "\x1b[36m",
			regexp.MustCompile("[34]8;[25];")},
		{"no mouse until asked", nil, "Top cells", regexp.MustCompile(`\?100[0236]h`)},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			p, _ := openPty(t, 80, 24, r.env...)
			p.Wait("help")
			if out := stripPlain(p.Sent()); !strings.Contains(p.Sent(), r.must) && !strings.Contains(out, r.must) {
				t.Errorf("no %q in %q", r.must, p.Sent())
			}
			if r.mustNot != nil {
				if at := r.mustNot.FindString(p.Sent()); at != "" {
					t.Errorf("%q is sent", at)
				}
			}
		})
	}
}

func stripPlain(s string) string { return sgr.ReplaceAllString(s, "") }
