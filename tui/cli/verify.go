package cli

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"nasnet/nas"
	"nasnet/nas/audit"
	"nasnet/nas/local"
	"nasnet/nas/record"
)

func verifyCommand(a *app) *cobra.Command {
	var n int
	var trials []string
	c := &cobra.Command{Use: "verify RUN", Short: "repeat the decisions of a run and compare them bit for bit",
		Args: args("RUN"),
		RunE: func(c *cobra.Command, args []string) error {
			dir, err := a.store.runDir(args[0])
			if err != nil {
				return err
			}
			ids, err := trialNumbers(trials)
			if err != nil {
				return err
			}
			if n < 0 {
				return usagef("--retrain %d: want the number of children to train again", n)
			}
			r, err := audit.Verify(c.Context(), dir)
			if err != nil {
				return err
			}
			if n > 0 || len(ids) > 0 {
				if err := retrainSample(a, c.Context(), dir, &r, n, ids); err != nil {
					return err
				}
			}
			if err := a.print(r, func(w io.Writer) {
				for _, p := range r.Problems {
					fmt.Fprintln(w, "problem:", p)
				}
				if r.Builds > 1 {
					fmt.Fprintf(w, "note: %d builds of the program have worked on this run; what one trained, "+
						"another may get with other last bits\n", r.Builds)
				}
				if r.Retrained > 0 {
					fmt.Fprintf(w, "%d children trained again\n", r.Retrained)
				}
				fmt.Fprintf(w, "%d trials, %d proposals and %d updates done again, %d problems\nstate %s\n", r.Trials,
					r.Proposals, r.Updates, len(r.Problems), r.StateHash)
			}); err != nil {
				return err
			}
			if !r.OK {
				return fmt.Errorf("run %s: %d problems", args[0], len(r.Problems))
			}
			return nil
		}}
	c.Flags().IntVar(&n, "retrain", 0, "train a sample of so many finished children again, and compare rewards and "+
		"epochs to the bit")
	c.Flags().StringSliceVar(&trials, "trial", nil, "train these again: numbers, or hN for the N-th trial made by hand")
	return c
}

// trialNumbers reads trials as people write them.
func trialNumbers(names []string) (ids []int, err error) {
	for _, name := range names {
		_, id, ok := cutTrial("run/" + name)
		if !ok {
			return nil, usagef("--trial %s: want a number, or h1 for the first trial made by hand", name)
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// retrainSample trains children of a run again, on the images that the run was begun with.
func retrainSample(a *app, ctx context.Context, dir string, r *audit.Report, n int, ids []int) error {
	e, err := a.evaluatorOf(ctx, dir, nil)
	if err != nil {
		return err
	}
	return r.Retrain(ctx, dir, e, n, ids, func(id int) {
		if !a.json {
			fmt.Fprintf(a.Err, "training child %s again\n", nas.TrialLabel(id))
		}
	})
}

// evaluatorOf returns what trains the children of a run within so much memory, with its images loaded. Images that have
// changed since the run began are refused.
func (a *app) evaluatorOf(ctx context.Context, dir string, memory *local.Memory) (nas.Evaluator, error) {
	cfg, hash, err := record.ReadConfig(dir)
	if err != nil {
		return nil, err
	}
	if cfg.Preset == "fake" {
		return fakeEvaluator(), nil
	}
	l := local.New(memory)
	d, err := l.Prepare(ctx, &cfg)
	if err != nil {
		return nil, err
	}
	if d.SHA256 != hash {
		return nil, hinted{fmt.Errorf("data set %s has changed since the run began: sha256 %.12s, want %.12s", cfg.Data,
			d.SHA256, hash),
			"rewards on other data cannot be compared; nasnet fork begins a new run from this policy"}
	}
	return l, nil
}
