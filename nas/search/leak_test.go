package search

import (
	"nasnet/nas"
	"nasnet/nas/fake"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"
)

func TestAThousandTrialsLeaveNoGoroutineAndLittleMemory(t *testing.T) {
	c := testConfig()
	c.Children, c.Batch, c.RandomEvery, c.Blocks, c.Ops, c.Train.Epochs, c.Controller.Steps = 1000, 20, 5, 5,
		"seed-14", 20, 1
	if testing.Short() {
		c.Children = 300
	}
	first := c.Children / 5 // the heap is compared from here
	if long, err := strconv.Atoi(os.Getenv("NASNET_TRIALS")); err == nil {
		c.Children, first = long, 1000 // long enough that old trials are lean
	}
	before := runtime.NumGoroutine()
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	ended, at := 0, [2]int64{}
	s := create(t, filepath.Join(t.TempDir(), "run"), c,
		Options{Workers: 4, Evaluator: fake.Evaluator{Steps: 2}, OnEvent: func(e nas.Event) {
			if e.Kind != nas.TrialFinished {
				return
			}
			switch ended++; ended {
			case first:
				at[0] = heap()
			case c.Children:
				at[1] = heap()
			}
		}})
	finish(t, s)
	for late := time.Now().Add(time.Minute); runtime.NumGoroutine() > before && time.Now().Before(late); {
		time.Sleep(time.Millisecond) // the database ends its goroutines after Close has returned
	}
	if n := runtime.NumGoroutine(); n > before {
		b := make([]byte, 1<<16)
		t.Errorf("%d goroutines are left; there were %d before:\n%s", n, before, b[:runtime.Stack(b, true)])
	}
	each := (at[1] - at[0]) / int64(c.Children-first)
	t.Logf("%d KiB after %d trials, %d KiB after %d: %d bytes a trial", at[0]/1024, first, at[1]/1024, c.Children, each)
	if each > 10_000 { // what the owner keeps of a trial: genotype, choices, the curve of 20 epochs
		t.Errorf("the heap grows by %d bytes a trial", each)
	}
}
