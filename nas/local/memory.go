package local

import (
	"context"
	"fmt"
	"math"
	"runtime/debug"
	"sync"

	"nasnet/dataset"
	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/space"
)

// Memory is what the children in training may take together. Children wait until they fit, first come, first served, so
// that a large one is not overtaken for ever. Several searches of a process share one. It decides when a child trains,
// never what comes out, but for one that could never fit.
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

// NewMemory returns a Memory of so many bytes; nil, which is no limit, for 0.
func NewMemory(limit int64) *Memory {
	if limit <= 0 {
		return nil
	}
	return &Memory{limit: limit}
}

// claim asks for bytes. The claim is granted at once or when others have given back what they hold.
func (m *Memory) claim(bytes int64) (*claim, error) {
	if bytes > m.limit {
		return nil, &nas.MemoryError{Wanted: bytes, Allowed: m.limit}
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

// Hold takes so many bytes. If they are not free, it calls waits and waits. release gives them back. A
// [nas.MemoryError] says that they could never be free.
func (m *Memory) Hold(ctx context.Context, bytes int64, waits func(nas.Shortage)) (release func(), err error) {
	c, err := m.claim(bytes)
	if err != nil {
		return nil, err
	}
	if !c.granted() {
		waits(nas.Shortage{Wanted: bytes, Free: m.Free(), Limit: m.limit})
	}
	return m.wait(ctx, c)
}

// Free returns the bytes that nobody holds.
func (m *Memory) Free() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.limit - m.taken
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

// Reserve implements [nas.Reserver]. Without a Memory nothing is held.
func (e *Evaluator) Reserve(ctx context.Context, j nas.Job, waits func(nas.Shortage)) (release func(), err error) {
	if e.memory == nil {
		return func() {}, nil
	}
	bytes, err := e.bytes(ctx, j)
	if err != nil {
		return nil, err
	}
	return e.memory.Hold(ctx, bytes, waits)
}

// bytes is the memory that the training of a job takes.
func (e *Evaluator) bytes(ctx context.Context, j nas.Job) (int64, error) {
	if j.Alone { // its images may be others than those of the search, at any side
		if err := ImagesFit(j.Data, DefaultMemory()); err != nil {
			return 0, err
		}
	}
	_, d, err := e.Views(ctx, j.Data)
	if err != nil {
		return 0, err
	}
	return child.BytesOf(j.Genotype, netFor(j.Net, d), j.Train)
}

// Fits implements [nas.Reserver].
func (e *Evaluator) Fits(ctx context.Context, j nas.Job) error {
	if e.memory == nil {
		return nil
	}
	bytes, err := e.bytes(ctx, j)
	if err == nil && bytes > e.memory.limit {
		err = &nas.MemoryError{Wanted: bytes, Allowed: e.memory.limit}
	}
	return err
}

// FitsUnread implements [nas.Reserver].
func (e *Evaluator) FitsUnread(g space.Genotype, r nas.RetrainSpec) error {
	r, _ = r.Unread()
	if e.memory == nil || g.Validate() != nil || r.Net.Validate() != nil {
		return nil
	}
	limit := e.memory.limit
	if err := ImagesFit(r.Data, limit); err != nil {
		return err
	}
	if bytes, err := child.BytesOf(g, r.Net, r.Train); err == nil && bytes > limit {
		return &nas.MemoryError{Wanted: bytes, Allowed: limit}
	}
	return nil
}

// ImagesFit returns an error if the images of a published data set do not fit into so many bytes at the side that is
// asked for, before they are read. A limit of 0 is none.
func ImagesFit(s nas.DataSpec, limit int64) error {
	info, err := dataset.Lookup(s.Name)
	if err != nil || limit <= 0 {
		return nil // reading them says what is wrong
	}
	side := s.Image
	if side == 0 {
		side = info.Image
	}
	if bytes := int64(info.TrainImages+info.TestImages) * int64(side) * int64(side) *
		int64(info.Channels); bytes > limit {
		return fmt.Errorf("the images of %s at %d px take %s of memory, %s may be taken", s.Name, side,
			nas.FormatBytes(bytes), nas.FormatBytes(limit))
	}
	return nil
}

// memoryShare is the part of a machine's memory that children may take by themselves: the rest is for images,
// checkpoints under way, the garbage collector's slack and other programs.
const memoryShare = 0.75

// MachineMemory returns the memory that this process may use, in bytes: that of the machine or of its control group,
// and GOMEMLIMIT if that is less. 0 means that it cannot be known.
func MachineMemory() int64 {
	limit := systemMemory()
	if soft := debug.SetMemoryLimit(-1); soft < math.MaxInt64 && (limit == 0 || soft < limit) {
		limit = soft
	}
	return limit
}

// DefaultMemory returns what children may take when nobody says otherwise; 0 if it cannot be known.
func DefaultMemory() int64 { return int64(memoryShare * float64(MachineMemory())) }
