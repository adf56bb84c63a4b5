//go:build unix

package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"nasnet/nas"
	"nasnet/nas/strictjson"
)

// Options are what a server needs besides the engine.
type Options struct {
	Program  string        // name and version, for the other side
	DataSets []string      // data sets that a retrain may name, besides the run's own
	Every    time.Duration // least time between two lines of a stream; 0 = 100 ms

	// Patience is how long a reader may leave a line unread before it is disconnected. 0 = 10 min, so that a screen
	// survives being suspended for a while.
	Patience time.Duration
}

// Server lets other processes watch and steer an engine.
type Server struct {
	// fixed
	dir      string
	engine   nas.Engine
	options  Options
	listener net.Listener
	http     http.Server
	seats    *seats
	picture  picture
	ended    chan struct{} // closed when the engine has ended

	bucket  bucket
	streams semaphore
	workers sync.WaitGroup

	close  sync.Once
	reason string // why the engine ended; set before ended is closed
	failed error
}

// Serve lets other processes watch and steer the run in dir until [Server.Close]. The caller holds the run's lock.
// Serve subscribes to e, so a search must be running or about to run.
func Serve(dir string, e nas.Engine, o Options) (*Server, error) {
	if o.Every <= 0 {
		o.Every = 100 * time.Millisecond
	}
	if o.Patience <= 0 {
		o.Patience = 10 * time.Minute
	}
	l, err := listen(dir)
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, engine: e, options: o, ended: make(chan struct{}), bucket: bucket{size: 100, rate: 50},
		streams: make(semaphore, maxStreams)}
	s.listener = &door{Listener: l, open: make(semaphore, maxConns), turning: make(semaphore, maxConns/8)}
	s.seats = newSeats(s.log)
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+prefix+"status", s.status)
	mux.HandleFunc("GET "+prefix+"snapshot", s.snapshot)
	mux.HandleFunc("GET "+prefix+"stream", s.stream)
	mux.HandleFunc("POST "+prefix+"do", s.do)
	mux.HandleFunc("POST "+prefix+"take", s.take)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, http.StatusNotFound, fmt.Errorf("%w: protocol %d of this program (%s) has no %s %.100s",
			ErrProtocol, Protocol, o.Program, r.Method, r.URL.Path))
	})
	s.http = http.Server{Handler: s.checked(mux), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		IdleTimeout: 30 * time.Second, MaxHeaderBytes: maxHeader,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, pidKey{}, c.(*guest).pid)
		}}
	s.workers.Go(func() {
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.failed = err
		}
	})
	s.workers.Go(s.follow)
	return s, nil
}

// Close sends every reader the last snapshot with the reason of the end, and ends the server. It waits at most half a
// second for slow readers. It returns an error if the server had failed before.
func (s *Server) Close(reason string) error {
	s.close.Do(func() {
		s.reason = reason
		close(s.ended)
		os.Remove(filepath.Join(s.dir, SocketName)) // an error means that it is gone already
		ctx, cancel := context.WithTimeout(context.Background(), time.Second/2)
		defer cancel()
		if s.http.Shutdown(ctx) != nil {
			s.http.Close()
		}
		s.workers.Wait()
	})
	return s.failed
}

// follow wakes the seats when the engine has a new snapshot.
func (s *Server) follow() {
	updated, cancel := s.engine.Subscribe()
	defer cancel()
	for {
		select {
		case <-updated:
			s.seats.poke()
		case <-s.ended:
			s.seats.poke()
			return
		}
	}
}

// log writes an event of the seats into the engine's log, if it has one. It does not wait, because the engine may be
// busy for a long time.
func (s *Server) log(kind nas.EventKind, message string) {
	d, ok := s.engine.(nas.Diary)
	if !ok || done(s.ended) {
		return
	}
	s.workers.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), answerTime)
		defer cancel()
		_ = d.Tell(ctx, kind, message) // an error means that the search has ended, and its log with it
	})
}

