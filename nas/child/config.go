package child

import (
	"fmt"
	"strings"

	"nasnet/nas/space"
)

// NetConfig is the scale of a network and the stack that its cells are placed in. Zero values mean the defaults of
// [NetConfig.WithDefaults].
type NetConfig struct {
	Stack    string `json:"stack"`    // name in Stacks
	N        int    `json:"n"`        // normal cells between reductions
	Filters  int    `json:"filters"`  // F of the first cells; doubled by each reduction
	Image    int    `json:"image"`    // side of the images, pixels
	Channels int    `json:"channels"` // of the images
	Classes  int    `json:"classes"`
	Aux      bool   `json:"aux,omitempty"` // an auxiliary classifier at two thirds of the depth, for training only

	// filters of the stem: times F (cifar), times 32 (imagenet)
	StemMultiplier float64 `json:"stem_multiplier,omitempty"`
	// h[i-1] of the cell after a reduction is h[i-1] of the reduction (slim: skip_reduction_layer_input)
	SkipReduction bool    `json:"skip_reduction,omitempty"`
	BNDecay       float64 `json:"bn_decay,omitempty"` // of the moving statistics
	BNEps         float64 `json:"bn_eps,omitempty"`
}

// Stack is one way to place cells. It decides what a zero value of NetConfig means.
type Stack struct {
	Name, Title string
	// the stem halves the side three times: a 3x3/2 convolution without padding, then two reduction cells of F/4 and
	// F/2 filters
	ImageNet bool
	Replace  bool // a reduction replaces a normal cell instead of coming before it
	defaults NetConfig
}

// Stacks is the table of stacks; the first is the default.
//
// A genotype with one cell for both roles, like PNASNet-5, is built as pnasnet in the stack imagenet: its authors mean
// that network.
var Stacks = []Stack{
	{Name: "cifar", Title: "3x3 stem, N normal cells, reduction, N, reduction, N",
		defaults: NetConfig{N: 2, Filters: 32, Image: 32, Classes: 10, StemMultiplier: 3, BNDecay: 0.9, BNEps: 1e-5}},
	{Name: "imagenet", Title: "3x3/2 stem, two reductions, then as cifar", ImageNet: true,
		defaults: NetConfig{N: 4, Filters: 44, Image: 224, Classes: 1000, BNDecay: 0.9997, BNEps: 1e-3}},
	// slim pnasnet.py (arXiv 1712.00559). Both published sizes skip the input of a reduction; where the reduction
	// replaces a cell, that makes no difference.
	{Name: "pnasnet", Title: "as imagenet, but a reduction is the first of the N cells of stages 2 and 3",
		ImageNet: true,
		Replace:  true,
		defaults: NetConfig{N: 3, Filters: 54, Image: 224, Classes: 1000, BNDecay: 0.9997, BNEps: 1e-3}},
}

