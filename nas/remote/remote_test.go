//go:build unix

package remote_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/fake"
	"nasnet/nas/remote"
	"nasnet/nas/search"
	"nasnet/nas/space"
)

// patience is how long a test waits for something that must come, even on a busy machine.
const patience = 2 * time.Minute

// engine is an engine whose snapshots the test makes. It records commands.
type engine struct {
	mu   sync.Mutex
	snap *nas.Snapshot
	did  []nas.Command
	told []string
	tell chan struct{} // of size 1: told has grown
	fail error
	subs map[chan struct{}]bool
}

func newEngine(t testing.TB) *engine {
	c, err := nas.PresetNamed("quick")
	if err != nil {
		t.Fatal(err)
	}
	c.Name = "a"
	g := cell(t, 1)
	top := nas.TrialView{ID: 3, State: nas.Done, Origin: nas.Origin{Genotype: g, Cell: "abc", Parent: -1, CachedOf: -1},
		Result:   nas.Result{Reward: 0.75, HasReward: true},
		Training: nas.Training{Curve: []child.EpochResult{{Epoch: 1, ValAcc: 0.7}}}}
	s := &nas.Snapshot{Version: 1, Time: time.Now().Round(0), State: nas.Running, Workers: 2, Proposed: 10,
		Running: []nas.TrialView{{ID: 5, State: nas.Running, Origin: nas.Origin{Genotype: g, Cell: "def"},
			Training: nas.Training{Epochs: 3}}}, Events: []nas.Event{
			{Time: time.Now().UTC().Round(0), Level: nas.Info, Kind: nas.RunStarted, Run: "a", Trial: -1,
				Data: map[string]any{"seed": 1.0}}}, Identity: nas.Identity{UUID: "u", ForkAt: -1, Config: c},
		Results: nas.Results{Finished: 4, Top: []nas.TrialView{top}}}
	s.Best = &s.Top[0]
	return &engine{snap: s, tell: make(chan struct{}, 1), subs: map[chan struct{}]bool{}}
}

func cell(t testing.TB, seed uint64) space.Genotype {
	sp, err := space.New("seed-14", 5)
	if err != nil {
		t.Fatal(err)
	}
	g, err := sp.Decode(sp.Random(rand.New(rand.NewPCG(seed, 1))))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func (e *engine) Snapshot() *nas.Snapshot {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.snap
}

func (e *engine) Subscribe() (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.subs[c] = true
	return c, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.subs, c)
	}
}

func (e *engine) Do(_ context.Context, c nas.Command) (nas.Reply, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.did = append(e.did, c)
	return nas.Reply{Message: "did " + string(c.Do), Trial: c.Trial}, e.fail
}

// Tell records what it is told for the log.
func (e *engine) Tell(_ context.Context, kind nas.EventKind, message string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.told = append(e.told, string(kind)+": "+message)
	select {
	case e.tell <- struct{}{}:
	default:
	}
	return nil
}

// awaitTold waits until the log gets an event of a kind whose message contains some words.
func (e *engine) awaitTold(t testing.TB, kind nas.EventKind, words string) {
	t.Helper()
	for late := time.After(patience); ; {
		e.mu.Lock()
		told := slices.Clone(e.told)
		e.mu.Unlock()
		if slices.ContainsFunc(told, func(s string) bool {
			return strings.HasPrefix(s, string(kind)+": ") &&
				strings.Contains(s, words)
		}) {
			return
		}
		select {
		case <-e.tell:
		case <-late:
			t.Fatalf("the log never got %s with %q; it got %q", kind, words, told)
		}
	}
}

func (e *engine) commands() []nas.Command {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.did)
}

// publish makes a new snapshot, altered by change.
func (e *engine) publish(change func(*nas.Snapshot)) *nas.Snapshot {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := *e.snap
	s.Version++
	change(&s)
	e.snap = &s
	for c := range e.subs {
		select {
		case c <- struct{}{}:
		default:
		}
	}
	return &s
}

// start serves an engine in a new folder.
func start(t testing.TB, o remote.Options) (*engine, string, *remote.Server) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() { noLeak(t, before) })
	dir := filepath.Join(shortTemp(t), "run")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	e := newEngine(t)
	return e, dir, serve(t, dir, e, o)
}

func serve(t testing.TB, dir string, e nas.Engine, o remote.Options) *remote.Server {
	t.Helper()
	o.Program = "nasnet test"
	if o.Every == 0 {
		o.Every = time.Millisecond
	}
	s, err := remote.Serve(dir, e, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close("the test is over") })
	return s
}

