package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nasnet/checkpoints"
)

// multiplexer is a separate tmux server with one window and a shell.
type multiplexer struct {
	t      *testing.T
	socket string
	env    []string
}

const shell = "PS1='READY> ' exec sh"

func startTmux(t *testing.T, store string) *multiplexer {
	t.Helper()
	if testing.Short() {
		t.Skip("starts processes")
	}
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skip("no tmux:", err)
	}
	bin := filepath.Join(store, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(absolute(t, os.Args[0]), filepath.Join(bin, "nasnet")); err != nil {
		t.Fatal(err)
	}
	m := &multiplexer{t, filepath.Join(store, "tmux"),
		append(environment(store), "TERM=xterm-256color", "LANG=C.UTF-8")}
	m.env[0] = "PATH=" + bin + string(filepath.ListSeparator) + os.Getenv("PATH")
	m.do("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", shell)
	t.Cleanup(func() { m.do("kill-server") })
	m.see("READY>")
	return m
}

// do runs a tmux command and returns its output.
func (m *multiplexer) do(args ...string) string {
	m.t.Helper()
	c := exec.Command("tmux", append([]string{"-S", m.socket}, args...)...)
	c.Env = m.env
	out, err := c.CombinedOutput()
	if err != nil {
		m.t.Fatalf("tmux %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (m *multiplexer) keys(keys ...string) { m.do(append([]string{"send-keys"}, keys...)...) }
func (m *multiplexer) screen() string      { return m.do("capture-pane", "-p") }

// see waits until the window shows the text.
func (m *multiplexer) see(text string) {
	m.t.Helper()
	for late := time.Now().Add(patience); !strings.Contains(m.screen(), text); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(late) {
			m.t.Fatalf("%q never came; tmux shows\n%s", text, m.screen())
		}
	}
}

func TestInTmuxTheSummaryStaysWhenTheScreenIsLeft(t *testing.T) {
	t.Parallel()
	store := homeStore(t)
	m := startTmux(t, store)
	m.keys("echo before; nasnet search --fake --name a --children 4 --workers 2 --strategy random", "Enter")
	m.see("Top cells")
	if s := m.screen(); strings.Contains(s, "before") || strings.Contains(s, "READY") {
		t.Errorf("what was there before shines through:\n%s", s)
	}
	for _, size := range [][2]string{{"160", "48"}, {"60", "15"}, {"100", "30"}, {"80", "24"}} {
		m.do("resize-window", "-x", size[0], "-y", size[1])
		m.see(map[bool]string{true: "Top cells", false: "reward"}[size[0] != "60"])
	}
	m.see("the search is done") // and the screen stays
	if !strings.Contains(m.screen(), "Top cells") {
		t.Errorf("the screen is gone:\n%s", m.screen())
	}
	m.keys("q")
	m.see("best: trial")
	past := m.do("capture-pane", "-p", "-S", "-", "-J")
	for _, want := range []string{"before", "run a: 4 of 4 children finished", "best: trial"} {
		if strings.Count(past, want) == 0 {
			t.Errorf("no %q in what stays:\n%s", want, past)
		}
	}
	if strings.Contains(past, "Top cells") {
		t.Errorf("the screen is in the scrollback:\n%s", past)
	}
}

func TestTheSearchGoesOnWhenTmuxIsKilled(t *testing.T) {
	t.Parallel()
	store := homeStore(t)
	m := startTmux(t, store)
	dir := filepath.Join(store, "nasnet", "runs", "a")
	m.keys("nasnet search --fake --name a --children 500 --workers 2", "Enter")
	m.see("Top cells")
	was := lookAt(t, dir)
	m.do("new-window", shell)
	m.do("kill-window", "-t", ":0")
	goesOn(t, dir, was)
	m.see("READY>")
	m.keys("clear; nasnet runs; nasnet status --line", "Enter")
	m.see("▸ a ")
	m.keys("nasnet attach", "Enter")
	m.see("Top cells")
	m.keys("q")
	m.see("stop now")
	m.keys("s")
	until(t, "the end of the run", func() bool { return !checkpoints.Summary(dir).Live })
}
