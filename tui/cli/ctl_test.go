package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"nasnet/dataset"
	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/search"
	"nasnet/nas/space"
)

// A flag with a zero value is sent or refused, never ignored.
func TestAZeroOfAForkIsNoDefault(t *testing.T) {
	parent := filepath.Join(t.TempDir(), "parent")
	config, err := nas.PresetNamed("quick")
	if err != nil {
		t.Fatal(err)
	}
	config.Name = "parent"
	s, err := search.Create(parent, config, "none", search.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	fork := ctlActions[slices.IndexFunc(ctlActions, func(x ctlAction) bool { return x.do == nas.Fork })]
	for _, r := range []struct {
		flags   []string
		entropy float64
		err     string
	}{
		{nil, 0, ""}, // as the parent has it
		{[]string{"--entropy", "0.01"}, 0.01, ""},
		{[]string{"--entropy", "0"}, -1, ""}, // none
		{[]string{"--children", "0"}, 0, "want 1 to 1000000"},
		{[]string{"--controller-lr", "0"}, 0, "want more than 0 and at most 1"},
		{[]string{"--controller-steps", "0"}, 0, "want 1 to 1000"},
	} {
		var f ctlFlags
		fs := pflag.NewFlagSet("ctl", pflag.ContinueOnError)
		ctlSettings(fs)
		err := fs.Parse(r.flags)
		var c []nas.Command
		if err == nil {
			c, err = commandsOf(new(app), t.Context(), parent, fork, fs, &f, nil)
		}
		if r.err != "" {
			if err == nil || !strings.Contains(err.Error(), r.err) {
				t.Errorf("%v: %v; want %q", r.flags, err, r.err)
			}
			continue
		}
		if err != nil || c[0].Fork.Entropy != r.entropy {
			t.Errorf("%v: entropy %+v, %v; want %v", r.flags, c, err, r.entropy)
		}
		var own nas.Config
		if err := giveSearch(fs, &own); err != nil || own.Controller.Entropy != r.entropy {
			t.Errorf("nasnet fork %v: entropy %v, %v; want %v", r.flags, own.Controller.Entropy, err, r.entropy)
		}
	}
}

// retrainFlagsOf parses the flags of nasnet ctl retrain.
func retrainFlagsOf(t *testing.T, flags string) *pflag.FlagSet {
	t.Helper()
	fs := pflag.NewFlagSet("ctl", pflag.ContinueOnError)
	ctlSettings(fs)
	if err := fs.Parse(strings.Fields(flags)); err != nil {
		t.Fatal(err)
	}
	return fs
}

// A retrain has the settings of the search or of a preset, overridden by flags, even with zeros.
func TestARetrainIsWhatTheFlagsSay(t *testing.T) {
	search, err := nas.PresetNamed("quick")
	if err != nil {
		t.Fatal(err)
	}
	search.Net, search.Train = search.Net.WithDefaults(), search.Train.WithDefaults()
	search.Net.StemMultiplier, search.Train.Momentum = 5, 0.7
	search.Train.DropPath = child.DropPath{Mode: "none", Prob: 0.1} // as --drop-path-mode none leaves it
	for _, r := range []struct {
		flags, preset string
		want          func(*nas.RetrainSpec)
	}{
		{"", "", func(s *nas.RetrainSpec) { s.Train.Shards = 0 }},
		{"--optimizer rmsprop --momentum 0 --flip --cutout 4 --n 3 --shards 1", "", func(s *nas.RetrainSpec) {
			s.Train.Optimizer, s.Train.Momentum, s.Train.Shards, s.Net.N = "rmsprop", 0, 1, 3
			s.Train.Augment.Flip, s.Train.Augment.Cutout = true, 4
		}},
		{"--dropout 0.25", "", func(s *nas.RetrainSpec) { s.Train.Shards, s.Train.Dropout = 0, 0.25 }},
		{"--drop-path-mode none", "", func(s *nas.RetrainSpec) { s.Train.Shards, s.Train.DropPath.Mode = 0, "none" }},
		{"--drop-path 0.3", "1-hour", func(s *nas.RetrainSpec) {
			preset, _ := child.PresetNamed("1-hour")
			fashion, _ := dataset.Lookup(search.Data)
			fashion.Info.Image = s.Data.Image
			s.Setup = preset.For(fashion.Info)
			s.Net, s.Train = s.Net.WithDefaults(), s.Train.WithDefaults()
			s.Data.Test, s.Data.TrainImages = true, 0
			s.Train.Shards, s.Train.DropPath = 0, child.DropPath{Mode: "linear", Prob: 0.3}
		}},
		{"--stack imagenet --aux", "", func(s *nas.RetrainSpec) {
			s.Net = child.NetConfig{Stack: "imagenet", N: s.Net.N, Filters: s.Net.Filters, Image: s.Net.Image,
				Channels: s.Net.Channels, Classes: s.Net.Classes}.WithDefaults()
			s.Net.Aux, s.Train.Shards = true, 0
		}},
		{"--epochs 3 --dropout 0", "4@1056", func(s *nas.RetrainSpec) { // which has 0.5
			preset, _ := child.PresetNamed("4@1056")
			fashion, _ := dataset.Lookup(search.Data)
			fashion.Info.Image = 224
			s.Setup = preset.For(fashion.Info)
			s.Net, s.Train = s.Net.WithDefaults(), s.Train.WithDefaults()
			s.Data.Test, s.Data.TrainImages = true, 0
			s.Train.Epochs, s.Train.Dropout, s.Train.Shards = 3, 0, 0
			s.Data.Image = 224
		}},
		{"--epochs 3 --lr 0.2", "6@768", func(s *nas.RetrainSpec) {
			preset, _ := child.PresetNamed("6@768")
			fashion, _ := dataset.Lookup(search.Data)
			fashion.Info.Image = 32
			s.Setup = preset.For(fashion.Info)
			s.Net, s.Train = s.Net.WithDefaults(), s.Train.WithDefaults()
			s.Data.Test, s.Data.TrainImages = true, 0
			s.Train.Epochs, s.Train.LR, s.Train.Shards = 3, 0.2, 0
			s.Data.Image = 32
		}},
	} {
		fs := retrainFlagsOf(t, r.flags)
		begin := nas.RetrainSpec{Setup: child.Setup{Net: search.Net, Train: search.Train},
			Data: nas.DataSpec{Name: search.Data, Image: search.Net.Image, TrainImages: search.TrainImages}}
		got, want := begin, begin
		if preset, err := child.PresetNamed(r.preset); err == nil {
			if err := usePreset(&got, preset, false); err != nil {
				t.Fatal(err)
			}
		}
		if err := changeRetrain(&got, fs); err != nil {
			t.Fatal(err)
		}
		if r.want(&want); !reflect.DeepEqual(got, want) {
			t.Errorf("%s %s:\n%+v\nwant\n%+v", r.preset, r.flags, got, want)
		}
	}
}

func TestATrainingThatCannotBeMeasuredSaysWhy(t *testing.T) {
	known, err := space.Lookup("nasnet-a")
	if err != nil {
		t.Fatal(err)
	}
	var seen surveys
	spec := nas.RetrainSpec{Setup: child.Setup{Net: child.NetConfig{N: 1, Filters: 4, Image: 8, Channels: 1,
		Classes: 10}, Train: child.TrainConfig{Epochs: 1, Batch: 8, LR: 0.1}},
		Data: nas.DataSpec{Name: "./shoes", Image: 8}}
	if _, err := seen.estimate(t.Context(), known.Genotype, spec); err == nil ||
		!strings.Contains(err.Error(), "./shoes: no such file or directory") {
		t.Error(err)
	}
	spec.Data.Name, spec.Net.Image, spec.Net.Filters, spec.Net.N, spec.Train.Batch = "cifar10", 331, 512, 6, 4096
	spec.Data.Test = true
	var memory *nas.MemoryError
	if _, err := seen.estimate(t.Context(), known.Genotype, spec); !errors.As(err, &memory) {
		t.Error(err)
	}
}

// Counting a network does not look into a folder, because its name may be half typed. Measuring a training does, and
// from then on the counts are right.
func TestAFolderIsSurveyedToMeasureATraining(t *testing.T) {
	known, err := space.Lookup("nasnet-a")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for i := range 60 {
		grey(t, filepath.Join(dir, "abc"[i%3:i%3+1], fmt.Sprintf("%d.png", i)), uint8(4*i))
	}
	var seen surveys
	spec := nas.RetrainSpec{Setup: child.Setup{Net: child.NetConfig{N: 1, Filters: 4, Image: 8},
		Train: child.TrainConfig{Epochs: 1, Batch: 8, LR: 0.1}}, Data: nas.DataSpec{Name: dir, Image: 8, Test: true}}
	before, err := seen.plan(known.Genotype, spec)
	if err != nil || !before.Unread || before.Images != 0 {
		t.Fatalf("%+v, %v", before, err)
	}
	e, err := seen.estimate(t.Context(), known.Genotype, spec)
	if err != nil || e.Params >= before.Params || e.EpochSeconds <= 0 {
		t.Fatalf("with three classes and one channel %+v, %v; with the defaults %+v", e, err, before.Cost)
	}
	// a fifth of each class is for the test
	if p, err := seen.plan(known.Genotype, spec); err != nil || p.Unread || p.Images != 48 || p.Params != e.Params {
		t.Errorf("%+v, %v", p, err)
	}
	spec.Data.Test, spec.Data.ValImages = false, 48
	if _, err := seen.estimate(t.Context(), known.Genotype, spec); err == nil ||
		!strings.Contains(err.Error(), "cannot split 48 images into 0 for training and 48 for validation") {
		t.Error(err)
	}
	spec.Data.ValImages = 8
	if _, v, err := seen.survey(t.Context(), spec); err != nil || v != (child.Volume{Train: 40, Val: 8, Held: 60}) {
		t.Errorf("%+v, %v", v, err)
	}
}

// The same preset and flags give the same training in nasnet train and nasnet ctl retrain.
func TestATrainingAndARetrainOfAPresetAreTheSame(t *testing.T) {
	for _, preset := range child.Presets {
		for _, flags := range []string{"", "--drop-path 0.3", "--batch 32", "--batch 33 --lr 1", "--image 0",
			"--image 224", "--image 331 --aux=false", "--image 331 --skip-reduction=false", "--epochs 2 --seed 3",
			"--drop-path 0.1 --drop-path-mode constant",
			"--dropout 0.25", "--dropout 0"} {
			var train training
			fs := pflag.NewFlagSet("train", pflag.ContinueOnError)
			train.register(fs)
			if err := fs.Parse(strings.Fields(flags)); err != nil {
				t.Fatal(err)
			}
			image := train.spec.Image
			if image == 0 {
				image = max(preset.Net.Image, 28)
			}
			fashion, _ := dataset.Lookup("fashion-mnist")
			fashion.Info.Image = image
			if err := train.decide(fs, preset, fashion.Info); err != nil {
				t.Fatal(err)
			}

			fs = retrainFlagsOf(t, flags)
			again := nas.RetrainSpec{Setup: child.Setup{Net: child.NetConfig{Channels: 1, Classes: 10}},
				Data: nas.DataSpec{Name: "fashion-mnist", Image: 28}}
			if fs.Changed("image") {
				again.Data.Image = train.spec.Image
			}
			if err := usePreset(&again, preset, fs.Changed("image")); err != nil {
				t.Fatal(err)
			}
			if err := changeRetrain(&again, fs); err != nil {
				t.Fatal(err)
			}
			if got, want := again.Net.WithDefaults(), train.Net.WithDefaults(); got != want {
				t.Errorf("%s %s: %+v, with nasnet train %+v", preset.Name, flags, got, want)
			}
			if got, want := again.Train.WithDefaults(), train.Train.WithDefaults(); got != want {
				t.Errorf("%s %s: %+v, with nasnet train %+v", preset.Name, flags, got, want)
			}
		}
	}
}
