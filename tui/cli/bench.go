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
	c := &cobra.Command{Use: "kernels", Short: "measure every kernel on shapes of the search",
		Args: noArgs, RunE: func(*cobra.Command, []string) error {
			if batch < 1 || each <= 0 {
				return usagef("bench kernels: got --batch %d --time %v; want a batch of 1 or more and a time above 0",
					batch, each)
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
	c.Flags().IntVar(&batch, "batch", 32, "images per batch")
	c.Flags().DurationVar(&each, "time", 30*time.Millisecond, "time for each kernel, shape and pass")
	return c
}

func benchChild(a *app) *cobra.Command {
	var cell string
	var o child.BenchOptions
	var budget time.Duration
	var memory memoryFlag
	var profile output
	c := &cobra.Command{Use: "child", Short: "measure how fast one network trains and infers",
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
				return usagef("bench child: got --batch %d --threads %d --shards %d --time %v; want a batch of 2 or "+
					"more, 1 or more threads and shards, and a time above 0", o.Batch, o.Threads, o.Shards, budget)
			}
			o.Seconds = budget.Seconds()
			if err := o.Validate(); err != nil {
				return usagef("bench child: %w", err)
			}
			bytes, err := child.BenchBytes(g, net, o)
			if err != nil {
				return err
			}
			if err := memory.fits("bench child: training", bytes); err != nil {
				return err
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
	c.Flags().IntVar(&o.Threads, "threads", 1, "networks that run at once, as in a search; their rates are added")
	c.Flags().IntVar(&o.Shards, "shards", 1, "equal parts of each network's batch, each on its own thread, as in "+
		"nasnet train --shards")
	c.Flags().DurationVar(&budget, "time", 9*time.Second, "total time, two thirds of it for training")
	memory.register(c.Flags(), "memory for all networks together")
	profile.register(c.Flags(), "profile", "file for a CPU profile of the training steps, for go tool pprof")
	networkFlags(c.Flags())
	return c
}

func printChildSpeed(w io.Writer, r child.BenchResult) {
	fmt.Fprintf(w, "train    %8.1f images/s  %6.2f GMAC/s  %6.1f ms per step of %d\n", r.TrainImagesPerS, r.GMACsTrain,
		r.TrainStepMS, r.Batch)
	fmt.Fprintf(w, "forward  %8.1f images/s  %6.2f GMAC/s  %6.1f ms\n", r.ForwardImages, r.GMACsForward,
		r.ForwardStepMS)
	fmt.Fprintf(w, "params   %d, %.2f M multiply-adds per image, %s kernels\n", r.Params, float64(r.MAdds)/1e6,
		kernel.Arch())
	fmt.Fprintf(w, "memory   %.1f MB of working memory, %.0f bytes allocated per step\n\n", float64(r.ArenaBytes)/1e6,
		r.AllocBytesPerOp)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "SHARE\tMS/STEP\tCALLS\t  KIND OF OP")
	for _, o := range r.Ops {
		fmt.Fprintf(tw, "%.1f%%\t%.2f\t%d\t  %s\n", 100*o.Share, o.MS, o.Calls, o.Kind)
	}
	tw.Flush()
}

func benchController(a *app) *cobra.Command {
	var table string
	var o controller.BenchOptions
	c := &cobra.Command{Use: "controller", Short: "compare the strategies on a table of trained networks", Args: noArgs,
		Long: `Runs every strategy on a table of trained networks, the JSON of
NAS-Bench-Macro, and prints true mean accuracies in percent, ± their standard
errors over the seeds.`,
		RunE: func(c *cobra.Command, _ []string) error {
			if table == "" || o.Seeds < 1 || o.Samples < 1 {
				return usagef("bench controller: got --table %q --seeds %d --samples %d; want a file, and 1 or more "+
					"seeds and samples", table, o.Seeds, o.Samples)
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
	c.Flags().StringVar(&table, "table", "", "the table: a JSON object from choices, written as digits, to test_acc "+
		"and mean_acc")
	c.Flags().IntVar(&o.Seeds, "seeds", 10, "searches per strategy")
	c.Flags().IntVar(&o.Samples, "samples", 400, "networks per search")
	return c
}
