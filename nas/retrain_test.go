package nas

import (
	"testing"

	"nasnet/dataset"
	"nasnet/nas/child"
)

func TestWhatIsKnownOfImagesBeforeTheyAreRead(t *testing.T) {
	folder := dataset.Info{Name: "folder", Classes: []string{"a", "b", "c"}, Image: 40, Channels: 1, TrainImages: 80, TestImages: 20}
	for _, r := range []struct {
		name string
		data DataSpec
		want child.Volume
		side int
	}{
		{"on all, judged on the test images", DataSpec{Test: true, Image: 8}, child.Volume{Train: 80, Val: 20, Held: 100}, 8},
		{"both parts are given", DataSpec{TrainImages: 30, ValImages: 10, Image: 8}, child.Volume{Train: 30, Val: 10, Held: 100}, 8},
		{"on what is not held out", DataSpec{ValImages: 10, Image: 8}, child.Volume{Train: 70, Val: 10, Held: 100}, 8},
		{"judged on what is not trained on", DataSpec{TrainImages: 30, Image: 8}, child.Volume{Train: 30, Val: 50, Held: 100}, 8},
		{"more than there are", DataSpec{ValImages: 90, Image: 8}, child.Volume{Val: 90, Held: 100}, 8},
		{"as they are", DataSpec{Test: true}, child.Volume{Train: 80, Val: 20, Held: 100}, 40},
	} {
		spec := RetrainSpec{Data: r.data, Setup: child.Setup{Net: child.NetConfig{Image: r.data.Image}, Train: child.TrainConfig{Batch: 64}}}
		of, v := spec.On(folder)
		if v != r.want || of.Net.Image != r.side || of.Net.Channels != 1 || of.Net.Classes != 3 || of.Train.Shards != 2 {
			t.Errorf("%s: %+v of %+v, want %+v of %d px", r.name, v, of.Net, r.want, r.side)
		}
	}
	if of, v := (RetrainSpec{Data: DataSpec{Name: "cifar10", Test: true}}).Unread(); v != (child.Volume{Train: 50_000, Val: 10_000, Held: 60_000}) || of.Net.Image != 32 || of.Net.Channels != 3 || of.Net.Classes != 10 {
		t.Errorf("CIFAR-10 is %+v of %+v", v, of.Net)
	}
	if of, v := (RetrainSpec{Data: DataSpec{Name: "./photos", TrainImages: 5, ValImages: 2}}).Unread(); v != (child.Volume{Train: 5, Val: 2}) || of.Net.Classes != 0 {
		t.Errorf("a folder is %+v of %+v", v, of.Net)
	}
}
