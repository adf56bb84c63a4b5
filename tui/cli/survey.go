package cli

import (
	"context"
	"fmt"
	"sync"

	"nasnet/dataset"
	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/local"
	"nasnet/nas/space"
	"nasnet/tui"
)

// surveys caches what surveys found in folders of images. Nothing else looks into a folder before reading it, because
// its name may be half typed.
type surveys struct {
	mu   sync.Mutex
	seen map[string]dataset.Info
}

// unread is [nas.RetrainSpec.Unread] with the result of a survey, if there is one.
func (f *surveys) unread(s nas.RetrainSpec) (nas.RetrainSpec, child.Volume) {
	f.mu.Lock()
	info, ok := f.seen[s.Data.Name]
	f.mu.Unlock()
	if ok {
		return s.On(info)
	}
	return s.Unread()
}

// survey looks into the folder of a retrain's images, if it has one. Too few images are an error.
func (f *surveys) survey(ctx context.Context, s nas.RetrainSpec) (of nas.RetrainSpec, v child.Volume, err error) {
	info, err := dataset.Survey(ctx, s.Data.Name, dataset.Options{Dir: s.Data.Dir, Image: s.Data.Image})
	if err != nil {
		return s, v, err
	}
	if _, err := dataset.Lookup(s.Data.Name); err != nil { // a named data set needs no survey
		f.keep(s.Data, info)
	}
	of, v = s.On(info)
	switch d := s.Data; {
	case d.Test && v.Val == 0:
		err = fmt.Errorf("data set %s has no test images", d.Name)
	case !d.Test && (v.Train == 0 || v.Val == 0 || v.Train+v.Val > info.TrainImages):
		err = fmt.Errorf("data set %s: cannot split %d images into %d for training and %d for validation; neither "+
			"part may be empty", d.Name, info.TrainImages, d.TrainImages, d.ValImages)
	}
	return of, v, err
}

// keep remembers the survey of a folder. If a side was asked for, it keeps the images' own side from an earlier survey.
func (f *surveys) keep(d nas.DataSpec, info dataset.Info) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen == nil || len(f.seen) > 100 {
		f.seen = map[string]dataset.Info{}
	}
	if d.Image > 0 {
		info.Image = f.seen[d.Name].Image
	}
	f.seen[d.Name] = info
}

// plan computes the cost and memory of a training without reading its images.
func (f *surveys) plan(g space.Genotype, s nas.RetrainSpec) (p tui.Plan, err error) {
	s, v := f.unread(s)
	p.Images, p.Unread = v.Train, s.Net.Classes == 0
	if p.Cost, err = child.CostOf(g, s.Net); err != nil {
		return p, err
	}
	p.Bytes, err = child.BytesWith(g, s.Net, s.Train, v)
	return p, err
}

// estimate measures a training after surveying its images.
func (f *surveys) estimate(ctx context.Context, g space.Genotype, s nas.RetrainSpec) (child.Estimate, error) {
	s, v, err := f.survey(ctx, s)
	if err != nil {
		return child.Estimate{}, err
	}
	return measured(ctx, g, s, v)
}

// measured measures a training on v images, if it fits into memory.
func measured(ctx context.Context, g space.Genotype, s nas.RetrainSpec, v child.Volume) (child.Estimate, error) {
	bytes, err := child.BytesWith(g, s.Net, s.Train, v)
	if err != nil {
		return child.Estimate{}, err
	}
	if err := local.Fit("training", bytes, local.DefaultMemory()); err != nil {
		return child.Estimate{}, err
	}
	return child.Measure(ctx, g, s.Net, s.Train, v, 0, new(child.Buffers))
}
