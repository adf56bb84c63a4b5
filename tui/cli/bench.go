package cli

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"nasnet/nas/child"
	"nasnet/nas/controller"
	"nasnet/nas/kernel"
)

func benchCommand(a *app) *cobra.Command {
	return group("bench", "measure speed, and how well each strategy searches", benchKernels(a), benchChild(a),
		benchController(a), benchDropPath(a))
}

func benchKernels(a *app) *cobra.Command {
	var batch int
	var each time.Duration
	c := &cobra.Command{Use: "kernels", Short: "every kernel on shapes of the search, beside what one core can reach",
		Args: noArgs, RunE: func(*cobra.Command, []string) error {
			if batch < 1 || each <= 0 {
				return usagef("bench kernels: --batch %d --time %v; want 1 or more, more than 0", batch, each)
			}
			peak := kernel.Peak()
			speeds := kernel.Speeds(batch, each, peak)
			return a.print(map[string]any{"kernels": kernel.Arch(), "peak_gmacs": peak / 1e9, "batch": batch,
				"speeds": speeds}, func(w io.Writer) {
				fmt.Fprintf(w, "%s kernels, one thread, batch %d; peak %.1f GMAC/s\n", kernel.Arch(), batch, peak/1e9)
				tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
				fmt.Fprintln(tw, "KERNEL\tSHAPE\tPASS\tGMAC/S\tOF PEAK\tGB/S")
				for _, s := range speeds {
					macs, share := "–", "–"
					if s.GMACs > 0 {
						macs, share = fmt.Sprintf("%.1f", s.GMACs), fmt.Sprintf("%.0f%%", 100*s.Peak)
					}
					fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%.1f\n", s.Kernel, s.Shape, s.Pass, macs, share, s.GBs)
				}
				tw.Flush()
			})
		}}
	c.Flags().IntVar(&batch, "batch", 32, "images")
	c.Flags().DurationVar(&each, "time", 30*time.Millisecond, "time for each kernel, shape and pass")
	return c
}

func benchChild(a *app) *cobra.Command {
	var cell string
	var o child.BenchOptions
	var budget time.Duration
	var profile output
	c := &cobra.Command{Use: "child", Short: "images per second of training and of inference of one network",
		Long: cellHelp, Args: noArgs, RunE: func(c *cobra.Command, _ []string) error {
			g, err := cellOf(a, cell)
			if err != nil {
				return err
			}
			net, err := flagNet(c.Flags())
			if err != nil {
				return err
			}
			if err := net.Validate(); err != nil {
				return usageError{err}
			}
			if o.Batch < 2 || o.Threads < 1 || o.Shards < 1 || budget <= 0 {
				return usagef("bench child: --batch %d --threads %d --shards %d --time %v; want 2 or more, 1 or "+
					"more, 1 "+
					"or more, more than 0", o.Batch, o.Threads, o.Shards, budget)
			}
			o.Seconds = budget.Seconds()
			if err := o.Validate(); err != nil {
				return usagef("bench child: %w", err)
			}
			var r child.BenchResult
			measure := func(w io.Writer) (err error) {
				o.Profile = w
				r, err = child.Bench(g, net, o)
				return err
			}
			if profile.path == "" {
				err = measure(nil)
			} else {
				err = profile.write(measure)
			}
			if err != nil {
				return err
			}
			return a.print(r, func(w io.Writer) { printChildSpeed(w, r) })
		}}
	c.Flags().StringVar(&cell, "cell", "nasnet-a", "the cell")
	c.Flags().IntVar(&o.Batch, "batch", 64, "images per step")
	c.Flags().IntVar(&o.Threads, "threads", 1, "networks side by side, as in a search; their rates are added")
	c.Flags().IntVar(&o.Shards, "shards", 1, "equal parts of each network's batch, each on a thread of its own, as "+
		"in nasnet train --shards")
	c.Flags().DurationVar(&budget, "time", 9*time.Second, "time to measure, two thirds of it training")
	profile.register(c.Flags(), "profile", "write a CPU profile of the training steps to this file, for go "+
		"tool pprof")
	networkFlags(c.Flags())
	return c
}

func printChildSpeed(w io.Writer, r child.BenchResult) {
	fmt.Fprintf(w, "train    %8.1f images/s  %6.2f GMAC/s  %6.1f ms a step of %d\n", r.TrainImagesPerS, r.GMACsTrain,
		r.TrainStepMS, r.Batch)
	fmt.Fprintf(w, "forward  %8.1f images/s  %6.2f GMAC/s  %6.1f ms\n", r.ForwardImages, r.GMACsForward,
		r.ForwardStepMS)
	fmt.Fprintf(w, "params   %d, %.2f M multiply-adds an image, %s kernels\n", r.Params, float64(r.MAdds)/1e6,
		kernel.Arch())
	fmt.Fprintf(w, "memory   %.1f MB of working memory, %.0f bytes allocated a step\n\n", float64(r.ArenaBytes)/1e6,
		r.AllocBytesPerOp)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "SHARE\tMS A STEP\tCALLS\t  KIND OF OP")
	for _, o := range r.Ops {
		fmt.Fprintf(tw, "%.1f%%\t%.2f\t%d\t  %s\n", 100*o.Share, o.MS, o.Calls, o.Kind)
	}
	tw.Flush()
}

func benchController(a *app) *cobra.Command {
	var table string
	var o controller.BenchOptions
	c := &cobra.Command{Use: "controller", Short: "every strategy on a table of trained networks (NAS-Bench-Macro's " +
		"JSON); true mean accuracy in percent, ± standard error over seeds", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if table == "" || o.Seeds < 1 || o.Samples < 1 {
				return usagef("bench controller: --table %q --seeds %d --samples %d; want a file, 1 or more, 1 or more",
					table, o.Seeds, o.Samples)
			}
			f, err := openFile(table)
			if err != nil {
				return err
			}
			defer f.Close()
			t, err := controller.ReadTable(f)
			if err != nil {
				return fmt.Errorf("%s: %w", table, err)
			}
			rep, err := controller.Benchmark(c.Context(), t, o)
			if err != nil {
				return err
			}
			return a.print(rep, func(w io.Writer) {
				tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
				fmt.Fprintf(tw, "STRATEGY\tLAST %d\t±\tTOP-1\tTOP-25\t±\n", rep.Batch)
				for _, r := range rep.Results {
					fmt.Fprintf(tw, "%s\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\n", r.Strategy, r.BatchMean,
						r.BatchMeanSE, r.Top1,
						r.Top25, r.Top25SE)
				}
				tw.Flush()
			})
		}}
	c.Flags().StringVar(&table, "table", "", "the table: choices as digits -> test_acc, mean_acc")
	c.Flags().IntVar(&o.Seeds, "seeds", 10, "searches per strategy")
	c.Flags().IntVar(&o.Samples, "samples", 400, "networks per search")
	return c
}
