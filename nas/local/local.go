// Package local trains children in goroutines of the search's own process, with the kernels of this machine.
package local

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"nasnet/dataset"
	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/rng"
)

// Evaluator trains children, each on one thread, or on one thread per shard of its training. All children share the
// pixels of a data set. It keeps three kinds of data sets in memory: the first it read (the search's), those in use,
// and the last it read. Retrains may use other images, which must not stay in memory for days.
type Evaluator struct {
	memory  *Memory   // nil: no limit
	buffers sync.Pool // of *child.Buffers, passed from one child to the next

	mu    sync.Mutex // guards the maps and loading.users
	data  map[dataKey]*loading
	views map[nas.DataSpec]child.Data
}

type dataKey struct {
	name, dir string
	image     int
}

// loading is a data set that has been read, or that the first goroutine that asked for it is reading.
type loading struct {
	over  chan struct{} // closed when it has been read
	data  *dataset.Data
	err   error
	first bool         // read first: it stays in memory
	users int          // children that train on it
	signs atomic.Int64 // of life from its reader
}

// memorySlack is how much larger than needed the buffers may be that a child takes over from a larger one, in bytes:
// allocating fresh pages takes time too.
const memorySlack = 64 << 20

// latencySeconds is the approximate time spent on measuring the latency of a trained child.
const latencySeconds = 0.1

// New returns an Evaluator with nothing loaded yet. Its children share m; nil means no limit.
func New(m *Memory) *Evaluator {
	return &Evaluator{memory: m, data: map[dataKey]*loading{}, views: map[nas.DataSpec]child.Data{}}
}

func keyOf(s nas.DataSpec) dataKey { return dataKey{s.Name, s.Dir, s.Image} }

// load returns the data set of a spec. It reads it unless it has been read before.
func (e *Evaluator) load(ctx context.Context, s nas.DataSpec) (*loading, error) {
	k := keyOf(s)
	for {
		e.mu.Lock()
		x, known := e.data[k]
		if !known {
			x = &loading{over: make(chan struct{}), first: len(e.data) == 0}
			e.forget()
			e.data[k] = x
		}
		e.mu.Unlock()
		if !known { // without the lock: a large folder takes minutes, and other children keep training
			if x.data, x.err = dataset.Load(nas.WithBeat(ctx, func() { x.signs.Add(1) }), s.Name,
				dataset.Options{Dir: s.Dir, Image: s.Image}); x.err != nil {
				e.mu.Lock()
				delete(e.data, k)
				e.mu.Unlock()
			}
			close(x.over)
			return x, x.err
		}
		if err := x.wait(ctx); err != nil {
			return nil, err
		}
		if x.err == nil {
			return x, nil
		} // its reader may have been cancelled: try again
	}
}

// forget drops the data sets that nobody uses, except the first. The caller holds the lock.
func (e *Evaluator) forget() {
	maps.DeleteFunc(e.data, func(_ dataKey, x *loading) bool {
		select {
		case <-x.over:
			return !x.first && x.users == 0
		default:
			return false
		}
	})
	maps.DeleteFunc(e.views, func(s nas.DataSpec, _ child.Data) bool { return e.data[keyOf(s)] == nil })
}

