package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"nasnet/dataset"
	"nasnet/nas"
	"nasnet/nas/kernel"
	"nasnet/nas/local"
	"nasnet/nas/search"
	"nasnet/nas/space"
)

// searchFlags are the settings of a search that the command line can change; each overrides the preset only if it is given.
type searchFlags struct {
	preset, name     string
	headless, noDiff bool
	fake             bool
	engine           engineFlags
	cost             costFlags
	c                nas.Config
}

func (f *searchFlags) register(fs *pflag.FlagSet) {
	var names []string
	for _, p := range nas.Presets {
		names = append(names, p.Name+" ("+p.Title+")")
	}
	fs.StringVar(&f.preset, "preset", nas.Presets[0].Name, "starting point of all settings: "+strings.Join(names, "; "))
	fs.StringVar(&f.name, "name", "", "name of the run (default: preset-N)")
	fs.BoolVar(&f.headless, "headless", false, "no interface: one JSON object a line (also when the output is no terminal)")
	fs.BoolVar(&f.noDiff, "no-diff", false, "send whole lines to the terminal instead of changed cells")
	fs.BoolVar(&f.fake, "fake", false, "train nothing: made-up rewards, to try the interface")
	f.engine.register(fs)
	f.registerSettings(fs)
}

// registerSettings adds the flags that a fork may change as well.
func (f *searchFlags) registerSettings(fs *pflag.FlagSet) {
	c := &f.c
	fs.StringVar(&c.Data, "data", "", "data set (nasnet data list) or a folder of class folders")
	fs.StringVar(&c.DataDir, "data-dir", "", "folder with the data set's files")
	fs.StringVar(&c.Controller.Strategy, "strategy", "", "ppo, reinforce, evolution or random")
	fs.IntVar(&c.Children, "children", 0, "proposals in all")
	fs.IntVar(&c.Batch, "update-every", 0, "the controller's proposals per update")
	fs.IntVar(&c.Shadow, "shadow", 0, "one child in so many is a uniformly drawn cell, which the controller never sees, to compare with (0: none)")
	fs.IntVar(&c.Lag, "lag", 0, "batch k is proposed from policy version k-lag; 1 keeps all cores busy")
	fs.IntVar(&c.Workers, "workers", 0, "children trained at a time (0: one a core); never changes a result")
	fs.Uint64Var(&c.Seed, "seed", 1, "seed of everything that is random")
	fs.IntVar(&c.Net.N, "n", 0, "normal cells per stack (N)")
	fs.IntVar(&c.Net.Filters, "filters", 0, "filters of the first cells (F)")
	fs.IntVar(&c.Net.Image, "image", 0, "side of the images in pixels")
	fs.IntVar(&c.Train.Epochs, "epochs", 0, "epochs of a child")
	fs.IntVar(&c.Train.Batch, "batch", 0, "images per training step")
	fs.Float64Var(&c.Train.LR, "lr", 0, "learning rate of the children")
	fs.IntVar(&c.TrainImages, "train-images", 0, "images a child trains on (0: all that validation leaves)")
	fs.IntVar(&c.ValImages, "val-images", 0, "held-out images that make the reward")
	fs.StringVar(&c.Ops, "ops", "", space.OpSetHelp())
	fs.IntVar(&c.Blocks, "blocks", 0, "blocks per cell (B)")
	fs.Float64Var(&c.Train.DropPath.Prob, "drop-path", 0, "ScheduledDropPath: probability of dropping a path at the end of training")
	fs.StringVar(&c.Train.DropPath.Mode, "drop-path-mode", "", "linear (the paper's schedule), constant, scaled (also by depth) or none")
	fs.Float64Var(&c.Controller.LearningRate, "controller-lr", 0, "learning rate of the controller")
	fs.IntVar(&c.Controller.Steps, "controller-steps", 0, "gradient steps per controller update")
	fs.Float64Var(&c.Controller.Entropy, "entropy", 0, "weight of the controller's entropy bonus (0: none; default: that of the preset or the parent)")
	fs.StringVar(&c.Repeats, "repeats", "", "an isomorphic cell again: cached or retrain")
	f.cost.register(fs)
	fs.StringVar(&c.Failures, "failures", "", "a failed trial in an update: skip or zero")
}

