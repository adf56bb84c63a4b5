package nas

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"nasnet/dataset"
	"nasnet/nas/child"
	"nasnet/nas/rng"
)

// Local trains children in this process, each on one thread, or on as many as its training has shards. It shares the pixels of a data set among all
// children. It keeps the data set that it reads first, which is that of the search, those that are in use, and the one that was read last: a retrain may
// be on other images, and those are not to stay in memory for days.
type Local struct {
	mu     sync.Mutex // guards the maps and loading.users
	data   map[dataKey]*loading
	views  map[DataSpec]child.Data
	memory sync.Pool // of *child.Memory: buffers go from one child to the next
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

// memorySlack is how much more than it needs a child may take over from a larger one, in bytes: mapping pages anew takes time as well.
const memorySlack = 64 << 20

// latencySeconds is about how long the latency of a trained child is measured.
const latencySeconds = 0.1

// NewLocal returns a Local with nothing loaded yet.
func NewLocal() *Local {
	return &Local{data: map[dataKey]*loading{}, views: map[DataSpec]child.Data{}}
}

func keyOf(s DataSpec) dataKey { return dataKey{s.Name, s.Dir, s.Image} }

// load reads the data set of a spec, or returns it if it was read before.
func (l *Local) load(ctx context.Context, s DataSpec) (*loading, error) {
	k := keyOf(s)
	for {
		l.mu.Lock()
		x, known := l.data[k]
		if !known {
			x = &loading{over: make(chan struct{}), first: len(l.data) == 0}
			l.forget()
			l.data[k] = x
		}
		l.mu.Unlock()
		if !known { // without the lock: a large folder takes minutes, and the other children train on
			if x.data, x.err = dataset.Load(pulse{ctx, func() { x.signs.Add(1) }}, s.Name, dataset.Options{Dir: s.Dir, Image: s.Image}); x.err != nil {
				l.mu.Lock()
				delete(l.data, k)
				l.mu.Unlock()
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
func (l *Local) forget() {
	maps.DeleteFunc(l.data, func(_ dataKey, x *loading) bool {
		select {
		case <-x.over:
			return !x.first && x.users == 0
		default:
			return false
		}
	})
	maps.DeleteFunc(l.views, func(s DataSpec, _ child.Data) bool { return l.data[keyOf(s)] == nil })
}

// wait returns when the data set was read, or with the cause of ctx's end. A child that waits for what another one reads gives signs of life as long as the
// reader does, which may hang in the file system for ever.
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

// Prepare loads the data set of a config before anything else happens, and fixes the settings that come from the data: channels, classes and, if the
// config names none, the side of the images.
func (l *Local) Prepare(ctx context.Context, c *Config) (*dataset.Data, error) {
	_, d, err := l.Views(ctx, c.dataSpec())
	if err != nil {
		return nil, err
	}
	asked := c.dataSpec()
	c.Net.Image, c.Net.Channels, c.Net.Classes = d.Train.H, d.Train.C, len(d.Info.Classes)
	l.rename(asked, c.dataSpec())
	return d, nil
}

// rename lets images that were read at the side that they have be found by that side, as children ask for them.
func (l *Local) rename(from, to DataSpec) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if x := l.data[keyOf(from)]; x != nil && l.data[keyOf(to)] == nil {
		delete(l.data, keyOf(from))
		delete(l.views, from)
		l.data[keyOf(to)] = x
	}
}

// Views returns the images that a child of the spec trains on and is judged on, with the data set they come from.
func (l *Local) Views(ctx context.Context, s DataSpec) (child.Data, *dataset.Data, error) {
	v, x, err := l.use(ctx, s)
	if err != nil {
		return child.Data{}, nil, err
	}
	l.leave(x)
	return v, x.data, nil
}

// use is Views for a child that trains on the images until it calls leave.
func (l *Local) use(ctx context.Context, s DataSpec) (v child.Data, x *loading, err error) {
	if x, err = l.load(ctx, s); err != nil {
		return v, nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	v, known := l.views[s]
	if !known {
		if v, err = viewsOf(x.data, s); err != nil {
			return v, nil, err
		}
		if l.data[keyOf(s)] == x { // and was not dropped a moment ago
			l.views[s] = v
		}
	}
	x.users++
	return v, x, nil
}

func (l *Local) leave(x *loading) {
	l.mu.Lock()
	defer l.mu.Unlock()
	x.users--
}

// viewsOf divides a data set as a spec says.
func viewsOf(d *dataset.Data, s DataSpec) (v child.Data, err error) {
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

// Evaluate implements [Evaluator].
func (l *Local) Evaluate(ctx context.Context, j Job, report func(Step) error) (Outcome, error) {
	v, images, err := l.use(ctx, j.Data)
	if err != nil {
		return Outcome{}, err
	}
	defer l.leave(images)
	d := images.data
	t, err := child.NewTrainer(j.Genotype, netFor(j.Net, d), j.Train, v, j.Seed, j.streams()...)
	if err != nil {
		return Outcome{}, err
	}
	if j.State != nil {
		if err := t.Restore(j.State); err != nil {
			return Outcome{}, fmt.Errorf("%w: %w", ErrState, err)
		}
	}
	m, _ := l.memory.Get().(*child.Memory)
	if m == nil || m.Bytes() > t.Bytes()+memorySlack { // what a larger child left would be more than this one was given
		m = new(child.Memory)
	}
	defer l.memory.Put(m)
	t.Use(m)
	r, err := t.Run(ctx, func(p child.Progress) error {
		s := Step{Progress: p}
		if p.EpochEnd != nil {
			s.State = t.State
		}
		return report(s)
	})
	if err != nil {
		return Outcome{Cost: r.Cost}, err
	}
	o := Outcome{Reward: r.Reward, Cost: r.Cost, Seconds: r.Seconds}
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

// ImagesFit says whether the images of a published data set fit into so many bytes at the side that is asked for, before they are read; a limit of 0 is none.
func ImagesFit(s DataSpec, limit int64) error {
	info, err := dataset.Lookup(s.Name)
	if err != nil || limit <= 0 {
		return nil // reading them says what is wrong
	}
	side := s.Image
	if side == 0 {
		side = info.Image
	}
	if bytes := int64(info.TrainImages+info.TestImages) * int64(side) * int64(side) * int64(info.Channels); bytes > limit {
		return fmt.Errorf("the images of %s at %d px take %s of memory, %s may be taken", s.Name, side, FormatBytes(bytes), FormatBytes(limit))
	}
	return nil
}

// Bytes implements [Sizer].
func (l *Local) Bytes(ctx context.Context, j Job) (int64, error) {
	if j.Alone { // its images may be others than those of the search, at any side
		if err := ImagesFit(j.Data, DefaultMemory()); err != nil {
			return 0, err
		}
	}
	_, d, err := l.Views(ctx, j.Data)
	if err != nil {
		return 0, err
	}
	return child.BytesOf(j.Genotype, netFor(j.Net, d), j.Train)
}

// netFor is the network of a job on its data.
func netFor(net child.NetConfig, d *dataset.Data) child.NetConfig {
	net.Image, net.Channels, net.Classes = d.Train.H, d.Train.C, len(d.Info.Classes)
	return net
}
