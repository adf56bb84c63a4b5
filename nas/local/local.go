// Package local trains children in the process of the search, in goroutines, with the kernels of this machine.
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

// Evaluator trains children, each on one thread, or on as many as its training has shards. All children share the
// pixels of a data set. It keeps the data set that it reads first, which is that of the search, those that are in use,
// and the one that was read last: a retrain may be on other images, which must not stay in memory for days.
type Evaluator struct {
	memory  *Memory   // nil: as much as there is
	buffers sync.Pool // of *child.Memory: they go from one child to the next

	mu    sync.Mutex // guards the maps and loading.users
	data  map[dataKey]*loading
	views map[nas.DataSpec]child.Data
}

type dataKey struct {
	name, dir string
	image     int
}

// loading is a data set that was read, or is read by the one who asked for it first.
type loading struct {
	over  chan struct{} // closed when it was read
	data  *dataset.Data
	err   error
	first bool         // it stays
	users int          // children that train on it
	signs atomic.Int64 // of life of the one who reads it
}

// memorySlack is how much more than it needs a child may take over from a larger one, in bytes: mapping pages anew
// takes time as well.
const memorySlack = 64 << 20

// latencySeconds is about how long the latency of a trained child is measured.
const latencySeconds = 0.1

// New returns an Evaluator with nothing loaded yet, whose children together take at most the memory given; nil is no
// limit.
func New(m *Memory) *Evaluator {
	return &Evaluator{memory: m, data: map[dataKey]*loading{}, views: map[nas.DataSpec]child.Data{}}
}

func keyOf(s nas.DataSpec) dataKey { return dataKey{s.Name, s.Dir, s.Image} }

// load reads the data set of a spec, or returns it if it was read before.
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
		if !known { // without the lock: a large folder takes minutes, and the other children train on
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
		} // the one who read it may have been cancelled
	}
}

// forget drops the data sets that were read and that nobody uses, but the first. The caller holds the lock.
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

// wait returns when the data set was read, or with the cause of ctx's end. A child that waits for what another one
// reads gives signs of life as long as the reader does, which may hang in the file system for ever.
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

// Prepare loads the data set of a config before anything else happens, and fixes the settings that come from the data:
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

// rename lets images that were read at the side that they have be found by that side, as children ask for them.
func (e *Evaluator) rename(from, to nas.DataSpec) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if x := e.data[keyOf(from)]; x != nil && e.data[keyOf(to)] == nil {
		delete(e.data, keyOf(from))
		delete(e.views, from)
		e.data[keyOf(to)] = x
	}
}

// Views returns the images that a child of the spec trains on and is judged on, with the data set they come from.
func (e *Evaluator) Views(ctx context.Context, s nas.DataSpec) (child.Data, *dataset.Data, error) {
	v, x, err := e.use(ctx, s)
	if err != nil {
		return child.Data{}, nil, err
	}
	e.leave(x)
	return v, x.data, nil
}

// use is Views for a child that trains on the images until it calls leave.
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
		if e.data[keyOf(s)] == x { // and was not dropped a moment ago
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

// viewsOf divides a data set as a spec says.
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
	if m == nil || m.Bytes() > t.Bytes()+memorySlack { // what a larger child left would be more than this one was given
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

// netFor is the network of a job on its data.
func netFor(net child.NetConfig, d *dataset.Data) child.NetConfig {
	net.Image, net.Channels, net.Classes = d.Train.H, d.Train.C, len(d.Info.Classes)
	return net
}
