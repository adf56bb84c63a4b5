package search

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/fake"
)

// killAtEnv holds the kind and number of the event at which killedSearch is killed.
const killAtEnv = "NASNET_NAS_KILL_AT"

func init() { roles["killed"] = killedSearch }

// killedSearch runs a search that the operating system kills after an event is stored and before it is announced.
func killedSearch(dir string) error {
	kind, n := nas.EventKind(""), 0
	if _, err := fmt.Sscan(os.Getenv(killAtEnv), &kind, &n); err != nil {
		return err
	}
	c := testConfig()
	c.Name = "run"
	s, err := Create(filepath.Join(dir, "run"), c, "none",
		Options{Workers: 2, Evaluator: fake.Evaluator{Steps: 2}, OnEvent: func(e nas.Event) {
			if e.Kind == kind {
				if n--; n == 0 {
					syscall.Kill(os.Getpid(), syscall.SIGKILL)
					select {} // until the kill takes effect
				}
			}
		}})
	if err != nil {
		return err
	}
	return s.Run(context.Background())
}

func TestAKillBetweenACommitAndItsAnnouncementLosesNothing(t *testing.T) {
	want := finish(t, create(t, filepath.Join(t.TempDir(), "run"), testConfig(), Options{Workers: 1}))
	for _, c := range []struct {
		kind nas.EventKind
		n    int
	}{{nas.RunStarted, 1}, {nas.TrialProposed, 5}, {nas.TrialStarted, 2}, {nas.TrialFinished, 4},
		{nas.ControllerUpdate, 2}, {nas.RunFinished, 1}} {
		t.Run(string(c.kind), func(t *testing.T) {
			dir := t.TempDir()
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), roleEnv+"=killed:"+dir, fmt.Sprint(killAtEnv, "=", c.kind, " ", c.n))
			if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(err.Error(), "killed") {
				t.Fatalf("it was not killed: %v %s", err, out)
			}
			st, err := checkpoints.OpenReadOnly(filepath.Join(dir, "run"))
			if err != nil {
				t.Fatal(err)
			}
			es, err := st.Events(0, -1)
			if err != nil {
				t.Fatal(err)
			}
			st.Close()
			n := 0
			for _, e := range es {
				if e.Kind == string(c.kind) {
					n++
				}
			}
			if n < c.n {
				t.Errorf("%d events %s are stored; want at least the %d up to the one about to be announced",
					n, c.kind, c.n)
			}
			s, err := Open(filepath.Join(dir, "run"), Options{Workers: 1, Evaluator: fake.Evaluator{Steps: 2}})
			if err != nil {
				t.Fatal(err)
			}
			if got := finish(t, s); got != want {
				t.Errorf("state hash %s; want %s, as without the kill", got, want)
			}
		})
	}
}
