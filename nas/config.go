package nas

import (
	"fmt"
	"slices"
	"strings"

	"nasnet/nas/child"
	"nasnet/nas/controller"
	"nasnet/nas/space"
	"nasnet/nas/strictjson"
)

// Config is everything that decides what a search does. In JSON its embedded parts are flattened. Two runs of the same
// build with equal configs (Name, Workers and DataDir aside) draw the same proposals and get the same rewards.
type Config struct {
	Name    string `json:"name"`
	Preset  string `json:"preset"`
	Seed    uint64 `json:"seed"`
	Workers int    `json:"workers"` // children trained at a time; 0 = one per core

	Images

	Ops    string `json:"ops"`    // name of an op set, or a comma-separated list
	Blocks int    `json:"blocks"` // B, blocks per cell

	Controller controller.Config `json:"controller"`
	Children   int               `json:"children"` // proposals in total, including random cells
	Batch      int               `json:"batch"`    // samples per update
	// every RandomEvery-th proposal is a random cell, for comparison; 0 = none
	RandomEvery int `json:"shadow"`
	Lag         int `json:"lag"` // batch k is drawn from policy version k-lag
	// what to do with an isomorphic repeat of a cell: "cached" (same reward, no training) or "retrain"
	Repeats string `json:"repeats"`
	// what a failed trial means to an update: "skip" (ignore it) or "zero" (reward 0)
	Failures string `json:"failures"`

	child.Setup // of every child

	Latency bool     `json:"latency,omitempty"` // measure each trained child's time for one image on one thread
	Cost    CostTerm `json:"cost,omitzero"`     // how cost lowers the reward

	Inheritance
}

// Images are the images that a search's children are trained and judged on.
type Images struct {
	Data    string `json:"data"`               // name of a data set or a folder
	DataDir string `json:"data_dir,omitempty"` // where its files are; empty: the usual places
	// images a child trains on, class-balanced; 0 = all that are not held out
	TrainImages int `json:"train_images"`
	ValImages   int `json:"val_images"` // held-out training images; accuracy on them makes the reward
}

// Inheritance is what a fork took over from its parent.
type Inheritance struct {
	// Inherited is the number of proposals taken over from a run with other data or training settings. They shaped the
	// policy, but their rewards are not comparable: they are not ranked, and repeats do not share them.
	Inherited int `json:"inherited,omitempty"`

	// InheritedManual is the same for trials made by hand, counted from FirstManual.
	InheritedManual int `json:"inherited_manual,omitempty"`

	// Past lists the controller's settings for the policy versions taken over, oldest first.
	Past []Past `json:"past,omitempty"`
}

// Past holds the controller's settings for a range of policy versions.
type Past struct {
	Until      int               `json:"until"` // the last version made under them
	Controller controller.Config `json:"controller"`
}

// Preset is a named starting point for a Config.
type Preset struct {
	Name, Title string
	Config      Config
}

