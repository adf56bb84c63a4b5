package controller

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sort"
	"sync"

	"nasnet/nas/rng"
)

// Shuffled is the control of [Benchmark]: ppo with each batch's rewards in random order. What it gains does not come
// from rewards.
const Shuffled = "ppo-shuffled"

// BenchOptions sets up a [Benchmark].
type BenchOptions struct {
	Seeds   int    // searches per strategy; 0 = 10
	Samples int    // proposals per search; 0 = 400
	Batch   int    // proposals per update; 0 = 20
	Seed    uint64 // of the first search; later ones count up from it
	// settings of every strategy, except Strategy and Seed; nil = DefaultConfig(Samples)
	Config     *Config
	Strategies []string // nil = all, and Shuffled after ppo
}

// BenchReport is the result of a [Benchmark]. Scores are true mean accuracies in percent.
type BenchReport struct {
	Samples int           `json:"samples"`
	Batch   int           `json:"batch"`
	Config  Config        `json:"config"`
	Results []BenchResult `json:"results"`
}

// BenchResult is the score of one strategy, as means over seeds.
type BenchResult struct {
	Strategy    string      `json:"strategy"`
	BatchMean   float64     `json:"batch_mean"`    // of the last Batch proposals of a search
	BatchMeanSE float64     `json:"batch_mean_se"` // standard error over seeds
	Top1        float64     `json:"top1"`          // of the point that looked best
	Top25       float64     `json:"top25"`         // of the 25 distinct points that looked best
	Top25SE     float64     `json:"top25_se"`
	Seeds       []BenchSeed `json:"seeds"`
}

// BenchSeed is one search.
type BenchSeed struct {
	Seed      uint64  `json:"seed"`
	BatchMean float64 `json:"batch_mean"`
	Top1      float64 `json:"top1"`
	Top25     float64 `json:"top25"`
	Distinct  int     `json:"distinct"` // points seen
	Entropy   float64 `json:"entropy"`  // of the last policy, as a fraction of the maximum
}

// Benchmark runs every strategy on a table of measured points, like a search: the reward of a proposal is the accuracy
// of one of its trainings, drawn by the seed. A search picks points by the mean of these noisy rewards; the score is
// the true mean of what it picked.
//
// Searches run in parallel, at most GOMAXPROCS of them; the report does not depend on how many.
func Benchmark(ctx context.Context, t *Table, o BenchOptions) (BenchReport, error) {
	o, err := o.withDefaults()
	if err != nil {
		return BenchReport{}, err
	}
	rep := BenchReport{Samples: o.Samples, Batch: o.Batch, Config: *o.Config}
	for _, s := range o.Strategies {
		rep.Results = append(rep.Results, BenchResult{Strategy: s, Seeds: make([]BenchSeed, o.Seeds)})
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range rep.Results {
		for j := range o.Seeds {
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				s, err := benchSearch(ctx, t, o, rep.Results[i].Strategy, o.Seed+uint64(j))
				if err != nil {
					cancel(err)
				}
				rep.Results[i].Seeds[j] = s
			})
		}
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return BenchReport{}, fmt.Errorf("controller: benchmark: %w", err)
	}
	for i := range rep.Results {
		r := &rep.Results[i]
		r.BatchMean, r.BatchMeanSE = meanSE(r.Seeds, func(s BenchSeed) float64 { return s.BatchMean })
		r.Top25, r.Top25SE = meanSE(r.Seeds, func(s BenchSeed) float64 { return s.Top25 })
		r.Top1, _ = meanSE(r.Seeds, func(s BenchSeed) float64 { return s.Top1 })
	}
	return rep, nil
}

func (o BenchOptions) withDefaults() (BenchOptions, error) {
	def := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	def(&o.Seeds, 10)
	def(&o.Samples, 400)
	def(&o.Batch, 20)
	if o.Seeds < 1 || o.Samples < 1 || o.Batch < 1 {
		return o, fmt.Errorf("controller: benchmark of %d seeds, %d samples in batches of %d; want at least 1 each",
			o.Seeds, o.Samples, o.Batch)
	}
	c := DefaultConfig(o.Samples)
	if o.Config != nil {
		c = o.Config.WithDefaults()
	}
	o.Config = &c
	if o.Strategies == nil {
		for _, s := range Strategies {
			o.Strategies = append(o.Strategies, s.Name)
			if s.Name == "ppo" {
				o.Strategies = append(o.Strategies, Shuffled)
			}
		}
	}
	return o, nil
}

// benchSearch runs one search of one strategy.
func benchSearch(ctx context.Context, t *Table, o BenchOptions, strategy string, seed uint64) (BenchSeed, error) {
	out := BenchSeed{Seed: seed}
	cfg := *o.Config
	cfg.Seed, cfg.Strategy = seed, strategy
	if strategy == Shuffled {
		cfg.Strategy = "ppo"
	}
	c, err := New(t.Arities, cfg)
	if err != nil {
		return out, err
	}
	type look struct {
		key         string
		mean        float64 // true
		sum, visits float64
	}
	seen := map[string]*look{}
	var order []*look // in the order in which they were first proposed
	var means []float64
	for len(means) < o.Samples {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		var batch []Sample
		for range min(o.Batch, o.Samples-len(means)) {
			id := uint64(len(means))
			p := c.Propose(rng.Stream(seed, "propose", id))
			got := t.Draw(rng.Stream(seed, "bench-noise", id), p.Choices)
			key := t.key(p.Choices)
			if seen[key] == nil {
				seen[key] = &look{key: key, mean: t.Mean(p.Choices)}
				order = append(order, seen[key])
			}
			seen[key].sum += got
			seen[key].visits++
			means = append(means, seen[key].mean)
			batch = append(batch, Sample{p.Choices, p.LogP, got / 100})
		}
		if strategy == Shuffled {
			r := rng.Stream(seed, "bench-shuffle", uint64(len(means)))
			r.Shuffle(len(batch), func(i, j int) {
				batch[i].Reward, batch[j].Reward = batch[j].Reward,
					batch[i].Reward
			})
		}
		st, err := c.Update(batch)
		if err != nil {
			return out, err
		}
		out.Entropy = st.Entropy / st.MaxEntropy
	}
	sort.SliceStable(order, func(i, j int) bool { return order[i].sum/order[i].visits > order[j].sum/order[j].visits })
	average := func(n int) float64 {
		sum := 0.0
		for _, l := range order[:n] {
			sum += l.mean / float64(n)
		}
		return sum
	}
	out.Top1, out.Top25, out.Distinct = average(1), average(min(25, len(order))), len(order)
	last := means[max(0, len(means)-o.Batch):]
	for _, m := range last {
		out.BatchMean += m / float64(len(last))
	}
	return out, nil
}

// meanSE returns the mean of a score over seeds and its standard error (0 for one seed).
func meanSE(seeds []BenchSeed, score func(BenchSeed) float64) (mean, se float64) {
	n := float64(len(seeds))
	for _, s := range seeds {
		mean += score(s) / n
	}
	if n < 2 {
		return mean, 0
	}
	for _, s := range seeds {
		se += (score(s) - mean) * (score(s) - mean)
	}
	return mean, math.Sqrt(se / (n - 1) / n)
}
