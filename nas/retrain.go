package nas

import (
	"nasnet/dataset"
	"nasnet/nas/child"
	"nasnet/nas/space"
)

// RetrainSpec is how a picked cell is trained again. Train.Shards 0 stands for [child.DefaultShards], and is recorded
// as what that gives.
type RetrainSpec struct {
	Data DataSpec `json:"data"`
	child.Setup
	Seed uint64 `json:"seed"`
}

// Job is a trial at settings of its own.
func (r RetrainSpec) Job(trial int, g space.Genotype) Job {
	return Job{Trial: trial, Genotype: g, Data: r.Data, Net: r.Net, Train: r.Train, Seed: r.Seed,
		Alone: true, Keep: true}
}

// With returns the retrain with the network and the training of a preset, for images of a side; 0: the side that the
// preset prescribes. It trains on all training images and is judged on the test images. Channels and classes are those
// of a published data set, or 0; images that flipping would change are not flipped.
func (r RetrainSpec) With(p child.Preset, side int) RetrainSpec {
	s, _ := dataset.Lookup(r.Data.Name)
	images := s.Info
	images.Image = side
	plain := p.For(images)
	r.Net, r.Train = plain.Net.WithDefaults(), plain.Train.WithDefaults()
	// which may be 0
	r.Net.Image, r.Net.Channels, r.Net.Classes = plain.Net.Image, plain.Net.Channels, plain.Net.Classes
	r.Train.Shards = 0
	r.Data.Image, r.Data.TrainImages, r.Data.Test = r.Net.Image, 0, true
	return r
}

// Unread returns the retrain with what is known of its images before they are read, and how many it trains and is
// judged on: all of published data sets. Of a folder nothing is known, and v.Train is 0 unless the retrain itself says
// it.
func (r RetrainSpec) Unread() (of RetrainSpec, v child.Volume) {
	s, _ := dataset.Lookup(r.Data.Name)
	return r.On(s.Info)
}

// On returns the retrain with the channels and classes of a data set, and how many of its images it trains and is
// judged on, divided as [dataset.Data.Split] does: 0 for what is not known, or not there.
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
	r.Train = r.Train.Alone()
	return r, v
}
