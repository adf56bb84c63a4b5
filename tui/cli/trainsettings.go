package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"nasnet/dataset"
	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/local"
	"nasnet/nas/setting"
	"nasnet/nas/space"
)

// names joins the names of a table's rows for the help of a flag.
func names[T any](rows []T, name func(T) string) string {
	var s []string
	for _, r := range rows {
		s = append(s, name(r))
	}
	return strings.Join(s, ", ")
}

// givenBut lists the flags on the command line, except these names.
func givenBut(c *cobra.Command, names ...string) string {
	var given []string
	c.LocalNonPersistentFlags().VisitAll(func(x *pflag.Flag) {
		if x.Changed && !slices.Contains(names, x.Name) {
			given = append(given, "--"+x.Name)
		}
	})
	return strings.Join(given, ", ")
}

// training is what the flags of nasnet train ask for.
type training struct {
	cell, preset, from, resume string
	memory                     memoryFlag
	out                        output // of the model
	child.Setup
	spec           nas.DataSpec
	seed           uint64
	threads        int
	estimate, list bool
	mapped         child.Buffers // reused from a measurement
}

func (t *training) register(fs *pflag.FlagSet) {
	fs.StringVar(&t.cell, "cell", "nasnet-a", "the cell to train")
	fs.StringVar(&t.preset, "preset", "", "named scale and settings, see --presets: "+
		names(child.Presets, func(r child.Preset) string { return r.Name })+"; other flags override it")
	fs.BoolVar(&t.list, "presets", false, "list the presets with their measured time and memory, and train nothing")
	fs.BoolVar(&t.estimate, "estimate", false, "measure time and memory, and train nothing")
	fs.StringVar(&t.from, "from", "", "start with the weights of a model (file, or RUN/TRIAL of a retrain) of the "+
		"same cell,\nwherever role (reduction 1, normal cell 2 of stage 3, …) and shape match")
	fs.StringVar(&t.spec.Name, "data", nas.Presets[0].Config.Data, "data set, or folder of class folders")
	fs.StringVar(&t.spec.Dir, "data-dir", "", "folder with the data set's files")
	fs.IntVar(&t.spec.TrainImages, "train-images", 0,
		"train on this many images; needs --val-images (0: all training images)")
	fs.IntVar(&t.spec.ValImages, "val-images", 0, "evaluate on this many held-out training images instead of the "+
		"test images")
	fs.IntVar(&t.spec.Image, "image", 0, "side of the images in pixels (0: the images' own)")
	fs.Uint64Var(&t.seed, "seed", 1, "seed of the weights, the order and the augmentation")
	fs.IntVar(&t.threads, "threads", 0, "shards computed at a time (0: one per core); never changes a result")
	t.memory.register(fs, "memory for the training")
	t.out.register(fs, "out", "file for the trained model (safetensors); FILE.state keeps the state after each epoch")
	fs.StringVar(&t.resume, "resume", "", "continue from the state file of a training with the same settings")
	settingFlags(fs, child.Settings.For(setting.Train), defaultSetup(setting.Train))
}

// decide sets up a training on images: with the settings of the preset, or else the defaults, changed by flags.
func (t *training) decide(fs *pflag.FlagSet, preset child.Preset, images dataset.Info) error {
	t.Setup = defaultSetup(setting.Train)
	if preset.Name != "" {
		t.Setup = preset.For(images)
	}
	t.Net.Image, t.Net.Channels, t.Net.Classes = images.Image, images.Channels, len(images.Classes)
	return give(fs, child.Settings.For(setting.Train), &t.Setup)
}

// plain returns the default settings on the same images.
func (t *training) plain() child.Setup {
	s := defaultSetup(setting.Train)
	s.Net.Image = t.Net.Image
	return s
}

// known describes images that have been read.
func known(d *dataset.Data) dataset.Info {
	info := d.Info
	info.Image, info.Channels = d.Train.H, d.Train.C
	return info
}

// smallerImage is the hint for images that do not fit into memory.
const smallerImage = "a smaller --image needs less; --memory allows more"

// evaluateOn sets the images to evaluate on, as the flags say.
func (t *training) evaluateOn() error {
	if (t.spec.ValImages == 0) != (t.spec.TrainImages == 0) {
		return usagef("train: got --train-images %d --val-images %d; want both, or neither to use the test images",
			t.spec.TrainImages, t.spec.ValImages)
	}
	t.spec.Seed, t.spec.Test = t.seed, t.spec.ValImages == 0
	return nil
}

