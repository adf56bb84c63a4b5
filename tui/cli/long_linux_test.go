package cli

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/controller"
	"nasnet/nas/fake"
	"nasnet/nas/remote"
	"nasnet/nas/search"
	"nasnet/tui/term/ptytest"
)

// longRun creates the run "long" with n finished trials, as a fake search leaves it, and returns its store and folder.
func longRun(t testing.TB, n int) (store, dir string) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	store = homeStore(t)
	dir = filepath.Join(store, "nasnet", "runs", "long")
	c, err := nas.PresetNamed("quick")
	check(err)
	const batch = 100
	c.Name, c.Preset, c.Children, c.Batch, c.RandomEvery = "long", "fake", n+1000, batch, 0
	search, err := search.Create(dir, c, "", search.Options{Evaluator: fake.Evaluator{}})
	check(err)
	check(search.Close())
	st, err := checkpoints.Open(dir)
	check(err)
	space, err := c.Space()
	check(err)
	policy, err := controller.New(space.Arities(), c.Controller)
	check(err)
	state, err := policy.State()
	check(err)
	r := rand.New(rand.NewPCG(1, 2))
	for from := 0; from < n; from += 1000 {
		var rows []checkpoints.Trial
		var epochs []checkpoints.Epoch
		var events []checkpoints.Event
		for id := from; id < min(n, from+1000); id++ {
			choices := space.Random(r)
			g, err := space.Decode(choices)
			check(err)
			text, err := json.Marshal(g)
			check(err)
			began := time.Unix(1_700_000_000+int64(id), 0)
			rows = append(rows, checkpoints.Trial{ID: id, Batch: id / batch, PolicyVersion: id / batch, Kind: "sample",
				Genotype: text, CellHash: g.Hash(), Choices: choices, LogP: make([]float64, len(choices)),
				State: "done", Attempt: 1, Parent: -1,
				Result: checkpoints.Result{Reward: 0.5 + 0.4*r.Float64(), HasReward: true, Params: 60000,
					MAdds:   2_000_000,
					Started: began, Finished: began.Add(time.Second), Seconds: 1}})
			for e := range 2 {
				epochs = append(epochs, checkpoints.Epoch{Trial: id, Attempt: 1, Epoch: e + 1, TrainLoss: r.Float64(),
					ValAcc: r.Float64(), Images: 2000})
			}
			events = append(events, checkpoints.Event{Kind: string(nas.TrialFinished), Trial: id,
				Body: fmt.Appendf(nil, `{"reward":%.4f,"cell":%q}`, rows[len(rows)-1].Reward, g.ShortHash())})
		}
		last := rows[len(rows)-1]
		rows[len(rows)-1].State = "running"
		check(st.AddTrials(rows, events...))
		check(st.FinishTrial(last, epochs)) // with the epochs of all
		for k := from / batch; k < min(n, from+1000)/batch; k++ {
			u := checkpoints.Update{Version: k + 1, Batch: k, State: state, Baseline: 0.5}
			for i := range batch {
				u.Samples = append(u.Samples, checkpoints.UpdateSample{Trial: k*batch + i,
					Reward: rows[k*batch+i-from].Reward})
			}
			check(st.AddUpdate(u))
		}
	}
	check(st.Close())
	return store, dir
}

// TestALongRunIsThereAtOnce resumes a long run, attaches to it and prints its status line: all agree, and soon. The
// figures for 20,000 trials come from
//
//	NASNET_TRIALS=20000 go test ./tui/cli -run ALongRunIsThereAtOnce -v
func TestALongRunIsThereAtOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("makes a long run")
	}
	n := 3000
	if long, err := strconv.Atoi(os.Getenv("NASNET_TRIALS")); err == nil {
		n = long
	}
	store, dir := longRun(t, n)
	// soon requires the quickest of three tries to take at most 5 s; on an idle machine all take a fraction of a
	// second.
	soon := func(what string, try func() (took time.Duration)) {
		t.Helper()
		quickest := time.Hour
		for range 3 {
			took := try()
			t.Logf("%-40s %v", what, took.Round(time.Millisecond))
			quickest = min(quickest, took)
		}
		if quickest > 5*time.Second {
			t.Errorf("%s took %v at best", what, quickest)
		}
	}
	line := func() time.Duration {
		began := time.Now()
		out := nasnet(t, store, "status", "long", "--line")
		took := time.Since(began)
		if !regexp.MustCompile(fmt.Sprintf(`long \d+/%d`, n+1000)).MatchString(out) {
			t.Errorf("the line says %q", out)
		}
		return took
	}
	soon("status --line", line)
	var x *ptytest.Terminal
	soon("resume, to the first frame", func() time.Duration {
		if x != nil {
			x.Press("q")
			x.Wait("stop now")
			x.Press("s")
			x.End(exitDone)
		}
		x = onTerminal(t, store, "resume", "long", "--workers", "1")
		return x.WaitScreen("Top cells").Sub(x.Began)
	})
	x.Press("p")
	x.WaitScreen("paused")
	soon("attach, to the first frame", func() time.Duration {
		y := onTerminal(t, store, "attach", "long", "--read-only")
		took := y.WaitScreen("Top cells").Sub(y.Began)
		y.Press("q")
		y.End(exitDone)
		return took
	})
	// An attached screen shows what the search itself shows and what a script gets.
	y := onTerminal(t, store, "attach", "long", "--read-only")
	y.WaitScreen("watching")
	var s remote.Status
	if err := json.Unmarshal([]byte(nasnet(t, store, "ctl", "long", "status", "--json")), &s); err != nil {
		t.Fatal(err)
	}
	for _, z := range []*ptytest.Terminal{x, y} {
		for _, want := range []string{fmt.Sprintf("child %d/%d", s.Finished, s.Children), "paused", s.BestCell[:4],
			strings.Replace(fmt.Sprintf("peak %.4f", s.Best), "0.", ".", 1)} {
			if !strings.Contains(z.Screen(), want) {
				t.Errorf("no %q in\n%s", want, z.Screen())
			}
		}
	}
	// without the line that says who has control, and the last two, which tell each screen's own answers and keys
	body := func(z *ptytest.Terminal) string {
		lines := strings.Split(z.Screen(), "\n")
		return strings.Join(lines[1:34], "\n")
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the search's own screen:\n%s", x.Screen())
		}
	})
	y.Until("the same screen as the search's own", func() bool { return body(x) == body(y) })
	soon("status --line of a live run", line)
	nasnet(t, store, "ctl", "long", "stop", "--wait")
	x.End(exitDone)
	if s := checkpoints.Summary(dir); s.Live || s.Done < n {
		t.Errorf("%+v", s)
	}
}
