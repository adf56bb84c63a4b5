package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/fake"
	"nasnet/nas/remote"
	"nasnet/nas/search"
	"nasnet/tui"
)

func TestARunResumesInItsOwnProcess(t *testing.T) {
	home := homeStore(t)
	t.Setenv("XDG_DATA_HOME", home)
	a := &app{store: store(home)}
	cfg, err := nas.PresetNamed("quick")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Name, cfg.Preset = "b", "fake"
	dir := filepath.Join(string(a.store), "b")
	s, err := search.Create(dir, cfg, "", search.Options{Evaluator: fake.Evaluator{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.startApart(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "b") ||
		strings.Contains(err.Error(), "exit status") {
		t.Errorf("a run that this process has: %v; want the message of the failed process", err)
	}
	s.Close()
	if err := a.startApart(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	r := checkpoints.Summary(dir)
	if !r.Live || r.PID == os.Getpid() {
		t.Errorf("after that: live %v, process %d", r.Live, r.PID)
	}
	if err := checkpoints.Remove(dir); err == nil {
		t.Error("it could be deleted")
	}
	if _, err := doAndWait(t.Context(), dir, nas.Command{Do: nas.Stop}); err != nil {
		t.Fatal(err)
	}
	if c, err := runCurve(t.Context(), tui.RunRow{Dir: dir}); err != nil || c.Verdict == nil {
		t.Errorf("its curve: %+v, %v", c, err)
	}
	if _, err := remote.Look(t.Context(), dir, remote.Visitor{}); err == nil {
		t.Error("it answers still")
	}
}

func TestTheErrorOfAProcessIsFoundAmongWhatItPrints(t *testing.T) {
	for _, r := range []struct{ log, want string }{
		{"nasnet: run b is locked\nhint: nasnet attach b shows it\n", "run b is locked"},
		{"nasnet: warning: class 3 has 2 images\nnasnet: data set x has changed\n", "data set x has changed"},
		{"nasnet: warning: class 3 has 2 images\n", ""},
		{"fatal error: out of memory\n", ""},
	} {
		if got := lastError(r.log); got != r.want {
			t.Errorf("%q: %q, want %q", r.log, got, r.want)
		}
	}
}