// settleTraining decides all settings of a training and reads its images. With a preset or --estimate, it also measures
// and prints the time and memory.
func settleTraining(a *app, c *cobra.Command, g space.Genotype, t *training) (data child.Data, err error) {
	fs := c.Flags()
	if t.threads < 0 {
		return data, usagef("train: got --threads %d; want 0 (one per core) or more", t.threads)
	}
	if err := t.evaluateOn(); err != nil {
		return data, err
	}
	limit, err := t.memory.limit()
	if err != nil {
		return data, err
	}
	var preset child.Preset
	if t.preset != "" {
		if preset, err = child.PresetNamed(t.preset); err != nil {
			return data, usageError{err}
		}
		if t.spec.Image == 0 {
			t.spec.Image = preset.Net.Image
		}
	}
	if err := local.ImagesFit(t.spec, limit); err != nil {
		return data, hinted{fmt.Errorf("train: %w", err), smallerImage}
	}
	data, d, err := local.New(nil).Views(c.Context(), t.spec)
	if err != nil {
		return data, err
	}
	a.warn(d)
	if err := t.decide(fs, preset, known(d)); err != nil {
		return data, err
	}
	t.Train = t.Train.Alone()
	timed := preset.Within > 0 && !fs.Changed("epochs") // as many epochs as fit
	if timed && t.resume != "" {                        // as many as fitted at its start
		b, err := readFile(t.resume, maxModel)
		if err != nil {
			return data, err
		}
		if t.Train.Epochs, err = child.PlannedEpochs(b); err != nil {
			return data, fmt.Errorf("%s: %w", t.resume, err)
		}
		timed = false
	}
	if err := t.Train.Validate(); err != nil {
		return data, usageError{err}
	}
	v := child.Volume{Train: data.Train.Len(), Val: data.Val.Len(), Held: d.Train.N + d.Test.N}
	bytes, err := child.BytesWith(g, t.Net, t.Train, v)
	if err != nil {
		return data, err
	}
	if err := local.Fit("training", bytes, limit); err != nil {
		if t.estimate {
			if err := printSize(a, g, t, bytes); err != nil {
				return data, err
			}
		}
		return data, hinted{fmt.Errorf("train: %w", err),
			"a smaller --batch, --filters or --image needs less; --memory allows more"}
	}
	if t.preset == "" && !t.estimate {
		return data, nil
	}
	e, err := child.Measure(c.Context(), g, t.Net, t.Train, v, t.threads, &t.mapped)
	if err != nil {
		return data, err
	}
	if timed {
		n := min(preset.MostEpochs, e.Epochs(preset.Within))
		if n == 0 {
			return data, hinted{fmt.Errorf("train: an epoch of %d images takes %s here; none fits into %s", v.Train,
				long(e.EpochSeconds), t.preset), "--train-images with --val-images trains on fewer images; " +
				"--epochs 1 trains one epoch, however long it takes"}
		}
		t.Train.Epochs, e.Seconds = n, float64(n)*e.EpochSeconds
		if err := t.Train.Validate(); err != nil { // a warm-up longer than what fits
			return data, usageError{err}
		}
	}
	return data, printEstimate(a, t, e)
}

func printEstimate(a *app, t *training, e child.Estimate) error {
	v := map[string]any{"t": "estimate", "net": t.Net, "train": t.Train, "params": e.Params, "trainable": e.Trainable,
		"madds": e.MAdds, "bytes": e.Bytes,
		"images_per_s": e.ImagesPerSec, "judged_per_s": e.JudgedPerSec, "epoch_seconds": e.EpochSeconds,
		"seconds": e.Seconds}
	return a.print(v, func(w io.Writer) {
		fmt.Fprintf(w, "%d trainable parameters, %.2f M multiply-adds, %s of memory; %.0f images/s here: %s of %s, "+
			"about %s in all\n", e.Trainable, float64(e.MAdds)/1e6, nas.FormatBytes(e.Bytes), e.ImagesPerSec,
			nas.FormatCount(t.Train.Epochs, "epoch", "epochs"), long(e.EpochSeconds), long(e.Seconds))
		printOther(w, otherSettings(t.Setup, t.plain()), "the defaults")
	})
}