// shortTemp returns a folder with a path short enough for a socket.
func shortTemp(t testing.TB) string {
	dir, err := os.MkdirTemp("", "nr")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func noLeak(t testing.TB, before int) {
	for end := time.Now().Add(patience); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(end) {
			b := make([]byte, 1<<16)
			t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, b[:runtime.Stack(b, true)])
			return
		}
	}
}

func dial(t testing.TB, dir string, w remote.Want, tty string) *remote.Client {
	t.Helper()
	c, err := remote.Dial(t.Context(), dir, w, remote.Visitor{Program: "nasnet test", TTY: tty})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// await waits until a condition on what a screen sees is met.
func await(t testing.TB, e nas.Engine, what string, ok func() bool) {
	t.Helper()
	updated, cancel := e.Subscribe()
	defer cancel()
	late := time.After(patience)
	for !ok() {
		select {
		case <-updated:
		case <-late:
			t.Fatalf("%s: never came; snapshot %+v", what, e.Snapshot())
		}
	}
}

// awaitSeats waits until a number of seats is taken.
func awaitSeats(t testing.TB, s *remote.Server, want int) {
	t.Helper()
	late := time.After(patience)
	for {
		n, _ := s.Attached()
		if n == want {
			return
		}
		select {
		case <-s.Moved():
		case <-late:
			t.Fatalf("%d seats are taken, want %d", n, want)
		}
	}
}

func asJSON(t testing.TB, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAClientSeesWhatTheEngineShows(t *testing.T) {
	e, dir, _ := start(t, remote.Options{})
	c := dial(t, dir, remote.Steer, "pts/1")
	if got, want := asJSON(t, c.Snapshot()), asJSON(t, e.Snapshot()); got != want {
		t.Fatalf("the first snapshot is\n%s\nwant\n%s", got, want)
	}
	if c.PID() != os.Getpid() {
		t.Errorf("process %d, want %d", c.PID(), os.Getpid())
	}
	// Each of these changes some fields; the client must never see the others change.
	r := rand.New(rand.NewPCG(1, 1))
	changes := []func(*nas.Snapshot){
		func(s *nas.Snapshot) { s.Elapsed += time.Second; s.Time = s.Time.Add(time.Second) },
		func(s *nas.Snapshot) {
			s.Running = []nas.TrialView{{ID: int(s.Version), State: nas.Running,
				Origin:   nas.Origin{Genotype: cell(t, s.Version)},
				Training: nas.Training{Progress: r.Float64(), Epochs: 3}}}
		},
		func(s *nas.Snapshot) { s.Running = nil },
		func(s *nas.Snapshot) {
			s.Rewards = append(slices.Clone(s.Rewards), nas.RewardPoint{Trial: len(s.Rewards), Reward: r.Float64()})
		},
		func(s *nas.Snapshot) { s.State, s.Reason = nas.Paused, "trouble" },
		func(s *nas.Snapshot) { s.State, s.Reason = nas.Running, "" },
		func(s *nas.Snapshot) {
			if s.Top = slices.Clone(s.Top); len(s.Top) > 0 {
				s.Top[0].Star = !s.Top[0].Star
				s.Best = &s.Top[0]
			}
		},
		func(s *nas.Snapshot) {
			s.Events = append(slices.Clone(s.Events), nas.Event{Time: time.Now().UTC().Round(0), Level: nas.Warn,
				Kind: "x", Run: "a", Trial: 4, Data: map[string]any{"n": r.Float64()}})
		},
		func(s *nas.Snapshot) { s.Best, s.Top = nil, nil },
		func(s *nas.Snapshot) {
			s.Top = []nas.TrialView{{ID: 1, Origin: nas.Origin{Genotype: cell(t, 7),
				Retrain: &nas.RetrainSpec{Seed: 1 << 63}}}}
			s.Best = &s.Top[0]
		},
	}
	for range 300 {
		before := c.Snapshot()
		was := asJSON(t, before)
		s := e.publish(changes[r.IntN(len(changes))])
		want := asJSON(t, s)
		await(t, c, "the change", func() bool { return c.Snapshot().Version >= s.Version })
		if got := asJSON(t, c.Snapshot()); got != want {
			t.Fatalf("the client has\n%s\nthe engine\n%s", got, want)
		}
		if asJSON(t, before) != was {
			t.Fatal("a snapshot changed after it was handed out")
		}
	}
}

func TestALineHasOnlyWhatChanged(t *testing.T) {
	e, dir, _ := start(t, remote.Options{})
	e.publish(func(s *nas.Snapshot) {
		for i := range 200 {
			s.Top = append(s.Top[:len(s.Top):len(s.Top)],
				nas.TrialView{ID: i, Origin: nas.Origin{Genotype: cell(t, uint64(i))},
					Training: nas.Training{Curve: make([]child.EpochResult, 20)}})
		}
	})
	conn, lines := rawStream(t, dir, "")
	defer conn.Close()
	next := func() (int, map[string]json.RawMessage) {
		t.Helper()
		b, err := lines.ReadBytes('\n')
		if err != nil {
			t.Fatal(err)
		}
		var l struct {
			T        string
			Snapshot map[string]json.RawMessage
		}
		if err := json.Unmarshal(b, &l); err != nil || l.T != "snapshot" {
			t.Fatalf("%v: %s", err, b)
		}
		return len(b), l.Snapshot
	}
	whole, fields := next()
	for _, f := range reflect.VisibleFields(reflect.TypeFor[nas.Snapshot]()) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); !f.Anonymous && fields[name] == nil {
			t.Errorf("the first line lacks %s", name)
		}
	}
	e.publish(func(s *nas.Snapshot) {
		s.Elapsed += time.Second
		s.Events = slices.Clone(s.Events) // another array with the same events
	})
	small, fields := next()
	if got := slices.Sorted(maps.Keys(fields)); !slices.Equal(got, []string{"elapsed", "version"}) || small > 500 {
		t.Errorf("after one changed field the line has %d bytes and the fields %v", small, got)
	}
	t.Logf("the first line has %d bytes, one about a second more %d", whole, small)
}

