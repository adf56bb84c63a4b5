package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/nn"
)

// trainFlags are the settings of one training.
func trainFlags(fs *pflag.FlagSet, t *child.TrainConfig) {
	fs.IntVar(&t.Epochs, "epochs", 5, "epochs")
	fs.IntVar(&t.Batch, "batch", 64, "images per step")
	fs.IntVar(&t.Shards, "shards", 0, "equal parts of each batch, which several cores can compute at a time; batch normalisation uses the statistics of a part,\n"+
		"so this changes the result (0: 2 for an even batch of 64 or more, else 1)")
	fs.StringVar(&t.Optimizer, "optimizer", "sgd", "sgd or rmsprop")
	fs.Float64Var(&t.LR, "lr", 0.05, "learning rate at its highest")
	fs.StringVar(&t.Schedule, "schedule", "cosine", "of the learning rate: "+names(nn.Curves, func(c nn.Curve) string { return c.Name }))
	fs.Float64Var(&t.WarmupEpochs, "warmup", 0, "epochs in which the learning rate rises from 0")
	fs.Float64Var(&t.Momentum, "momentum", 0.9, "momentum")
	fs.BoolVar(&t.Nesterov, "nesterov", false, "Nesterov momentum")
	fs.Float64Var(&t.WeightDecay, "weight-decay", 5e-4, "weight decay")
	fs.Float64Var(&t.Clip, "clip", 5, "largest norm of the gradient (0: not clipped)")
	fs.Float64Var(&t.LabelSmoothing, "label-smoothing", 0, "label smoothing")
	fs.Float64Var(&t.AuxWeight, "aux-weight", 0.4, "weight of the auxiliary head's loss (with --aux)")
	fs.Float64Var(&t.DropPath.Prob, "drop-path", 0, "probability of dropping a path at the end of training")
	fs.StringVar(&t.DropPath.Mode, "drop-path-mode", "linear", "linear (ScheduledDropPath of the paper), constant, scaled (also by depth) or none")
	fs.IntVar(&t.Augment.Pad, "pad", 0, "random crop after padding by that many pixels")
	fs.Float64Var(&t.Augment.Crop, "crop", 0, "instead of --pad: random crop of at least that part of the area, scaled to the side (ImageNet: 0.08)")
	fs.Float64Var(&t.Augment.Color, "color", 0, "random change of brightness, contrast and saturation by up to that part (ImageNet: 0.4)")
	fs.BoolVar(&t.Augment.Flip, "flip", false, "random horizontal flip")
	fs.IntVar(&t.Augment.Cutout, "cutout", 0, "side of the square that cutout blanks (0: none)")
	fs.Float64Var(&t.EMA, "ema", 0, "decay of a moving average of the weights, which is judged and saved (0: none)")
	fs.BoolVar(&t.FlipAverage, "flip-average", false, "judge by the mean over an image and its mirror image")
}

// names joins the names of a table's rows for a flag's text.
func names[T any](rows []T, name func(T) string) string {
	var s []string
	for _, r := range rows {
		s = append(s, name(r))
	}
	return strings.Join(s, ", ")
}

