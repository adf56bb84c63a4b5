package controller

import (
	"fmt"
	"math"

	"nasnet/nas/setting"
)

// Config sets up a controller. Zero fields mean their defaults; see WithDefaults.
type Config struct {
	Strategy      string  `json:"strategy"`       // a name in Strategies
	Seed          uint64  `json:"seed"`           // of the initial weights
	LearningRate  float64 `json:"learning_rate"`  // of Adam
	Steps         int     `json:"steps"`          // gradient steps per batch; reinforce always takes one
	Clip          float64 `json:"clip"`           // PPO keeps ratios in 1±Clip
	Joint         bool    `json:"joint"`          // one ratio for the whole sequence instead of one per decision
	Normalize     bool    `json:"normalize"`      // scale advantages to mean 0 and deviation 1 in each batch
	Entropy       float64 `json:"entropy"`        // weight of the entropy bonus; negative: none
	BaselineDecay float64 `json:"baseline_decay"` // weight of the past in the moving average of rewards
	Hidden        int     `json:"hidden"`         // LSTM units
	Embedding     int     `json:"embedding"`      // width of the embedding of a choice
	Population    int     `json:"population"`     // evolution: P, individuals alive
	Sample        int     `json:"sample"`         // evolution: S, individuals in a tournament
}

// WithDefaults fills the zero fields. LSTM size, learning rate, entropy weight and baseline decay are the paper's
// (appendix A.2 and A.3), which does not state clip, steps and embedding. Clip is from Schulman et al. 2017 (arXiv
// 1707.06347); with 10 steps per batch, 3.5e-4 learns within a few hundred children. P and S of evolution did best on
// small tables; arXiv 1802.01548 uses 100 and 25 for 20,000 children.
func (c Config) WithDefaults() Config {
	if c.Strategy == "" {
		c.Strategy = Strategies[0].Name
	}
	if c.LearningRate == 0 {
		c.LearningRate = 3.5e-4
	}
	if c.Steps == 0 {
		c.Steps = 10
	}
	if c.Clip == 0 {
		c.Clip = 0.2
	}
	if c.Entropy == 0 {
		c.Entropy = 1e-5
	}
	if c.BaselineDecay == 0 {
		c.BaselineDecay = 0.95
	}
	if c.Hidden == 0 {
		c.Hidden = 100
	}
	if c.Embedding == 0 {
		c.Embedding = 32
	}
	if c.Population == 0 {
		c.Population = 50
	}
	if c.Sample == 0 {
		c.Sample = min(10, c.Population)
	}
	return c
}

// PaperConfig returns the paper's own settings, for searches of about 20,000 children: one step per batch at 3.5e-4,
// advantages unscaled.
func PaperConfig() Config {
	c := Config{Steps: 1, Population: 100, Sample: 25}
	return c.WithDefaults()
}

// DefaultConfig returns settings for a budget of children, in batches of about 20. Up to 1,000 children PPO takes a few
// large steps on normalised advantages; up to 5,000 it uses the paper's rate ten times per batch; above that it is
// PaperConfig. With small budgets evolution keeps two batches alive: with one, every parent would die with its batch.
func DefaultConfig(children int) Config {
	switch {
	case children <= 200:
		return Config{LearningRate: 2e-3, Steps: 4, Normalize: true, Population: 40, Sample: 10}.WithDefaults()
	case children <= 1000:
		return Config{LearningRate: 2e-3, Steps: 4, Normalize: true}.WithDefaults()
	case children <= 5000:
		return Config{LearningRate: 3.5e-4, Steps: 10, Normalize: true}.WithDefaults()
	}
	return PaperConfig()
}

// Settings lists every setting of a controller. Those without a Use are fixed by presets.
var Settings = setting.Table[Config]{
	{Name: "strategy", Use: setting.Search, Help: "ppo, reinforce, evolution or random", Choices: Names,
		At: func(c *Config) any { return &c.Strategy }},
	{Name: "controller-lr", Key: "learning_rate", Label: "controller lr", Use: setting.Search | setting.Fork,
		Help:  "learning rate of the controller",
		Range: setting.Range{Low: 0, High: 1, Above: true}, At: func(c *Config) any { return &c.LearningRate }},
	{Name: "controller-steps", Key: "steps", Label: "steps", Use: setting.Search | setting.Fork,
		Help: "gradient steps per controller update",
		Hint: "gradient steps per update", Range: setting.Range{Low: 1, High: 1000},
		At: func(c *Config) any { return &c.Steps }},
	{Name: "entropy", Label: "entropy bonus", Use: setting.Search | setting.Fork, Zero: true,
		Help:  "weight of the controller's entropy bonus (0: none; default: from the preset or the parent)",
		Hint:  "more: explores longer; 0: none",
		Range: setting.Range{Low: 0, High: 1e3}, At: func(c *Config) any { return &c.Entropy }},
	{Name: "clip", Range: setting.Range{Low: 0, High: math.Inf(1), Above: true},
		At: func(c *Config) any { return &c.Clip }},
	{Name: "baseline_decay", Range: setting.Range{Low: 0, High: 1, Below: true},
		At: func(c *Config) any { return &c.BaselineDecay }},
	{Name: "hidden", Range: setting.Range{Low: 2, High: 4096}, At: func(c *Config) any { return &c.Hidden }},
	{Name: "embedding", Range: setting.Range{Low: 2, High: 4096}, At: func(c *Config) any { return &c.Embedding }},
	{Name: "population", Range: setting.Range{Low: 1, High: 1 << 20}, At: func(c *Config) any { return &c.Population }},
	{Name: "sample", Within: func(c Config) setting.Range {
		return setting.Range{Low: 1, High: float64(c.Population), Where: ", the population"}
	}, At: func(c *Config) any { return &c.Sample }},
}

// Validate returns an error for the first invalid field of a config whose defaults are filled in.
func (c Config) Validate() error {
	if err := Settings.Check(c); err != nil {
		return fmt.Errorf("controller: %w", err)
	}
	return nil
}