// printSize prints the size of a training that does not fit into memory.
func printSize(a *app, g space.Genotype, t *training, bytes int64) error {
	cost, err := child.CostOf(g, t.Net)
	if err != nil {
		return err
	}
	return a.print(map[string]any{"t": "estimate", "net": t.Net, "train": t.Train, "params": cost.Params,
		"trainable": cost.Trainable, "madds": cost.MAdds, "bytes": bytes,
		"fits": false}, func(w io.Writer) {
		fmt.Fprintf(w, "%d trainable parameters, %.2f M multiply-adds, %s of memory\n", cost.Trainable,
			float64(cost.MAdds)/1e6, nas.FormatBytes(bytes))
		printOther(w, otherSettings(t.Setup, t.plain()), "the defaults")
	})
}

// presetsFlags are the flags that --presets heeds.
const presetsFlags = "presets cell data data-dir image train-images val-images seed threads memory"

// printPresets prints the time and memory of each preset on this machine.
func printPresets(a *app, c *cobra.Command, g space.Genotype, t *training) error {
	if others := givenBut(c, strings.Fields(presetsFlags)...); others != "" {
		return usagef("train: got --presets with %s; --presets lists the presets unchanged", others)
	}
	limit, err := t.memory.limit()
	if err != nil {
		return err
	}
	if err := t.evaluateOn(); err != nil {
		return err
	}
	if err := local.ImagesFit(t.spec, limit); err != nil {
		return hinted{fmt.Errorf("train: %w", err), smallerImage}
	}
	data, d, err := local.New(nil).Views(c.Context(), t.spec)
	if err != nil {
		return err
	}
	a.warn(d)
	v := child.Volume{Train: data.Train.Len(), Val: data.Val.Len(), Held: d.Train.N + d.Test.N}
	if err := a.print(map[string]any{"t": "presets", "data": t.spec.Name, "train_images": v.Train, "val_images": v.Val,
		"limit": limit}, func(w io.Writer) {
		fmt.Fprintf(w, "%s, %d training images; measured here, up to %s of memory\n%-11s %10s %10s %10s %7s %9s  %s\n",
			t.spec.Name, v.Train, nas.FormatBytes(limit),
			"preset", "parameters", "madds", "memory", "epochs", "time", "use")
	}); err != nil {
		return err
	}
	for _, r := range child.Presets {
		own := training{threads: t.threads}
		images := known(d)
		if r.Net.Image > 0 {
			images.Image = 0 // the preset's
		}
		own.Setup = r.For(images)
		own.Train = own.Train.Alone()
		timed := r.Within > 0
		cost, err := child.CostOf(g, own.Net)
		if err != nil {
			return err
		}
		bytes, err := child.BytesWith(g, own.Net, own.Train, v)
		if err != nil {
			return err
		}
		e, fits := child.Estimate{Cost: cost, Bytes: bytes}, limit <= 0 || bytes <= limit
		if fits {
			if e, err = child.Measure(c.Context(), g, own.Net, own.Train, v, own.threads, &t.mapped); err != nil {
				return err
			}
			if timed {
				own.Train.Epochs = min(r.MostEpochs, e.Epochs(r.Within))
				e.Seconds = float64(own.Train.Epochs) * e.EpochSeconds
			}
		}
		if err := a.print(map[string]any{"t": "preset", "name": r.Name, "title": r.Title, "net": own.Net,
			"train": own.Train, "fits": fits, "estimate": e}, func(w io.Writer) {
			epochs, takes := fmt.Sprint(own.Train.Epochs), long(e.Seconds)
			switch {
			case !fits:
				epochs, takes = "-", "too large"
			case own.Train.Epochs == 0:
				epochs, takes = "-", long(e.EpochSeconds)+" each"
			}
			fmt.Fprintf(w, "%-11s %10d %9.1fM %10s %7s %9s  %s\n", r.Name, e.Trainable, float64(e.MAdds)/1e6,
				nas.FormatBytes(e.Bytes), epochs, takes, r.Title)
		}); err != nil {
			return err
		}
	}
	return nil
}

// long formats seconds for people: 9 s, 12 min, 3.4 h, 12 days.
func long(seconds float64) string {
	switch d := time.Duration(seconds * float64(time.Second)); {
	case d < 99*time.Second:
		return fmt.Sprintf("%.0f s", seconds)
	case d < 99*time.Minute:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case d < 72*time.Hour:
		return fmt.Sprintf("%.1f h", d.Hours())
	}
	return fmt.Sprintf("%.0f days", seconds/86400)
}