// apply copies the settings whose flags were given into c.
func (f *searchFlags) apply(fs *pflag.FlagSet, c *nas.Config) error {
	set := func(flag string, do func()) {
		if fs.Changed(flag) {
			do()
		}
	}
	set("data", func() { c.Data = dataset.Anywhere(f.c.Data) })
	set("data-dir", func() { c.DataDir = dataset.Anywhere(f.c.DataDir) })
	set("strategy", func() {
		if c.Controller.Strategy = f.c.Controller.Strategy; c.Controller.Strategy == "random" {
			c.Shadow = 0 // there is nothing to compare
		}
	})
	set("shadow", func() { c.Shadow = f.c.Shadow })
	set("children", func() { c.Children = f.c.Children })
	set("update-every", func() { c.Batch = f.c.Batch })
	set("lag", func() { c.Lag = f.c.Lag })
	set("workers", func() { c.Workers = f.c.Workers })
	set("seed", func() { c.Seed = f.c.Seed })
	set("n", func() { c.Net.N = f.c.Net.N })
	set("filters", func() { c.Net.Filters = f.c.Net.Filters })
	set("image", func() { c.Net.Image = f.c.Net.Image })
	set("epochs", func() { c.Train.Epochs = f.c.Train.Epochs })
	set("batch", func() { c.Train.Batch = f.c.Train.Batch })
	set("lr", func() { c.Train.LR = f.c.Train.LR })
	set("train-images", func() { c.TrainImages = f.c.TrainImages })
	set("val-images", func() { c.ValImages = f.c.ValImages })
	set("ops", func() { c.Ops = f.c.Ops })
	set("blocks", func() { c.Blocks = f.c.Blocks })
	set("drop-path", func() { c.Train.DropPath.Prob = f.c.Train.DropPath.Prob })
	set("drop-path-mode", func() { c.Train.DropPath.Mode = f.c.Train.DropPath.Mode })
	dropAsAsked(&c.Train.DropPath, fs)
	set("controller-lr", func() { c.Controller.LearningRate = f.c.Controller.LearningRate })
	set("controller-steps", func() { c.Controller.Steps = f.c.Controller.Steps })
	set("entropy", func() { c.Controller.Entropy = noneAtZero(f.c.Controller.Entropy) })
	set("repeats", func() { c.Repeats = f.c.Repeats })
	set("failures", func() { c.Failures = f.c.Failures })
	return f.cost.apply(fs, c)
}

// noneAtZero is a weight as a config has it, where 0 stands for the default and a negative one for none.
func noneAtZero(weight float64) float64 {
	if weight == 0 {
		return -1
	}
	return weight
}

func searchCommand(a *app) *cobra.Command {
	var f searchFlags
	c := &cobra.Command{Use: "search", Short: "start a new search", Args: noArgs, RunE: func(c *cobra.Command, _ []string) error {
		return a.behindFront(f.headless, func() error {
			cfg, err := nas.PresetNamed(f.preset)
			if err != nil {
				return usageError{err}
			}
			if err := f.apply(c.Flags(), &cfg); err != nil {
				return err
			}
			if f.fake {
				cfg.Preset = "fake"
			}
			return runSearch(a, c.Context(), cfg, f)
		})
	}}
	f.register(c.Flags())
	return c
}

