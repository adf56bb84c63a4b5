package child

import (
	"fmt"
	"math"
	"strings"
	"time"

	"nasnet/dataset"
)

// Preset is a named scale and training for a picked cell.
type Preset struct {
	Name, Title string
	Net         NetConfig     // Image 0: any image side
	Train       TrainConfig   // Epochs 0: as many as fit in Within
	Within      time.Duration // run as many epochs as fit, at most MostEpochs; 0: as Train says
	MostEpochs  int
	Pad, Cutout float64 // fractions of the image's side, which replace Train's pixels
}

// Presets has three sized by what a machine does in the time they are named after, and the networks of the paper, named
// N@filters as there (tables 1 and 2, appendix A.1 and A.7; where the paper gives no setting, slim's nasnet.py). The
// ImageNet networks were trained by 50 to 100 workers with a rate that falls in steps; here it falls as a cosine, over
// a number of epochs that we chose.
var Presets = []Preset{
	{Name: "10-minutes", Title: "N=1 F=8, as many epochs as fit", Within: 10 * time.Minute, MostEpochs: 60,
		Pad: 1.0 / 8,
		Net: NetConfig{N: 1, Filters: 8}, Train: practical(0)},
	{Name: "1-hour", Title: "N=1 F=16, as many epochs as fit", Within: time.Hour, MostEpochs: 120, Pad: 1.0 / 8,
		Net: NetConfig{N: 1, Filters: 16}, Train: practical(0)},
	{Name: "overnight", Title: "N=2 F=32, cutout, ScheduledDropPath, as many epochs as fit in 10 hours",
		Within: 10 * time.Hour, MostEpochs: 300, Pad: 1.0 / 8, Cutout: 0.5,
		Net: NetConfig{N: 2, Filters: 32}, Train: practical(0.2)},
	{Name: "6@768", Title: "the paper's CIFAR-10 network: N=6 F=32, 600 epochs",
		Net: NetConfig{Stack: "cifar", N: 6, Filters: 32, Image: 32, Aux: true}, Train: paperCIFAR},
	{Name: "7@2304", Title: "the paper's large CIFAR-10 network: N=7 F=96, 600 epochs",
		Net: NetConfig{Stack: "cifar", N: 7, Filters: 96, Image: 32, Aux: true}, Train: paperCIFAR},
	{Name: "4@1056", Title: "the paper's mobile ImageNet network: N=4 F=44 at 224 px",
		Net:   NetConfig{Stack: "imagenet", N: 4, Filters: 44, Image: 224, Aux: true},
		Train: paperImageNet(0.04, 4e-5, 0)},
	{Name: "6@4032", Title: "the paper's large ImageNet network: N=6 F=168 at 331 px",
		Net:   NetConfig{Stack: "imagenet", N: 6, Filters: 168, Image: 331, Aux: true},
		Train: paperImageNet(0.015, 5e-5, 0.3)},
}

// practical is a training that gets far in few epochs: one cycle of the learning rate, random flips, a moving average
// of the weights.
func practical(drop float64) TrainConfig {
	c := TrainConfig{Batch: 64, Optimizer: "sgd", LR: 0.1, Schedule: "one-cycle", Momentum: 0.9, Nesterov: true,
		WeightDecay: 5e-4, Clip: 5,
		Augment: Augment{Flip: true}, EMA: 0.999, FlipAverage: true}
	if drop > 0 {
		c.DropPath = DropPath{Mode: "linear", Prob: drop}
	}
	return c
}

var paperCIFAR = TrainConfig{Epochs: 600, Batch: 32, Optimizer: "sgd", LR: 0.025, Schedule: "cosine", Momentum: 0.9,
	WeightDecay: 5e-4, Clip: 5, AuxWeight: 0.4,
	DropPath: DropPath{Mode: "scaled", Prob: 0.4}, Augment: Augment{Pad: 4, Flip: true}}

func paperImageNet(lr, decay, drop float64) TrainConfig {
	c := TrainConfig{Epochs: 250, Batch: 32, Optimizer: "rmsprop", LR: lr, Schedule: "cosine", Momentum: 0.9,
		WeightDecay: decay, Clip: 10, LabelSmoothing: 0.1,
		AuxWeight: 0.4, Dropout: 0.5, Augment: Augment{Crop: 0.08, Flip: true, Color: 0.4}, EMA: 0.9999}
	if drop > 0 {
		c.DropPath = DropPath{Mode: "scaled", Prob: drop}
	}
	return c
}

// For returns the settings for images: the side to read them at (0: the preset's), channels and classes where known
// (else 0), and whether flipping keeps their class. A preset named after a time gets MostEpochs until it is known how
// many fit.
func (r Preset) For(images dataset.Info) Setup {
	s := Setup{Net: r.Net, Train: r.Train}
	if images.Image > 0 {
		s.Net.Image = images.Image
	}
	s.Net.Channels, s.Net.Classes = images.Channels, len(images.Classes)
	if r.Pad > 0 {
		s.Train.Augment.Pad = max(1, int(math.Round(r.Pad*float64(s.Net.Image))))
	}
	if r.Cutout > 0 {
		s.Train.Augment.Cutout = max(1, int(math.Round(r.Cutout*float64(s.Net.Image))))
	}
	if images.NoFlip {
		s.Train.Augment.Flip, s.Train.FlipAverage = false, false
	}
	if r.Within > 0 {
		s.Train.Epochs = r.MostEpochs
	}
	return s
}

// PresetNamed returns the preset with the given name.
func PresetNamed(name string) (Preset, error) {
	var names []string
	for _, r := range Presets {
		if r.Name == name {
			return r, nil
		}
		names = append(names, r.Name)
	}
	return Preset{}, fmt.Errorf("preset is %.40q; want one of %s", name, strings.Join(names, ", "))
}
