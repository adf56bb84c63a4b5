package child

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"nasnet/nas/nn"
	"nasnet/nas/setting"
)

// Setup groups the settings of a network and of its training. In JSON they are one flat object.
type Setup struct {
	Net   NetConfig   `json:"net"`
	Train TrainConfig `json:"train"`
}

// Settings lists every setting of a network and of its training; forms show those marked First first. Flags, forms,
// validation, the names of rungs and the text of estimates loop over it: to add a setting, add its field, its row, and
// the code that uses it.
var Settings = slices.Concat(setting.Of(scaleSettings, net), setting.Of(trainSettings, train),
	setting.Of(stackSettings, net))

func net(s *Setup) *NetConfig     { return &s.Net }
func train(s *Setup) *TrainConfig { return &s.Train }

// everywhere is where most settings can be given.
const everywhere = setting.Search | setting.Train | setting.Rung

// netSettings are the settings of a network.
var netSettings = slices.Concat(scaleSettings, stackSettings)

var scaleSettings = setting.Table[NetConfig]{
	{Name: "n", Label: "cells N", Use: everywhere | setting.Network, Default: "2", First: true,
		Help: "normal cells per stack (N)",
		Hint: "normal cells in each of the three stacks", Range: setting.Range{Low: 1, High: 200},
		Within: inStack(1, 200),
		At:     func(c *NetConfig) any { return &c.N }},
	{Name: "filters", Label: "filters F", Use: everywhere | setting.Network, Default: "16", First: true,
		Help: "filters of the first cells (F)",
		Hint: "of the first stack", Range: setting.Range{Low: 1, High: 1 << 14},
		Within: func(c NetConfig) setting.Range {
			return leastOf(c, 1, 4, 1<<14) // an ImageNet stem has F/4 filters
		}, At: func(c *NetConfig) any { return &c.Filters }},
}

var stackSettings = setting.Table[NetConfig]{
	{Name: "image", Label: "image side", Unit: "pixels", Use: setting.Search | setting.Images, Default: "32",
		Help:  "side of the images in pixels",
		Range: setting.Range{Low: 0, High: 2048}, Within: func(c NetConfig) setting.Range {
			return leastOf(c, 4, 32, 2048) // at least one pixel in every cell
		}, At: func(c *NetConfig) any { return &c.Image }},
	{Name: "channels", Use: setting.Images, Default: "3", Help: "channels of the images",
		Range: setting.Range{Low: 1, High: 1024}, Within: inStack(1, 1024),
		At: func(c *NetConfig) any { return &c.Channels }},
	{Name: "classes", Use: setting.Images, Default: "10", Help: "classes", Range: setting.Range{Low: 2, High: 1 << 20},
		Within: inStack(2, 1<<20),
		At:     func(c *NetConfig) any { return &c.Classes }},
	{Name: "stack", Use: everywhere | setting.Network, Default: Stacks[0].Name,
		Help: "how cells are stacked: " + strings.Join(stackNames(), ", "),
		Hint: "how cells are stacked", Choices: stackNames, At: func(c *NetConfig) any { return &c.Stack },
		Resets: func(c *NetConfig, stack string) {
			if stack != c.WithDefaults().Stack {
				*c = c.In(stack)
			}
		}},
	{Name: "aux", Label: "aux head", Use: everywhere | setting.Network, Help: "add the auxiliary head",
		Hint: "at two thirds of the depth",
		At:   func(c *NetConfig) any { return &c.Aux }},
	{Name: "skip-reduction", Key: "skip_reduction", Label: "skip input", Use: everywhere | setting.Network,
		Help: "the cell after a reduction reads the state before the reduction's input (slim's " +
			"skip_reduction_layer_input; NASNet-A large)",
		Hint: "past reductions, as NASNet-A large", At: func(c *NetConfig) any { return &c.SkipReduction },
		Then: func(c *NetConfig, _ func(string) bool) error {
			// without a multiplier, the image side decides whether to skip
			c.StemMultiplier = c.WithDefaults().StemMultiplier
			return nil
		}},
	{Name: "stem-multiplier", Key: "stem_multiplier", Label: "stem", Use: everywhere | setting.Network,
		Help:  "filters of the stem: times F (cifar), times 32 (imagenet); 0: the stack's default",
		Hint:  "times F or 32; 0: default",
		Range: setting.Range{Low: 0, High: 64}, Within: func(NetConfig) setting.Range {
			return setting.Range{Low: 0, High: 64, Above: true}
		},
		At: func(c *NetConfig) any { return &c.StemMultiplier }},
	{Name: "bn-decay", Key: "bn_decay", Help: "decay of the moving statistics",
		Range: setting.Range{Low: 0, High: 1, Below: true},
		At:    func(c *NetConfig) any { return &c.BNDecay }},
	{Name: "bn-eps", Key: "bn_eps", Help: "added to variances", Range: setting.Range{Low: 0, High: 1, Above: true},
		At: func(c *NetConfig) any { return &c.BNEps }},
}

