package nn

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Clock adds up where the time of a program's runs goes. It is for benchmarks: it adds about 50 ns to each kernel call.
type Clock struct {
	kinds map[string]*OpTime
	parts map[string]time.Duration
}

// OpTime is the time of all ops of one kind; forward and gradients count separately: "conv", "conv dx", "conv dw".
type OpTime struct {
	Kind  string
	Calls int
	Time  time.Duration
}

// Measure makes every later run of the program add its times to the clock; nil stops that.
func (p *Program) Measure(c *Clock) { p.clock = c }

// Times returns the measured times, longest first.
func (c *Clock) Times() []OpTime {
	var ts []OpTime
	for _, t := range slices.SortedFunc(maps.Values(c.kinds), func(a, b *OpTime) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(a.Kind, b.Kind))
	}) {
		ts = append(ts, *t)
	}
	return ts
}

// Parts returns the time per part of the network; see [Graph.Part].
func (c *Clock) Parts() map[string]time.Duration { return maps.Clone(c.parts) }

func (c *Clock) exec(s *schedule) {
	if c.kinds == nil {
		c.kinds, c.parts = map[string]*OpTime{}, map[string]time.Duration{}
	}
	last := time.Now()
	for i := range s.ops {
		s.ops[i].do()
		now := time.Now()
		c.add(s.steps[i].label(), now.Sub(last))
		if b := s.steps[i].op; b != nil {
			c.parts[b.part] += now.Sub(last)
		}
		last = now
	}
}

func (c *Clock) add(kind string, d time.Duration) {
	t := c.kinds[kind]
	if t == nil {
		t = &OpTime{Kind: kind}
		c.kinds[kind] = t
	}
	t.Calls++
	t.Time += d
}

// label names the kind of a step.
func (st *step) label() string {
	switch st.kind {
	case stepAdd:
		return "sum of gradients"
	case stepCopy:
		return "copy"
	}
	return st.op.name
}