// Attached returns the number of seats taken, and whether one of them has control.
func (s *Server) Attached() (n int, steered bool) {
	c := s.seats.control(nil)
	if steered = c.Holder != (nas.Holder{}); steered {
		return c.Viewers + 1, true
	}
	return c.Viewers, false
}

// Moved delivers a value when a seat was taken or left, or control changed hands. Only one goroutine may receive.
func (s *Server) Moved() <-chan struct{} { return s.seats.moved }

// checked refuses requests of another protocol, and requests above the rate limit.
func (s *Server) checked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(protocolHeader, strconv.Itoa(Protocol))
		w.Header().Set("Server", s.options.Program)
		if h := r.Header.Get(protocolHeader); h != "" {
			if err := checkProtocol(h, "other side", r.UserAgent()); err != nil {
				s.refuse(w, http.StatusUpgradeRequired, err)
				return
			}
		}
		if !s.bucket.take(time.Now()) {
			s.refuse(w, http.StatusTooManyRequests, fmt.Errorf("%w: at most %.0f a second", ErrBusy, s.bucket.rate))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
		next.ServeHTTP(w, r)
	})
}

func (s *Server) refuse(w http.ResponseWriter, status int, err error) {
	answer(w, status, failureOf(err))
}

// answer writes v as JSON. It ignores write errors, because they mean that the client has gone.
func answer(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		status = http.StatusInternalServerError
		b, _ = json.Marshal(failure{Error: err.Error()})
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTime))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n'))
}

func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	answer(w, http.StatusOK, StatusOf(s.engine.Snapshot(), os.Getpid(), s.seats.control(nil)))
}

func (s *Server) snapshot(w http.ResponseWriter, r *http.Request) {
	answer(w, http.StatusOK, whole{s.engine.Snapshot(), s.seats.control(nil)})
}