var trainSettings = setting.Table[TrainConfig]{
	{Name: "epochs", Use: everywhere, Default: "5", First: true, Help: "epochs",
		Range: setting.Range{Low: 1, High: 1e6},
		At:    func(c *TrainConfig) any { return &c.Epochs }},
	{Name: "batch", Use: everywhere, Default: "64", First: true, Help: "images per step", Hint: "images a step",
		Range: setting.Range{Low: 2, High: 1 << 16},
		At:    func(c *TrainConfig) any { return &c.Batch }},
	{Name: "lr", Use: everywhere, Default: "0.05", First: true, Help: "learning rate at its highest",
		Hint:  "at its highest",
		Range: setting.Range{Low: 0, High: math.Inf(1), Above: true}, At: func(c *TrainConfig) any { return &c.LR }},
	{Name: "schedule", Use: everywhere, Default: "cosine", First: true,
		Help: "schedule of the learning rate: " + strings.Join(Schedules(), ", "),
		Hint: "of the learning rate", Choices: Schedules, At: func(c *TrainConfig) any { return &c.Schedule }},
	{Name: "drop-path-mode", Key: "drop_path.mode", Label: "DropPath", Use: everywhere, Default: "linear", First: true,
		Help:    "linear (ScheduledDropPath of the paper), constant, scaled (also by depth) or none",
		Hint:    "linear: the paper's schedule",
		Choices: func() []string { return DropPathModes }, At: func(c *TrainConfig) any { return &c.DropPath.Mode }},
	{Name: "drop-path", Key: "drop_path.prob", Label: "drop at end", Use: everywhere, First: true,
		Help: "probability of dropping a path at the end of training", Hint: "probability; keep is 1 minus it",
		Range: setting.Range{Low: 0, High: 0.99},
		At:    func(c *TrainConfig) any { return &c.DropPath.Prob },
		// given alone, it turns on ScheduledDropPath if no paths are dropped yet
		Then: func(c *TrainConfig, given func(string) bool) error {
			if d := &c.DropPath; !given("drop-path-mode") && d.Prob > 0 && (d.Mode == "" || d.Mode == "none") {
				d.Mode = "linear"
			}
			return nil
		}},
	{Name: "pad", Key: "augment.pad", Unit: "pixels", Use: everywhere,
		Help: "pad by this many pixels, then crop at random",
		Hint: "pixels, then a random crop", Range: setting.Range{Low: 0, High: 256},
		At: func(c *TrainConfig) any { return &c.Augment.Pad }},
	{Name: "flip", Key: "augment.flip", Use: everywhere, Help: "random horizontal flip",
		Hint: "half of the images are mirrored",
		At:   func(c *TrainConfig) any { return &c.Augment.Flip }},
	{Name: "cutout", Key: "augment.cutout", Unit: "pixels", Use: everywhere,
		Help: "side of the square that cutout blanks (0: none)",
		Hint: "side of a blank square", Range: setting.Range{Low: 0, High: 2048},
		At: func(c *TrainConfig) any { return &c.Augment.Cutout }},
	{Name: "color", Key: "augment.color", Label: "colour", Use: everywhere,
		Help:  "random change of brightness, contrast and saturation by up to this fraction (ImageNet: 0.4)",
		Hint:  "largest change, a fraction",
		Range: setting.Range{Low: 0, High: 1}, At: func(c *TrainConfig) any { return &c.Augment.Color }},
	{Name: "crop", Key: "augment.crop", Use: everywhere,
		Help:  "instead of --pad: random crop of at least this fraction of the area, resized (ImageNet: 0.08)",
		Hint:  "least part kept, in place of pad",
		Range: setting.Range{Low: 0, High: 1}, At: func(c *TrainConfig) any { return &c.Augment.Crop }},
	{Name: "ema", Label: "average", Use: everywhere,
		Help: "decay of a moving average of the weights, which is judged and saved (0: none)",
		Hint: "decay of the weights' mean; 0: none", Range: setting.Range{Low: 0, High: 1, Below: true},
		At: func(c *TrainConfig) any { return &c.EMA }},
	{Name: "flip-average", Key: "flip_average", Label: "flip average", Use: everywhere,
		Help: "judge by the mean over an image and its mirror image",
		Hint: "judge the mirror image, too", At: func(c *TrainConfig) any { return &c.FlipAverage }},
	{Name: "optimizer", Use: everywhere, Default: Optimizers[0], Help: strings.Join(Optimizers, " or "),
		Choices: func() []string { return Optimizers },
		At:      func(c *TrainConfig) any { return &c.Optimizer }},
	{Name: "warmup", Key: "warmup_epochs", Label: "warm-up", Unit: "epochs", Use: everywhere,
		Help: "epochs in which the learning rate rises from 0",
		Hint: "epochs in which lr rises", Range: setting.Range{Low: 0, High: 1e6},
		Within: func(c TrainConfig) setting.Range {
			return setting.Range{Low: 0, High: float64(c.Epochs)}
		}, At: func(c *TrainConfig) any { return &c.WarmupEpochs }},
	{Name: "momentum", Use: everywhere, Default: "0.9", Help: "momentum",
		Range: setting.Range{Low: 0, High: 1, Below: true},
		At:    func(c *TrainConfig) any { return &c.Momentum }},
	{Name: "nesterov", Label: "Nesterov", Use: everywhere, Help: "Nesterov momentum", Hint: "momentum that looks ahead",
		At: func(c *TrainConfig) any { return &c.Nesterov }},
	{Name: "weight-decay", Key: "weight_decay", Label: "weight decay", Use: everywhere, Default: "0.0005",
		Help:  "weight decay",
		Range: setting.Range{Low: 0, High: 1}, At: func(c *TrainConfig) any { return &c.WeightDecay }},
	{Name: "clip", Use: everywhere, Default: "5", Help: "largest norm of the gradient (0: no clipping)",
		Hint:  "largest gradient norm; 0: none",
		Range: setting.Range{Low: 0, High: 1e9}, At: func(c *TrainConfig) any { return &c.Clip }},
	{Name: "label-smoothing", Key: "label_smoothing", Label: "smoothing", Use: everywhere, Help: "label smoothing",
		Hint:  "of the labels",
		Range: setting.Range{Low: 0, High: 1, Below: true}, At: func(c *TrainConfig) any { return &c.LabelSmoothing }},
	{Name: "dropout", Use: everywhere,
		Help: "probability of dropping a feature before the classifier (0: none; the published ImageNet networks: 0.5)",
		Hint: "of features, before the classifier", Range: setting.Range{Low: 0, High: 1, Below: true},
		At: func(c *TrainConfig) any { return &c.Dropout }},
	{Name: "whiten", Use: everywhere, Help: "start with stem filters that whiten patches of the training " +
		"images", Hint: "the stem starts whitened",
		At: func(c *TrainConfig) any { return &c.Whiten }},
	{Name: "aux-weight", Key: "aux_weight", Label: "aux weight", Use: everywhere, Default: "0.4",
		Help: "weight of the auxiliary head's loss (with --aux)",
		Hint: "of the aux head's loss", Range: setting.Range{Low: 0, High: 100, Above: true},
		At: func(c *TrainConfig) any { return &c.AuxWeight }},
	{Name: "shards", Use: setting.Train,
		Help: "equal parts of each batch, computed in parallel; batch normalisation uses the statistics of a part,\n" +
			"so this changes the result (0: 2 for an even batch of 64 or more, else 1)",
		Hint:  "parts of a batch; 0: automatic",
		Range: setting.Range{Low: 0, High: 1 << 16}, At: func(c *TrainConfig) any { return &c.Shards }},
}

