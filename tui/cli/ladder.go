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

	"nasnet/dataset"
	"nasnet/nas"
	"nasnet/nas/audit"
	"nasnet/nas/child"
	"nasnet/nas/experiment"
	"nasnet/nas/local"
	"nasnet/nas/search"
	"nasnet/tui/term"
)

// ladderFlags say which cells are trained how.
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
	fs.IntVar(&f.top, "top", 4, "that many of the best cells of the run")
	fs.IntVar(&f.middle, "middle", 0, "that many from the middle of its ranks")
	fs.IntVar(&f.bottom, "bottom", 0, "that many of the worst")
	fs.BoolVar(&f.stars, "stars", false, "the cells with a star, too")
	fs.StringSliceVar(&f.cells, "trials", nil, "these trials of the run, too, by number")
	fs.BoolVar(&f.only, "no-baselines", false, "without NASNet-A, all-sep3x3 and the best random cell")
	fs.StringArrayVar(&f.rungs, "rung", []string{"n=1,filters=8,epochs=10"},
		"a scale, as n=2,filters=16,epochs=20, with any setting of nasnet train but shards; may be given several times")
	fs.BoolVar(&f.retrains, "retrains", false, "train nothing: print the ladder of the retrains that the run has "+
		"(key l)")
	fs.BoolVar(&f.estimate, "estimate", false, "say what the trainings that are not done yet would take here, "+
		"measured, and end")
	fs.IntVar(&f.seeds, "seeds", 1, "trainings of each cell on each rung")
	fs.IntVar(&f.workers, "workers", 0, "trainings at a time (0: one a core)")
	fs.StringVar(&f.data, "data", "", "another data set or folder (default: that of the run)")
	fs.StringVar(&f.dir, "data-dir", "", "folder with the data set's files")
	fs.IntVar(&f.image, "image", 0, "side of the images in pixels (0: as in the search; of another data set, as they "+
		"are)")
	fs.IntVar(&f.trainImages, "train-images", 0, "train on so many images and judge on --val-images others of the "+
		"training images (default: all, judged on the test images)")
	fs.IntVar(&f.valImages, "val-images", 0, "see --train-images")
	fs.StringVar(&f.settings, "preset", "10-minutes",
		"settings of the training, see nasnet train --presets; rungs say the scale and the epochs")
	fs.StringVar(&f.out, "out", "", "file of the results, one JSON object a line; with the same file an interrupted "+
		"ladder goes on (default: exports/ladder.jsonl of the run)")
}

func ladderCommand(a *app) *cobra.Command {
	var f ladderFlags
	c := &cobra.Command{Use: "ladder RUN", Short: "train cells of a run at other scales or on other data",
		Args: args("RUN"),
		Long: "Trains cells of a run again, at one or more rungs, beside baselines, and prints for each rung the " +
			"accuracies, the rank correlation with the search's rewards\n" +
			"and with the multiply-adds, and what became of the search's best cell. With --data it tells whether " +
			"cells transfer. Interrupted, it goes on where it was.",
		RunE: func(c *cobra.Command, args []string) error {
			dir, err := a.store.runDir(args[0])
			if err != nil {
				return err
			}
			if f.retrains {
				if others := givenBut(c, "retrains"); others != "" {
					return usagef("ladder: --retrains trains nothing; %s cannot stand beside it", others)
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
				return usagef("ladder: --seeds %d; want 1 or more", f.seeds)
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
					return fmt.Errorf("%s is not a plain file", f.out)
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
		return fmt.Errorf("ladder: run %s has no retrains that ended or are under way; key r on a cell and nasnet "+
			"ctl %s retrain make them", run, run)
	}
	for _, r := range results {
		if err := printRung(a, r, 0); err != nil {
			return err
		}
	}
	return nil
}

// bestRandom is what the cell is that the others have to beat for the search to be worth more than drawing cells
// uniformly.
const bestRandom = "best random cell"

// candidates chooses from the ranking, best first.
func (f *ladderFlags) candidates(run string, ranked []audit.Ranked) (cs []experiment.Candidate, err error) {
	if f.top < 0 || f.middle < 0 || f.bottom < 0 {
		return nil, usagef("ladder: --top %d --middle %d --bottom %d; want 0 or more", f.top, f.middle, f.bottom)
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
			return nil, usagef("ladder: run %s has no ranked cell of the trial %s", run, text)
		}
		wanted[trial] = true
	}
	random := false // the best random cell has been seen
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
			c.Baseline = bestRandom // which does not count among the cells that were chosen
		default:
			continue
		}
		cs = append(cs, c)
	}
	if len(cs) == 0 {
		return nil, fmt.Errorf("ladder: no cell of run %s is chosen; it has %d with a reward", run, n)
	}
	if !f.only {
		cs = append(cs, experiment.Baselines()...)
	}
	return cs, nil
}

// printLadderPlans says what the trainings of a ladder that are not done yet will take.
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
		return fmt.Errorf("ladder: nothing is left to train: %s has all results", f.out)
	}
	return printPlans(a, ctx, ps, workersOr(f.workers), nil) // rungs are named after their settings
}

// workersOr is so many workers, or one a core.
func workersOr(n int) int {
	if n == 0 {
		return runtime.GOMAXPROCS(0)
	}
	return n
}

// seen reads a data set that trainings will be on, unless its images cannot fit into memory.
func seen(ctx context.Context, spec nas.DataSpec) (*dataset.Data, error) {
	if err := local.ImagesFit(spec, local.DefaultMemory()); err != nil {
		return nil, err
	}
	_, d, err := local.New(nil).Views(ctx, spec)
	return d, err
}

// grid does trainings on the data set of a SHA-256 and tells how they go. What is finished is in the grid also when the
// error is not nil.
func runGrid(a *app, ctx context.Context, path, images string, ts []experiment.Training,
	workers int) (*experiment.Grid, error) {
	workers = workersOr(workers)
	if workers < 0 {
		return nil, usagef("--workers %d; want 0 (one a core) or more", workers)
	}
	g, err := experiment.Open(path)
	if err != nil {
		return nil, err
	}
	g.Images = images
	if n := g.Stale(ts); n > 0 {
		fmt.Fprintf(a.Err, "nasnet: warning: %d results in %s are of other images than these, and are trained "+
			"again\n", n, path)
	}
	err = g.Run(ctx, local.New(local.NewMemory(local.DefaultMemory())), ts, workers, func(e experiment.Event) {
		if e.Note != "" {
			fmt.Fprintf(a.Err, "nasnet: warning: %s, seed %d begins at its start: %s\n", e.Name, e.Seed, e.Note)
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
		fmt.Fprintf(a.Err, "\nstopped; the same command goes on from %s\n", path)
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
				note = strings.TrimSpace(fmt.Sprintf("%s (%d not yet ended)", note, s.Open))
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
