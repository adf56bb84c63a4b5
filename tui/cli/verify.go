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
		Long: `Verify repeats a run's proposals and updates and checks the hashes of its blobs.
With --retrain or --trial it also trains children again. All results must be the
same bit for bit.`,
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
				return usagef("verify: got --retrain %d; want 0 or more children", n)
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
					fmt.Fprintf(w, "note: %d builds of the program worked on this run; their results may differ in "+
						"the last bits\n", r.Builds)
				}
				if r.Retrained > 0 {
					fmt.Fprintf(w, "trained %s again\n", nas.FormatCount(r.Retrained, "child", "children"))
				}
				fmt.Fprintf(w, "%s: repeated %s and %s, %s\nstate %s\n",
					nas.FormatCount(r.Trials, "trial", "trials"),
					nas.FormatCount(r.Proposals, "proposal", "proposals"),
					nas.FormatCount(r.Updates, "update", "updates"), problems(r), r.StateHash)
			}); err != nil {
				return err
			}
			if !r.OK {
				return fmt.Errorf("run %s: %s", args[0], problems(r))
			}
			return nil
		}}
	c.Flags().IntVar(&n, "retrain", 0, "train this many finished children again, chosen at random, "+
		"and compare rewards and epochs bit for bit")
	c.Flags().StringSliceVar(&trials, "trial", nil,
		"train these trials again: numbers, or hN for the N-th made by hand")
	return c
}

func problems(r audit.Report) string { return nas.FormatCount(len(r.Problems), "problem", "problems") }

// trialNumbers parses trials: numbers, or hN.
func trialNumbers(names []string) (ids []int, err error) {
	for _, name := range names {
		_, id, ok := cutTrial("run/" + name)
		if !ok {
			return nil, usagef("verify: got --trial %s; want a number, or h1 for the first trial made by hand", name)
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// retrainSample trains children of a run again, on the images that the run started with.
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

// evaluatorOf returns the evaluator of a run, with its images loaded and this memory for its children. It refuses
// images that have changed since the run started.
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
		fork := []string{"--data", cfg.Data}
		if cfg.DataDir != "" {
			fork = append(fork, "--data-dir", cfg.DataDir)
		}
		return nil,
			hinted{fmt.Errorf("data set %s has changed since the run started, so new rewards would not compare "+
				"with old ones: got sha256 %.12s, want %.12s", cfg.Data, d.SHA256, hash),
				"to start a new run from its policy, with the changed data: " + a.store.command("fork", dir, fork...)}
	}
	return l, nil
}
