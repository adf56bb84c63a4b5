package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"nasnet/nas"
	"nasnet/nas/fake"
	"nasnet/nas/remote"
	"nasnet/nas/search"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"nasnet": func() {
			panicOnSignal()
			os.Exit(Main(context.Background(), os.Args[1:], Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
		},
	})
}

// panicOnSignal makes a goroutine of the program panic on SIGUSR1, as a bug would.
func panicOnSignal() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1)
	go func() {
		<-c
		panic("a bug in a goroutine")
	}()
}

// TestCommands runs the scripts in testdata with the real program.
func TestCommands(t *testing.T) {
	vectors, err := filepath.Abs("../../nas/child/testdata")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"endafter": endAfter, "until": untilPrints, "pictures": makePictures},
		Setup: func(e *testscript.Env) error {
			e.Setenv("XDG_DATA_HOME", e.WorkDir)
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("VECTORS", vectors)
			e.Defer(func() {
				if err := endProcesses(e.WorkDir); err != nil {
					e.T().Fatal(err)
				}
			})
			return nil
		},
	})
}

func TestExitCodesAndErrors(t *testing.T) {
	store := t.TempDir()
	run := func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		code := Main(t.Context(), append(args, "--store", store),
			Streams{In: strings.NewReader(""), Out: &out, Err: &errs})
		return code, out.String(), errs.String()
	}
	if code, _, errs := run("search", "--fake", "--headless", "--children", "2", "--update-every", "2", "--epochs", "1",
		"--name", "a"); code != exitDone {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	for _, c := range []struct {
		line string
		code int
		says string
	}{
		{"runs", exitDone, ""},
		{"cell stats nasnet-a --stack tower", exitUsage,
			`"tower" for "--stack" flag: want one of cifar, imagenet, pnasnet`},
		{"cell stats a b", exitUsage, "want one CELL"},
		{"cell bogus", exitUsage, "got \"bogus\"; want one of diff, latency"},
		{"cell random --count -1", exitUsage, "got --count -1"},
		{"cell show nasnet-b", exitFailed, "cannot be expressed"},
		{"cell show a/7", exitFailed, "no trial 7"},
		{"cell show /dev/zero", exitFailed, "more than 65536 bytes"},
		{"search --headless --strategy foo --name s", exitUsage, "foo"},
		{"search --headless --controller-lr -1 --name s", exitUsage, "-1"},
		{"search --headless --children -3", exitUsage, "\"-3\" for \"--children\" flag: want 1 to 1000000"},
		{"search --headless --name a --fake", exitFailed, "a"},
		{"search --headless --name ../a --fake", exitUsage, `name "../a"`},
		{"search --preset huge", exitUsage, "want one of quick"},
		{"serch", exitUsage, `no command "serch"`},
		{"--nosuch", exitUsage, "unknown flag"},
		{"resume nosuch", exitFailed, "hint: to list the runs: nasnet runs --store "},
		{"fork a --at 9", exitFailed, "policy version 9 does not exist"},
		{"fork a --at 1 --name f --data nosuch", exitFailed, "nosuch"},
		{"train --epochs 0", exitUsage, "\"0\" for \"--epochs\" flag: want 1 to 1000000"},
		{"train --dropout 1", exitUsage, "\"1\" for \"--dropout\" flag: want 0 or more and less than 1"},
		{"train --dropout -0.1", exitUsage, "\"-0.1\" for \"--dropout\" flag: want 0 or more and less than 1"},
		{"train --train-images 100", exitUsage, "want both"},
		{"train --out /nonexistent/m", exitFailed, "/nonexistent"},
		{"bench child --n -1", exitUsage, `"-1" for "--n" flag: want 1 to 200`},
		{"bench child --threads 0", exitUsage, "--threads 0"},
		{"bench controller", exitUsage, "--table"},
		{"data info nosuch", exitFailed, "nosuch"},
		{"data check synthetic", exitDone, ""},
		{"eval nosuch", exitFailed, "nosuch"},
		{"verify a", exitDone, ""},
		{"attach", exitUsage, "needs a terminal"},
		{"attach a --read-only --take", exitUsage, "want at most one of them"},
		{"attach a b", exitUsage, "at most one RUN"},
		{"ctl a", exitUsage, "want a RUN and an ACTION"},
		{"ctl a frob", exitUsage, "want one of status, pause"},
		{"ctl a workers", exitUsage, "want workers N"},
		{"ctl a workers many", exitUsage, `got "many"; want a number`},
		{"ctl a star x", exitUsage, `got trial "x"`},
		{"ctl a pause --wait", exitUsage, "--wait is not a flag"},
		{"ctl a retrain 0 --epochs -1", exitUsage, "\"-1\" for \"--epochs\" flag: want 1 to 1000000"},
		{"ctl a retrain 0 --dropout 1", exitUsage, "\"1\" for \"--dropout\" flag: want 0 or more and less than 1"},
		{"ctl a pause", exitFailed, "run a: no program runs it\nhint: to resume it: nasnet resume a --store "},
		{"ctl nosuch pause", exitFailed, "nosuch"},
		{"ctl a status", exitDone, ""},
		{"status", exitDone, ""},
		{"status nosuch", exitFailed, "nosuch"},
		{"top a", exitDone, ""},
		{"top a --by speed", exitUsage, `unknown order "speed"`},
		{"top a --front latency", exitFailed, "none of the 2 best cells has a known latency\nhint: to measure it in " +
			"a new search: nasnet search --latency"},
		{"status nosuch --line", exitDone, ""},
	} {
		code, _, errs := run(strings.Fields(c.line)...)
		if code != c.code || !strings.Contains(errs, c.says) {
			t.Errorf("nasnet %s: exit code %d, want %d; it prints %q, want %q", c.line, code, c.code, errs, c.says)
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
	s, err := search.Create(filepath.Join(store, "b"), cfg, "", search.Options{Evaluator: fake.Evaluator{}})
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

// makePictures runs "pictures DIR N SIDE": N grey pictures of SIDE pixels, alternately in DIR/a and DIR/b.
func makePictures(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	side, err := strconv.Atoi(args[2])
	ts.Check(err)
	for i := range n {
		ts.Check(writeGrey(filepath.Join(ts.MkAbs(args[0]), "ab"[i%2:i%2+1], strconv.Itoa(i)+".png"), side,
			uint8(255*i/n)))
	}
}

// untilPrints runs "until PATTERN nasnet …": it repeats the command until its output matches the pattern.
func untilPrints(ts *testscript.TestScript, neg bool, args []string) {
	want := regexp.MustCompile(args[0])
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		err := ts.Exec(args[1], args[2:]...)
		if out := ts.ReadFile("stdout"); want.MatchString(out) != neg {
			return
		} else if time.Now().After(end) {
			ts.Fatalf("%v never matched %q; it last printed %q, %v", args[1:], args[0], out, err)
		}
	}
}

// nasnet ctl can send every action that a screen can.
func TestEveryActionHasACommand(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "../../nas/command.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(f, func(node ast.Node) bool {
		v, ok := node.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if id, ok := v.Type.(*ast.Ident); ok && id.Name == "Action" {
			n++
			name, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(ctlActions, func(x ctlAction) bool { return string(x.do) == name }) {
				t.Errorf("nas.%s: nasnet ctl has no action for it", v.Names[0].Name)
			}
		}
		return true
	})
	if n != len(ctlActions) {
		t.Errorf("package nas has %d actions, nasnet ctl %d", n, len(ctlActions))
	}
}

