package search

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// The time left is estimated from the time trained, without pauses.
func TestAGateCountsTheTimeItWasClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		shut := func(want time.Duration) {
			t.Helper()
			if got := g.shut(time.Now()); got != want {
				t.Errorf("closed for %v, want %v", got, want)
			}
		}
		time.Sleep(time.Minute)
		shut(0)
		g.close()
		passed := make(chan error)
		go func() { passed <- g.wait(context.Background()) }()
		time.Sleep(time.Second)
		g.close() // closing twice counts once
		time.Sleep(time.Second)
		shut(2 * time.Second)
		g.open()
		if err := <-passed; err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		g.open()
		shut(2 * time.Second)
		g.close()
		time.Sleep(3 * time.Second)
		shut(5 * time.Second)
	})
}
