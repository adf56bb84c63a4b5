package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/audit"
	"nasnet/nas/remote"
	"nasnet/tui/term"
)

func runsCommand(a *app) *cobra.Command {
	return &cobra.Command{Use: "runs", Short: "list the runs of the store", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			runs, err := checkpoints.List(string(a.store))
			if err != nil {
				return err
			}
			if a.json {
				for _, r := range runs {
					if err := a.print(runLine(r, asked(c.Context(), r)), nil); err != nil {
						return err
					}
				}
				return nil
			}
			if len(runs) == 0 {
				a.say("no runs in %s\nto start one: nasnet search%s\n", a.store, a.store.flag())
				return nil
			}
			w := tabwriter.NewWriter(term.Plain(a.Out), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "RUN\tSTATE\tTRIALS\tBEST\tUPDATES\tFROM\tCHANGED\tPROCESS")
			for _, r := range runs {
				if r.Err != nil {
					fmt.Fprintf(w, "%s\tunreadable: %s\n", term.Line(filepath.Base(r.Dir)), term.Line(r.Err.Error()))
					continue
				}
				best, from := "–", "–"
				if r.BestTrial >= 0 {
					best = fmt.Sprintf("%.4f", r.Best)
				}
				if r.Run.ParentUUID != "" {
					from = fmt.Sprintf("%s@%d", term.Line(parentName(runs, r.Run.ParentUUID)), r.Run.ForkedAt)
				}
				fmt.Fprintf(w, "%s\t%s\t%d/%d\t%s\t%d\t%s\t%s\t%s\n", term.Line(r.Run.Name), term.Line(r.Status),
					r.Done+r.Failed, r.Run.Target, best, r.Version, from,
					r.Run.Updated.Local().Format("2006-01-02 15:04"), processText(r, asked(c.Context(), r)))
			}
			return w.Flush()
		}}
}

// asked returns the status that the process of a run reports; nil if there is no process or it does not answer.
func asked(ctx context.Context, r checkpoints.RunSummary) *remote.Status {
	if !r.Live {
		return nil
	}
	st, err := look(ctx, r.Dir, lookTime)
	if err != nil {
		return nil
	}
	return &st
}

// screens returns the number of screens that show a run.
func screens(c *nas.Control) int {
	if c.Holder == (nas.Holder{}) {
		return c.Viewers
	}
	return c.Viewers + 1
}

// processText says which process has a run, and how many screens show it.
func processText(r checkpoints.RunSummary, st *remote.Status) string {
	switch {
	case !r.Live:
		return "–"
	case st == nil || st.Control == nil:
		return fmt.Sprintf("%d on %s", r.PID, term.Line(r.Host))
	}
	return fmt.Sprintf("%d, %d attached", r.PID, screens(st.Control))
}

func runLine(r checkpoints.RunSummary, st *remote.Status) map[string]any {
	if r.Err != nil {
		return map[string]any{"name": filepath.Base(r.Dir), "dir": r.Dir, "state": r.Status, "error": r.Err.Error()}
	}
	m := map[string]any{"name": r.Run.Name, "dir": r.Dir, "state": r.Status, "proposed": r.Proposed, "done": r.Done,
		"failed": r.Failed, "children": r.Run.Target,
		"updates": r.Version, "parent": r.Run.ParentUUID, "forked_at": r.Run.ForkedAt, "changed": r.Run.Updated,
		"live": r.Live}
	if r.Live {
		m["pid"], m["host"] = r.PID, r.Host
	}
	if st != nil && st.Control != nil {
		m["attached"], m["control"] = screens(st.Control), st.Control
	}
	switch v, err := verdictOf(r, st); {
	case err != nil:
		m["error"] = err.Error()
	case v != nil:
		m["verdict"] = v
	}
	if r.BestTrial >= 0 {
		m["best"], m["best_trial"] = r.Best, r.BestTrial
	}
	return m
}

// verdictOf returns the verdict on a run without its tops, from its process or from the store; nil if the run has no
// random cells.
func verdictOf(r checkpoints.RunSummary, st *remote.Status) (*nas.Verdict, error) {
	if st != nil {
		return st.Verdict, nil
	}
	v, err := audit.Verdict(r.Dir)
	if v != nil {
		v.Tops = nil
	}
	return v, err
}

// parentName returns the name of the run with this uuid, or the start of the uuid if the run is not in the store.
func parentName(runs []checkpoints.RunSummary, uuid string) string {
	for _, r := range runs {
		if r.Run.UUID == uuid {
			return r.Run.Name
		}
	}
	return uuid[:min(8, len(uuid))]
}
