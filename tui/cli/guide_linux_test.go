package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"nasnet/tui/term/ptytest"
)

// On a terminal a topic goes through the pager; where there is none, it is printed.
func TestATopicIsPagedOnATerminal(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip(err)
	}
	bare := t.TempDir() // a PATH without less and more
	if err := os.Symlink(sh, filepath.Join(bare, "sh")); err != nil {
		t.Fatal(err)
	}
	for _, r := range []struct{ path, pager, want string }{
		{os.Getenv("PATH"), "sed 's/^/paged: /'", "paged: " + topicTitle("forks")},
		{bare, "no-such-pager", topicTitle("forks")},
	} {
		c := &exec.Cmd{Path: os.Args[0], Args: []string{"nasnet", "help", "forks"}}
		c.Env = append(environment(homeStore(t)), "PATH="+r.path, "TERM=xterm-256color", "LANG=C.UTF-8",
			"PAGER="+r.pager)
		x := ptytest.Start(t, c, 100, 200)
		x.End(0)
		text := x.Screen()
		if !strings.Contains(text, r.want) || strings.Contains(text, "`") || strings.Contains(text, "<!--") {
			t.Errorf("PAGER=%s shows:\n%s", r.pager, text)
		}
	}
}
