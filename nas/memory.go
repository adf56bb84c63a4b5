package nas

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
)

// Memory is what the children in training may take together. Children wait until they fit, first come, first served, so that a large one is not
// overtaken for ever. Several searches of a process share one. It decides when a child trains, never what comes out, but for one that could never fit.
type Memory struct {
	limit int64 // bytes

	mu    sync.Mutex
	taken int64
	queue []*claim // in the order in which they came; the first does not fit yet
}

// claim is a child that waits.
type claim struct {
	bytes int64
	fits  chan struct{} // closed when it has its bytes
}

// NewMemory returns a Memory of so many bytes.
func NewMemory(limit int64) *Memory { return &Memory{limit: limit} }

// Limit returns the bytes that all children together may take.
func (m *Memory) Limit() int64 { return m.limit }

// MemoryError is the error of a child that takes more memory than there is for all children.
type MemoryError struct{ Wanted, Allowed int64 } // bytes

func (e *MemoryError) Error() string {
	return fmt.Sprintf("its training takes %s of memory; all children together may take %s", FormatBytes(e.Wanted), FormatBytes(e.Allowed))
}

// claim asks for bytes. The claim is granted at once or when others have given back what they hold.
func (m *Memory) claim(bytes int64) (*claim, error) {
	if bytes > m.limit {
		return nil, &MemoryError{bytes, m.limit}
	}
	c := &claim{bytes, make(chan struct{})}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.queue = append(m.queue, c)
	m.grant()
	return c, nil
}

// drop gives back what a claim holds, or ends its waiting.
func (m *Memory) drop(c *claim) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c.granted() {
		m.taken -= c.bytes
	} else {
		for i, x := range m.queue {
			if x == c {
				m.queue = append(m.queue[:i:i], m.queue[i+1:]...)
				break
			}
		}
	}
	m.grant()
}

// grant gives the first claims their bytes, as many as fit. The caller holds the lock.
func (m *Memory) grant() {
	for len(m.queue) > 0 && m.taken+m.queue[0].bytes <= m.limit {
		m.taken += m.queue[0].bytes
		close(m.queue[0].fits)
		m.queue = m.queue[1:]
	}
}

// Hold waits until so many bytes are free and takes them. What it returns gives them back. A [MemoryError] says that they could never be free.
func (m *Memory) Hold(ctx context.Context, bytes int64) (release func(), err error) {
	c, err := m.claim(bytes)
	if err != nil {
		return nil, err
	}
	return m.wait(ctx, c)
}

// wait returns when a claim is granted, or drops it at the end of ctx.
func (m *Memory) wait(ctx context.Context, c *claim) (release func(), err error) {
	select {
	case <-c.fits:
		return func() { m.drop(c) }, nil
	case <-ctx.Done():
		m.drop(c)
		return nil, context.Cause(ctx)
	}
}

func (c *claim) granted() bool {
	select {
	case <-c.fits:
		return true
	default:
		return false
	}
}

// free returns the bytes that nobody holds.
func (m *Memory) free() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.limit - m.taken
}

// Sizer is an [Evaluator] that knows before a training how much memory it takes.
type Sizer interface {
	Bytes(ctx context.Context, j Job) (int64, error)
}

// reserve waits until there is memory for a child. What it returns gives the memory back; call it when the child holds nothing any more. It runs in the
// child's goroutine.
func (s *Search) reserve(ctx context.Context, t *trial, r *run, j Job) (release func(), err error) {
	sizer, ok := s.options.Evaluator.(Sizer)
	if !ok || s.options.Memory == nil {
		return func() {}, nil
	}
	bytes, err := sizer.Bytes(ctx, j)
	if err != nil {
		return nil, err
	}
	m := s.options.Memory
	c, err := m.claim(bytes)
	if err != nil {
		return nil, err
	}
	if !c.granted() {
		r.waits.Store(bytes)
		defer r.waits.Store(0)
		s.tell(ctx, func() {
			s.emit("info", "trial_waits", t.ID, map[string]any{"cell": t.Cell, "bytes": bytes, "free": m.free(), "limit": m.limit})
		})
	}
	return m.wait(ctx, c)
}

// tell lets the owner do something, from a child's goroutine, without waiting for its end.
func (s *Search) tell(ctx context.Context, f func()) {
	select {
	case s.inbox <- f:
	case <-ctx.Done():
	}
}

// memoryShare is the part of a machine's memory that children may take by themselves: the rest is for images, checkpoints under way, the garbage
// collector's slack and other programs.
const memoryShare = 0.75

// MachineMemory returns the memory that this process may use, in bytes: that of the machine or of its control group, and GOMEMLIMIT if that is less. 0 means
// that it cannot be known.
func MachineMemory() int64 {
	limit := systemMemory()
	if soft := debug.SetMemoryLimit(-1); soft < math.MaxInt64 && (limit == 0 || soft < limit) {
		limit = soft
	}
	return limit
}

// DefaultMemory returns what children may take when nobody says otherwise; 0 if it cannot be known.
func DefaultMemory() int64 { return int64(memoryShare * float64(MachineMemory())) }

var byteUnits = []struct {
	suffix string
	bytes  float64
}{{"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"T", 1 << 40}}

// ParseBytes reads an amount of memory: a number of bytes, or one with K, M, G or T for powers of 1024, as in 512M, 1.5G or 2GiB.
func ParseBytes(text string) (int64, error) {
	number, unit := strings.ToUpper(strings.TrimSpace(text)), 1.0
	number = strings.TrimSuffix(strings.TrimSuffix(number, "B"), "I")
	for _, u := range byteUnits {
		if n, ok := strings.CutSuffix(number, u.suffix); ok {
			number, unit = n, u.bytes
			break
		}
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || !(v >= 0) || v*unit >= math.MaxInt64 {
		return 0, errors.New("want an amount of memory like 512M, 1.5G or 2GiB")
	}
	return int64(v * unit), nil
}

// FormatBytes writes an amount of memory for people, as in 1.5 GiB.
func FormatBytes(n int64) string {
	text := fmt.Sprintf("%d bytes", n)
	for _, u := range byteUnits {
		if v := float64(n) / u.bytes; v >= 1 {
			text = fmt.Sprintf("%.4g %siB", math.Round(v*10)/10, u.suffix)
		}
	}
	return text
}