// rawStream requests the stream by hand and returns the lines of the answer's body, without the chunk sizes.
func rawStream(t testing.TB, dir, header string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("unix", filepath.Join(dir, remote.SocketName))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET /v1/stream HTTP/1.1\r\nHost: x\r\n%s\r\n", header)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return conn, bufio.NewReader(resp.Body)
}

func TestOneSteersAndTheOthersLookOn(t *testing.T) {
	e, dir, s := start(t, remote.Options{})
	first := dial(t, dir, remote.Steer, "pts/1")
	second := dial(t, dir, remote.Steer, "pts/2\x1b\u009b[2J")
	look := dial(t, dir, remote.Watch, "pts/3")
	pause := nas.Command{Do: nas.Pause}

	if c := first.Control(); !c.Mine || c.ReadOnly {
		t.Errorf("the first has %+v", c)
	}
	await(t, first, "two viewers", func() bool { return first.Control().Viewers == 2 })
	for _, v := range []*remote.Client{second, look} {
		if c := v.Control(); c.Mine || c.Holder.TTY != "pts/1" || c.Holder.PID != os.Getpid() ||
			c.Holder.Since.IsZero() {
			t.Errorf("a viewer sees %+v", c)
		}
	}
	if r, err := first.Do(t.Context(), pause); err != nil || r.Message != "did pause" {
		t.Errorf("%+v, %v", r, err)
	}
	_, err := second.Do(t.Context(), pause)
	if !errors.Is(err, remote.ErrControl) || !strings.Contains(err.Error(),
		fmt.Sprintf("process %d on pts/1 has had it since", os.Getpid())) {
		t.Errorf("a viewer's command: %v", err)
	}

	// After a takeover both screens see it, and commands of the old holder are refused.
	if err := second.TakeControl(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !second.Control().Mine {
		t.Error("the screen that took control does not have it")
	}
	me := fmt.Sprintf("process %d", os.Getpid())
	e.awaitTold(t, nas.ScreenAttached, me+" on pts/1 is attached and has control")
	e.awaitTold(t, nas.ScreenAttached, me+" on pts/3 is attached and watches")
	e.awaitTold(t, nas.ControlTaken, me+" on pts/2[2J has control, taken from "+me+" on pts/1")
	await(t, first, "the loss", func() bool { c := first.Control(); return !c.Mine && c.Holder.TTY == "pts/2[2J" })
	if _, err := first.Do(t.Context(), pause); !errors.Is(err, remote.ErrControl) {
		t.Errorf("the screen that lost control: %v", err)
	}
	if _, err := second.Do(t.Context(), nas.Command{Do: nas.SetWorkers, N: 3}); err != nil {
		t.Error(err)
	}

	// When the holder leaves, control is free. The next command gets it, but not from a screen that only watches.
	second.Close()
	awaitSeats(t, s, 2)
	e.awaitTold(t, nas.ScreenLeft, me+" on pts/2")
	await(t, look, "nobody", func() bool { return look.Control().Holder == nas.Holder{} })
	if _, err := look.Do(t.Context(), pause); !errors.Is(err, remote.ErrControl) ||
		!strings.Contains(err.Error(), "only watches") {
		t.Errorf("a screen that only watches: %v", err)
	}
	if _, err := first.Do(t.Context(), pause); err != nil {
		t.Error(err)
	}
	if err := look.TakeControl(t.Context()); err != nil || !look.Control().Mine {
		t.Errorf("taking control must end watching: %v, %+v", err, look.Control())
	}

	// A command without a seat is always carried out.
	if _, err := remote.Do(t.Context(), dir, remote.Visitor{},
		nas.Command{Do: nas.Note, Trial: 3, Text: "x"}); err != nil {
		t.Error(err)
	}
	var from []string
	for _, c := range e.commands() {
		from = append(from, string(c.Do)+" by "+c.From)
	}
	want := []string{"pause by screen of " + me + " on pts/1", "workers by screen of " + me + " on pts/2[2J",
		"pause by screen of " + me + " on pts/1", "note by command of " + me}
	if !slices.Equal(from, want) {
		t.Errorf("the engine got %q, want %q", from, want)
	}
}

func TestTheProgramsOwnScreenIsASeatLikeAnyOther(t *testing.T) {
	e, dir, s := start(t, remote.Options{})
	var own nas.Shared = s.Screen("tty1")
	if c := own.Control(); !c.Mine {
		t.Errorf("%+v", c)
	}
	c := dial(t, dir, remote.Take, "pts/1")
	if !c.Control().Mine || own.Control().Mine || own.Control().Holder.TTY != "pts/1" {
		t.Errorf("taken at the start: %+v, %+v", c.Control(), own.Control())
	}
	if _, err := own.Do(t.Context(), nas.Command{Do: nas.Pause}); !errors.Is(err, remote.ErrControl) {
		t.Error(err)
	}
	if err := own.TakeControl(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r, err := own.Do(t.Context(), nas.Command{Do: nas.Pause}); err != nil || r.Message != "did pause" ||
		e.commands()[0].From != "" {
		t.Errorf("%+v, %v", r, err)
	}
	v := e.publish(func(s *nas.Snapshot) { s.Workers = 9 })
	await(t, own, "a snapshot", func() bool { return own.Snapshot().Version == v.Version })
	s.Screen("tty2").Leave()
	own.(*remote.Screen).Leave()
	awaitSeats(t, s, 1)
	if n, steered := s.Attached(); n != 1 || steered {
		t.Errorf("%d seats, steered %v", n, steered)
	}
}

func TestEveryScreenIsToldOfTheEnd(t *testing.T) {
	e, dir, s := start(t, remote.Options{Every: time.Hour}) // the end does not wait for the pace
	c := dial(t, dir, remote.Steer, "pts/1")
	e.publish(func(s *nas.Snapshot) { s.Finished, s.State = 200, nas.Done })
	if err := s.Close("the search has ended"); err != nil {
		t.Error(err)
	}
	<-c.Ended()
	v := c.Snapshot()
	if v.State != nas.Done || v.Finished != 200 || len(v.Running) != 0 || v.Reason != "the search has ended" ||
		c.Control().Lost != "the search has ended" {
		t.Errorf("the last snapshot: state %s, %d finished, reason %q, lost %q", v.State, v.Finished, v.Reason,
			c.Control().Lost)
	}
	for what, err := range map[string]error{"take": c.TakeControl(t.Context()),
		"do": func() error { _, err := c.Do(t.Context(), nas.Command{Do: nas.Pause}); return err }()} {
		if !errors.Is(err, nas.ErrClosed) {
			t.Errorf("%s after the end: %v", what, err)
		}
	}
	if _, err := remote.Dial(t.Context(), dir, remote.Steer, remote.Visitor{}); !errors.Is(err, remote.ErrNotRunning) {
		t.Errorf("dial after the end: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(dir, remote.SocketName)); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestAnEngineThatHasEndedSaysSo(t *testing.T) {
	e, dir, _ := start(t, remote.Options{})
	e.fail = nas.ErrClosed
	c := dial(t, dir, remote.Steer, "")
	if _, err := c.Do(t.Context(), nas.Command{Do: nas.Pause}); !errors.Is(err, nas.ErrClosed) {
		t.Error(err)
	}
	e.fail = errors.New("this run has no trial 7")
	if _, err := c.Do(t.Context(), nas.Command{Do: nas.Star, Trial: 7}); err == nil || err.Error() != e.fail.Error() {
		t.Error(err)
	}
}

// A server that dies in the middle of a line.
func TestAProgramThatDiesDiffersFromOneThatEnds(t *testing.T) {
	before := runtime.NumGoroutine()
	defer noLeak(t, before)
	dir := shortTemp(t)
	e := newEngine(t)
	die := make(chan struct{})
	stop := pretend(t, dir, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Nasnet-Protocol", fmt.Sprint(remote.Protocol))
		fmt.Fprintf(w, `{"t":"snapshot","protocol":%d,"pid":4711,"seat":"x","snapshot":%s,"control":{"mine":true}}`+
			"\n", remote.Protocol, asJSON(t, e.Snapshot()))
		io.WriteString(w, `{"t":"snap`)
		w.(http.Flusher).Flush()
		<-die
		panic(http.ErrAbortHandler)
	})
	defer stop()
	c := dial(t, dir, remote.Steer, "")
	if c.Snapshot().State != nas.Running || !c.Control().Mine {
		t.Fatalf("%+v", c.Control())
	}
	close(die)
	<-c.Ended()
	if v := c.Snapshot(); v.State != nas.Stopped || !strings.Contains(v.Reason, "process 4711") || c.Control().Mine {
		t.Errorf("state %s, reason %q, control %+v", v.State, v.Reason, c.Control())
	}
}

// pretend serves the socket with the test's own handler.
func pretend(t testing.TB, dir string, h http.HandlerFunc) (stop func()) {
	l, err := net.Listen("unix", filepath.Join(dir, remote.SocketName))
	if err != nil {
		t.Fatal(err)
	}
	s := http.Server{Handler: h}
	ended := make(chan struct{})
	go func() { s.Serve(l); close(ended) }()
	return func() { s.Close(); <-ended }
}

func TestProgramsOfOtherVersionsRefuseEachOther(t *testing.T) {
	_, dir, _ := start(t, remote.Options{})
	for _, r := range []struct{ name, request, says string }{
		{"a newer client", "GET /v1/status HTTP/1.1\r\nHost: x\r\nNasnet-Protocol: 2\r\nUser-Agent: nasnet 9\r\n\r\n",
			`(nasnet 9) speaks protocol 2, this program 1`},
		{"nonsense", "GET /v1/status HTTP/1.1\r\nHost: x\r\nNasnet-Protocol: \x01\xff\r\n\r\n", "400"},
		{"a newer path", "POST /v2/do HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
			"has no POST /v2/do"},
		{"no version, as with curl", "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n", `"run":"a"`},
	} {
		if got := speak(t, dir, r.request); !strings.Contains(got, r.says) {
			t.Errorf("%s gets %q, want %q", r.name, got, r.says)
		}
	}
	for _, header := range []string{"2", "", "x"} {
		dir := shortTemp(t)
		stop := pretend(t, dir, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Nasnet-Protocol", header)
			w.Header().Set("Server", "nasnet 9")
		})
		_, err := remote.Dial(t.Context(), dir, remote.Steer, remote.Visitor{})
		if !errors.Is(err, remote.ErrProtocol) || !strings.Contains(err.Error(), "(nasnet 9) speaks protocol") {
			t.Errorf("a server of protocol %q: %v", header, err)
		}
		stop()
	}
}

// speak sends bytes and returns what comes back, until the other side closes or has answered once.
func speak(t testing.TB, dir, request string) string {
	t.Helper()
	conn, err := net.Dial("unix", filepath.Join(dir, remote.SocketName))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	io.WriteString(conn, request)
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return err.Error()
	}
	b, _ := io.ReadAll(resp.Body)
	return resp.Status + " " + string(b)
}

func TestRequestsAreLimited(t *testing.T) {
	e, dir, _ := start(t, remote.Options{})
	post := func(body string) string {
		return speak(t, dir, fmt.Sprintf("POST /v1/do HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s",
			len(body), body))
	}
	for _, r := range []struct{ name, body, says string }{
		{"too large", `{"do":"note","text":"` + strings.Repeat("x", 200<<10) + `"}`, "more than 131072 bytes"},
		{"not JSON", "pause", "command: invalid character"},
		{"nothing", "", "command: unexpected end of JSON input"},
		{"an unknown field", `{"do":"pause","twice":true}`, `unknown field \"twice\"`},
		{"two commands", `{"do":"pause"}{"do":"stop"}`, "after top-level value"},
		{"a bracket after it", `{"do":"pause"}]`, "after top-level value"},
		{"a field twice", `{"do":"pause","Do":"stop"}`, `Do\" occurs twice`},
		{"who asks, made up", `{"do":"pause","From":"root"}`, `unknown field \"From\"`},
	} {
		if got := post(r.body); !strings.Contains(got, r.says) || !strings.HasPrefix(got, "4") {
			t.Errorf("%s: %q, want %q", r.name, got, r.says)
		}
	}
	if got := speak(t, dir, "GET /v1/status HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("y", 64<<10)+
		"\r\n\r\n"); !strings.HasPrefix(got, "431") {
		t.Errorf("a header of 64 kB: %q", got)
	}
	if n := len(e.commands()); n != 0 {
		t.Errorf("%d commands were carried out", n)
	}
	refused := false
	for range 5000 {
		if got := post(`{"do":"note","trial":1}`); strings.HasPrefix(got, "429") &&
			strings.Contains(got, "too many requests") {
			refused = true
			break
		}
	}
	if !refused {
		t.Error("5000 requests in a row were all accepted")
	}
	if n := len(e.commands()); n > 1000 {
		t.Errorf("%d commands were carried out", n)
	}
}

// Many commands of one client, such as the trainings of a ladder, are all carried out, however few requests the server
// accepts at a time.
func TestManyCommandsOfAClientAreCarriedOut(t *testing.T) {
	e, dir, _ := start(t, remote.Options{})
	c := dial(t, dir, remote.Steer, "")
	for i := range 130 {
		if _, err := c.Do(t.Context(), nas.Command{Do: nas.Star, Trial: i}); err != nil {
			t.Fatalf("command %d: %v", i, err)
		}
	}
	if n := len(e.commands()); n != 130 {
		t.Errorf("%d commands were carried out", n)
	}
}

func TestConnectionsAreLimited(t *testing.T) {
	_, dir, _ := start(t, remote.Options{})
	var conns []net.Conn
	for range 64 {
		c, err := net.Dial("unix", filepath.Join(dir, remote.SocketName))
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	if _, err := remote.Look(t.Context(), dir, remote.Visitor{}); !errors.Is(err, remote.ErrBusy) {
		t.Errorf("with 64 connections open: %v", err)
	}
	for _, c := range conns {
		c.Close()
	}
	for end := time.Now().Add(patience); ; runtime.Gosched() {
		if _, err := remote.Look(t.Context(), dir, remote.Visitor{}); err == nil {
			break
		} else if !errors.Is(err, remote.ErrBusy) || time.Now().After(end) {
			t.Fatalf("when they are closed: %v", err)
		}
	}
}

func TestNoCommandNamesAPath(t *testing.T) {
	e, dir, _ := start(t, remote.Options{DataSets: []string{"cifar10"}})
	own := e.Snapshot().Config.Data
	retrain := func(name, dir string) nas.Command {
		return nas.Command{Do: nas.Retrain, Retrain: &nas.RetrainSpec{Data: nas.DataSpec{Name: name, Dir: dir}}}
	}
	fork := func(name string) nas.Command {
		return nas.Command{Do: nas.Fork, Fork: &nas.ForkSpec{At: -1, Name: name}}
	}
	for _, r := range []struct {
		c    nas.Command
		says string
	}{
		{fork("../x"), `name "../x"`},
		{fork("/etc/x"), `name "/etc/x"`},
		{fork("a/b"), `name "a/b"`},
		{fork("..\x00"), "name"},
		{fork("good-1"), ""},
		{fork(""), ""},
		{retrain("/etc", ""), `data "/etc"`},
		{retrain("../images", ""), `data "../images"`},
		{retrain("cifar10", "/etc"), `data folder "/etc"`},
		{retrain(own, "/etc"), `data folder "/etc"`},
		{retrain("cifar10", ""), ""},
		{retrain(own, ""), ""},
	} {
		before := len(e.commands())
		_, err := remote.Do(t.Context(), dir, remote.Visitor{}, r.c)
		if r.says == "" {
			if err != nil || len(e.commands()) != before+1 {
				t.Errorf("%s: %v", asJSON(t, r.c), err)
			}
		} else if err == nil || !strings.Contains(err.Error(), r.says) || len(e.commands()) != before {
			t.Errorf("%s: %v, want %q", asJSON(t, r.c), err, r.says)
		}
	}
}

// A reader that stops reading delays neither the engine nor other readers, and misses what it did not read.
func TestASlowReaderDelaysNobody(t *testing.T) {
	e, dir, s := start(t, remote.Options{Patience: 5 * time.Second})
	conn, _ := rawStream(t, dir, "")
	defer conn.Close()
	awaitSeats(t, s, 1)
	quick := dial(t, dir, remote.Watch, "")
	longest := time.Duration(0)
	var last *nas.Snapshot
	big := strings.Repeat("x", 1<<20) // several times what a socket holds
	for i := range 200 {
		from := time.Now()
		last = e.publish(func(s *nas.Snapshot) { s.Reason = fmt.Sprint(i, big) })
		longest = max(longest, time.Since(from))
	}
	await(t, quick, "the last snapshot", func() bool { return quick.Snapshot().Reason == last.Reason })
	if longest > 4*time.Second { // waiting for the reader would take the whole patience
		t.Errorf("the engine waited %v to publish", longest)
	}
	t.Logf("longest publication %v", longest)
	awaitSeats(t, s, 1) // the slow reader is disconnected after the patience; the quick one stays
	await(t, quick, "control after the slow reader was disconnected",
		func() bool { return quick.Control().Holder == nas.Holder{} })
}

func TestASlowReaderGetsTheNewest(t *testing.T) {
	e, dir, s := start(t, remote.Options{})
	conn, lines := rawStream(t, dir, "")
	defer conn.Close()
	awaitSeats(t, s, 1)
	big := strings.Repeat("x", 1<<20)
	var last *nas.Snapshot
	for i := range 500 {
		last = e.publish(func(s *nas.Snapshot) { s.Finished, s.Reason = i, fmt.Sprint(i, big) })
	}
	for n := 1; ; n++ {
		b, err := lines.ReadBytes('\n')
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), fmt.Sprintf(`"finished":%d,`, last.Finished)) ||
			strings.Contains(string(b), fmt.Sprintf(`"finished":%d}`, last.Finished)) {
			t.Logf("the newest of 500 snapshots is line %d", n)
			if n > 50 {
				t.Errorf("%d lines were queued", n)
			}
			return
		}
	}
}

