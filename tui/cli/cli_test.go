package cli

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"nasnet": func() {
			os.Exit(Main(context.Background(), os.Args[1:], Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
		},
	})
}

// The scripts run the real program: each command line of the README that is quick enough, and the mistakes people make.
func TestCommands(t *testing.T) {
	vectors, err := filepath.Abs("../../nas/child/testdata")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:  "testdata",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"killafter": killAfter},
		Setup: func(e *testscript.Env) error {
			e.Setenv("XDG_DATA_HOME", e.WorkDir)
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("VECTORS", vectors)
			return nil
		},
	})
}

// killAfter runs "killafter N nasnet …" and kills it with SIGKILL when it has printed N ends of trials.
func killAfter(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	path := ""
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if _, err := os.Stat(filepath.Join(dir, args[1])); err == nil {
			path = filepath.Join(dir, args[1])
			break
		}
	}
	c := exec.Command(path, args[2:]...)
	c.Dir, c.Env = ts.MkAbs("."), append(os.Environ(), "XDG_DATA_HOME="+ts.Getenv("XDG_DATA_HOME"))
	out, err := c.StdoutPipe()
	ts.Check(err)
	ts.Check(c.Start())
	for lines := bufio.NewScanner(out); n > 0 && lines.Scan(); {
		if strings.Contains(lines.Text(), `"t":"trial_finished"`) {
			n--
		}
	}
	ts.Check(c.Process.Kill())
	if err := c.Wait(); err == nil || n > 0 {
		ts.Fatalf("it ended by itself, with %d ends of trials to come", n)
	}
}
