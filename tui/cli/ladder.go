package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"nasnet/checkpoints"
	"nasnet/dataset"
	"nasnet/nas"
	"nasnet/nas/audit"
	"nasnet/nas/child"
	"nasnet/nas/experiment"
	"nasnet/nas/local"
	"nasnet/nas/search"
	"nasnet/tui/term"
)

// ladderFlags say which cells to train, and how.
type ladderFlags struct {
	top, middle, bottom int
	stars, only         bool
	retrains, estimate  bool
	cells, rungs        []string
	seeds, workers      int
	out, data, dir      string
	image               int
	trainImages         int
	valImages           int
	settings            string
}

func (f *ladderFlags) register(fs *pflag.FlagSet) {
	fs.IntVar(&f.top, "top", 4, "number of best cells of the run")
	fs.IntVar(&f.middle, "middle", 0, "number of cells from the middle of the ranking")
	fs.IntVar(&f.bottom, "bottom", 0, "number of worst cells")
	fs.BoolVar(&f.stars, "stars", false, "add the starred cells")
	fs.StringSliceVar(&f.cells, "trials", nil, "add these trials of the run, by number")
	fs.BoolVar(&f.only, "no-baselines", false, "omit NASNet-A, all-sep3x3 and the best random cell")
	fs.StringArrayVar(&f.rungs, "rung", []string{"n=1,filters=8,epochs=10"},
		"a scale, such as n=2,filters=16,epochs=20: any settings of nasnet train except shards; repeat for more rungs")
	fs.BoolVar(&f.retrains, "retrains", false, "train nothing: print the ladder of the run's retrains (key l)")
	fs.BoolVar(&f.estimate, "estimate", false, "measure time and memory of the missing trainings, and train nothing")
	fs.IntVar(&f.seeds, "seeds", 1, "trainings per cell and rung")
	fs.IntVar(&f.workers, "workers", 0, "trainings at a time (0: one per core)")
	fs.StringVar(&f.data, "data", "", "data set, or folder of class folders (default: the run's)")
	fs.StringVar(&f.dir, "data-dir", "", "folder with the data set's files")
	fs.IntVar(&f.image, "image", 0, "side of the images in pixels (0: as in the search, or with --data the images' "+
		"own)")
	fs.IntVar(&f.trainImages, "train-images", 0, "train on this many images, evaluate on --val-images other training "+
		"images (0: train on all, evaluate on the test images)")
	fs.IntVar(&f.valImages, "val-images", 0, "see --train-images")
	fs.StringVar(&f.settings, "preset", "10-minutes",
		"named settings of the training, see nasnet train --presets; rungs set scale and epochs")
	fs.StringVar(&f.out, "out", "", "file for the results as JSON lines; an interrupted ladder continues from it "+
		"(default: exports/ladder.jsonl in the run's folder)")
}

func ladderCommand(a *app) *cobra.Command {
	var f ladderFlags
	c := &cobra.Command{Use: "ladder RUN", Short: "train cells of a run at other scales or on other data",
		Args: args("RUN"),
		Long: `Trains cells of a run again, with baselines, on one or more rungs. For each rung
it prints the accuracies, their rank correlation with the search's rewards and
with the multiply-adds, and the place of the search's best cell. With --data it
shows whether cells transfer. An interrupted ladder continues when the command
is repeated.`,
		RunE: func(c *cobra.Command, args []string) error {
			dir, err := a.store.runDir(args[0])
			if err != nil {
				return err
			}
			if f.retrains {
				if others := givenBut(c, "retrains"); others != "" {
					return usagef("ladder: got --retrains with %s; --retrains trains nothing", others)
				}
				return printRetrains(a, dir, args[0])
			}
			ranked, cfg, err := audit.Ranking(dir)
			if err != nil {
				return err
			}
			var l experiment.Ladder
			if l.Candidates, err = f.candidates(args[0], ranked); err != nil {
				return err
			}
			images, err := f.ladder(c.Context(), cfg, &l)
			if err != nil {
				return err
			}
			if f.seeds < 1 {
				return usagef("ladder: got --seeds %d; want 1 or more", f.seeds)
			}
			for seed := range f.seeds {
				l.Seeds = append(l.Seeds, uint64(seed+1))
			}
			if f.out == "" {
				exports, err := exportsDir(dir)
				if err != nil {
					return err
				}
				f.out = filepath.Join(exports, "ladder.jsonl")
				if st, err := os.Lstat(f.out); err == nil && !st.Mode().IsRegular() {
					return fmt.Errorf("%s is not a regular file", f.out)
				}
			}
			if f.estimate {
				return printLadderPlans(a, c.Context(), f, images, l)
			}
			g, err := runGrid(a, c.Context(), f.out, images.SHA256, l.Trainings(), f.workers)
			if g == nil {
				return err
			}
			for _, r := range l.Results(g) {
				if err := printRung(a, r, len(l.Seeds)); err != nil {
					return err
				}
			}
			return err
		}}
	f.register(c.Flags())
	return c
}