func TestALeftSeatIsFree(t *testing.T) {
	_, dir, s := start(t, remote.Options{})
	conn, lines := rawStream(t, dir, "Nasnet-Tty: pts/9\r\n")
	if _, err := lines.ReadBytes('\n'); err != nil {
		t.Fatal(err)
	}
	if n, steered := s.Attached(); n != 1 || !steered {
		t.Fatalf("%d seats, steered %v", n, steered)
	}
	conn.Close() // as after kill -9
	awaitSeats(t, s, 0)
}

func TestASocketOfADeadProgramIsReplaced(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Cleanup(func() { noLeak(t, before) })
	dir := shortTemp(t)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, remote.SocketName), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if err := os.WriteFile(filepath.Join(dir, remote.SocketName+".new"), nil, 0o600); err != nil {
		t.Fatal(err) // as after a program died between two system calls
	}
	if _, err := remote.Look(t.Context(), dir, remote.Visitor{}); !errors.Is(err, remote.ErrNotRunning) {
		t.Errorf("a socket on which nobody listens: %v", err)
	}
	serve(t, dir, newEngine(t), remote.Options{})
	if s, err := remote.Look(t.Context(), dir, remote.Visitor{}); err != nil || s.Name != "a" || s.PID != os.Getpid() {
		t.Errorf("%+v, %v", s, err)
	}
	fi, err := os.Lstat(filepath.Join(dir, remote.SocketName))
	if err != nil || fi.Mode() != os.ModeSocket|0o600 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
	for _, other := range []string{"file", "no/such/folder"} {
		dir := filepath.Join(shortTemp(t), other)
		if other == "file" {
			os.Mkdir(dir, 0o700)
			os.WriteFile(filepath.Join(dir, remote.SocketName), []byte("x"), 0o600)
		}
		if _, err := remote.Look(t.Context(), dir, remote.Visitor{}); !errors.Is(err, remote.ErrNotRunning) {
			t.Errorf("%s: %v", other, err)
		}
	}
}

