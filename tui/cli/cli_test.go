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
	"syscall"
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
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"endafter": endAfter},
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

// endAfter runs "endafter SIGNAL N CODE nasnet …", sends it the signal when it has printed N ends of trials, and wants the exit code (-1: killed).
func endAfter(ts *testscript.TestScript, neg bool, args []string) {
	sig := map[string]syscall.Signal{"KILL": syscall.SIGKILL, "TERM": syscall.SIGTERM, "INT": syscall.SIGINT}[args[0]]
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	want, err := strconv.Atoi(args[2])
	ts.Check(err)
	path := ""
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if _, err := os.Stat(filepath.Join(dir, args[3])); err == nil {
			path = filepath.Join(dir, args[3])
			break
		}
	}
	c := exec.Command(path, args[4:]...)
	c.Dir, c.Env = ts.MkAbs("."), append(os.Environ(), "XDG_DATA_HOME="+ts.Getenv("XDG_DATA_HOME"))
	out, err := c.StdoutPipe()
	ts.Check(err)
	ts.Check(c.Start())
	sent := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.Contains(lines.Text(), `"t":"trial_finished"`) {
			n--
		}
		if n == 0 && !sent {
			sent = true
			ts.Check(c.Process.Signal(sig))
		}
	}
	err = c.Wait()
	if got := c.ProcessState.ExitCode(); !sent || got != want {
		ts.Fatalf("sent %v: exit code %d, want %d (%v)", sent, got, want, err)
	}
}
