//go:build unix

package remote

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"sync"
	"time"
)

// semaphore limits a number to its capacity.
type semaphore chan struct{}

func (s semaphore) take() bool {
	select {
	case s <- struct{}{}:
		return true
	default:
		return false
	}
}

func (s semaphore) give() { <-s }

// bucket limits a rate: size at once, rate per second in the long run.
type bucket struct {
	size, rate float64
	mu         sync.Mutex
	used       float64
	at         time.Time
}

func (b *bucket) take(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.at.IsZero() {
		b.used = math.Max(0, b.used-b.rate*now.Sub(b.at).Seconds())
	}
	if b.at = now; b.used+1 > b.size {
		return false
	}
	b.used++
	return true
}

// door is a listener that admits only processes of this user or root, and not too many of them.
type door struct {
	net.Listener
	open    semaphore
	turning semaphore // connections that are being turned away
	workers sync.WaitGroup
}

// turnAway answers that there are too many connections, at most limit. It reads the request first: if a socket is
// closed with something unread, the answer is lost.
func turnAway(c net.Conn, limit int) {
	_ = c.SetDeadline(time.Now().Add(time.Second / 2))
	r, err := http.ReadRequest(bufio.NewReader(io.LimitReader(c, maxHeader+maxRequest)))
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, r.Body)
	b, _ := json.Marshal(failureOf(fmt.Errorf("%w: %d connections are open", ErrBusy, limit)))
	_, _ = fmt.Fprintf(c, "HTTP/1.1 503 Service Unavailable\r\n%s: %d\r\nConnection: close\r\nContent-Length: "+
		"%d\r\n\r\n%s", protocolHeader, Protocol, len(b), b)
}

// Close implements net.Listener.
func (d *door) Close() error {
	err := d.Listener.Close()
	d.workers.Wait()
	return err
}

// guest is a connection that was admitted.
type guest struct {
	net.Conn
	pid   int // of the other process; 0 if unknown
	leave func()
}

// Accept implements net.Listener.
func (d *door) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		pid, err := checkPeer(c)
		if err != nil {
			c.Close() // without a word: it may not talk to us
			continue
		}
		if !d.open.take() {
			if !d.turning.take() {
				c.Close()
				continue
			}
			d.workers.Go(func() {
				defer d.turning.give()
				defer c.Close()
				turnAway(c, cap(d.open))
			})
			continue
		}
		return &guest{c, pid, sync.OnceFunc(d.open.give)}, nil
	}
}

// Close implements net.Conn.
func (g *guest) Close() error {
	g.leave()
	return g.Conn.Close()
}
