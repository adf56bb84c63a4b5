package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/experiment"
	"nasnet/nas/setting"
)

func benchDropPath(a *app) *cobra.Command {
	var cell, out, data, dir string
	var seeds, workers, trainImages, valImages, image int
	c := &cobra.Command{Use: "droppath", Short: "compare ScheduledDropPath with constant DropPath and none",
		Args: noArgs,
		Long: `Trains one network in every DropPath mode, with the same seeds, on so few images
that it overfits. Prints the accuracies, and the gains over no DropPath, paired
by seed. An interrupted comparison continues with the same --out.

` + cellHelp,
		RunE: func(c *cobra.Command, _ []string) error {
			g, err := cellOf(a, cell)
			if err != nil {
				return err
			}
			s := dropPathSetup()
			if err := give(c.Flags(), child.Settings.For(setting.Train), &s); err != nil {
				return err
			}
			s.Train = s.Train.Alone()
			if seeds < 1 {
				return usagef("bench droppath: got --seeds %d; want 1 or more", seeds)
			}
			d := experiment.DropPaths{Genotype: g, Net: s.Net, Train: s.Train,
				Data: nas.DataSpec{Name: data, Dir: dir, Image: image, TrainImages: trainImages,
					ValImages: valImages, Seed: 1}}
			images, err := seen(c.Context(), d.Data)
			if err != nil {
				return err
			}
			if err := s.Train.Validate(); err != nil {
				return usageError{err}
			}
			for seed := range seeds {
				d.Seeds = append(d.Seeds, uint64(seed+1))
			}
			grid, err := runGrid(a, c.Context(), out, images.SHA256, d.Trainings(), workers)
			if grid == nil {
				return err
			}
			results := d.Results(grid)
			if perr := a.print(map[string]any{"t": "droppath", "arms": results}, func(w io.Writer) {
				tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
				fmt.Fprintf(tw, "ARM\tSEEDS\tACCURACY\tSD\tTRAINING\tGAIN OVER NONE, PAIRED\tOVER %s\n",
					strings.ToUpper(experiment.Constant.Name))
				points := func(iv *experiment.Interval) string {
					if iv == nil {
						return ""
					}
					return fmt.Sprintf("%+.2f points (95 %% %+.2f to %+.2f)", 100*iv.Value, 100*iv.Low, 100*iv.High)
				}
				for _, r := range results {
					fmt.Fprintf(tw, "%s\t%d\t%.4f\t%.4f\t%.4f\t%s\t%s\n", r.Name, len(r.Accuracy), r.Mean, r.SD,
						r.TrainAcc, points(r.Gain), points(r.OverConstant))
				}
				tw.Flush()
			}); perr != nil {
				return perr
			}
			return err
		}}
	fs := c.Flags()
	fs.StringVar(&cell, "cell", "nasnet-a", "the cell to train")
	fs.StringVar(&data, "data", nas.Presets[0].Config.Data, "data set or a folder of class folders")
	fs.StringVar(&dir, "data-dir", "", "folder with the data set's files")
	fs.IntVar(&image, "image", 16, "side of the images in pixels")
	fs.IntVar(&trainImages, "train-images", 1000, "training images")
	fs.IntVar(&valImages, "val-images", 5000, "validation images, held out from the training images")
	fs.IntVar(&seeds, "seeds", 5, "trainings per mode")
	fs.IntVar(&workers, "workers", 0, "trainings at a time (0: one per core)")
	fs.StringVar(&out, "out", "droppath.jsonl", "file for the results as JSON lines")
	settingFlags(fs, child.Settings.For(setting.Train), dropPathSetup())
	fs.Lookup("drop-path").Hidden, fs.Lookup("drop-path-mode").Hidden = true, true // set by the modes
	return c
}

// dropPathSetup is the default: a small network, trained so long that it overfits.
func dropPathSetup() child.Setup {
	s := defaultSetup(setting.Train)
	s.Net.N, s.Net.Filters, s.Train.Epochs, s.Train.Batch = 1, 8, 40, 32
	return s
}