// wait returns when the data set has been read, or with the cause of ctx's end. While it waits it gives signs of life
// only as long as the reader does, because the reader may hang in the file system forever.
func (x *loading) wait(ctx context.Context) error {
	looks := time.NewTicker(time.Second)
	defer looks.Stop()
	for seen := x.signs.Load(); ; {
		select {
		case <-x.over:
			return nil
		case <-looks.C:
			if now := x.signs.Load(); now != seen {
				seen = now
				_ = ctx.Err() // the sign
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Prepare loads the data set of a config before anything else happens, and sets in the config what the data decide:
// channels, classes and, if the config names none, the side of the images.
func (e *Evaluator) Prepare(ctx context.Context, c *nas.Config) (*dataset.Data, error) {
	_, d, err := e.Views(ctx, c.DataSpec())
	if err != nil {
		return nil, err
	}
	asked := c.DataSpec()
	c.Net.Image, c.Net.Channels, c.Net.Classes = d.Train.H, d.Train.C, len(d.Info.Classes)
	e.rename(asked, c.DataSpec())
	return d, nil
}

// rename makes images that were read at their own side findable under that side, because children name it.
func (e *Evaluator) rename(from, to nas.DataSpec) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if x := e.data[keyOf(from)]; x != nil && e.data[keyOf(to)] == nil {
		delete(e.data, keyOf(from))
		delete(e.views, from)
		e.data[keyOf(to)] = x
	}
}

// Views returns the images that a child is trained and judged on, with the data set they come from.
func (e *Evaluator) Views(ctx context.Context, s nas.DataSpec) (child.Data, *dataset.Data, error) {
	v, x, err := e.use(ctx, s)
	if err != nil {
		return child.Data{}, nil, err
	}
	e.leave(x)
	return v, x.data, nil
}

// use is Views for a child that uses the images until it calls leave.
func (e *Evaluator) use(ctx context.Context, s nas.DataSpec) (v child.Data, x *loading, err error) {
	if x, err = e.load(ctx, s); err != nil {
		return v, nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	v, known := e.views[s]
	if !known {
		if v, err = viewsOf(x.data, s); err != nil {
			return v, nil, err
		}
		if e.data[keyOf(s)] == x { // forget may have just dropped it
			e.views[s] = v
		}
	}
	x.users++
	return v, x, nil
}

func (e *Evaluator) leave(x *loading) {
	e.mu.Lock()
	defer e.mu.Unlock()
	x.users--
}

// viewsOf splits a data set as a spec says.
func viewsOf(d *dataset.Data, s nas.DataSpec) (v child.Data, err error) {
	if s.Test {
		if d.Test.N == 0 {
			return v, fmt.Errorf("data set %s has no test images", s.Name)
		}
		v.Train, v.Val = d.TrainView(), d.TestView()
	} else if v.Train, v.Val, err = d.Split(rng.Stream(s.Seed, "split"), s.TrainImages, s.ValImages); err != nil {
		return v, err
	}
	v.Name, v.ClassNames, v.SHA256 = d.Info.Name, d.Info.Classes, d.SHA256
	return v, nil
}

// Evaluate implements [nas.Evaluator].
func (e *Evaluator) Evaluate(ctx context.Context, j nas.Job, report func(nas.Step) error) (nas.Outcome, error) {
	v, images, err := e.use(ctx, j.Data)
	if err != nil {
		return nas.Outcome{}, err
	}
	defer e.leave(images)
	d := images.data
	t, err := child.NewTrainer(j.Genotype, netFor(j.Net, d), j.Train, v, j.Seed, j.Streams()...)
	if err != nil {
		return nas.Outcome{}, err
	}
	if j.State != nil {
		if err := t.Restore(j.State); err != nil {
			return nas.Outcome{}, fmt.Errorf("%w: %w", nas.ErrState, err)
		}
	}
	m, _ := e.buffers.Get().(*child.Buffers)
	if m == nil || m.Bytes() > t.Bytes()+memorySlack { // a larger child's buffers would exceed what this one reserved
		m = new(child.Buffers)
	}
	defer e.buffers.Put(m)
	t.Use(m)
	r, err := t.Run(ctx, func(p child.Progress) error {
		s := nas.Step{Progress: p}
		if p.EpochEnd != nil {
			s.State = t.State
		}
		return report(s)
	})
	if err != nil {
		return nas.Outcome{Cost: r.Cost}, err
	}
	o := nas.Outcome{Reward: r.Reward, Cost: r.Cost, Seconds: r.Seconds}
	if j.Latency {
		if o.Latency, err = child.MeasureOne(j.Genotype, netFor(j.Net, d), latencySeconds); err != nil {
			return o, err
		}
	}
	if j.Keep {
		var b bytes.Buffer
		if err := t.Save(&b); err != nil {
			return o, err
		}
		o.Weights = b.Bytes()
	}
	return o, nil
}

// netFor returns the network of a job with the channels, classes and side of its data.
func netFor(net child.NetConfig, d *dataset.Data) child.NetConfig {
	net.Image, net.Channels, net.Classes = d.Train.H, d.Train.C, len(d.Info.Classes)
	return net
}