// Presets lists the presets; the first is the default.
//
// quick is sized so that two cores finish the first child within seconds and 20 children within minutes. proxy follows
// the small-proxy advice of EcoNAS (arXiv 2001.01233): lower resolution, fewer filters, few images, and more samples
// rather than longer training. cifar is the paper's own search (appendix A.1 to A.3): 45,000 + 5,000 images, 20 epochs,
// N=2, minibatches of 20, one PPO step each at 3.5e-4. The paper does not state F; 32 is our choice.
var Presets = []Preset{
	{"quick", "Fashion-MNIST 10k at 14 px, N=1 F=8, 3 epochs on 2,000 images", Config{
		Images: Images{Data: "fashion-mnist-10k", TrainImages: 2000, ValImages: 1000}, Children: 200, Batch: 10, Lag: 1,
		RandomEvery: 5,
		Controller:  controller.Config{Strategy: "ppo", LearningRate: 2e-3, Steps: 4, Normalize: true},
		Setup: child.Setup{Net: child.NetConfig{Stack: "cifar", N: 1, Filters: 8, Image: 14},
			Train: child.TrainConfig{Epochs: 3, Batch: 32, Optimizer: "sgd", LR: 0.05, Schedule: "cosine",
				Momentum: 0.9, WeightDecay: 5e-4, Clip: 5,
				DropPath: child.DropPath{Mode: "linear", Prob: 0.1}, Augment: child.Augment{Flip: true}}},
	}},
	{"proxy", "CIFAR-10 at 16 px, N=1 F=8, 4 epochs on 3,000 images", Config{
		Images: Images{Data: "cifar10", TrainImages: 3000, ValImages: 2000}, Children: 400, Batch: 20, Lag: 1,
		RandomEvery: 5,
		Controller:  controller.Config{Strategy: "ppo", LearningRate: 3.5e-4, Steps: 10, Normalize: true},
		Setup: child.Setup{Net: child.NetConfig{Stack: "cifar", N: 1, Filters: 8, Image: 16},
			Train: child.TrainConfig{Epochs: 4, Batch: 32, Optimizer: "sgd", LR: 0.05, Schedule: "cosine",
				Momentum: 0.9, WeightDecay: 5e-4, Clip: 5,
				DropPath: child.DropPath{Mode: "none"}, Augment: child.Augment{Pad: 2, Flip: true}}},
	}},
	{"cifar", "the paper's search: CIFAR-10 at 32 px, N=2 F=32, 20 epochs, 20,000 children", Config{
		Images: Images{Data: "cifar10", TrainImages: 45000, ValImages: 5000}, Children: 20000, Batch: 20, Lag: 1,
		RandomEvery: 10,
		Controller:  controller.Config{Strategy: "ppo", LearningRate: 3.5e-4, Steps: 1},
		Setup: child.Setup{Net: child.NetConfig{Stack: "cifar", N: 2, Filters: 32, Image: 32},
			Train: child.TrainConfig{Epochs: 20, Batch: 32, Optimizer: "sgd", LR: 0.025, Schedule: "cosine",
				Momentum: 0.9, WeightDecay: 5e-4, Clip: 5,
				DropPath: child.DropPath{Mode: "linear", Prob: 0.4}, Augment: child.Augment{Pad: 4, Flip: true}}},
	}},
}

// PresetNamed returns the config of a preset with the defaults that all presets share.
func PresetNamed(name string) (Config, error) {
	var names []string
	for _, p := range Presets {
		if p.Name == name {
			c := p.Config
			c.Preset, c.Seed, c.Ops, c.Blocks, c.Repeats, c.Failures = name, 1, space.OpSets[0].Name, 5,
				"cached", "skip"
			c.Controller = c.Controller.WithDefaults()
			return c, nil
		}
		names = append(names, p.Name)
	}
	return Config{}, fmt.Errorf("unknown preset %q; want one of %s", name, strings.Join(names, ", "))
}

// Space returns the search space of the config.
func (c Config) Space() (space.Space, error) { return space.New(c.Ops, c.Blocks) }

// SameSpace reports whether two configs search the same space, however they spell their ops.
func (c Config) SameSpace(d Config) bool {
	a, errA := c.Space()
	b, errB := d.Space()
	return errA == nil && errB == nil && a.Blocks == b.Blocks && slices.Equal(a.Ops, b.Ops)
}

// Validate returns an error that names the first wrong field, what it holds and what was wanted.
func (c Config) Validate() error {
	if err := ownSettings.Check(c); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	switch {
	case c.Data == "":
		return fmt.Errorf("config: data is empty; want the name of a data set or a folder")
	case c.RandomEvery == 1:
		return fmt.Errorf("config: shadow is 1; want 0 (no random cells) or N >= 2 (every N-th proposal is random)")
	case c.Train.Shards > 1:
		return fmt.Errorf("config: train.shards is %d; want 1, because a search trains one child per core",
			c.Train.Shards)
	}
	if err := c.Cost.Validate(); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	if _, err := c.Space(); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	if err := c.ControllerConfig().WithDefaults().Validate(); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	if err := c.Net.Validate(); err != nil {
		return fmt.Errorf("config: net: %w", err)
	}
	if err := c.Train.Validate(); err != nil {
		return fmt.Errorf("config: train: %w", err)
	}
	return nil
}

