//go:build unix

package remote

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"nasnet/nas"
)

// Want says how a screen wants to attach.
type Want string

const (
	Steer Want = "steer" // with control, if nobody has it
	Watch Want = "look"  // without control
	Take  Want = "take"  // with control, whoever has it now
)

func parseWant(s string) (Want, error) {
	switch w := Want(s); w {
	case "":
		return Steer, nil
	case Steer, Watch, Take:
		return w, nil
	}
	return "", fmt.Errorf("want is %.20q; want %s, %s or %s", s, Steer, Watch, Take)
}

// Visitor describes who connects.
type Visitor struct {
	Program string // name and version
	TTY     string // terminal of its screen, named as in /dev
}

// answerTime limits how long a command may take. The engine answers within one turn of its loop; forking a large run
// takes seconds.
const answerTime = 30 * time.Second

// Client is a run in another process, as a [nas.Engine]. It does not reconnect: when the connection ends, its last
// snapshot says why.
type Client struct {
	*caller
	stream io.ReadCloser
	ended  chan struct{} // closed when the stream has ended

	mu      sync.Mutex
	snap    *nas.Snapshot
	control nas.Control
	pokes   map[chan struct{}]bool
	pid     int // of the program that runs the search
}

// Dial connects to the program that runs the run in dir, and waits for the first snapshot. It returns [ErrNotRunning]
// if no program runs it.
func Dial(ctx context.Context, dir string, w Want, v Visitor) (*Client, error) {
	c := &Client{caller: newCaller(dir, v), ended: make(chan struct{}), pokes: map[chan struct{}]bool{}}
	setup, cancel := context.WithTimeoutCause(ctx, answerTime, errors.New("the program does not answer"))
	defer cancel()
	// The stream outlives ctx and ends with Close. Until it is set up, the end of setup ends it too.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(setup, end)
	body, err := c.open(life, "GET", "stream?"+url.Values{"want": {string(w)}}.Encode(), nil)
	if err == nil {
		c.stream = &streamBody{body, end}
		lines := bufio.NewReaderSize(body, 1<<16)
		if err = c.read(lines); err == nil && stop() {
			go c.follow(lines)
			return c, nil
		}
		body.Close()
	}
	end()
	c.http.CloseIdleConnections()
	if setup.Err() != nil {
		err = context.Cause(setup)
	}
	return nil, err
}

// streamBody is a response body that ends its request when closed.
type streamBody struct {
	io.ReadCloser
	end func()
}

func (s *streamBody) Close() error {
	s.end()
	return s.ReadCloser.Close()
}

// Close leaves the seat and waits for the client's goroutine.
func (c *Client) Close() error {
	c.stream.Close()
	<-c.ended
	c.http.CloseIdleConnections()
	return nil
}

// follow reads lines until there are no more.
func (c *Client) follow(lines *bufio.Reader) {
	defer close(c.ended)
	var err error
	for err == nil {
		err = c.read(lines)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.control.Lost == "" {
		why := fmt.Sprintf("the program that ran it (process %d) died without saying why", c.pid)
		if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, syscall.ECONNRESET) {
			why = "the connection to the program that runs it broke: " + err.Error()
		}
		c.lost(why)
	}
	c.wake()
}

// lost makes the snapshot show that no program runs the search any more. The caller holds mu.
func (c *Client) lost(why string) {
	v := *c.snap
	v.Version++
	v.Running, v.ImageRate, v.ETA = nil, 0, 0
	if v.State != nas.Done && v.State != nas.Failed {
		v.State = nas.Stopped
	}
	if v.Reason == "" {
		v.Reason = why
	}
	c.snap, c.control.Lost, c.control.Mine = &v, why, false
}

// read reads one line and applies it to the snapshot.
func (c *Client) read(lines *bufio.Reader) error {
	text, err := readLine(lines)
	if err != nil {
		return err
	}
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return fmt.Errorf("it sent a line that is not JSON: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.snap == nil {
		if l.Protocol != Protocol {
			return checkProtocol(strconv.Itoa(l.Protocol), "program", l.Program)
		}
		c.seat, c.pid = l.Seat, l.PID
	}
	next, err := apply(c.snap, l.Snapshot)
	if err != nil {
		return err
	}
	if next.Version > math.MaxInt64 {
		return fmt.Errorf("snapshot: version %d; want less than 2^63", next.Version)
	}
	if c.snap != nil && next.Version <= c.snap.Version {
		next.Version = c.snap.Version + 1 // subscribers must see a change of control too
	}
	if c.snap = next; l.Control != nil {
		c.control = *l.Control
	}
	if l.Type == "end" {
		c.lost(l.Reason)
	}
	c.wake()
	return nil
}

