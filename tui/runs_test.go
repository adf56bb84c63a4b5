package tui

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"nasnet/nas"
)

// fakeRuns are the rows of a store: the run of the fixtures, its relatives and strangers, one of them broken.
func fakeRuns(context.Context) ([]RunRow, error) {
	row := func(name, state string, done, target int, best float64, ago time.Duration) RunRow {
		c := config()
		c.Name = name
		return RunRow{Name: name, Dir: "checkpoints/" + name, UUID: "uuid-" + name, ForkAt: -1, State: state, Config: c, Proposed: done + 8, Done: done, Target: target,
			Best: best, HasBest: best > 0, Updates: done / 8, Elapsed: ago * 2, Changed: noon.Add(-ago)}
	}
	a16 := row("cifar10-a16", "crashed", 310, 20000, 0.7333, 26*time.Hour)
	a17 := row("cifar10-a17", "running", 1284, 20000, 0.7714, 2*time.Second)
	a17.UUID, a17.Parent, a17.ForkAt, a17.Live, a17.PID, a17.Host = "0f0e0d0c", a16.UUID, 20, true, 32114, "here"
	a18 := row("cifar10-a18", "paused", 912, 5000, 0.7602, 3*time.Hour)
	a18.Parent, a18.ForkAt = a17.UUID, 90
	rnd := row("cifar10-rnd", "done", 2000, 2000, 0.7421, 50*time.Hour)
	rnd.Config.Controller.Strategy = "random"
	smoke := row("smoke", "done", 40, 40, 0, 70*time.Hour)
	smoke.Config.Data = "fashion-mnist-10k"
	bad := RunRow{Name: "torn", Dir: "checkpoints/torn", ForkAt: -1, State: "unreadable", Err: errors.New("checkpoints: run.db: file is not a database")}
	return []RunRow{a17, a18, a16, rnd, smoke, bad}, nil
}

// fakeOpen opens a run of fakeRuns as a finished search.
func fakeOpen(_ context.Context, r RunRow) (nas.Engine, func(), error) {
	if r.Name == "smoke" {
		return nil, nil, errors.New("it is held by another process")
	}
	s := done()
	s.UUID, s.Dir, s.Config.Name = r.UUID, r.Dir, r.Name
	return newFake(s), func() {}, nil
}

func TestTheListOfRunsOpensOneToLookAt(t *testing.T) {
	d := drive(t, busy(), 120, 36).press("R", "j", "enter")
	if got := d.text(); !strings.Contains(got, "cifar10-a18") || !strings.Contains(got, "✓ done") || strings.Contains(got, "running 18h") {
		t.Fatalf("the run is not shown:\n%s", got)
	}
	d.m.toast.text = ""
	d.m.rev++
	if got := d.text(); !strings.Contains(got, "cifar10-a18 to look at") {
		t.Errorf("it does not say that this is another run:\n%s", got)
	}
	// The own run moves on behind it.
	s := *busy()
	s.Version, s.Finished = 4711, 1300
	d.e.publish(&s)
	d.m.Update(snapMsg{d.e.Snapshot(), source{context.Background(), d.e, d.e.updated}})
	if strings.Contains(d.text(), "1300/20000") {
		t.Error("a snapshot of the own run is shown as one of the visited")
	}
	d.press("5", "enter", "esc")
	if !d.m.visiting() {
		t.Fatal("esc on a screen of the visited run leaves the visit")
	}
	if d.press("esc"); d.m.visiting() || !strings.Contains(d.text(), "cifar10-a17") {
		t.Fatalf("esc does not go back:\n%s", d.text())
	}
	if d.press("esc", "R", "j", "enter", "q"); d.m.visiting() || d.quit {
		t.Errorf("q in a visit: visiting %v, quit %v", d.m.visiting(), d.quit)
	}
	if d.m.snap.Finished != 1300 {
		t.Errorf("back at %d finished children, want the newest", d.m.snap.Finished)
	}
}