func TestStatusLine(t *testing.T) {
	t.Setenv("LANG", "C.UTF-8")
	t.Setenv("LC_ALL", "")
	t.Setenv("TERM", "xterm")
	best := 107
	s := remote.Status{Name: "a1", State: "running", Children: 200, Finished: 123,
		Leader:   remote.Leader{BestTrial: &best, Best: .762},
		Activity: remote.Activity{ETA: 247, Running: make([]remote.Child, 2)}}
	for width, want := range map[int]string{0: "▸ a1 123/200 best .7620 2 training ETA 4:07",
		43: "▸ a1 123/200 best .7620 2 training ETA 4:07", 42: "▸ a1 123/200 best .7620 ETA 4:07",
		30: "▸ a1 123/200 .7620 ETA 4:07",
		20: "▸ a1 123/200 .7620", 17: "▸ 123/200 .7620", 9: "▸ 123/200", 8: "▸", 1: "▸"} {
		if got := statusLine(s, nil, width); got != want {
			t.Errorf("width %d: %q, want %q", width, got, want)
		}
	}
	for width, want := range map[int]string{0: "nasnet: no run", 13: "nasnet –", 8: "nasnet –", 7: "–"} {
		if got := statusLine(remote.Status{}, errors.New("no run\nmore"), width); got != want {
			t.Errorf("an error, width %d: %q, want %q", width, got, want)
		}
	}
	formats := errors.New("open #(reboot) #[fg=red]: no such folder")
	for width, want := range map[int]string{0: "nasnet: open ##(reboot) ##[fg=red]: no such folder",
		48: "nasnet: open ##(reboot) ##[fg=red]: no such folder", 47: "nasnet –"} {
		if got := statusLine(remote.Status{}, formats, width); got != want {
			t.Errorf("an error with formats of tmux, width %d: %q, want %q", width, got, want)
		}
	}
	t.Setenv("LANG", "C")
	for state, want := range map[string]string{"paused": "= a1", "crashed": "x a1", "done": "v a1", "stopped": "## a1",
		"created": "created a1"} {
		if s.State = state; !strings.HasPrefix(statusLine(s, nil, 0), want) {
			t.Errorf("%s: %q", state, statusLine(s, nil, 0))
		}
	}
	for seconds, want := range map[float64]string{-1: "0:00", 16: "0:16", 751: "12:31", 65100: "18h05",
		946800: "10d23h"} {
		if got := span(seconds); got != want {
			t.Errorf("%v s: %q, want %q", seconds, got, want)
		}
	}
}

// endAfter runs "endafter SIGNAL N CODE nasnet …": it sends the signal after N finished trials and expects the exit
// code (-1: killed).
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
