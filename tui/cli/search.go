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
)

// searchFlags are the flags of a search beside those of its settings.
type searchFlags struct {
	preset, name     string
	headless, noDiff bool
	fake             bool
	engine           engineFlags
}

func (f *searchFlags) register(fs *pflag.FlagSet) {
	var names []string
	for _, p := range nas.Presets {
		names = append(names, p.Name+" ("+p.Title+")")
	}
	fs.StringVar(&f.preset, "preset", nas.Presets[0].Name, "named settings, which other flags override: "+
		strings.Join(names, "; "))
	fs.StringVar(&f.name, "name", "", "name of the run (default: preset-N)")
	fs.BoolVar(&f.headless, "headless", false, "no interface: print events as JSON lines (automatic without a "+
		"terminal)")
	fs.BoolVar(&f.noDiff, "no-diff", false, "send whole lines to the terminal instead of changed cells")
	fs.BoolVar(&f.fake, "fake", false, "train nothing: invent rewards, to try the interface")
	f.engine.register(fs)
	searchSettings(fs)
}

// searchSettings adds the flags of all settings of a search. They have no defaults: without a flag, the preset or the
// parent decides.
func searchSettings(fs *pflag.FlagSet) { settingFlags(fs, nas.Settings(), nas.Config{Seed: 1}) }

// giveSearch sets what the flags give.
func giveSearch(fs *pflag.FlagSet, c *nas.Config) error {
	if err := give(fs, nas.Settings(), c); err != nil {
		return err
	}
	if fs.Changed("data") {
		c.Data = dataset.Absolute(c.Data)
	}
	if fs.Changed("data-dir") {
		c.DataDir = dataset.Absolute(c.DataDir)
	}
	if fs.Changed("strategy") && c.Controller.Strategy == "random" && !fs.Changed("shadow") {
		c.RandomEvery = 0 // nothing to compare
	}
	return nil
}

func searchCommand(a *app) *cobra.Command {
	var f searchFlags
	c := &cobra.Command{Use: "search", Short: "start a search", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.behindLauncher(f.headless, func() error {
				cfg, err := nas.PresetNamed(f.preset)
				if err != nil {
					return usageError{err}
				}
				if err := giveSearch(c.Flags(), &cfg); err != nil {
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
	return a.drive(ctx, f, o, func(o search.Options) (*search.Search, error) {
		return search.Create(dir, cfg, hash, o)
	})
}

func resumeCommand(a *app) *cobra.Command {
	var f searchFlags
	var workers int
	c := &cobra.Command{Use: "resume RUN", Short: "continue a run where it stopped", Args: args("RUN"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.behindLauncher(f.headless, func() error { return resumeRun(a, c.Context(), args[0], workers, f) })
		}}
	c.Flags().BoolVar(&f.headless, "headless", false, "no interface: print events as JSON lines")
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
	c := &cobra.Command{Use: "fork RUN", Short: "start a new run from a policy version of another", Args: args("RUN"),
		RunE: func(c *cobra.Command, args []string) error {
			dir, err := a.store.runDir(args[0])
			if err != nil {
				return err
			}
			fs := c.Flags()
			r, err := search.ForkRun(dir, at, f.name, func(cfg *nas.Config, hash *string) error {
				if err := giveSearch(fs, cfg); err != nil {
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
					return hinted{fmt.Errorf("created run %s, but could not start it: %w", name, err),
						"to start it: " + a.store.command("resume", r.Dir)}
				}
				r.Message = fmt.Sprintf("forked at policy version %d to run %s, which runs in its own process", r.At,
					name)
			}
			return a.print(r, func(w io.Writer) {
				if fmt.Fprintln(w, r.Message); start {
					fmt.Fprintln(w, "to watch it:", a.store.command("attach", r.Dir))
				} else {
					fmt.Fprintln(w, "to run it:", a.store.command("resume", r.Dir))
				}
			})
		}}
	c.Flags().BoolVar(&start, "start", false, "run it at once, in its own process")
	c.Flags().IntVar(&at, "at", -1, "policy version to start from (-1: the latest)")
	c.Flags().StringVar(&f.name, "name", "", "name of the new run (default: RUN-fork-N)")
	searchSettings(c.Flags())
	return c
}
