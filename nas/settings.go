package nas

import (
	"math"
	"slices"
	"strings"

	"nasnet/nas/child"
	"nasnet/nas/controller"
	"nasnet/nas/setting"
	"nasnet/nas/space"
)

// Settings is every setting of a search that a person can give: its own, its cost term's, its controller's, and those
// of its children. The flags of search and fork, the fork form and [Config.Validate] loop over it.
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
		Help:  "images a child trains on (0: all that validation leaves)",
		Range: setting.Range{Low: 0, High: 1e9}, At: func(c *Config) any { return &c.TrainImages }},
	{Name: "val-images", Key: "val_images", Use: setting.Search, Help: "held-out images that make the reward",
		Range: setting.Range{Low: 0, High: 1e9}, At: func(c *Config) any { return &c.ValImages }},
	{Name: "seed", Use: setting.Search | setting.Fork, Default: "1", Help: "seed of everything that is random",
		Hint: "another seed draws other cells",
		At:   func(c *Config) any { return &c.Seed }},
	{Name: "children", Use: setting.Search | setting.Fork, Help: "proposals in all", Hint: "proposals in all",
		// the numbers from there on are those of trials made by hand
		Range: setting.Range{Low: 1, High: FirstManual}, At: func(c *Config) any { return &c.Children }},
	{Name: "update-every", Key: "batch", Use: setting.Search, Help: "the controller's proposals per update",
		Range: setting.Range{Low: 1, High: FirstManual},
		At:    func(c *Config) any { return &c.Batch }},
	{Name: "shadow", Use: setting.Search,
		Help:  "one child in so many is a random cell, which the controller never sees, to compare with (0: none)",
		Range: setting.Range{Low: 0, High: math.MaxInt32}, At: func(c *Config) any { return &c.RandomEvery }},
	{Name: "lag", Use: setting.Search, Help: "batch k is proposed from policy version k-lag; 1 keeps all cores busy",
		Range: setting.Range{Low: 0, High: 8},
		At:    func(c *Config) any { return &c.Lag }},
	{Name: "workers", Use: setting.Search, Help: "children trained at a time (0: one a core); never changes a result",
		Range: setting.Range{Low: 0, High: MaxWorkers}, At: func(c *Config) any { return &c.Workers }},
	{Name: "ops", Use: setting.Search, Help: "op set (" + opSetNames() + ") or a list of ops",
		At: func(c *Config) any { return &c.Ops }},
	{Name: "blocks", Use: setting.Search, Help: "blocks per cell (B)",
		Range: setting.Range{Low: 1, High: space.MaxBlocks}, At: func(c *Config) any { return &c.Blocks }},
	{Name: "repeats", Use: setting.Search, Help: "an isomorphic cell again: cached or retrain",
		Choices: func() []string { return []string{"cached", "retrain"} },
		At:      func(c *Config) any { return &c.Repeats }},
	{Name: "failures", Use: setting.Search, Help: "a failed trial in an update: skip or zero",
		Choices: func() []string { return []string{"skip", "zero"} },
		At:      func(c *Config) any { return &c.Failures }},
	{Name: "latency", Use: setting.Search, Help: "measure the latency of each trained child, also where it makes no " +
		"reward (0.1 s a child)",
		At: func(c *Config) any { return &c.Latency }},
}

// MaxWorkers is the most children at a time.
const MaxWorkers = 1024

func opSetNames() string {
	var names []string
	for _, s := range space.OpSets {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}
