package tui

import (
	"context"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"nasnet/nas"
)

// TestMain is also a demo: with NASNET_TUI_SHOW set to a fixture's name, the test binary shows that fixture on the
// terminal, with children that train.
//
//	go test -c -o /tmp/tui.test ./tui && NASNET_TUI_SHOW=busy /tmp/tui.test
func TestMain(m *testing.M) {
	if name := os.Getenv("NASNET_TUI_SHOW"); name != "" {
		os.Exit(show(name))
	}
	time.Local = time.UTC
	os.Exit(m.Run())
}

func show(name string) int {
	name, broken, _ := strings.Cut(name, "-")
	made := snapshots[name]
	if made == nil {
		made = busy
	}
	e := newFake(made())
	var engine nas.Engine = e
	if name == "panic" {
		engine = &brokenEngine{e, broken}
		if broken == "update" {
			engine = &brokenControl{fakeEngine: e}
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	hz := 4.0
	fmt.Sscan(os.Getenv("NASNET_TUI_HZ"), &hz)
	if hz > 0 {
		go move(ctx, e, time.Duration(float64(time.Second)/hz))
	}
	if noise := os.Getenv("NASNET_TUI_NOISE"); noise != "" {
		time.AfterFunc(200*time.Millisecond, func() {
			fmt.Println("stray", noise)
			fmt.Fprintln(os.Stderr, "stray error", noise)
			log.Print("stray log ", noise)
		})
	}
	out, err := Run(ctx, engine, Options{Diff: os.Getenv("NASNET_TUI_NODIFF") == "", Version: "nasnet test",
		CanDetach: os.Getenv("NASNET_TUI_DETACH") != "",
		LogPath:   os.Getenv("NASNET_TUI_LOG"), DataSets: []string{"fashion-mnist-10k", "cifar10", "cifar100"},
		Cost: fakeCost, Latency: fakeLatency, Plan: fakePlan, Estimate: fakeEstimate, Runs: fakeRuns, OpenRun: fakeOpen,
		Write: e.write})
	fmt.Println("outcome:", out, "error:", err)
	return 0
}

// move lets the children of a fixture train.
func move(ctx context.Context, e *fakeEngine, every time.Duration) {
	r := rand.New(rand.NewPCG(1, 1))
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		s := *e.Snapshot()
		if s.State != nas.Running {
			continue
		}
		s.Elapsed += every
		s.Running = append([]nas.TrialView(nil), s.Running...)
		for i := range s.Running {
			c := &s.Running[i]
			c.Progress = min(1, c.Progress+0.0005)
			c.Loss += 0.001 * r.NormFloat64()
			c.ImageRate += r.NormFloat64()
			c.Keep = 1 - 0.4*c.Progress
			c.Left = max(0, c.Left-every)
		}
		e.publish(&s)
	}
}

// brokenEngine panics in the place named by where, or makes the interface panic.
type brokenEngine struct {
	*fakeEngine
	where string
}

func (b *brokenEngine) Snapshot() *nas.Snapshot {
	if b.where == "view" {
		return nil
	}
	return b.fakeEngine.Snapshot()
}

func (b *brokenEngine) Subscribe() (<-chan struct{}, func()) {
	if b.where == "subscription" {
		panic("the engine is broken")
	}
	return b.fakeEngine.Subscribe()
}

func (b *brokenEngine) Do(ctx context.Context, c nas.Command) (nas.Reply, error) {
	if b.where == "command" {
		panic("the engine is broken")
	}
	return b.fakeEngine.Do(ctx, c)
}

// brokenControl panics the second time it is asked who has control, which happens when a snapshot arrives.
type brokenControl struct {
	*fakeEngine
	asked atomic.Int32
}

func (b *brokenControl) Control() nas.Control {
	if b.asked.Add(1) > 1 {
		panic("the engine is broken")
	}
	return nas.Control{Mine: true}
}

func (b *brokenControl) TakeControl(context.Context) error { return nil }
