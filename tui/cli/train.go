package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/local"
)

func trainCommand(a *app) *cobra.Command {
	var t training
	c := &cobra.Command{Use: "train", Short: "train a network of a cell and test it",
		Long: cellHelp, Args: noArgs, RunE: func(c *cobra.Command, _ []string) error {
			g, err := cellOf(a, t.cell)
			if err != nil {
				return err
			}
			if t.list {
				return printPresets(a, c, g, &t)
			}
			kept, err := t.resumes(a)
			if err != nil {
				return err
			}
			data, err := settleTraining(a, c, g, &t)
			if err != nil || t.estimate {
				return err
			}
			if t.out.path != "" { // fail now, not after hours
				if err := t.out.check(); err != nil {
					return err
				}
			}
			trainer, err := child.NewTrainer(g, t.Net, t.Train, data, t.seed)
			if err != nil {
				return err
			}
			trainer.Use(&t.mapped)
			if t.threads > 0 {
				trainer.SetThreads(t.threads)
			}
			if t.from != "" {
				if err := startFrom(a, trainer, t.from); err != nil {
					return err
				}
			}
			if t.resume != "" {
				if err := restoreTrainer(trainer, t.resume); err != nil {
					return err
				}
			}
			for _, note := range trainer.Notes() {
				fmt.Fprintln(a.Err, "nasnet:", note)
			}
			return trainChild(a, c.Context(), trainer, t.out, kept)
		}}
	t.register(c.Flags())
	return c
}

// resumes reports whether the training resumes from the state file of --out. If that file exists and --resume does not
// name it, resumes returns an error, because the training would overwrite it.
func (t *training) resumes(a *app) (bool, error) {
	state := t.out.state()
	if state == "" || t.estimate {
		return false, nil
	}
	there, err := os.Stat(state)
	if err != nil {
		return false, nil // it does not exist, or writing it will report the problem
	}
	if given, err := os.Stat(t.resume); err == nil && os.SameFile(given, there) {
		return true, nil
	}
	return false, hinted{fmt.Errorf("train: %s exists; the training would overwrite this state of an interrupted one",
		state), "to resume that one: " + a.resumeTraining(state) + "\nto discard its state: " + shellLine("rm", state)}
}

// resumeTraining returns this command line with --resume.
func (a *app) resumeTraining(state string) string {
	words := append([]string{"nasnet"}, a.args...)
	if i := slices.Index(words, "--resume"); i >= 0 && i+1 < len(words) {
		words = slices.Delete(words, i, i+2)
	}
	words = slices.DeleteFunc(words, func(w string) bool { return strings.HasPrefix(w, "--resume=") })
	return shellLine(append(words, "--resume", state)...)
}

// state returns the file beside the model's that keeps an unfinished training until the model replaces it; "" without
// --out, or if that is a pipe or a device.
func (o output) state() string {
	if st, err := os.Stat(o.path); o.path == "" || err == nil && !st.Mode().IsRegular() {
		return ""
	}
	return o.path + ".state"
}

// startFrom starts a training with the weights of a model, and prints which ones fit.
func startFrom(a *app, t *child.Trainer, name string) error {
	b, err := readModel(a, name)
	if err != nil {
		return err
	}
	taken, err := t.StartFrom(b)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return a.print(map[string]any{"t": "from", "model": name, "values": taken.Values, "of": taken.Of,
		"taken": taken.Arrays, "fresh": taken.Fresh}, func(w io.Writer) {
		fmt.Fprintf(w, "from %s: %d of %d values in %d arrays\n", name, taken.Values, taken.Of, len(taken.Arrays))
		printFew(w, movedCells(taken.Arrays))
		printFew(w, freshArrays(taken.Fresh))
	})
}

// printFew prints the first lines of a long list.
func printFew(w io.Writer, lines []string) {
	const most = 10
	for i, l := range lines {
		if i == most {
			fmt.Fprintf(w, "  and %d more lines (--json lists every array)\n", len(lines)-i)
			break
		}
		fmt.Fprintf(w, "  %s\n", l)
	}
}