func stackNamed(name string) (Stack, error) {
	var names []string
	for _, s := range Stacks {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Stack{}, fmt.Errorf("stack is %.40q; want one of %s", name, strings.Join(names, ", "))
}

// largeImage is the image side from which the ImageNet stacks take their defaults from the published large networks
// (331 px: stem of 96 filters, reduction inputs skipped) instead of the mobile ones (224 px: 32 filters, not skipped).
const largeImage = 300

// WithDefaults returns c with its zero values replaced. In the ImageNet stacks a zero StemMultiplier means the
// published settings for that image side: 3 and SkipReduction from 300 pixels on, else 1. If StemMultiplier is set,
// SkipReduction stays as it is.
func (c NetConfig) WithDefaults() NetConfig {
	if c.Stack == "" {
		c.Stack = Stacks[0].Name
	}
	s, err := stackNamed(c.Stack)
	if err != nil {
		return c // Validate reports it
	}
	d := s.defaults
	orInt(&c.N, d.N)
	orInt(&c.Filters, d.Filters)
	orInt(&c.Image, d.Image)
	orInt(&c.Channels, 3)
	orInt(&c.Classes, d.Classes)
	if s.ImageNet && c.StemMultiplier == 0 {
		d.StemMultiplier = 1
		if c.Image >= largeImage {
			d.StemMultiplier, c.SkipReduction = 3, true
		}
	}
	orFloat(&c.StemMultiplier, d.StemMultiplier)
	orFloat(&c.BNDecay, d.BNDecay)
	orFloat(&c.BNEps, d.BNEps)
	return c
}

func orInt(v *int, d int) {
	if *v == 0 {
		*v = d
	}
}

func orFloat(v *float64, d float64) {
	if *v == 0 {
		*v = d
	}
}

func orText(v *string, d string) {
	if *v == "" {
		*v = d
	}
}

// Validate returns an error for the first invalid field, once defaults are filled in: its name, its value, what was
// wanted.
func (c NetConfig) Validate() error {
	c = c.WithDefaults()
	s, err := stackNamed(c.Stack)
	if err != nil {
		return err
	}
	if err := netSettings.Check(c); err != nil {
		return err
	}
	if c.stemFilters(s) < 1 {
		return fmt.Errorf("stem_multiplier is %v; want at least one filter in the stem", c.StemMultiplier)
	}
	return nil
}

func (c NetConfig) stemFilters(s Stack) int {
	if s.ImageNet {
		return int(32 * c.StemMultiplier)
	}
	return int(float64(c.Filters) * c.StemMultiplier)
}

// stackFor returns the stack that a genotype is built in.
func (c NetConfig) stackFor(g space.Genotype) (Stack, error) {
	name := c.Stack
	if name == "imagenet" && sameCell(g.Normal, g.Reduction) {
		name = "pnasnet"
	}
	return stackNamed(name)
}

func sameCell(a, b space.Cell) bool { return a.Text() == b.Text() }

// TrainConfig is how a child is trained. Zero values mean the defaults of [TrainConfig.WithDefaults], except that
// Epochs, Batch and LR have none.
type TrainConfig struct {
	Epochs int `json:"epochs"`
	// images per step; images that do not fill a last batch are skipped in that epoch
	Batch int `json:"batch"`
	// equal parts of the batch that can be computed in parallel, each with batch statistics of its own; must divide
	// Batch
	Shards       int     `json:"shards,omitempty"`
	Optimizer    string  `json:"optimizer"` // sgd, rmsprop
	LR           float64 `json:"lr"`        // learning rate at its highest
	Schedule     string  `json:"schedule"`  // name in nn.Curves: by step, over all epochs
	WarmupEpochs float64 `json:"warmup_epochs,omitempty"`
	Momentum     float64 `json:"momentum"`
	Nesterov     bool    `json:"nesterov,omitempty"`
	// of convolutions and the classifier, not of batch normalisations and biases; coupled for sgd, decoupled for
	// rmsprop
	WeightDecay float64 `json:"weight_decay"`
	Clip        float64 `json:"clip"` // largest global norm of the gradients; 0: no clipping
	// initialise the stem's filters so that they whiten patches of the training images
	Whiten         bool    `json:"whiten,omitempty"`
	LabelSmoothing float64 `json:"label_smoothing,omitempty"`
	AuxWeight      float64 `json:"aux_weight,omitempty"` // of the auxiliary loss
	// probability of dropping a feature before the classifier; 0.5 in the published ImageNet networks
	Dropout  float64  `json:"dropout,omitempty"`
	DropPath DropPath `json:"drop_path"`
	Augment  Augment  `json:"augment"`
	// decay of the moving average of the weights, which is judged and saved in their place; 0: no average
	EMA float64 `json:"ema,omitempty"`
	// judge by the mean of the logits of an image and its mirror image
	FlipAverage bool `json:"flip_average,omitempty"`
}

// Augment is how training images are changed; see dataset.Augmenter.
type Augment struct {
	Pad int `json:"pad,omitempty"` // pixels of zeros on each side before a random crop
	// crop a random part of random shape, at least this fraction of the area, in place of Pad; 0: no crop
	Crop float64 `json:"crop,omitempty"`
	Flip bool    `json:"flip,omitempty"` // left to right, half of the time
	// brightness, contrast and saturation change by up to this fraction; 0: unchanged
	Color  float64 `json:"color,omitempty"`
	Cutout int     `json:"cutout,omitempty"` // side in pixels of a square set to zero
}

// Optimizers lists the values of TrainConfig.Optimizer; the first is the default.
var Optimizers = []string{"sgd", "rmsprop"}

// Constants of RMSProp: NASNet's on ImageNet (reference: head of slim nasnet.py).
const (
	rmspropRho = 0.9
	rmspropEps = 1.0
)

// DefaultShards returns the number of shards for a network that trains alone: 2 for an even batch of 64 or more, else
// 1. Two keep two cores busy and leave 32 images for batch normalisation, the batch of the presets. The machine plays
// no part, because shards are part of the result.
func DefaultShards(batch int) int {
	if batch >= 64 && batch%2 == 0 {
		return 2
	}
	return 1
}

// WithDefaults returns c with its zero values replaced: sgd, cosine, one shard, no DropPath, 0.4 for the auxiliary loss
// (slim nasnet.py).
func (c TrainConfig) WithDefaults() TrainConfig {
	orInt(&c.Shards, 1)
	orText(&c.Optimizer, Optimizers[0])
	orText(&c.Schedule, "cosine")
	orText(&c.DropPath.Mode, "none")
	orFloat(&c.AuxWeight, 0.4)
	return c
}

// Validate returns an error for the first invalid field, once defaults are filled in: its name, its value, what was
// wanted.
func (c TrainConfig) Validate() error {
	c = c.WithDefaults()
	if err := trainSettings.Check(c); err != nil {
		return err
	}
	if c.Augment.Crop > 0 && c.Augment.Pad > 0 {
		return fmt.Errorf("augment.pad is %d and augment.crop %v; want only one of them: both choose which part "+
			"of the image is seen", c.Augment.Pad, c.Augment.Crop)
	}
	return checkShards(c.Shards, c.Batch)
}

func checkShards(shards, batch int) error {
	if shards < 1 || batch%shards != 0 || batch/shards < 2 {
		return fmt.Errorf("shards is %d; want equal parts of the batch of %d with at least 2 images each",
			shards, batch)
	}
	return nil
}