func TestPathsOfAnyLength(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has a way around the length of a socket's address")
	}
	before := runtime.NumGoroutine()
	t.Cleanup(func() { noLeak(t, before) })
	root := shortTemp(t)
	for _, n := range []int{90, 94, 95, 96, 97, 98, 107, 108, 109, 200, 255, 1000, 3000} {
		dir := root
		for len(dir) < n {
			dir += "/" + strings.Repeat("d", min(200, max(1, n-len(dir)-1)))
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if _, err := remote.Look(t.Context(), dir, remote.Visitor{}); !errors.Is(err, remote.ErrNotRunning) {
			t.Errorf("%d bytes, before: %v", len(dir), err)
		}
		s := serve(t, dir, newEngine(t), remote.Options{})
		if st, err := remote.Look(t.Context(), dir, remote.Visitor{}); err != nil || st.Name != "a" {
			t.Errorf("a folder of %d bytes: %v", len(dir), err)
		}
		if err := s.Close("over"); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(filepath.Join(dir, remote.SocketName)); !os.IsNotExist(err) {
			t.Errorf("%d bytes: the socket is still there", len(dir))
		}
	}
}

func TestAFolderThatCannotBeWritten(t *testing.T) {
	if _, err := remote.Serve(filepath.Join(shortTemp(t), "nosuch"), newEngine(t), remote.Options{}); err == nil {
		t.Error("served from a folder that does not exist")
	}
}

