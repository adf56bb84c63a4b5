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

// Memory is the memory that all children in training share. Children wait until they fit, first come, first served, so
// that a large one is not overtaken forever. All searches of a process share one Memory. It decides when a child
// trains, but never its result, except that a child that can never fit fails.
type Memory struct {
	limit int64 // bytes

	mu    sync.Mutex
	taken int64
	queue []*claim // in order of arrival; the first does not fit yet
}

// claim is a child's request for memory.
type claim struct {
	bytes int64
	fits  chan struct{} // closed when the bytes are granted
}

// NewMemory returns a Memory of limit bytes; for 0 it returns nil, which means no limit.
func NewMemory(limit int64) *Memory {
	if limit <= 0 {
		return nil
	}
	return &Memory{limit: limit}
}

// claim asks for bytes. The claim is granted at once, or when other claims have been dropped.
func (m *Memory) claim(bytes int64) (*claim, error) {
	if err := Fit("training", bytes, m.limit); err != nil {
		return nil, err
	}
	c := &claim{bytes, make(chan struct{})}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.queue = append(m.queue, c)
	m.grant()
	return c, nil
}

// drop returns the bytes of a granted claim, or removes a waiting one.
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

// grant grants claims in order, as long as they fit. The caller holds the lock.
func (m *Memory) grant() {
	for len(m.queue) > 0 && m.taken+m.queue[0].bytes <= m.limit {
		m.taken += m.queue[0].bytes
		close(m.queue[0].fits)
		m.queue = m.queue[1:]
	}
}

// Hold reserves bytes until release is called. If they are not free, it calls waits, then waits. It returns a
// [nas.MemoryError] if they can never be free.
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

// Free returns the number of free bytes.
func (m *Memory) Free() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.limit - m.taken
}

// wait waits until a claim is granted; it drops the claim when ctx is done.
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

// Reserve implements [nas.Reserver]. Without a Memory it reserves nothing.
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

// bytes returns the memory that a job's training needs.
func (e *Evaluator) bytes(ctx context.Context, j nas.Job) (int64, error) {
	if j.Alone { // it may use other images than the search, of any size
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
	if err != nil {
		return err
	}
	return Fit("training", bytes, e.memory.limit)
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
	if bytes, err := child.BytesOf(g, r.Net, r.Train); err == nil {
		return Fit("training", bytes, limit)
	}
	return nil
}

// Fit returns a [nas.MemoryError] if the bytes that work needs exceed limit. A limit of 0 means none.
func Fit(work string, bytes, limit int64) error {
	if limit > 0 && bytes > limit {
		return &nas.MemoryError{Work: work, Wanted: bytes, Allowed: limit}
	}
	return nil
}

// ImagesFit returns an error if the images of a published data set, at the requested side, do not fit into limit bytes.
// It does not read them. A limit of 0 means none.
func ImagesFit(s nas.DataSpec, limit int64) error {
	info, err := dataset.Lookup(s.Name)
	if err != nil || limit <= 0 {
		return nil // reading the images will report what is wrong
	}
	side := s.Image
	if side == 0 {
		side = info.Image
	}
	if bytes := int64(info.TrainImages+info.TestImages) * int64(side) * int64(side) *
		int64(info.Channels); bytes > limit {
		return fmt.Errorf("the images of %s at %d px need %s of memory; they may use %s", s.Name, side,
			nas.FormatBytes(bytes), nas.FormatBytes(limit))
	}
	return nil
}

// memoryShare is the fraction of a machine's memory that children may use by default. The rest is for images, pending
// checkpoints, the garbage collector's slack and other programs.
const memoryShare = 0.75

// MachineMemory returns the memory that this process may use, in bytes: the least of the machine's memory, the limits
// of its control groups and GOMEMLIMIT. 0 means unknown.
func MachineMemory() int64 {
	limit := systemMemory()
	if soft := debug.SetMemoryLimit(-1); soft < math.MaxInt64 && (limit == 0 || soft < limit) {
		limit = soft
	}
	return limit
}

// DefaultMemory returns the bytes that children may use by default; 0 if unknown.
func DefaultMemory() int64 { return int64(memoryShare * float64(MachineMemory())) }
