package cli

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"nasnet/tui/term/ptytest"
)

// On a terminal a topic goes through the pager; one that is not there is passed over.
func TestATopicIsPagedOnATerminal(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	for _, r := range []struct{ pager, want string }{
		{"sed 's/^/paged: /'", "paged: "},
		{"no-such-pager-anywhere", topicTitle("forks")},
	} {
		c := &exec.Cmd{Path: os.Args[0], Args: []string{"nasnet", "help", "forks"}}
		c.Env = append(environment(homeStore(t)), "TERM=xterm-256color", "LANG=C.UTF-8", "PAGER="+r.pager, "LESS=FX")
		x := ptytest.Start(t, c, 80, 200)
		x.Wait(r.want)
		x.Wait("nasnet help runs") // the end of it: See also
		if text := x.Screen(); strings.Contains(text, "`") || strings.Contains(text, "<!--") {
			t.Errorf("PAGER=%s shows Markdown:\n%s", r.pager, text)
		}
	}
}