func TestDialGivesUpWithItsContext(t *testing.T) {
	before := runtime.NumGoroutine()
	defer noLeak(t, before)
	dir := shortTemp(t)
	asked := make(chan struct{}, 1)
	hold := make(chan struct{})
	stop := pretend(t, dir, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Nasnet-Protocol", fmt.Sprint(remote.Protocol))
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		asked <- struct{}{}
		<-hold
	})
	defer stop()
	defer close(hold)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if _, err := remote.Dial(ctx, dir, remote.Steer, remote.Visitor{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// With a real search, what a client sees at the end equals what is stored.
func TestARealSearchIsSeenToItsEnd(t *testing.T) {
	before := runtime.NumGoroutine()
	defer noLeak(t, before)
	c, err := nas.PresetNamed("quick")
	if err != nil {
		t.Fatal(err)
	}
	c.Name, c.Children, c.Batch, c.Controller.Strategy = "real", 20, 10, "random"
	dir := filepath.Join(shortTemp(t), "real")
	search, err := search.Create(dir, c, "", search.Options{Evaluator: fake.Evaluator{Steps: 2}, StayOpen: true,
		Workers: 2, Every: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer search.Close()
	ran := make(chan error, 1)
	go func() { ran <- search.Run(t.Context()) }()
	server, err := remote.Serve(dir, search, remote.Options{Every: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(dir); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("the folder's mode is %v, %v", fi.Mode(), err)
	}
	a := dial(t, dir, remote.Steer, "pts/1")
	await(t, a, "the end", func() bool { return a.Snapshot().State == nas.Done })
	// Commands from outside are handled like all others, and the log says who sent them.
	if _, err := remote.Do(t.Context(), dir, remote.Visitor{},
		nas.Command{Do: nas.Note, Trial: 3, Text: "from a script"}); err != nil {
		t.Error(err)
	}
	await(t, a, "the note's event", func() bool {
		return slices.ContainsFunc(a.Snapshot().Events, func(e nas.Event) bool {
			from, _ := e.Data["from"].(string)
			return e.Kind == nas.UserCommand && strings.HasPrefix(from, "command of process")
		})
	})
	await(t, a, "that it is attached", func() bool {
		return slices.ContainsFunc(a.Snapshot().Events, func(e nas.Event) bool { return e.Kind == nas.ScreenAttached })
	})
	if _, err := a.Do(t.Context(), nas.Command{Do: nas.Stop}); err != nil {
		t.Error(err)
	}
	if err := <-ran; err != nil {
		t.Error(err)
	}
	if err := server.Close("it has ended"); err != nil {
		t.Error(err)
	}
	<-a.Ended()
	got, want := *a.Snapshot(), *search.Snapshot()
	got.Version, got.Reason = want.Version, want.Reason
	if asJSON(t, got) != asJSON(t, want) {
		t.Errorf("the client ends with\n%s\nthe search with\n%s", asJSON(t, got), asJSON(t, want))
	}
	a.Close()
}