func stackNames() (names []string) {
	for _, s := range Stacks {
		names = append(names, s.Name)
	}
	return names
}

// Schedules returns the names that TrainConfig.Schedule can have.
func Schedules() (names []string) {
	for _, c := range nn.Curves {
		names = append(names, c.Name)
	}
	return names
}

// inStack returns a range that names the stack in errors.
func inStack(low, high float64) func(NetConfig) setting.Range {
	return func(c NetConfig) setting.Range {
		return setting.Range{Low: low, High: high, Where: fmt.Sprintf(" in the stack %s", c.Stack)}
	}
}

// leastOf returns a range whose lower end is larger in the ImageNet stacks.
func leastOf(c NetConfig, cifar, imagenet, high float64) setting.Range {
	if s, err := stackNamed(c.Stack); err == nil && s.ImageNet {
		cifar = imagenet
	}
	return inStack(cifar, high)(c)
}

// In returns the network in another stack, with that stack's defaults: only scale, images and auxiliary head stay.
func (c NetConfig) In(stack string) NetConfig {
	return NetConfig{Stack: stack, N: c.N, Filters: c.Filters, Image: c.Image, Channels: c.Channels,
		Classes: c.Classes, Aux: c.Aux}
}

// Plain returns the settings as people write them: defaults filled in, but 0 for what the stack, the image side or the
// batch decides, and for unknown channels and classes.
func (s Setup) Plain() Setup {
	n, t := s.Net.WithDefaults(), s.Train.WithDefaults()
	if s.Net.Channels == 0 || s.Net.Classes == 0 {
		n.Channels, n.Classes = 0, 0
	}
	if of := n.In(n.Stack).WithDefaults(); n.StemMultiplier == of.StemMultiplier && !n.SkipReduction &&
		!of.SkipReduction {
		n.StemMultiplier = 0
	}
	if s.Train.Shards == 0 || t.Shards == DefaultShards(t.Batch) {
		t.Shards = 0
	}
	return Setup{Net: n, Train: t}
}

// Alone returns the training with the shards for a network that trains alone, unless it has shards already.
func (c TrainConfig) Alone() TrainConfig {
	if c.Shards == 0 {
		c.Shards = DefaultShards(c.Batch)
	}
	return c
}