// readLine returns the next line.
func readLine(r *bufio.Reader) ([]byte, error) {
	var b bytes.Buffer
	for {
		part, err := r.ReadSlice('\n')
		if b.Write(part); b.Len() > maxLine {
			return nil, fmt.Errorf("a line has more than %d bytes", maxLine)
		}
		if err == nil {
			return b.Bytes(), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
	}
}

// wake pokes all subscribers. The caller holds mu.
func (c *Client) wake() {
	for p := range c.pokes {
		select {
		case p <- struct{}{}:
		default:
		}
	}
}

// PID returns the ID of the process that runs the search.
func (c *Client) PID() int { return c.pid }

// Ended returns a channel that is closed when the connection has ended; Control then says why.
func (c *Client) Ended() <-chan struct{} { return c.ended }

// Snapshot implements [nas.Engine].
func (c *Client) Snapshot() *nas.Snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.snap
}

// Subscribe implements [nas.Engine].
func (c *Client) Subscribe() (<-chan struct{}, func()) {
	p := make(chan struct{}, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pokes[p] = true
	return p, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.pokes, p)
	}
}

// Do implements [nas.Engine].
func (c *Client) Do(ctx context.Context, cmd nas.Command) (r nas.Reply, err error) {
	if why := c.Control().Lost; why != "" {
		return r, fmt.Errorf("%w: %s", nas.ErrClosed, why)
	}
	return r, c.ask(ctx, "POST", "do", cmd, &r)
}

// Control implements [nas.Shared].
func (c *Client) Control() nas.Control {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.control
}

// TakeControl implements [nas.Shared].
func (c *Client) TakeControl(ctx context.Context) error {
	if why := c.Control().Lost; why != "" {
		return fmt.Errorf("%w: %s", nas.ErrClosed, why)
	}
	var now nas.Control
	if err := c.ask(ctx, "POST", "take", nil, &now); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.control.Lost == "" {
		c.control = now
	}
	return nil
}

// Do sends a command to the program that runs the run in dir. It is carried out no matter who has control.
func Do(ctx context.Context, dir string, v Visitor, cmd nas.Command) (r nas.Reply, err error) {
	c := newCaller(dir, v)
	defer c.http.CloseIdleConnections()
	return r, c.ask(ctx, "POST", "do", cmd, &r)
}

// Look asks the program that runs the run in dir for its status.
func Look(ctx context.Context, dir string, v Visitor) (s Status, err error) {
	c := newCaller(dir, v)
	defer c.http.CloseIdleConnections()
	return s, c.ask(ctx, "GET", "status", nil, &s)
}

// caller sends requests to the program that runs a run.
type caller struct {
	http    http.Client
	visitor Visitor
	seat    string
}

func newCaller(dir string, v Visitor) *caller {
	return &caller{visitor: v, http: http.Client{Transport: &http.Transport{MaxIdleConns: 1,
		IdleConnTimeout: 10 * time.Second, DisableCompression: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return connect(ctx, dir) }}}}
}

// open sends a request. It returns the body of the answer, or the error it reports.
func (c *caller) open(ctx context.Context, method, path string, body []byte) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://nasnet"+prefix+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for k, v := range map[string]string{protocolHeader: strconv.Itoa(Protocol), seatHeader: c.seat,
		ttyHeader: plain(c.visitor.TTY), pidHeader: strconv.Itoa(os.Getpid()),
		"User-Agent": plain(c.visitor.Program)} {
		req.Header.Set(k, v)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if u := new(url.Error); errors.As(err, &u) {
			err = u.Err // the full text would show a made-up address
		}
		return nil, err
	}
	if err := checkProtocol(resp.Header.Get(protocolHeader), "program that runs it",
		resp.Header.Get("Server")); err != nil {
		resp.Body.Close()
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	var f failure
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxRequest)).Decode(&f); err != nil || f.Error == "" {
		return nil, fmt.Errorf("the program that runs it answered %s", resp.Status)
	}
	if resp.StatusCode == http.StatusTooManyRequests {
		return nil, rateError{f.err()}
	}
	return nil, f.err()
}

// rateError means that too many requests came in a short time. The server did nothing, so the request can be repeated.
type rateError struct{ error }

func (e rateError) Unwrap() error { return e.error }

// ratePause is how long to wait after a rateError.
const ratePause = 50 * time.Millisecond

// ask sends v as JSON, or nothing if it is nil, and decodes the answer into to. After a rateError it tries again.
func (c *caller) ask(ctx context.Context, method, path string, v, to any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, answerTime, errors.New("the program that runs it does not answer"))
	defer cancel()
	var body []byte
	if v != nil {
		var err error
		if body, err = json.Marshal(v); err != nil {
			return err
		}
	}
	answer, err := c.open(ctx, method, path, body)
	for errors.As(err, new(rateError)) && ctx.Err() == nil {
		select {
		case <-time.After(ratePause):
			answer, err = c.open(ctx, method, path, body)
		case <-ctx.Done():
		}
	}
	if err == nil {
		defer answer.Close()
		err = json.NewDecoder(io.LimitReader(answer, maxLine)).Decode(to)
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return err
}
