package cli

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"nasnet/dataset"
	"nasnet/nas"
)

func dataCommand(a *app) *cobra.Command {
	return group("data", "list, fetch, inspect and check data sets", dataList(a), dataGet(a), dataInfo(a), dataCheck(a))
}

func dataList(a *app) *cobra.Command {
	return &cobra.Command{Use: "list", Short: "list the data sets", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
			if !a.json {
				fmt.Fprintln(w, "NAME\tWHAT\tIMAGES\tCLASSES\tLICENCE")
			}
			for _, s := range dataset.Sources {
				i := s.Info
				if a.json {
					if err := a.print(map[string]any{"name": s.Name, "title": s.Title, "train": i.TrainImages,
						"test": i.TestImages, "classes": len(i.Classes),
						"license": i.License, "source": i.Source}, nil); err != nil {
						return err
					}
					continue
				}
				images := "–"
				if i.TrainImages > 0 {
					images = fmt.Sprintf("%d + %d", i.TrainImages, i.TestImages)
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", s.Name, s.Title, images, len(i.Classes), i.License)
			}
			return w.Flush()
		}}
}

// warn prints the warnings of a loaded data set.
func (a *app) warn(d *dataset.Data) {
	for _, w := range d.Warnings {
		fmt.Fprintln(a.Err, "nasnet: warning:", w)
	}
}

func dataGet(a *app) *cobra.Command {
	var dir string
	c := &cobra.Command{Use: "get DATA", Short: "download a data set, or the rest of it",
		Args: args("DATA"), RunE: func(c *cobra.Command, args []string) error {
			if i, err := dataset.Lookup(args[0]); err == nil && len(i.Files) == 0 {
				return a.print(map[string]string{"name": args[0], "state": "built in"},
					func(w io.Writer) { fmt.Fprintf(w, "%s is built in; nothing to download\n", args[0]) })
			}
			last := ""
			err := dataset.Get(c.Context(), args[0], dir, func(file string, done, total int64) {
				if a.json {
					return
				}
				if file != last && last != "" {
					fmt.Fprintln(a.Err)
				}
				last = file
				fmt.Fprintf(a.over, "\r%s  %d of %d bytes ", file, done, total)
			})
			if last != "" {
				fmt.Fprintln(a.Err)
			}
			if err != nil {
				return err
			}
			return a.print(map[string]string{"name": args[0], "state": "complete"},
				func(w io.Writer) { fmt.Fprintf(w, "%s is complete\n", args[0]) })
		}}
	c.Flags().StringVar(&dir, "data-dir", "", "folder for the files (default: the standard place)")
	return c
}

func dataInfo(a *app) *cobra.Command {
	var o dataset.Options
	c := &cobra.Command{Use: "info DATA|DIR", Short: "load a data set and describe it", Args: args("DATA|DIR"),
		RunE: func(c *cobra.Command, args []string) error {
			d, err := dataset.Load(c.Context(), args[0], o)
			if err != nil {
				return err
			}
			a.warn(d)
			i := d.Info
			return a.print(map[string]any{"name": i.Name, "train": d.Train.N, "test": d.Test.N, "image": d.Train.H,
				"channels": d.Train.C, "classes": i.Classes,
				"sha256": d.SHA256, "mean": d.Mean, "std": d.Std, "license": i.License}, func(w io.Writer) {
				fmt.Fprintf(w, "%s: %s\n%d training and %d test images of %dx%d, %s\n%d classes: %v\nmean "+
					"%.4f  std %.4f (of pixel/255)\nlicence %s\nsha256 %s\n", i.Name, i.Title,
					d.Train.N, d.Test.N, d.Train.W, d.Train.H, nas.FormatCount(d.Train.C, "channel", "channels"),
					len(d.Info.Classes), i.Classes, d.Mean, d.Std, i.License, d.SHA256)
			})
		}}
	c.Flags().StringVar(&o.Dir, "data-dir", "", "folder with the files")
	c.Flags().IntVar(&o.Image, "image", 0, "side of the images in pixels (0: as they are)")
	return c
}

func dataCheck(a *app) *cobra.Command {
	var dir string
	c := &cobra.Command{Use: "check DATA", Short: "check a data set's files against known sizes and checksums",
		Args: args("DATA"), RunE: func(c *cobra.Command, args []string) error {
			files, err := dataset.Check(c.Context(), args[0], dir)
			if err != nil {
				return err
			}
			if len(files) == 0 {
				return a.print(map[string]string{"name": args[0], "status": dataset.StatusOK},
					func(w io.Writer) { fmt.Fprintf(w, "%s is built in; nothing to check\n", args[0]) })
			}
			bad := 0
			for _, f := range files {
				if f.Status != dataset.StatusOK {
					bad++
				}
				if err := a.print(f, func(w io.Writer) {
					fmt.Fprintf(w, "%s\t%s\t%s\n", f.Name, f.Status, f.Detail)
				}); err != nil {
					return err
				}
			}
			if bad > 0 {
				get := []string{"nasnet", "data", "get", args[0]}
				if dir != "" {
					get = append(get, "--data-dir", absPath(dir))
				}
				return hinted{fmt.Errorf("%d of %d files of %s are missing or damaged", bad, len(files), args[0]),
					"to download them: " + shellLine(get...)}
			}
			return nil
		}}
	c.Flags().StringVar(&dir, "data-dir", "", "folder with the files")
	return c
}