func (a *app) trainCommand() *cobra.Command {
	var net child.NetConfig
	var train child.TrainConfig
	var spec nas.DataSpec
	var cell, out, resume string
	var seed uint64
	var threads int
	c := &cobra.Command{Use: "train", Short: "train one network of a cell and judge it on the test images", Long: cellHelp, Args: noArgs, RunE: func(c *cobra.Command, _ []string) error {
		g, err := a.cell(cell)
		if err != nil {
			return err
		}
		if train.Shards == 0 {
			train.Shards = child.DefaultShards(train.Batch)
		}
		if err := train.Validate(); err != nil {
			return usageError{err}
		}
		if threads < 0 {
			return usagef("train: --threads %d; want 0 (one a core) or more", threads)
		}
		if (spec.ValImages == 0) != (spec.TrainImages == 0) {
			return usagef("train: --train-images %d --val-images %d; want both, or none to judge on the test images", spec.TrainImages, spec.ValImages)
		}
		if out != "" { // find out now, not after hours
			if err := writeFile(out+".try", nil); err != nil {
				return err
			}
			os.Remove(out + ".try")
		}
		spec.Seed, spec.Test = seed, spec.ValImages == 0
		views, d, err := nas.NewLocal().Views(c.Context(), spec)
		if err != nil {
			return err
		}
		a.warn(d)
		net.Image, net.Channels, net.Classes = d.Train.H, d.Train.C, len(d.Info.Classes)
		t, err := child.NewTrainer(g, net, train, views, seed)
		if err != nil {
			return err
		}
		if threads > 0 {
			t.SetThreads(threads)
		}
		if resume != "" {
			if err := restoreTrainer(t, resume); err != nil {
				return err
			}
		}
		return a.train(c.Context(), t, out)
	}}
	fs := c.Flags()
	fs.StringVar(&cell, "cell", "nasnet-a", "the cell; "+cellHelp)
	fs.StringVar(&spec.Name, "data", nas.Presets[0].Config.Data, "data set or a folder of class folders")
	fs.StringVar(&spec.Dir, "data-dir", "", "folder with the data set's files")
	fs.IntVar(&spec.TrainImages, "train-images", 0, "train on part of the training images and judge on others of them (with --val-images)")
	fs.IntVar(&spec.ValImages, "val-images", 0, "judge on that many held-out training images instead of the test images")
	fs.IntVar(&spec.Image, "image", 0, "side of the images in pixels (0: as they are)")
	fs.Uint64Var(&seed, "seed", 1, "seed of the weights, the order and the augmentation")
	fs.IntVar(&threads, "threads", 0, "shards computed at a time (0: one a core); never changes a result")
	fs.StringVar(&out, "out", "", "file for the trained model (safetensors); its state after each epoch goes to FILE.state")
	fs.StringVar(&resume, "resume", "", "go on from the state file of an earlier training with the same settings")
	netFlags(fs, &net)
	trainFlags(fs, &train)
	return c
}

// train runs a training, shows it, and writes the model and, after each epoch, what is needed to go on.
func (a *app) train(ctx context.Context, t *child.Trainer, out string) error {
	shown, broken, kept := time.Time{}, false, false
	res, err := t.Run(ctx, func(p child.Progress) error {
		if e := p.EpochEnd; e != nil {
			if !broken {
				if err := a.printEpoch(p, *e); err != nil {
					broken = true
					fmt.Fprintln(a.Err, "nasnet: the output is closed; the training goes on:", err)
				}
			}
			if out != "" && e.Epoch < p.Epochs {
				b, err := t.State()
				if err != nil {
					return err
				}
				kept = true
				return writeFile(out+".state", b)
			}
		} else if !a.json && time.Since(shown) > 500*time.Millisecond {
			shown = time.Now()
			fmt.Fprintf(a.over, "\repoch %d/%d  step %d/%d  loss %.4f  acc %.4f  lr %.4g  %.0f img/s ", p.Epoch+1, p.Epochs, p.Step, p.Steps, p.Loss, p.Acc, p.LR, p.ImagesPerSec)
		}
		return nil
	})
	if err != nil {
		if ctx.Err() != nil && kept {
			a.saved = true
			fmt.Fprintf(a.Err, "\nstopped; go on with --resume %s.state\n", out)
		}
		return err
	}
	if out != "" {
		var b bytes.Buffer
		if err := t.Save(&b); err != nil {
			return err
		}
		if err := writeFile(out, b.Bytes()); err != nil {
			return err
		}
		os.Remove(out + ".state") // the finished model takes its place
	}
	last := res.Epochs[len(res.Epochs)-1]
	return a.print(map[string]any{"t": "trained", "accuracy": res.Reward, "loss": last.ValLoss, "epochs": len(res.Epochs), "params": res.Cost.Params,
		"trainable": res.Cost.Trainable, "madds": res.Cost.MAdds, "seconds": res.Seconds, "model": out}, func(w io.Writer) {
		fmt.Fprintf(w, "accuracy %.4f after %d epochs in %.0f s; %d parameters, %.2f M multiply-adds\n", res.Reward, len(res.Epochs), res.Seconds, res.Cost.Params, float64(res.Cost.MAdds)/1e6)
	})
}

