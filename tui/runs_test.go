package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"nasnet/nas"
	"nasnet/tui/term"
)

// fakeRuns are the rows of a store: the run of the fixtures, its relatives, and others, one of them broken.
func fakeRuns(context.Context) ([]RunRow, error) {
	row := func(name, state string, done, target int, best float64, ago time.Duration) RunRow {
		c := config()
		c.Name = name
		return RunRow{Name: name, Dir: "checkpoints/" + name, UUID: "uuid-" + name, ForkAt: -1, State: state, Config: c,
			Proposed: done + 8, Done: done, Target: target,
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
	bad := RunRow{Name: "torn", Dir: "checkpoints/torn", ForkAt: -1, State: "unreadable",
		Err: errors.New("checkpoints: run.db: file is not a database")}
	return []RunRow{a17, a18, a16, rnd, smoke, bad}, nil
}

// fakeCurve makes a curve that ends at the best reward of a run of fakeRuns.
func fakeCurve(_ context.Context, r RunRow) (RunCurve, error) {
	if r.Name == "cifar10-a16" {
		return RunCurve{}, errors.New("database disk image is malformed")
	}
	var c RunCurve
	for i := range r.Done {
		x := float64(i+1) / float64(r.Done)
		c.Rewards = append(c.Rewards, nas.RewardPoint{Trial: i, Mean: 0.5 + (r.Best-0.52)*x*(2-x), Best: r.Best})
		if i%5 == 4 {
			c.Randoms = append(c.Randoms, nas.RewardPoint{Trial: i, Mean: 0.55})
		}
	}
	return c, nil
}

// fakeOpen opens a run of fakeRuns as a finished search.
func fakeOpen(_ context.Context, r RunRow) (nas.Engine, func(), error) {
	if r.Name == "smoke" {
		return nil, nil, errors.New("another process owns it")
	}
	s := done()
	s.UUID, s.Dir, s.Config.Name = r.UUID, r.Dir, r.Name
	return newFake(s), func() {}, nil
}

func TestTheListOfRunsOpensAnotherRunToView(t *testing.T) {
	d := drive(t, busy(), 120, 36).press("R", "j", "enter")
	if got := d.text(); !strings.Contains(got, "cifar10-a18") || !strings.Contains(got, "✓ done") ||
		strings.Contains(got, "running 18h") {
		t.Fatalf("the run is not shown:\n%s", got)
	}
	d.m.toast.text = ""
	d.m.rev++
	if got := d.text(); !strings.Contains(got, "viewing cifar10-a18") {
		t.Errorf("it does not say that this is another run:\n%s", got)
	}
	// Meanwhile the program's own run continues.
	s := *busy()
	s.Version, s.Finished = 4711, 1300
	d.e.publish(&s)
	d.m.Update(snapMsg{d.e.Snapshot(), source{context.Background(), d.e, d.e.updated}})
	if strings.Contains(d.text(), "1300/20000") {
		t.Error("a snapshot of the own run is shown as the visited one")
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

func TestARunThatCannotBeOpenedSaysWhy(t *testing.T) {
	for _, r := range []struct{ name, keys, want string }{
		{"the run itself", "R enter", "this is the run on the screen"},
		{"a broken one", "R G enter", "torn cannot be read"},
		{"one that fails to open", "R G k enter", "smoke: another process owns it"},
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

func TestARunIsDeletedOnlyByItsName(t *testing.T) {
	var deleted []string
	d := drive(t, busy(), 120, 36)
	d.m.options.DeleteRun = func(_ context.Context, r RunRow) error {
		deleted = append(deleted, r.Name)
		if r.Name == "smoke" {
			return errors.New("the disk is gone")
		}
		return nil
	}
	d.press("R", "D")
	if got := d.text(); !strings.Contains(got, "cifar10-a17 is live: a process owns it, so it is not deleted") ||
		len(d.m.stack) != 2 {
		t.Errorf("a live run:\n%s", got)
	}
	d.press("j", "D", "y", "enter")
	if got := d.text(); !strings.Contains(got, "that is not the run's name; nothing was deleted") ||
		len(deleted) != 0 {
		t.Errorf("y is not the name; deleted %q:\n%s", deleted, got)
	}
	d.press("D").typeText("cifar10-a18").press("esc")
	if len(deleted) != 0 {
		t.Error("esc deletes")
	}
	d.press("D", "enter").press("D").typeText("cifar10-a18").press("enter")
	if got := d.text(); len(deleted) != 1 || deleted[0] != "cifar10-a18" ||
		!strings.Contains(got, "cifar10-a18 is deleted") {
		t.Errorf("deleted %q:\n%s", deleted, got)
	}
	d.press("G", "k", "D").typeText("smoke").press("enter")
	if got := d.text(); !strings.Contains(got, "! the disk is gone") {
		t.Errorf("a failure is not shown:\n%s", got)
	}
}

func TestARunIsResumedAfterAYes(t *testing.T) {
	var resumed []string
	d := drive(t, busy(), 120, 36)
	d.m.options.ResumeRun = func(_ context.Context, r RunRow) error {
		resumed = append(resumed, r.Name)
		return nil
	}
	d.press("R", "R")
	if got := d.text(); !strings.Contains(got, "cifar10-a17 is live; enter shows it") {
		t.Errorf("a live run:\n%s", got)
	}
	d.press("j", "R", "R", "enter", "esc")
	if len(resumed) != 0 {
		t.Error("it does not wait for y")
	}
	d.press("R", "y")
	if got := d.text(); len(resumed) != 1 || resumed[0] != "cifar10-a18" ||
		!strings.Contains(got, "cifar10-a18 is running; enter shows it") {
		t.Errorf("resumed %q:\n%s", resumed, got)
	}
}

func TestTheListOfRunsIsReadAgainWhileItIsShown(t *testing.T) {
	d := drive(t, busy(), 120, 36)
	reads := 0
	d.m.options.Runs = func(ctx context.Context) ([]RunRow, error) {
		reads++
		return fakeRuns(ctx)
	}
	var due []func(time.Time) tea.Msg // timers set by the model
	d.m.after = func(after time.Duration, msg func(time.Time) tea.Msg) tea.Cmd {
		if after == runsEvery {
			due = append(due, msg)
		}
		return nil
	}
	pass := func() {
		was := due
		due = nil
		for _, msg := range was {
			_, cmd := d.m.Update(msg(time.Time{}))
			d.run(cmd)
		}
	}
	d.press("R")
	pass()
	pass()
	if reads != 3 || len(due) != 1 {
		t.Errorf("read %d times, %d timers; want 3 and 1", reads, len(due))
	}
	d.press("j", "enter")
	pass()
	if reads != 3 {
		t.Error("it is read although another run is on the screen")
	}
	if d.press("esc"); reads != 4 || len(due) != 1 {
		t.Errorf("back from another run: read %d times, %d timers; want 4 and 1", reads, len(due))
	}
	d.press("esc")
	if pass(); reads != 4 || len(due) != 0 {
		t.Errorf("left: read %d times, %d timers; want 4 and 0", reads, len(due))
	}
}

func TestCurvesOfRunsAreReadOnceAndComparedByChild(t *testing.T) {
	d := drive(t, busy(), 160, 48)
	read := map[string]int{}
	d.m.options.RunCurve = func(ctx context.Context, r RunRow) (RunCurve, error) {
		read[r.Name]++
		return fakeCurve(ctx, r)
	}
	d.press("R", " ", "j", " ", "j", "k", "k", "j")
	got := d.text()
	for _, want := range []string{"━━ cifar10-a18", "── cifar10-a17", "child 0 to 1283", "-0.0112 over cifar10-a17",
		"◆▸cifar10-a18"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	for name, n := range read {
		if n != 1 {
			t.Errorf("the curve of %s was read %d times", name, n)
		}
	}
	if got := d.press("j").text(); !strings.Contains(got, "cifar10-a16: database disk image is malformed") &&
		!strings.Contains(got, "cifar10-a17") {
		t.Errorf("a curve that cannot be read:\n%s", got)
	}
	points := []nas.RewardPoint{{Trial: 0, Mean: 1}, {Trial: 4, Mean: 2}}
	if got := fmt.Sprint(byTrial(points, 8, 9)); got != "[1 1 1 1 2 NaN NaN NaN NaN]" {
		t.Errorf("over an axis of nine children: %s", got)
	}
}

func TestFiltersAndOrders(t *testing.T) {
	rows := []struct {
		name  string
		keys  []string
		want  []string // in this order
		never string
	}{
		{"runs by last change", []string{"R"}, []string{"cifar10-a17", "cifar10-a18", "cifar10-a16", "cifar10-rnd",
			"smoke", "torn"}, ""},
		{"o: by best", []string{"R", "o"}, []string{"cifar10-a17", "cifar10-a18", "cifar10-rnd", "cifar10-a16"}, ""},
		{"/ with a word", []string{"R", "/", "r", "n", "d", "enter"}, []string{"/ rnd", "cifar10-rnd"}, "smoke"},
		{"esc removes the filter", []string{"R", "/", "r", "n", "d", "esc"},
			[]string{"cifar10-a17", "smoke"}, "/ rnd"},
		{"top cells by params", []string{"5", "z", "o"}, []string{"by params", "0.31M", "0.33M", "0.34M", "0.36M"}, ""},
		{"top cells with a star", []string{"5", "z", "/", "s", "t", "a", "r", "r", "e", "d", "enter"},
			[]string{"1 of 12 with starred", "a9be"}, "c791"},
		{"top cells without an op", []string{"5", "z", "/", "-", "s", "3", "enter"}, []string{"with -s3"}, "a9be"},
		{"the cell screen steps through the filtered cells", []string{"5", "/", "-", "s", "3", "enter", "enter"},
			[]string{"cells ▸"}, "a9be"},
		{"n in the log goes to warnings and shows all events", []string{"L", "N"},
			[]string{"▸ ", "trial_failed", "trial_started"}, ""},
		{"n after a filter shows the events around", []string{"L", "/", "f", "a", "i", "l", "enter", "n"},
			[]string{"1 of 10 events", "user", "trial_failed", "trial_finished"}, ""},
		{"and says if there are no more", []string{"L", "N", "N"}, []string{"no more warnings or errors above"}, ""},
		{"events of a kind", []string{"L", "/", "f", "a", "i", "l", "enter"}, []string{"/ fail", "trial_failed"},
			"trial_finished "},
		{"events of a level", []string{"L", "/", "w", "a", "r", "n", "enter"}, []string{"trial_failed"},
			"controller_update "},
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
	}{{"", true}, {"SEP", true}, {"sep avg", true}, {"sep max", false}, {"-max", true}, {"-sep", false},
		{"sep -avg", false}, {"-", false}, {"3x3avg", false}} {
		if got := matches(r.filter, "sep3x3", "avg5x5"); got != r.want {
			t.Errorf("%q: %v", r.filter, got)
		}
	}
}

func TestACommandGoesToTheRunShownWhenItWasGiven(t *testing.T) {
	d := drive(t, busy(), 120, 36)
	_, pause := d.m.Update(keyMsg("p"))
	if d.press("R", "j", "enter"); !d.m.visiting() {
		t.Fatal("no visit")
	}
	d.run(pause)
	if cs := d.e.commands(); len(cs) != 1 || cs[0].Do != nas.Toggle {
		t.Errorf("the run got %v, want the command that was given before another run was on the screen", cs)
	}
}

// subscribed is an engine that signals when it is shown.
type subscribed struct {
	*fakeEngine
	to chan struct{}
}

func (s subscribed) Subscribe() (<-chan struct{}, func()) {
	close(s.to)
	return s.fakeEngine.Subscribe()
}

func TestAVisitedRunIsClosedWhenTheInterfaceEnds(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	defer end()
	in, keys := io.Pipe()
	listed, shown, left := make(chan struct{}, 10), make(chan struct{}), 0
	done := make(chan error, 1)
	go func() {
		_, err := Run(ctx, newFake(busy()), Options{In: in, Out: io.Discard, Runs: fakeRuns,
			RunCurve: func(ctx context.Context, r RunRow) (RunCurve, error) {
				listed <- struct{}{}
				return fakeCurve(ctx, r)
			},
			OpenRun: func(ctx context.Context, r RunRow) (nas.Engine, func(), error) {
				e, _, err := fakeOpen(ctx, r)
				return subscribed{e.(*fakeEngine), shown}, func() { left++ }, err
			}})
		done <- err
	}()
	for _, step := range []struct {
		keys string
		then <-chan struct{}
	}{{"R", listed}, {"j\r", shown}} {
		if _, err := io.WriteString(keys, step.keys); err != nil {
			t.Fatal(err)
		}
		select {
		case <-step.then:
		case err := <-done:
			t.Fatalf("after %q the interface ended: %v", step.keys, err)
		}
	}
	end()
	if err := <-done; err != nil || left != 1 {
		t.Errorf("%v; the run was closed %d times, want once", err, left)
	}
}

// A state has one word, on the screen and in nasnet runs.
func TestTheStateOfARunIsShownByItsStoredWord(t *testing.T) {
	th := newTheme(term.Unicode, mono)
	for _, state := range []string{"created", "running", "paused", "done", "stopped", "crashed"} {
		if got := th.runSign(RunRow{State: state}); !strings.HasSuffix(ansi.Strip(got), " "+state) {
			t.Errorf("a %s run is shown as %q", state, got)
		}
	}
}

func TestAThirdMarkSaysWhichOneItRemoves(t *testing.T) {
	d := drive(t, busy(), 120, 36).press("R", "j", " ", "j", " ")
	if got := d.text(); strings.Contains(got, "is removed") {
		t.Errorf("two marks:\n%s", got)
	}
	if got := d.press("j", " ").text(); !strings.Contains(got, "the mark of cifar10-a18 is removed") {
		t.Errorf("three marks:\n%s", got)
	}
}
