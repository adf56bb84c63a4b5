package nas

import (
	"math"
	"slices"

	"nasnet/nas/child"
	"nasnet/nas/controller"
	"nasnet/nas/setting"
	"nasnet/nas/space"
)

// Settings returns every setting of a search that a person can set: the search's own, and those of its cost term, its
// controller and its children. The flags of search and fork, the fork form and [Config.Validate] loop over it.
func Settings() setting.Table[Config] {
	t := slices.Clone(ownSettings)
	t = append(t, setting.Of(costSettings, func(c *Config) *CostTerm { return &c.Cost })...)
	t = append(t, setting.Of(controller.Settings, func(c *Config) *controller.Config { return &c.Controller })...)
	t = append(t, setting.Of(child.Settings, func(c *Config) *child.Setup { return &c.Setup })...)
	return t.For(setting.Search | setting.Fork)
}

var ownSettings = setting.Table[Config]{
	{Name: "data", Use: setting.Search, Help: "data set (nasnet data list) or a folder of class folders",
		At: func(c *Config) any { return &c.Data }},
	{Name: "data-dir", Key: "data_dir", Use: setting.Search, Help: "folder with the data set's files",
		At: func(c *Config) any { return &c.DataDir }},
	{Name: "train-images", Key: "train_images", Use: setting.Search,
		Help:  "images a child trains on (0: all that are not held out)",
		Range: setting.Range{Low: 0, High: 1e9}, At: func(c *Config) any { return &c.TrainImages }},
	{Name: "val-images", Key: "val_images", Use: setting.Search,
		Help:  "held-out images; accuracy on them is the reward",
		Range: setting.Range{Low: 0, High: 1e9}, At: func(c *Config) any { return &c.ValImages }},
	{Name: "seed", Use: setting.Search | setting.Fork, Default: "1", Help: "seed of all random numbers",
		Hint: "another seed draws other cells",
		At:   func(c *Config) any { return &c.Seed }},
	{Name: "children", Use: setting.Search | setting.Fork, Help: "proposals in total", Hint: "proposals in total",
		// trials made by hand are numbered from FirstManual
		Range: setting.Range{Low: 1, High: FirstManual}, At: func(c *Config) any { return &c.Children }},
	{Name: "update-every", Key: "batch", Use: setting.Search, Help: "samples (proposals of the controller) per update",
		Range: setting.Range{Low: 1, High: FirstManual},
		At:    func(c *Config) any { return &c.Batch }},
	{Name: "shadow", Use: setting.Search,
		Help: "make every N-th proposal a random cell that the controller never sees, for comparison\n" +
			"(0: none)",
		Range: setting.Range{Low: 0, High: math.MaxInt32}, At: func(c *Config) any { return &c.RandomEvery }},
	{Name: "lag", Use: setting.Search, Help: "draw batch k from policy version k-lag; 1 keeps all cores busy",
		Range: setting.Range{Low: 0, High: 8},
		At:    func(c *Config) any { return &c.Lag }},
	{Name: "workers", Use: setting.Search, Help: "children trained at a time (0: one per core); never changes a result",
		Range: setting.Range{Low: 0, High: MaxWorkers}, At: func(c *Config) any { return &c.Workers }},
	{Name: "ops", Use: setting.Search, Help: space.OpSetHelp(),
		At: func(c *Config) any { return &c.Ops }},
	{Name: "blocks", Use: setting.Search, Help: "blocks per cell (B)",
		Range: setting.Range{Low: 1, High: space.MaxBlocks}, At: func(c *Config) any { return &c.Blocks }},
	{Name: "repeats", Use: setting.Search, Help: "isomorphic cells drawn again: cached (reuse the reward) or retrain",
		Choices: func() []string { return []string{"cached", "retrain"} },
		At:      func(c *Config) any { return &c.Repeats }},
	{Name: "failures", Use: setting.Search, Help: "failed trials in an update: skip, or zero (as reward 0)",
		Choices: func() []string { return []string{"skip", "zero"} },
		At:      func(c *Config) any { return &c.Failures }},
	{Name: "latency", Use: setting.Search, Help: "measure each trained child's latency even if it does not weigh the " +
		"reward (0.1 s per child)",
		At: func(c *Config) any { return &c.Latency }},
}

// MaxWorkers is the largest number of children trained at a time.
const MaxWorkers = 1024
