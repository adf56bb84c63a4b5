package nas

import (
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