func (a *app) printEpoch(p child.Progress, e child.EpochResult) error {
	if !a.json {
		fmt.Fprint(a.over, "\r\x1b[K")
	}
	return a.print(map[string]any{"t": "epoch", "epoch": e.Epoch, "epochs": p.Epochs, "lr": e.LR, "keep": e.Keep, "train_loss": e.TrainLoss, "train_acc": e.TrainAcc,
		"val_loss": e.ValLoss, "val_acc": e.ValAcc, "seconds": e.Seconds, "images_per_s": float64(e.Images) / e.Seconds}, func(w io.Writer) {
		fmt.Fprintf(w, "epoch %d/%d  train loss %.4f acc %.4f  val loss %.4f acc %.4f  lr %.4g  keep %.2f  %.1f s  %.0f img/s\n", e.Epoch, p.Epochs, e.TrainLoss, e.TrainAcc,
			e.ValLoss, e.ValAcc, e.LR, e.Keep, e.Seconds, float64(e.Images)/e.Seconds)
	})
}

func restoreTrainer(t *child.Trainer, path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := t.Restore(b); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// writeFile writes a file whole or not at all.
func writeFile(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-"+filepath.Base(path))
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.Write(b); err != nil {
		f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func (a *app) evalCommand() *cobra.Command {
	var spec nas.DataSpec
	c := &cobra.Command{Use: "eval MODEL", Short: "judge a trained model on test images", Long: "MODEL is a file written by nasnet train, or RUN/TRIAL of a retrain.", Args: args("MODEL"),
		RunE: func(c *cobra.Command, args []string) error {
			b, err := a.model(args[0])
			if err != nil {
				return err
			}
			m, err := child.Load(bytes.NewReader(b))
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			spec.Image, spec.Test = m.Net.Image, true
			views, d, err := nas.NewLocal().Views(c.Context(), spec)
			if err != nil {
				return err
			}
			a.warn(d)
			loss, acc, err := m.Evaluate(c.Context(), views.Val)
			if err != nil {
				return err
			}
			return a.print(map[string]any{"model": args[0], "data": spec.Name, "images": views.Val.Len(), "loss": loss, "accuracy": acc}, func(w io.Writer) {
				fmt.Fprintf(w, "accuracy %.4f, loss %.4f on %d test images of %s\n", acc, loss, views.Val.Len(), spec.Name)
			})
		}}
	c.Flags().StringVar(&spec.Name, "data", nas.Presets[0].Config.Data, "data set or a folder of class folders")
	c.Flags().StringVar(&spec.Dir, "data-dir", "", "folder with the data set's files")
	return c
}

// model reads a model from a file or from a retrain of a run.
func (a *app) model(name string) ([]byte, error) {
	b, err := os.ReadFile(name)
	run, trial, ok := cutTrial(name)
	if err == nil || !ok {
		return b, err
	}
	dir, err := a.runDir(run)
	if err != nil {
		return nil, err
	}
	t, err := findTrial(dir, trial)
	if err != nil {
		return nil, err
	}
	if t.WeightsSHA256 == "" {
		return nil, fmt.Errorf("trial %s of run %s has no weights; only those of retrains are kept", nas.TrialLabel(trial), run)
	}
	st, err := checkpoints.OpenReadOnly(dir)
	if err != nil {
		return nil, err
	}
	defer st.Close()
	return st.ReadBlob(t.WeightsSHA256)
}

func (a *app) checkCommand() *cobra.Command {
	var tolerance float64
	c := &cobra.Command{Use: "check VECTORS.safetensors", Short: "compare logits, loss and gradients with those of another implementation", Args: args("VECTORS.safetensors"),
		Long: "The file has an input, labels, all parameters, and what the other implementation made of them; the program that writes such files with PyTorch is\n" +
			"nas/child/testdata/peer_torch.py (--vectors FILE). Each error is relative to the largest entry of its tensor.",
		RunE: func(_ *cobra.Command, args []string) error {
			r, err := child.Check(args[0])
			if err != nil {
				return err
			}
			if err := a.print(r, func(w io.Writer) {
				fmt.Fprintf(w, "logits, batch statistics   %.3g\nlogits, moving statistics  %.3g\nloss                       %.3g\ngradients                  %.3g  (%s)\n",
					r.LogitsTrainErr, r.LogitsEvalErr, r.LossErr, r.GradErr, r.WorstGrad)
			}); err != nil {
				return err
			}
			if worst := r.Worst(); !(worst <= tolerance) {
				return fmt.Errorf("%s: the largest error is %.3g; want at most %g", args[0], worst, tolerance)
			}
			return nil
		}}
	c.Flags().Float64Var(&tolerance, "tolerance", 1e-3, "largest error that is no failure")
	return c
}
