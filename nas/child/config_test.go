package child_test

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"nasnet/nas/child"
)

func TestNetConfigsThatCannotBeBuiltSayWhy(t *testing.T) {
	if err := (child.NetConfig{}).Validate(); err != nil {
		t.Errorf("the zero value: %v", err)
	}
	for want, c := range map[string]child.NetConfig{
		`stack is "resnet"; want one of cifar, imagenet, pnasnet`: {Stack: "resnet"},
		"n is -1; want 1 to 200":                                  {N: -1},
		"filters is 20000; want 1 to":                             {Filters: 20000},
		"filters is 3; want 4 to":                                 {Stack: "imagenet", Filters: 3},
		"image is 3; want 4 to 2048":                              {Image: 3},
		"image is 31; want 32 to":                                 {Stack: "imagenet", Image: 31},
		"classes is 1; want 2 to":                                 {Classes: 1},
		"channels is -3; want 1 to":                               {Channels: -3},
		"stem_multiplier is NaN":                                  {StemMultiplier: math.NaN()},
		"stem_multiplier is 0.001; want":                          {StemMultiplier: 0.001},
		"bn_decay is 1; want":                                     {BNDecay: 1},
		"bn_eps is -1; want more than 0":                          {BNEps: -1},
		"stem_multiplier is 65; want more ":                       {StemMultiplier: 65},
	} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", c, err, want)
		}
	}
}

func TestNetConfigDefaultsAreThePublishedOnes(t *testing.T) {
	for _, c := range []struct {
		name string
		in   child.NetConfig
		want child.NetConfig
	}{
		{"cifar", child.NetConfig{}, child.NetConfig{Stack: "cifar", N: 2, Filters: 32, Image: 32, Channels: 3,
			Classes: 10, StemMultiplier: 3, BNDecay: 0.9, BNEps: 1e-5}},
		{"imagenet is the mobile network", child.NetConfig{Stack: "imagenet"},
			child.NetConfig{Stack: "imagenet", N: 4, Filters: 44, Image: 224, Channels: 3, Classes: 1000,
				StemMultiplier: 1, BNDecay: 0.9997, BNEps: 1e-3}},
		{"large images mean the large network", child.NetConfig{Stack: "imagenet", N: 6, Filters: 168, Image: 331},
			child.NetConfig{Stack: "imagenet", N: 6, Filters: 168,
				Image: 331, Channels: 3, Classes: 1000, StemMultiplier: 3, SkipReduction: true, BNDecay: 0.9997,
				BNEps: 1e-3}},
		{"what is set stays", child.NetConfig{Stack: "imagenet", Image: 331, StemMultiplier: 1, BNDecay: 0.5},
			child.NetConfig{Stack: "imagenet", N: 4, Filters: 44,
				Image: 331, Channels: 3, Classes: 1000, StemMultiplier: 1, BNDecay: 0.5, BNEps: 1e-3}},
	} {
		got := c.in.WithDefaults()
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
		if again := got.WithDefaults(); again != got {
			t.Errorf("%s: defaults of the defaults are %+v", c.name, again)
		}
	}
}

func TestTrainConfigsThatCannotBeRunSayWhy(t *testing.T) {
	good := child.TrainConfig{Epochs: 1, Batch: 32, LR: 0.1}
	if err := good.Validate(); err != nil {
		t.Errorf("the smallest valid settings: %v", err)
	}
	for want, change := range map[string]func(*child.TrainConfig){
		"epochs is 0; want 1":                func(c *child.TrainConfig) { c.Epochs = 0 },
		"batch is 1; want 2":                 func(c *child.TrainConfig) { c.Batch = 1 },
		`optimizer is "adam"; want sgd or`:   func(c *child.TrainConfig) { c.Optimizer = "adam" },
		`schedule is "up"; want one of cosi`: func(c *child.TrainConfig) { c.Schedule = "up" },
		"lr is 0; want":                      func(c *child.TrainConfig) { c.LR = 0 },
		"lr is NaN; want":                    func(c *child.TrainConfig) { c.LR = math.NaN() },
		"lr is +Inf; want":                   func(c *child.TrainConfig) { c.LR = math.Inf(1) },
		"warmup_epochs is 2; want 0 to 1":    func(c *child.TrainConfig) { c.WarmupEpochs = 2 },
		"momentum is 1; want":                func(c *child.TrainConfig) { c.Momentum = 1 },
		"weight_decay is -1; want":           func(c *child.TrainConfig) { c.WeightDecay = -1 },
		"clip is NaN; want":                  func(c *child.TrainConfig) { c.Clip = math.NaN() },
		"label_smoothing is 1; want":         func(c *child.TrainConfig) { c.LabelSmoothing = 1 },
		"dropout is 1; want":                 func(c *child.TrainConfig) { c.Dropout = 1 },
		`drop_path.mode is "v3"; want one`:   func(c *child.TrainConfig) { c.DropPath.Mode = "v3" },
		"drop_path.prob is 1; want 0 to":     func(c *child.TrainConfig) { c.DropPath.Prob = 1 },
		"augment.pad is -1; want":            func(c *child.TrainConfig) { c.Augment.Pad = -1 },
		"augment.color is 2; want 0 to 1":    func(c *child.TrainConfig) { c.Augment.Color = 2 },
		"augment.crop is -1; want 0 to 1":    func(c *child.TrainConfig) { c.Augment.Crop = -1 },
		"augment.pad is 4 and augment.crop":  func(c *child.TrainConfig) { c.Augment.Pad, c.Augment.Crop = 4, 0.5 },
		"ema is 1; want":                     func(c *child.TrainConfig) { c.EMA = 1 },
	} {
		c := good
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestConfigsReadBackFromTheirJSON(t *testing.T) {
	net := child.NetConfig{Stack: "imagenet", N: 1, Filters: 4, Image: 32, Aux: true, SkipReduction: true,
		StemMultiplier: 2}
	train := child.TrainConfig{Epochs: 3, Batch: 8, LR: 0.1, WarmupEpochs: 0.5, Nesterov: true,
		DropPath: child.DropPath{Mode: "scaled", Prob: 0.4},
		Augment:  child.Augment{Crop: 0.5, Flip: true, Color: 0.25, Cutout: 16}, EMA: 0.99, FlipAverage: true}
	var net2 child.NetConfig
	var train2 child.TrainConfig
	for _, v := range [][2]any{{net, &net2}, {train, &train2}} {
		b, err := json.Marshal(v[0])
		if err != nil {
			t.Fatal(err)
		}
		if strings.ToLower(string(b)) != string(b) {
			t.Errorf("%s has names that are not snake case", b)
		}
		if err := json.Unmarshal(b, v[1]); err != nil {
			t.Fatal(err)
		}
	}
	if net2 != net || !reflect.DeepEqual(train2, train) {
		t.Errorf("got %+v and %+v", net2, train2)
	}
}