// do carries out a command.
func (s *Server) do(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if tooBig := new(http.MaxBytesError); errors.As(err, &tooBig) {
		s.refuse(w, http.StatusRequestEntityTooLarge, fmt.Errorf("the request has more than %d bytes", tooBig.Limit))
		return
	} else if err != nil {
		s.refuse(w, http.StatusBadRequest, err)
		return
	}
	c, err := parseCommand(b)
	if err == nil {
		err = s.inside(c)
	}
	if err != nil {
		s.refuse(w, http.StatusBadRequest, err)
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // all is read, and a fork may take long
	c.From = "command of " + describe(visitor(r))
	if name := r.Header.Get(seatHeader); name != "" {
		t := s.seats.find(name)
		if t == nil {
			s.refuse(w, http.StatusConflict, fmt.Errorf("%w: it has detached", ErrControl))
			return
		}
		if err := t.permit(); err != nil {
			s.refuse(w, http.StatusConflict, err)
			return
		}
		c.From = "screen of " + describe(t.who)
	}
	reply, err := s.engine.Do(r.Context(), c)
	switch {
	case errors.Is(err, nas.ErrClosed):
		s.refuse(w, http.StatusGone, err)
	case err != nil:
		s.refuse(w, http.StatusUnprocessableEntity, err)
	default:
		answer(w, http.StatusOK, reply)
	}
}

// parseCommand reads a command. It rejects unknown fields, because without them the command would mean something else.
func parseCommand(b []byte) (c nas.Command, err error) {
	if err := strictjson.Decode(b, maxRequest, &c); err != nil {
		return c, fmt.Errorf("command: %w", err)
	}
	return c, nil
}

// inside refuses a command that would make the engine read or write files of the sender's choice, outside the store.
func (s *Server) inside(c nas.Command) error {
	if c.Do == nas.Fork && c.Fork != nil && c.Fork.Name != "" {
		return nas.CheckName(c.Fork.Name)
	}
	if c.Do != nas.Retrain || c.Retrain == nil {
		return nil
	}
	own, want := s.engine.Snapshot().Config, c.Retrain.Data
	if want.Name == own.Data && (want.Dir == own.DataDir || want.Dir == "") ||
		want.Dir == "" && slices.Contains(s.options.DataSets, want.Name) {
		return nil
	}
	if want.Dir != "" {
		return fmt.Errorf("data folder %q: a command from another process can only name the run's own data or a data "+
			"set; nasnet train --cell RUN/TRIAL accepts any folder, and so does the search's own screen", want.Dir)
	}
	return fmt.Errorf("data %q: a command from another process can only name the run's own data or one of: %s; "+
		"nasnet train --cell RUN/TRIAL accepts any folder, and so does the search's own screen", want.Name,
		strings.Join(s.options.DataSets, ", "))
}

func (s *Server) take(w http.ResponseWriter, r *http.Request) {
	t := s.seats.find(r.Header.Get(seatHeader))
	if t == nil {
		s.refuse(w, http.StatusConflict, fmt.Errorf("%w: it has detached", ErrControl))
		return
	}
	t.take()
	answer(w, http.StatusOK, s.seats.control(t))
}

// stream writes lines to a reader until it leaves or the engine ends.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	if !s.streams.take() {
		s.refuse(w, http.StatusServiceUnavailable,
			fmt.Errorf("%w: %d screens already show this run", ErrBusy, cap(s.streams)))
		return
	}
	defer s.streams.give()
	want, err := parseWant(r.FormValue("want"))
	if err != nil {
		s.refuse(w, http.StatusBadRequest, err)
		return
	}
	t, does := s.seats.sit(visitor(r), want)
	defer t.leave()
	s.log(nas.ScreenAttached, "the screen of "+describe(t.who)+" is attached and "+does)
	poked, cancel := t.subscribe()
	defer cancel()

	to := http.NewResponseController(w)
	_ = to.SetReadDeadline(time.Time{}) // all is read
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	send := func(l line, patience time.Duration) (int, error) {
		b, err := json.Marshal(l)
		if err != nil {
			return 0, err
		}
		_ = to.SetWriteDeadline(time.Now().Add(patience))
		n, err := w.Write(append(b, '\n'))
		if err == nil {
			err = to.Flush()
		}
		return n, err
	}
	first := line{Protocol: Protocol, Program: s.options.Program, PID: os.Getpid(), Seat: t.name}
	for rev := uint64(0); ; {
		over := done(s.ended)
		l, snap, control := first, s.engine.Snapshot(), s.seats.control(t)
		first = line{}
		l.Time, l.Type, l.Run, l.Control = time.Now(), "snapshot", snap.Config.Name, &control
		patience := s.options.Patience
		if over {
			l.Type, l.Reason, patience = "end", s.reason, time.Second/4
		}
		if l.Snapshot, rev, err = s.picture.since(snap, rev); err != nil {
			l.Type, l.Reason = "end", err.Error()
		}
		n, err := send(l, patience)
		if err != nil || l.Type == "end" {
			return
		}
		rest := time.NewTimer(max(s.options.Every, time.Duration(n)*time.Second/(4<<20)))
		select {
		case <-rest.C:
		case <-s.ended:
			rest.Stop()
			continue
		case <-r.Context().Done():
			rest.Stop()
			return
		}
		select {
		case <-poked:
		case <-s.ended:
		case <-r.Context().Done():
			return
		}
	}
}

func done(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// visitor returns who sent a request. It asks the system for the process, and believes the client only where the system
// cannot tell.
func visitor(r *http.Request) nas.Holder {
	h := nas.Holder{TTY: plain(r.Header.Get(ttyHeader))}
	if h.PID, _ = r.Context().Value(pidKey{}).(int); h.PID == 0 {
		h.PID, _ = strconv.Atoi(r.Header.Get(pidHeader))
	}
	return h
}

// plain makes text from outside safe for a screen: at most 64 runes, all of them graphic.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return -1
		}
		return r
	}, s)
	return string([]rune(s)[:min(64, len([]rune(s)))])
}

type pidKey struct{}