// movedCells lists the cells that take their weights from a cell with another number.
func movedCells(arrays []child.TakenArray) (lines []string) {
	for _, x := range arrays {
		if x.Name == x.From {
			continue
		}
		line := fmt.Sprintf("%s: %s from %s", x.Role, cellName(x.Name), cellName(x.From))
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return lines
}

// cellName returns the cell in an array's name: param/cells/3/… is in cells/3.
func cellName(array string) string {
	parts := strings.SplitN(array, "/", 4)
	return strings.Join(parts[1:min(len(parts), 3)], "/")
}

// freshArrays lists the arrays with random initial weights, one line per reason.
func freshArrays(arrays []child.FreshArray) (lines []string) {
	first, count := map[string]string{}, map[string]int{}
	var whys []string
	for _, x := range arrays {
		if count[x.Why]++; count[x.Why] == 1 {
			first[x.Why] = x.Name
			whys = append(whys, x.Why)
		}
	}
	for _, why := range whys {
		more := ""
		if n := count[why] - 1; n > 0 {
			more = fmt.Sprintf(" and %d more", n)
		}
		lines = append(lines, fmt.Sprintf("at random: %s%s: %s", first[why], more, why))
	}
	return lines
}

// trainChild runs a training, prints its progress, and writes its state after each epoch and the model at the end. kept
// reports whether the state file exists already.
func trainChild(a *app, ctx context.Context, t *child.Trainer, out output, kept bool) error {
	shown, broken := time.Time{}, false
	state := out.state()
	res, err := t.Run(ctx, func(p child.Progress) error {
		if e := p.EpochEnd; e != nil {
			if !broken {
				if err := printEpoch(a, p, *e); err != nil {
					broken = true
					fmt.Fprintln(a.Err, "nasnet: warning: cannot print, the training continues:", err)
				}
			}
			if state != "" && e.Epoch < p.Epochs {
				b, err := t.State()
				if err != nil {
					return err
				}
				if err := writeFile(state, b, 0); err != nil { // the next one may work
					fmt.Fprintf(a.Err, "nasnet: warning: cannot keep the state after epoch %d, the training "+
						"continues: %v\n", e.Epoch, err)
					return nil
				}
				kept = true
			}
		} else if !a.json && time.Since(shown) > 500*time.Millisecond {
			shown = time.Now()
			fmt.Fprintf(a.over, "\repoch %d/%d  step %d/%d  loss %.4f  acc %.4f  lr %.4g  %.0f img/s ", p.Epoch+1,
				p.Epochs, p.Step, p.Steps, p.Loss, p.Acc, p.LR, p.ImagesPerSec)
		}
		return nil
	})
	if err != nil {
		if ctx.Err() != nil && kept {
			a.saved = true
			fmt.Fprintf(a.Err, "\nstopped\nto resume: %s\n", a.resumeTraining(state))
		}
		return err
	}
	if out.path != "" {
		if err := out.write(t.Save); err != nil {
			if kept {
				err = hinted{err, "to repeat only the last epoch: " + a.resumeTraining(state)}
			}
			return err
		}
		if state != "" {
			os.Remove(state) // the finished model takes its place
		}
	}
	last := res.Epochs[len(res.Epochs)-1]
	return a.print(map[string]any{"t": "trained", "accuracy": res.Reward, "loss": last.ValLoss,
		"epochs": len(res.Epochs), "params": res.Cost.Params,
		"trainable": res.Cost.Trainable, "madds": res.Cost.MAdds, "seconds": res.Seconds, "model": out.path},
		func(w io.Writer) {
			fmt.Fprintf(w, "accuracy %.4f after %s in %.0f s; %d parameters, %.2f M multiply-adds\n", res.Reward,
				nas.FormatCount(len(res.Epochs), "epoch", "epochs"), res.Seconds, res.Cost.Params,
				float64(res.Cost.MAdds)/1e6)
			if out.path != "" {
				fmt.Fprintf(w, "model in %s\n", out.path)
			}
		})
}

func printEpoch(a *app, p child.Progress, e child.EpochResult) error {
	if !a.json {
		fmt.Fprint(a.over, "\r\x1b[K")
	}
	return a.print(map[string]any{"t": "epoch", "epoch": e.Epoch, "epochs": p.Epochs, "lr": e.LR, "keep": e.Keep,
		"train_loss": e.TrainLoss, "train_acc": e.TrainAcc,
		"val_loss": e.ValLoss, "val_acc": e.ValAcc, "seconds": e.Seconds, "images_per_s": p.ImagesPerSec},
		func(w io.Writer) {
			fmt.Fprintf(w, "epoch %d/%d  train loss %.4f acc %.4f  val loss %.4f acc %.4f  lr %.4g  keep %.2f  "+
				"%.1f s  %.0f img/s\n", e.Epoch, p.Epochs, e.TrainLoss, e.TrainAcc,
				e.ValLoss, e.ValAcc, e.LR, e.Keep, e.Seconds, p.ImagesPerSec)
		})
}

func restoreTrainer(t *child.Trainer, path string) error {
	b, err := readFile(path, maxModel)
	if err != nil {
		return err
	}
	if err := t.Restore(b); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func evalCommand(a *app) *cobra.Command {
	var spec nas.DataSpec
	c := &cobra.Command{Use: "eval MODEL", Short: "test a trained network on a data set", Args: args("MODEL"),
		Long: `MODEL is a file written by nasnet train, or RUN/TRIAL of a retrain. Without
--data it is tested on the test images of its own data set.`,
		RunE: func(c *cobra.Command, args []string) error {
			m, err := loadModel(a, args[0])
			if err != nil {
				return err
			}
			if spec.Name == "" {
				if spec.Name = m.Data; !slices.Contains(namedData(), m.Data) {
					return usagef("eval: %s was trained on a folder, or does not record its data set; want --data",
						args[0])
				}
			}
			spec.Image, spec.Test = m.Net.Image, true
			views, d, err := local.New(nil).Views(c.Context(), spec)
			if err != nil {
				return err
			}
			a.warn(d)
			if !slices.Equal(m.ClassNames, d.Info.Classes) && len(m.ClassNames) == len(d.Info.Classes) {
				fmt.Fprintf(a.Err, "nasnet: warning: the model's classes are %q, but %s has %q\n", m.ClassNames,
					spec.Name, d.Info.Classes)
			}
			loss, acc, err := m.Evaluate(c.Context(), views.Val)
			if err != nil {
				return err
			}
			return a.print(map[string]any{"model": args[0], "data": spec.Name, "images": views.Val.Len(), "loss": loss,
				"accuracy": acc}, func(w io.Writer) {
				fmt.Fprintf(w, "accuracy %.4f, loss %.4f on %d test images of %s\n", acc, loss,
					views.Val.Len(), spec.Name)
			})
		}}
	c.Flags().StringVar(&spec.Name, "data", "", "data set, or folder of class folders (default: the model's)")
	c.Flags().StringVar(&spec.Dir, "data-dir", "", "folder with the data set's files")
	return c
}

// maxModel limits the files of models and of training states, in bytes.
const maxModel = 4 << 30

// loadModel loads the model that MODEL names: a file, or a retrain of a run.
func loadModel(a *app, name string) (*child.Model, error) {
	b, err := readModel(a, name)
	if err != nil {
		return nil, err
	}
	m, err := child.Load(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

// readModel reads the bytes of a MODEL.
func readModel(a *app, name string) ([]byte, error) {
	b, err := readFile(name, maxModel)
	run, trial, ok := cutTrial(name)
	if err == nil || !ok {
		return b, err
	}
	dir, err := a.store.runDir(run)
	if err != nil {
		return nil, err
	}
	t, err := findTrial(dir, trial)
	if err != nil {
		return nil, err
	}
	if t.WeightsSHA256 == "" {
		return nil, fmt.Errorf("trial %s of run %s has no weights; only retrains keep theirs", nas.TrialLabel(trial),
			run)
	}
	st, err := checkpoints.OpenReadOnly(dir)
	if err != nil {
		return nil, err
	}
	defer st.Close()
	return st.ReadBlob(t.WeightsSHA256)
}

func checkCommand(a *app) *cobra.Command {
	var tolerance float64
	c := &cobra.Command{Use: "check VECTORS.safetensors",
		Short: "compare numbers with another implementation's, such as PyTorch's", Args: args("VECTORS.safetensors"),
		Long: `The file has an input, labels, all parameters, and the other implementation's
logits, loss and gradients. To write one with PyTorch, run
nas/child/testdata/peer_torch.py --vectors FILE. Each error is relative to the
largest entry of its tensor.`,
		RunE: func(_ *cobra.Command, args []string) error {
			f, err := openFile(args[0])
			if err != nil {
				return fmt.Errorf("check: %w", err)
			}
			defer f.Close()
			r, err := child.Check(f)
			if err != nil {
				return fmt.Errorf("check: %s: %w", args[0], err)
			}
			if err := a.print(r, func(w io.Writer) {
				fmt.Fprintf(w, "logits, batch statistics   %.3g\nlogits, moving statistics  %.3g\nloss               "+
					"        %.3g\ngradients                  %.3g  (%s)\n",
					r.LogitsTrainErr, r.LogitsEvalErr, r.LossErr, r.GradErr, r.WorstGrad)
			}); err != nil {
				return err
			}
			if worst := r.Worst(); !(worst <= tolerance) {
				return fmt.Errorf("check: %s: the largest error is %.3g; want at most %g", args[0], worst, tolerance)
			}
			return nil
		}}
	c.Flags().Float64Var(&tolerance, "tolerance", 1e-3, "largest acceptable error")
	return c
}
