package nas

import (
	"context"

	"nasnet/dataset"
	"nasnet/nas/child"
)

// Unread returns the retrain with what is known of its images before they are read, and how many it trains and is judged on: all of published data sets. Of
// a folder nothing is known, and v.Train is 0 unless the retrain itself says it.
func (r RetrainSpec) Unread() (of RetrainSpec, v child.Volume) {
	s, _ := dataset.Lookup(r.Data.Name)
	return r.On(s.Info)
}

// On returns the retrain with the channels and classes of a data set, and how many of its images it trains and is judged on, divided as [dataset.Data.Split]
// does: 0 for what is not known, or not there.
func (r RetrainSpec) On(info dataset.Info) (of RetrainSpec, v child.Volume) {
	n := info.TrainImages
	if n > 0 {
		r.Net.Channels, r.Net.Classes = info.Channels, len(info.Classes)
	}
	if r.Data.Image == 0 { // as they are
		r.Net.Image = info.Image
	}
	v = child.Volume{Train: r.Data.TrainImages, Val: r.Data.ValImages, Held: n + info.TestImages}
	switch {
	case r.Data.Test:
		v.Train, v.Val = n, info.TestImages
	case v.Train == 0:
		v.Train = max(0, n-v.Val)
	case v.Val == 0:
		v.Val = max(0, n-v.Train)
	}
	if r.Train.Shards == 0 {
		r.Train.Shards = child.DefaultShards(r.Train.Batch)
	}
	return r, v
}

// refuseTooLarge is the error of a retrain that could never fit into the memory, as far as that can be known before its images are read. It works in the
// caller's goroutine, since counting a large network takes a while. Whatever else is wrong with the command, the owner says.
func (s *Search) refuseTooLarge(ctx context.Context, c Command) error {
	if _, ok := s.options.Evaluator.(Sizer); !ok || s.options.Memory == nil || c.Retrain == nil {
		return nil
	}
	if c.Cell == nil && c.Parent != nil {
		if err := s.ask(ctx, func() {
			if t := s.trials[*c.Parent]; t != nil && s.detail(t) == nil {
				g := t.Genotype.Clone()
				c.Cell = &g
			}
		}); err != nil {
			return err
		}
	}
	r, _ := c.Retrain.Unread()
	if c.Cell == nil || c.Cell.Validate() != nil || r.Net.Validate() != nil {
		return nil
	}
	limit := s.options.Memory.Limit()
	if err := ImagesFit(r.Data, limit); err != nil {
		return err
	}
	if bytes, err := child.BytesOf(*c.Cell, r.Net, r.Train); err == nil && bytes > limit {
		return &MemoryError{bytes, limit}
	}
	return nil
}
