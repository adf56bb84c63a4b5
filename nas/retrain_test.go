package nas

import (
	"reflect"
	"testing"

	"nasnet/dataset"
	"nasnet/nas/child"
	"nasnet/nas/setting"
)

func TestWhatIsKnownOfImagesBeforeTheyAreRead(t *testing.T) {
	folder := dataset.Info{Name: "folder", Classes: []string{"a", "b", "c"}, Image: 40, Channels: 1, TrainImages: 80,
		TestImages: 20}
	for _, r := range []struct {
		name string
		data DataSpec
		want child.Volume
		side int
	}{
		{"on all, judged on the test images", DataSpec{Test: true, Image: 8},
			child.Volume{Train: 80, Val: 20, Held: 100}, 8},
		{"both parts are given", DataSpec{TrainImages: 30, ValImages: 10, Image: 8},
			child.Volume{Train: 30, Val: 10, Held: 100}, 8},
		{"trained on all that is not held out", DataSpec{ValImages: 10, Image: 8},
			child.Volume{Train: 70, Val: 10, Held: 100}, 8},
		{"judged on all that is not trained on", DataSpec{TrainImages: 30, Image: 8},
			child.Volume{Train: 30, Val: 50, Held: 100}, 8},
		{"more than there are", DataSpec{ValImages: 90, Image: 8}, child.Volume{Val: 90, Held: 100}, 8},
		{"at their own size", DataSpec{Test: true}, child.Volume{Train: 80, Val: 20, Held: 100}, 40},
	} {
		spec := RetrainSpec{Data: r.data, Setup: child.Setup{Net: child.NetConfig{Image: r.data.Image},
			Train: child.TrainConfig{Batch: 64}}}
		of, v := spec.On(folder)
		if v != r.want || of.Net.Image != r.side || of.Net.Channels != 1 || of.Net.Classes != 3 ||
			of.Train.Shards != 2 {
			t.Errorf("%s: %+v of %+v, want %+v of %d px", r.name, v, of.Net, r.want, r.side)
		}
	}
	if of, v := (RetrainSpec{Data: DataSpec{Name: "cifar10", Test: true}}).Unread(); v != (child.Volume{Train: 50_000,
		Val: 10_000, Held: 60_000}) || of.Net.Image != 32 || of.Net.Channels != 3 || of.Net.Classes != 10 {
		t.Errorf("CIFAR-10 is %+v of %+v", v, of.Net)
	}
	photos := RetrainSpec{Data: DataSpec{Name: "./photos", TrainImages: 5, ValImages: 2}}
	if of, v := photos.Unread(); v != (child.Volume{Train: 5, Val: 2}) || of.Net.Classes != 0 {
		t.Errorf("a folder is %+v of %+v", v, of.Net)
	}
}

// With is the only place that turns a preset into the settings of a retrain. It takes what it says about images from
// the data set.
func TestARetrainWithAPreset(t *testing.T) {
	search := RetrainSpec{Seed: 7, Data: DataSpec{Name: "fashion-mnist", Dir: "/data", Image: 14, TrainImages: 2000,
		ValImages: 1000, Seed: 1},
		Setup: child.Setup{Net: child.NetConfig{N: 3, Filters: 5, Image: 14, BNDecay: 0.5, SkipReduction: true},
			Train: child.TrainConfig{Epochs: 3, Batch: 16, LR: 1, Momentum: 0.5, Shards: 2}}}
	type want struct {
		side, pad, cutout, epochs, channels, classes int
		stem                                         float64
		stack                                        string
		flip, aux, skip                              bool
	}
	for _, r := range []struct {
		name, preset, data string
		side               int
		want               want
	}{
		{"a preset with a time, at a side", "10-minutes", "fashion-mnist", 28,
			want{side: 28, pad: 4, epochs: 60, channels: 1, classes: 10, stem: 3, stack: "cifar", flip: true}},
		{"pad and cutout follow the side", "overnight", "cifar100", 16,
			want{side: 16, pad: 2, cutout: 8, epochs: 300, channels: 3, classes: 100, stem: 3, stack: "cifar",
				flip: true}},
		{"digits are not flipped", "1-hour", "mnist", 28,
			want{side: 28, pad: 4, epochs: 120, channels: 1, classes: 10, stem: 3, stack: "cifar"}},
		{"nothing is known about a folder", "1-hour", "./pics", 32,
			want{side: 32, pad: 4, epochs: 120, stem: 3, stack: "cifar", flip: true}},
		{"its own side", "6@768", "cifar10", 0, want{side: 32, pad: 4, epochs: 600, channels: 3, classes: 10, stem: 3,
			stack: "cifar", flip: true, aux: true}},
		{"another side than its own", "6@768", "cifar10", 16, want{side: 16, pad: 4, epochs: 600, channels: 3,
			classes: 10, stem: 3, stack: "cifar", flip: true, aux: true}},
		{"a mobile network", "4@1056", "cifar10", 0,
			want{side: 224, epochs: 250, channels: 3, classes: 10, stem: 1, stack: "imagenet", flip: true, aux: true}},
		{"at the size of the large one", "4@1056", "cifar10", 331, want{side: 331, epochs: 250, channels: 3,
			classes: 10, stem: 3, stack: "imagenet", flip: true, aux: true, skip: true}},
		{"an unknown side", "1-hour", "./pics", 0,
			want{pad: 1, epochs: 120, stem: 3, stack: "cifar", flip: true}},
	} {
		preset, err := child.PresetNamed(r.preset)
		if err != nil {
			t.Fatal(err)
		}
		spec := search
		spec.Data.Name = r.data
		of := spec.With(preset, r.side)
		n, a := of.Net, of.Train.Augment
		if got := (want{n.Image, a.Pad, a.Cutout, of.Train.Epochs, n.Channels, n.Classes, n.StemMultiplier, n.Stack,
			a.Flip, n.Aux, n.SkipReduction}); got != r.want {
			t.Errorf("%s: %+v, want %+v", r.name, got, r.want)
		}
		if n.N != preset.Net.N || n.BNDecay == 0.5 || of.Train.Momentum != 0.9 || of.Train.Shards != 0 {
			t.Errorf("%s: kept settings of the search: %+v", r.name, of.Setup)
		}
		if d := (DataSpec{Name: r.data, Dir: "/data", Image: r.want.side, ValImages: 1000, Test: true,
			Seed: 1}); of.Data != d || of.Seed != 7 {
			t.Errorf("%s: on %+v, want %+v", r.name, of.Data, d)
		}
	}
}

// Every setting that a fork of a live run may change reaches the fork.
func TestAForkCarriesEverySettingItMayChange(t *testing.T) {
	was, err := PresetNamed("quick")
	if err != nil {
		t.Fatal(err)
	}
	rows := Settings().For(setting.Fork)
	if len(rows) < 5 {
		t.Fatalf("only %v", rows.Names())
	}
	for _, r := range rows {
		for _, text := range []string{"77", "0.5", "0"} {
			now, got := was, was
			if r.Set(&now, text) != nil {
				continue
			}
			var f ForkSpec
			f.Take(was, now)
			if f.Change(&got); r.Get(got) != text || !reflect.DeepEqual(got, now) {
				t.Errorf("%s: %s became %s", r.Name, text, r.Get(got))
			}
		}
		var f ForkSpec
		if f.Take(was, was); f != (ForkSpec{}) {
			t.Errorf("%+v, though nothing was changed", f)
		}
	}
}
