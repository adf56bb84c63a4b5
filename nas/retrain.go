package nas

import (
	"nasnet/dataset"
	"nasnet/nas/child"
	"nasnet/nas/space"
)

// RetrainSpec says how to retrain a picked cell. Train.Shards 0 means [child.DefaultShards]; the record keeps the
// number that gives.
type RetrainSpec struct {
	Data DataSpec `json:"data"`
	child.Setup
	Seed uint64 `json:"seed"`
}

// Job returns the job of a trial with its own settings.
func (r RetrainSpec) Job(trial int, g space.Genotype) Job {
	return Job{Trial: trial, Genotype: g, Data: r.Data, Net: r.Net, Train: r.Train, Seed: r.Seed,
		Alone: true, Keep: true}
}

// With returns the retrain with the network and the training of a preset, for images of side pixels; 0: the preset's
// own side. It trains on all training images and is judged on the test images. Channels and classes are set for a
// published data set, otherwise 0. Images are not flipped if that changes their class.
func (r RetrainSpec) With(p child.Preset, side int) RetrainSpec {
	s, _ := dataset.Lookup(r.Data.Name)
	images := s.Info
	images.Image = side
	plain := p.For(images)
	r.Net, r.Train = plain.Net.WithDefaults(), plain.Train.WithDefaults()
	// WithDefaults must not fill these in: 0 means unknown
	r.Net.Image, r.Net.Channels, r.Net.Classes = plain.Net.Image, plain.Net.Channels, plain.Net.Classes
	r.Train.Shards = 0
	r.Data.Image, r.Data.TrainImages, r.Data.Test = r.Net.Image, 0, true
	return r
}

// Unread returns the retrain with what is known about its images before they are read, and how many it is trained and
// judged on. A published data set is fully known. Nothing is known about a folder, and v.Train is 0 unless the retrain
// sets it.
func (r RetrainSpec) Unread() (of RetrainSpec, v child.Volume) {
	s, _ := dataset.Lookup(r.Data.Name)
	return r.On(s.Info)
}

// On returns the retrain with the channels and classes of a data set, and how many of its images it is trained and
// judged on, split as [dataset.Data.Split] does. What is unknown or absent is 0.
func (r RetrainSpec) On(info dataset.Info) (of RetrainSpec, v child.Volume) {
	n := info.TrainImages
	if n > 0 {
		r.Net.Channels, r.Net.Classes = info.Channels, len(info.Classes)
	}
	if r.Data.Image == 0 { // at their own size
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
