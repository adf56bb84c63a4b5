package cli

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"nasnet/nas"
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

func TestExitCodesAndErrors(t *testing.T) {
	store := t.TempDir()
	run := func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		code := Main(t.Context(), append(args, "--store", store), Streams{In: strings.NewReader(""), Out: &out, Err: &errs})
		return code, out.String(), errs.String()
	}
	if code, _, errs := run("search", "--fake", "--headless", "--children", "2", "--update-every", "2", "--epochs", "1", "--name", "a"); code != exitDone {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	for _, c := range []struct {
		line string
		code int
		says string
	}{
		{"runs", exitDone, ""},
		{"cell stats nasnet-a --stack tower", exitUsage, `stack is "tower"`},
		{"cell stats a b", exitUsage, "want one CELL"},
		{"cell bogus", exitUsage, "wants one of: show"},
		{"cell random --count -1", exitUsage, "--count is -1"},
		{"cell show nasnet-b", exitFailed, "cannot be expressed"},
		{"cell show a/7", exitFailed, "no trial 7"},
		{"cell show /dev/zero", exitFailed, "more than 65536 bytes"},
		{"search --headless --strategy foo --name s", exitUsage, "foo"},
		{"search --headless --controller-lr -1 --name s", exitUsage, "-1"},
		{"search --headless --children -3", exitUsage, "children is -3"},
		{"search --headless --name a --fake", exitFailed, "a"},
		{"search --headless --name ../a --fake", exitUsage, `name "../a"`},
		{"search --preset huge", exitUsage, "there are: quick"},
		{"serch", exitUsage, `no command "serch"`},
		{"--nosuch", exitUsage, "unknown flag"},
		{"resume nosuch", exitFailed, "hint: nasnet runs"},
		{"fork a --at 9", exitFailed, "policy version 9 does not exist"},
		{"fork a --at 1 --name f --data nosuch", exitFailed, "nosuch"},
		{"train --epochs 0", exitUsage, "epochs is 0"},
		{"train --train-images 100", exitUsage, "want both"},
		{"train --out /nonexistent/m", exitFailed, "/nonexistent"},
		{"bench child --n -1", exitUsage, "n is -1"},
		{"bench child --threads 0", exitUsage, "--threads 0"},
		{"bench controller", exitUsage, "--table"},
		{"data info nosuch", exitFailed, "nosuch"},
		{"data check synthetic", exitDone, ""},
		{"eval nosuch", exitFailed, "nosuch"},
		{"verify a", exitDone, ""},
	} {
		code, _, errs := run(strings.Fields(c.line)...)
		if code != c.code || !strings.Contains(errs, c.says) {
			t.Errorf("nasnet %s: exit code %d, want %d; it says %q, want %q", c.line, code, c.code, errs, c.says)
		}
	}
	// A run that failed to begin leaves nothing behind.
	if _, out, _ := run("runs", "--json"); strings.Count(out, "\n") != 1 {
		t.Errorf("runs: %s", out)
	}
}

func TestALockedRunIsRefusedWithItsOwnCode(t *testing.T) {
	store := t.TempDir()
	cfg, err := nas.PresetNamed("quick")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Name, cfg.Preset = "b", "fake"
	s, err := nas.Create(filepath.Join(store, "b"), cfg, "", nas.Options{Evaluator: nas.Fake{}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var errs bytes.Buffer
	code := Main(t.Context(), []string{"resume", "b", "--store", store, "--headless"}, Streams{Out: &errs, Err: &errs})
	if code != exitLocked || !strings.Contains(errs.String(), strconv.Itoa(os.Getpid())) {
		t.Errorf("exit code %d, want %d: %s", code, exitLocked, errs.String())
	}
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
