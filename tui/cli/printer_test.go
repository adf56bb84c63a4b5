package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// gated is a writer that blocks until opened, or fails.
type gated struct {
	open chan struct{}
	err  error
	mu   sync.Mutex
	got  bytes.Buffer
}

func (g *gated) Write(b []byte) (int, error) {
	<-g.open
	if g.err != nil {
		return 0, g.err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.got.Write(b)
}

func TestAStoppedReaderDelaysNobodyAndLosesNoLine(t *testing.T) {
	g := &gated{open: make(chan struct{})}
	p := newPrinter(g, func(err error) { t.Error(err) })
	var want strings.Builder
	for i := range 10_000 {
		line := strings.Repeat("x", i%300) + "\n"
		want.WriteString(line)
		p.print([]byte(line)) // would block if it waited for the reader
	}
	close(g.open)
	p.close(t.Context())
	if g.got.String() != want.String() {
		t.Errorf("%d bytes of %d were written, or in another order", g.got.Len(), want.Len())
	}
}

func TestPrintWaitsWhenTooMuchIsQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gated{open: make(chan struct{})}
		p := newPrinter(g, func(err error) { t.Error(err) })
		p.most = 100
		taken := 0
		go func() {
			for range 50 {
				p.print([]byte("ten bytes\n"))
				taken++
			}
		}()
		synctest.Wait()
		if taken < 10 || taken > 21 { // the queue, and the lines being written
			t.Errorf("%d lines of 10 bytes were taken before the first was read", taken)
		}
		close(g.open)
		synctest.Wait()
		p.close(t.Context())
		if g.got.Len() != 500 {
			t.Errorf("%d bytes were written", g.got.Len())
		}
	})
}

func TestALostReaderIsReportedOnce(t *testing.T) {
	g := &gated{open: make(chan struct{}), err: io.ErrClosedPipe}
	close(g.open)
	told := 0
	p := newPrinter(g, func(err error) {
		if told++; !errors.Is(err, io.ErrClosedPipe) {
			t.Error(err)
		}
	})
	for range 1000 {
		p.print([]byte("line\n"))
	}
	p.close(t.Context())
	if told != 1 {
		t.Errorf("reported %d times", told)
	}
}

func TestReportingALostReaderDelaysNobody(t *testing.T) {
	g := &gated{open: make(chan struct{}), err: io.ErrClosedPipe}
	close(g.open)
	telling, told := make(chan struct{}), make(chan struct{})
	p := newPrinter(g, func(error) {
		close(telling)
		<-told
	})
	p.print([]byte("line\n"))
	<-telling
	printed := make(chan struct{})
	go func() {
		p.print([]byte("line\n"))
		close(printed)
	}()
	select {
	case <-printed:
	case <-time.After(patience):
		t.Error("a line waits for the report")
	}
	close(told)
	p.close(t.Context())
}

func TestALeavingProgramDoesNotWaitForAStoppedReader(t *testing.T) {
	g := &gated{open: make(chan struct{})}
	p := newPrinter(g, func(error) {})
	p.print([]byte("line\n"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p.close(ctx) // returns, though nobody reads
	close(g.open)
	<-p.done
}