// Comparable reports whether trial id was rewarded under this run's settings. It must not be a retrain.
func (c Config) Comparable(id int) bool {
	if id >= FirstManual {
		return id-FirstManual >= c.InheritedManual
	}
	return id >= c.Inherited
}

// RandomAt reports whether proposal id is drawn uniformly rather than by the controller.
func (c Config) RandomAt(id int) bool { return c.RandomEvery > 0 && (id+1)%c.RandomEvery == 0 }

// maxConfig limits the JSON of a config, in bytes; one that names every op and long folders takes 4 KiB.
const maxConfig = 64 << 10

// ParseConfig reads the JSON that a store keeps. It rejects unknown fields, so that the config of a newer program is
// not silently half obeyed. A list of ops that equals a named set becomes that name.
func ParseConfig(b []byte) (Config, error) {
	var c Config
	if err := strictjson.Decode(b, maxConfig, &c); err != nil {
		return c, fmt.Errorf("config: %w", err)
	}
	if err := c.Validate(); err != nil {
		return c, err
	}
	sp, err := c.Space()
	c.Ops = space.OpSetName(sp.Ops)
	return c, err
}

// DataSpec names the images that a child is trained and judged on.
type DataSpec struct {
	Name        string `json:"name"`
	Dir         string `json:"dir,omitempty"`
	Image       int    `json:"image"`        // side in pixels
	TrainImages int    `json:"train_images"` // 0 = all
	ValImages   int    `json:"val_images"`
	Test        bool   `json:"test"` // retrains only: train on all training images, judge on the test images
	Seed        uint64 `json:"seed"` // of the split
}

// DataSpec names the images of the search's children.
func (c Config) DataSpec() DataSpec {
	return DataSpec{Name: c.Data, Dir: c.DataDir, Image: c.Net.Image, TrainImages: c.TrainImages,
		ValImages: c.ValImages, Seed: c.Seed}
}

// ControllerConfig returns the controller's current settings, with the run's seed.
func (c Config) ControllerConfig() controller.Config {
	c.Controller.Seed = c.Seed
	return c.Controller
}

// ControllerAt returns the controller's settings when it made a policy version.
func (c Config) ControllerAt(version int) controller.Config {
	for _, p := range c.Past {
		if version <= p.Until {
			return p.Controller
		}
	}
	return c.ControllerConfig()
}

// PastUntil returns the Past of a fork at policy version at.
func (c Config) PastUntil(at int) (past []Past) {
	for _, p := range append(slices.Clone(c.Past), Past{at, c.ControllerConfig()}) {
		if from := len(past); at > 0 && (from == 0 || past[from-1].Until < at) {
			p.Until = min(p.Until, at)
			past = append(past, p)
		}
	}
	return past
}

// EvaluatesAs reports whether a trial with the same number, cell and data has the same outcome under both configs.
func (c Config) EvaluatesAs(d Config) bool {
	a, b := c.DataSpec(), d.DataSpec()
	a.Dir, b.Dir = "", ""
	return a == b && c.Net == d.Net && c.Train == d.Train && c.Seed == d.Seed && c.Preset == d.Preset
}

// CheckName returns an error if name cannot name a run. It is also the name of the run's folder.
func CheckName(name string) error {
	if name == "" || len(name) > 64 {
		return fmt.Errorf("name %q: want 1 to 64 characters", name)
	}
	for i, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		case i > 0 && (r == '-' || r == '_' || r == '.'):
		default:
			return fmt.Errorf("name %q: want letters, digits and, after the first character, dashes, underscores "+
				"or dots", name)
		}
	}
	return nil
}
