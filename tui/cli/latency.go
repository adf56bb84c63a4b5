package cli

import (
	"fmt"
	"io"
	"runtime"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"nasnet/nas/child"
	"nasnet/nas/kernel"
	"nasnet/nas/space"
)

func cellLatency(a *app) *cobra.Command {
	var o child.LatencyOptions
	var each time.Duration
	var memory memoryFlag
	c := &cobra.Command{Use: "latency CELL", Short: "measure inference time of a network of the cell, whole and by op",
		Args: args("CELL"),
		Long: cellHelp + "\n\n" + scaleHelp + `

Each time is for one batch, with the moving statistics of batch normalisation.
Threads share the images of a batch, or the branches of the network. The time of
an operand is the sum over all cells of its kind, measured inside the network on
one thread.`,
		RunE: func(c *cobra.Command, args []string) error {
			g, net, of, err := scaleFor(a, c.Flags(), args[0])
			if err != nil {
				return err
			}
			if o.Threads < 0 {
				return usagef("cell latency: got --threads %d; want 0 (one per core) or more", o.Threads)
			}
			if o.Threads == 0 {
				o.Threads = runtime.GOMAXPROCS(0)
			}
			o.Seconds = each.Seconds()
			if err := o.Validate(); err != nil {
				return usagef("cell latency: %w", err)
			}
			bytes, err := child.LatencyBytes(g, net, o)
			if err != nil {
				return err
			}
			if err := memory.fits("cell latency: the network", bytes); err != nil {
				return err
			}
			l, err := child.MeasureLatency(g, net, o)
			if err != nil {
				return err
			}
			return a.print(struct {
				Cell    string `json:"cell"`
				Name    string `json:"name"`
				NetOf   string `json:"net_of"`
				Kernels string `json:"kernels"`
				child.Latency
			}{g.ShortHash(), g.Name, of, kernel.Arch(), l}, func(w io.Writer) { printLatency(w, l, of) })
		}}
	c.Flags().IntSliceVar(&o.Batches, "batch", []int{1, 32}, "batch sizes in images")
	c.Flags().IntVar(&o.Threads, "threads", 0, "most threads (0: one per core); they share a batch only if they "+
		"divide it evenly")
	c.Flags().DurationVar(&each, "time", 300*time.Millisecond, "time per measurement")
	memory.register(c.Flags(), "memory for the network")
	networkFlags(c.Flags())
	return c
}

func printLatency(w io.Writer, l child.Latency, of string) {
	fmt.Fprintf(w, "%s\n%s\n", scaleText(l.Net), of)
	fmt.Fprintf(w, "%d trainable parameters, %.2f M multiply-adds per image, %s kernels\n\n", l.Trainable,
		float64(l.Cost.MAdds)/1e6, kernel.Arch())
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "BATCH\tTHREADS\tSHARING\tMS\tFASTEST\tIMAGES/S\t")
	for _, p := range l.Network {
		what := "–"
		if p.Branches {
			what = "branches"
		} else if p.Threads > 1 {
			what = "images"
		}
		fmt.Fprintf(tw, "%d\t%d\t%s\t%.3f\t%.3f\t%.0f\t\n", p.Batch, p.Threads, what, p.MS, p.Fastest, p.Images)
	}
	tw.Flush()
	total := append([]float64(nil), l.Other.MS...)
	for _, r := range l.Operands {
		for i, ms := range r.MS {
			total[i] += ms
		}
	}
	fmt.Fprintln(w)
	tw = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(tw, "AT\tOP\tINPUT\tPARAMS\tMADDS")
	for _, b := range l.Batches {
		fmt.Fprintf(tw, "\tMS AT %d\tSHARE", b)
	}
	fmt.Fprintln(tw)
	row := func(place, op, in string, r child.OperandLatency) {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%d\t%.2fM", place, op, in, r.Trainable, float64(r.MAdds)/1e6)
		for i, ms := range r.MS {
			fmt.Fprintf(tw, "\t%.3f\t%.1f%%", ms, 100*ms/total[i])
		}
		fmt.Fprintln(tw)
	}
	for _, r := range l.Operands {
		op, _ := space.OpByName(r.Op)
		row(fmt.Sprintf("%s b%d.%d", r.Cell, r.Block, r.Operand), op.Label, r.In, r)
	}
	row("the rest", "", "", l.Other)
	tw.Flush()
}