func TestWhatCannotBeOpenedSaysWhy(t *testing.T) {
	for _, r := range []struct{ name, keys, want string }{
		{"the run itself", "R enter", "this is the run on the screen"},
		{"a broken one", "R G enter", "torn cannot be read"},
		{"one that fails to open", "R G k enter", "smoke: it is held by another process"},
	} {
		t.Run(r.name, func(t *testing.T) {
			d := drive(t, busy(), 120, 36).press(strings.Fields(r.keys)...)
			if got := d.text(); !strings.Contains(got, r.want) {
				t.Errorf("no %q in\n%s", r.want, got)
			}
			if d.m.visiting() {
				t.Error("a visit has begun")
			}
		})
	}
}

func TestFiltersAndOrders(t *testing.T) {
	rows := []struct {
		name  string
		keys  []string
		want  []string // in this order
		never string
	}{
		{"runs by last change", []string{"R"}, []string{"cifar10-a17", "cifar10-a18", "cifar10-a16", "cifar10-rnd", "smoke", "torn"}, ""},
		{"o: by best", []string{"R", "o"}, []string{"cifar10-a17", "cifar10-a18", "cifar10-rnd", "cifar10-a16"}, ""},
		{"/ with a word", []string{"R", "/", "r", "n", "d", "enter"}, []string{"/ rnd", "cifar10-rnd"}, "smoke"},
		{"esc takes the filter away", []string{"R", "/", "r", "n", "d", "esc"}, []string{"cifar10-a17", "smoke"}, "/ rnd"},
		{"top cells by params", []string{"5", "z", "o"}, []string{"by params", "0.31M", "0.33M", "0.34M", "0.36M"}, ""},
		{"top cells with a star", []string{"5", "z", "/", "s", "t", "a", "r", "r", "e", "d", "enter"}, []string{"1 of 12 with starred", "a9be"}, "c791"},
		{"top cells without an op", []string{"5", "z", "/", "-", "s", "3", "enter"}, []string{"with -s3"}, "a9be"},
		{"the cell screen goes through what is shown", []string{"5", "/", "-", "s", "3", "enter", "enter"}, []string{"cells ▸"}, "a9be"},
		{"n in the log goes to the warnings, among all", []string{"L", "N"}, []string{"▸ ", "trial_failed", "trial_started"}, ""},
		{"n after a filter shows what is around", []string{"L", "/", "f", "a", "i", "l", "enter", "n"}, []string{"1 of 10 events", "user", "trial_failed", "trial_finished"}, ""},
		{"and says when there is no more", []string{"L", "N", "N"}, []string{"no further warning or error above"}, ""},
		{"events of a kind", []string{"L", "/", "f", "a", "i", "l", "enter"}, []string{"/ fail", "trial_failed"}, "trial_finished "},
		{"events of a level", []string{"L", "/", "w", "a", "r", "n", "enter"}, []string{"trial_failed"}, "controller_update "},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			got := drive(t, busy(), 120, 36).press(r.keys...).text()
			rest := got
			for _, w := range r.want {
				i := strings.Index(rest, w)
				if i < 0 {
					t.Fatalf("no %q, or not in this order, in\n%s", w, got)
				}
				rest = rest[i+len(w):]
			}
			if r.never != "" && strings.Contains(got, r.never) {
				t.Errorf("%q is still there:\n%s", r.never, got)
			}
		})
	}
}

func TestMatches(t *testing.T) {
	for _, r := range []struct {
		filter string
		want   bool
	}{{"", true}, {"SEP", true}, {"sep avg", true}, {"sep max", false}, {"-max", true}, {"-sep", false}, {"sep -avg", false}, {"-", false}, {"3x3avg", false}} {
		if got := matches(r.filter, "sep3x3", "avg5x5"); got != r.want {
			t.Errorf("%q: %v", r.filter, got)
		}
	}
}