// printRetrains prints the ladder of a run's retrains.
func printRetrains(a *app, dir, run string) error {
	s, err := search.ReadSnapshot(dir)
	if err != nil {
		return err
	}
	results := experiment.OfRetrains(s.Retrains)
	if len(results) == 0 {
		err := fmt.Errorf("ladder: run %s has no retrains, running or finished", run)
		if s.Best == nil || !checkpoints.Summary(dir).Live {
			return hinted{err, "to resume it, then retrain cells with key r: " + a.store.command("resume", dir)}
		}
		return hinted{err, "to retrain its best cell: " + a.store.command("ctl", dir, "retrain", s.Best.Label())}
	}
	for _, r := range results {
		if err := printRung(a, r, 0); err != nil {
			return err
		}
	}
	return nil
}

// bestRandom is the cell to beat: a search that does not beat it is no better than random search.
const bestRandom = "best random cell"

// candidates chooses cells from the ranking, best first.
func (f *ladderFlags) candidates(run string, ranked []audit.Ranked) (cs []experiment.Candidate, err error) {
	if f.top < 0 || f.middle < 0 || f.bottom < 0 {
		return nil, usagef("ladder: got --top %d --middle %d --bottom %d; want 0 or more", f.top, f.middle, f.bottom)
	}
	wanted := map[int]bool{}
	n := len(ranked)
	from := max(0, (n-f.middle)/2)
	to := min(n, from+f.middle)
	for i, r := range ranked {
		wanted[r.Trial] = i < f.top || i >= n-f.bottom || i >= from && i < to || f.stars && r.Star
	}
	for _, text := range f.cells {
		_, trial, ok := cutTrial("run/" + text)
		found := false
		for _, r := range ranked {
			found = found || r.Trial == trial
		}
		if !ok || !found {
			return nil, usagef("ladder: run %s has no ranked cell of trial %s", run, text)
		}
		wanted[trial] = true
	}
	random := false // whether the best random cell has been seen
	for _, r := range ranked {
		c := experiment.Candidate{Name: "trial " + nas.TrialLabel(r.Trial), Genotype: r.Genotype,
			Text: r.Genotype.Text(), Reward: r.Reward, Kind: r.Kind, Origin: experiment.OriginOf(r.Kind)}
		best := r.Kind == nas.Random && !random
		if best {
			random, c.Origin = true, bestRandom
		}
		switch {
		case wanted[r.Trial]:
		case best && !f.only:
			c.Baseline = bestRandom // does not count as a chosen cell
		default:
			continue
		}
		cs = append(cs, c)
	}
	if len(cs) == 0 {
		return nil, fmt.Errorf("ladder: the flags choose none of the %d ranked cells of run %s", n, run)
	}
	if !f.only {
		cs = append(cs, experiment.Baselines()...)
	}
	return cs, nil
}

// printLadderPlans prints the time and memory of the ladder's missing trainings.
func printLadderPlans(a *app, ctx context.Context, f ladderFlags, images *dataset.Data, l experiment.Ladder) error {
	g, err := experiment.Open(f.out)
	if err != nil {
		return err
	}
	g.Images = images.SHA256
	var ps []planned
	for _, r := range l.Rungs {
		v := child.Volume{Train: images.Train.N, Val: images.Test.N, Held: images.Train.N + images.Test.N}
		if !r.Data.Test {
			v.Train, v.Val = r.Data.TrainImages, r.Data.ValImages
		}
		one := experiment.Ladder{Rungs: []experiment.Rung{r}, Seeds: l.Seeds}
		for _, c := range l.Candidates {
			p := planned{name: c.Name, rung: r.Name, genotype: c.Genotype, net: r.Net, train: r.Train, volume: v}
			one.Candidates = []experiment.Candidate{c}
			for _, t := range one.Trainings() {
				if _, done := g.Row(t); !done {
					p.trainings++
				}
			}
			if p.trainings > 0 {
				ps = append(ps, p)
			}
		}
	}
	if len(ps) == 0 {
		return fmt.Errorf("ladder: nothing left to train: %s has all results", f.out)
	}
	return printPlans(a, ctx, ps, workersOr(f.workers), nil) // the rungs' names list their settings
}