func runSearch(a *app, ctx context.Context, cfg nas.Config, f searchFlags) error {
	o := search.Options{Kernels: kernel.Arch(), Build: buildInfo()}
	hash := ""
	if err := cfg.Validate(); err != nil {
		return usageError{err}
	}
	memory, err := f.engine.apply(&o)
	if err != nil {
		return err
	}
	if f.fake {
		o.Evaluator = fakeEvaluator()
	} else {
		l := local.New(memory)
		o.Evaluator = l
		d, err := l.Prepare(ctx, &cfg)
		if err != nil {
			return err
		}
		a.warn(d)
		hash = d.SHA256
	}
	dir, err := search.NewDir(string(a.store), f.name, f.preset)
	if err != nil {
		return usageError{err}
	}
	cfg.Name = filepath.Base(dir)
	return a.drive(ctx, f, o, func(o search.Options) (*search.Search, error) { return search.Create(dir, cfg, hash, o) })
}

func resumeCommand(a *app) *cobra.Command {
	var f searchFlags
	var workers int
	c := &cobra.Command{Use: "resume RUN", Short: "go on with a run where it was left", Args: args("RUN"), RunE: func(c *cobra.Command, args []string) error {
		return a.behindFront(f.headless, func() error { return resumeRun(a, c.Context(), args[0], workers, f) })
	}}
	c.Flags().BoolVar(&f.headless, "headless", false, "no interface: one JSON object a line")
	c.Flags().BoolVar(&f.noDiff, "no-diff", false, "send whole lines to the terminal instead of changed cells")
	c.Flags().IntVar(&workers, "workers", 0, "children trained at a time (0: as in the run)")
	f.engine.register(c.Flags())
	return c
}

func resumeRun(a *app, ctx context.Context, run string, workers int, f searchFlags) error {
	dir, err := a.store.runDir(run)
	if err != nil {
		return err
	}
	o := search.Options{Kernels: kernel.Arch(), Build: buildInfo(), Workers: workers}
	memory, err := f.engine.apply(&o)
	if err != nil {
		return err
	}
	if o.Evaluator, err = a.evaluatorOf(ctx, dir, memory); err != nil {
		return err
	}
	return a.drive(ctx, f, o, func(o search.Options) (*search.Search, error) { return search.Open(dir, o) })
}

func forkCommand(a *app) *cobra.Command {
	var f searchFlags
	var at int
	var start bool
	c := &cobra.Command{Use: "fork RUN", Short: "begin a new run from a policy version of another, with changed settings", Args: args("RUN"),
		RunE: func(c *cobra.Command, args []string) error {
			dir, err := a.store.runDir(args[0])
			if err != nil {
				return err
			}
			fs := c.Flags()
			r, err := search.ForkRun(dir, at, f.name, func(cfg *nas.Config, hash *string) error {
				if err := f.apply(fs, cfg); err != nil {
					return err
				}
				if !fs.Changed("data") && !fs.Changed("data-dir") && !fs.Changed("image") {
					return nil
				}
				if err := cfg.Validate(); err != nil {
					return usageError{err}
				}
				d, err := local.New(nil).Prepare(c.Context(), cfg)
				if err == nil {
					*hash = d.SHA256
				}
				return err
			}, buildInfo())
			if err != nil {
				return err
			}
			name := filepath.Base(r.Dir)
			if start {
				if err := a.startApart(c.Context(), r.Dir); err != nil {
					return hinted{fmt.Errorf("run %s was made, but it could not be started: %w", name, err), "try again with: " + a.store.resumeHint(name)}
				}
				r.Message = fmt.Sprintf("forked at policy version %d to the run %s, which runs in a process of its own", r.At, name)
			}
			return a.print(r, func(w io.Writer) {
				if fmt.Fprintln(w, r.Message); start {
					fmt.Fprintf(w, "look at it with: nasnet attach %s%s\n", name, a.store.flag())
				} else {
					fmt.Fprintln(w, "go on with:", a.store.resumeHint(name))
				}
			})
		}}
	c.Flags().BoolVar(&start, "start", false, "run it at once, in a process of its own")
	c.Flags().IntVar(&at, "at", -1, "policy version to begin from (-1: the latest)")
	c.Flags().StringVar(&f.name, "name", "", "name of the new run (default: RUN-fork-N)")
	f.registerSettings(c.Flags())
	return c
}
