package nas

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"nasnet/dataset"
	"nasnet/nas/child"
	"nasnet/nas/rng"
)

// Local trains children in this process, each on one thread, or on as many as its training has shards. It loads a data set once and shares its pixels
// among all children.
type Local struct {
	mu     sync.Mutex // guards data
	data   map[dataKey]*dataset.Data
	views  map[DataSpec]child.Data
	memory sync.Pool // of *child.Memory: buffers go from one child to the next
}

type dataKey struct {
	name, dir string
	image     int
}

// NewLocal returns a Local with nothing loaded yet.
func NewLocal() *Local {
	return &Local{data: map[dataKey]*dataset.Data{}, views: map[DataSpec]child.Data{}}
}

// Load reads the data set of a spec, or returns it if it was read before.
func (l *Local) Load(ctx context.Context, s DataSpec) (*dataset.Data, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.load(ctx, s)
}

func (l *Local) load(ctx context.Context, s DataSpec) (*dataset.Data, error) {
	k := dataKey{s.Name, s.Dir, s.Image}
	if d, ok := l.data[k]; ok {
		return d, nil
	}
	d, err := dataset.Load(ctx, s.Name, dataset.Options{Dir: s.Dir, Image: s.Image})
	if err != nil {
		return nil, err
	}
	l.data[k] = d
	return d, nil
}

// Prepare loads the data set of a config before anything else happens, and fixes the settings that come from the data: channels, classes and, if the
// config names none, the side of the images.
func (l *Local) Prepare(ctx context.Context, c *Config) (*dataset.Data, error) {
	_, d, err := l.Views(ctx, c.dataSpec())
	if err != nil {
		return nil, err
	}
	c.Net.Image, c.Net.Channels, c.Net.Classes = d.Train.H, d.Train.C, len(d.Info.Classes)
	return d, nil
}

// Views returns the images that a child of the spec trains on and is judged on, with the data set they come from.
func (l *Local) Views(ctx context.Context, s DataSpec) (child.Data, *dataset.Data, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d, err := l.load(ctx, s)
	if err != nil {
		return child.Data{}, nil, err
	}
	if v, ok := l.views[s]; ok {
		return v, d, nil
	}
	var v child.Data
	if s.Test {
		if d.Test.N == 0 {
			return v, d, fmt.Errorf("data set %s has no test images", s.Name)
		}
		v.Train, v.Val = d.TrainView(), d.TestView()
	} else {
		v.Train, v.Val, err = d.Split(rng.Stream(s.Seed, "split"), s.TrainImages, s.ValImages)
		if err != nil {
			return v, d, err
		}
	}
	v.ClassNames = d.Info.Classes
	l.views[s] = v
	return v, d, nil
}

// Evaluate implements [Evaluator].
func (l *Local) Evaluate(ctx context.Context, j Job, report func(Step) error) (Outcome, error) {
	v, d, err := l.Views(ctx, j.Data)
	if err != nil {
		return Outcome{}, err
	}
	net := j.Net
	net.Image, net.Channels, net.Classes = d.Train.H, d.Train.C, len(d.Info.Classes)
	t, err := child.NewTrainer(j.Genotype, net, j.Train, v, j.Seed, uint64(j.Trial))
	if err != nil {
		return Outcome{}, err
	}
	if j.State != nil {
		if err := t.Restore(j.State); err != nil {
			return Outcome{}, fmt.Errorf("%w: %w", ErrState, err)
		}
	}
	m, _ := l.memory.Get().(*child.Memory)
	if m == nil {
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
	if j.Keep {
		var b bytes.Buffer
		if err := t.Save(&b); err != nil {
			return o, err
		}
		o.Weights = b.Bytes()
	}
	return o, nil
}