// workersOr returns n, or one worker per core for 0.
func workersOr(n int) int {
	if n == 0 {
		return runtime.GOMAXPROCS(0)
	}
	return n
}

// seen reads the data set of trainings. It refuses images that cannot fit into memory.
func seen(ctx context.Context, spec nas.DataSpec) (*dataset.Data, error) {
	if err := local.ImagesFit(spec, local.DefaultMemory()); err != nil {
		return nil, err
	}
	_, d, err := local.New(nil).Views(ctx, spec)
	return d, err
}

// runGrid runs trainings on the images with this SHA-256 and prints their progress. The grid has the finished ones even
// if the error is not nil.
func runGrid(a *app, ctx context.Context, path, images string, ts []experiment.Training,
	workers int) (*experiment.Grid, error) {
	workers = workersOr(workers)
	if workers < 0 {
		return nil, usagef("got --workers %d; want 0 (one per core) or more", workers)
	}
	g, err := experiment.Open(path)
	if err != nil {
		return nil, err
	}
	g.Images = images
	if n := g.Stale(ts); n > 0 {
		fmt.Fprintf(a.Err, "nasnet: warning: %s in %s come from other images; training again\n",
			nas.FormatCount(n, "result", "results"), path)
	}
	err = g.Run(ctx, local.New(local.NewMemory(local.DefaultMemory())), ts, workers, func(e experiment.Event) {
		if e.Note != "" {
			fmt.Fprintf(a.Err, "nasnet: warning: %s, seed %d starts from the beginning: %s\n", e.Name, e.Seed, e.Note)
			return
		}
		if a.json {
			if e.Row != nil {
				a.print(map[string]any{"t": "training", "done": e.Done, "all": e.All, "row": e.Row}, nil)
			}
			return
		}
		switch {
		case e.Row == nil:
			fmt.Fprintf(a.over, "\r\x1b[K%d/%d  %s, seed %d: epoch %d/%d, accuracy %.4f ", e.Done, e.All, e.Name,
				e.Seed, e.Epoch.Epoch, e.Train.Epochs, e.Epoch.ValAcc)
		case e.Row.Failed != "":
			fmt.Fprintf(a.over, "\r\x1b[K%d/%d  %s, %s, seed %d: %s\n", e.Done, e.All, e.Name, term.Line(e.Rung),
				e.Seed, term.Line(e.Row.Failed))
		default:
			fmt.Fprintf(a.over, "\r\x1b[K%d/%d  %s, %s, seed %d: %.4f in %s\n", e.Done, e.All, e.Name,
				term.Line(e.Rung), e.Seed, e.Row.Accuracy, long(e.Row.Seconds))
		}
	})
	if err != nil && ctx.Err() != nil {
		a.saved = true
		fmt.Fprintf(a.Err, "\nstopped; the same command continues from %s\n", path)
	}
	return g, err
}

func printRung(a *app, r experiment.Result, seeds int) error {
	return a.print(map[string]any{"t": "rung", "result": r}, func(w io.Writer) {
		fmt.Fprintf(w, "\n%s\n", r.Rung.Name)
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(tw, "#\tCELL\tREWARD\tACCURACY\tSD\tPARAMS\tMADDS\t")
		for _, s := range r.Standings {
			reward, acc, sd, note := "–", "–", "–", s.Is()
			if s.Reward > 0 {
				reward = fmt.Sprintf("%.4f", s.Reward)
			}
			if len(s.Accuracy) > 0 {
				acc = fmt.Sprintf("%.4f", s.Mean)
			}
			if s.SD > 0 {
				sd = fmt.Sprintf("%.4f", s.SD)
			}
			if s.Open > 0 {
				note = strings.TrimSpace(fmt.Sprintf("%s (%d unfinished)", note, s.Open))
			} else if s.Failed != "" && seeds == 0 {
				note = strings.TrimSpace(note + " failed: " + term.Line(s.Failed))
			} else if n := len(s.Accuracy); n < seeds {
				note = strings.TrimSpace(fmt.Sprintf("%s (%d of %d seeds) %s", note, n, seeds, term.Line(s.Failed)))
			}
			fmt.Fprintf(tw, "%d\t%s\t%s\t%s\t%s\t%.2fM\t%.1fM\t%s\n", s.Place, s.Name, reward, acc, sd,
				float64(s.Params)/1e6, float64(s.MAdds)/1e6, note)
		}
		tw.Flush()
		for _, text := range r.Says() {
			fmt.Fprintln(w, text)
		}
	})
}
