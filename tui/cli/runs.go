package cli

import (
	"fmt"
	"path/filepath"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"nasnet/checkpoints"
)

func (a *app) runsCommand() *cobra.Command {
	return &cobra.Command{Use: "runs", Short: "list the runs in the store", Args: noArgs, RunE: func(*cobra.Command, []string) error {
		runs, err := checkpoints.List(a.store)
		if err != nil {
			return err
		}
		if a.json {
			for _, r := range runs {
				if err := a.print(runLine(r), nil); err != nil {
					return err
				}
			}
			return nil
		}
		if len(runs) == 0 {
			fmt.Fprintf(a.Out, "no runs in %s; nasnet search begins one\n", a.store)
			return nil
		}
		w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "RUN\tSTATE\tTRIALS\tBEST\tUPDATES\tFROM\tCHANGED")
		for _, r := range runs {
			if r.Err != nil {
				fmt.Fprintf(w, "%s\tunreadable: %v\n", filepath.Base(r.Dir), r.Err)
				continue
			}
			best, from := "–", "–"
			if r.BestTrial >= 0 {
				best = fmt.Sprintf("%.4f", r.Best)
			}
			if r.Run.ParentUUID != "" {
				from = fmt.Sprintf("%s@%d", parentName(runs, r.Run.ParentUUID), r.Run.ForkedAt)
			}
			fmt.Fprintf(w, "%s\t%s\t%d/%d\t%s\t%d\t%s\t%s\n", r.Run.Name, r.Status, r.Done+r.Failed, r.Run.Target, best, r.Version, from,
				r.Run.Updated.Local().Format("2006-01-02 15:04"))
		}
		return w.Flush()
	}}
}

func runLine(r checkpoints.RunSummary) map[string]any {
	if r.Err != nil {
		return map[string]any{"name": filepath.Base(r.Dir), "dir": r.Dir, "state": r.Status, "error": r.Err.Error()}
	}
	m := map[string]any{"name": r.Run.Name, "dir": r.Dir, "state": r.Status, "proposed": r.Proposed, "done": r.Done, "failed": r.Failed, "children": r.Run.Target,
		"updates": r.Version, "parent": r.Run.ParentUUID, "forked_at": r.Run.ForkedAt, "changed": r.Run.Updated}
	if r.BestTrial >= 0 {
		m["best"], m["best_trial"] = r.Best, r.BestTrial
	}
	return m
}

// parentName is the name of the run with a uuid, or the beginning of the uuid if the run is not in the store.
func parentName(runs []checkpoints.RunSummary, uuid string) string {
	for _, r := range runs {
		if r.Run.UUID == uuid {
			return r.Run.Name
		}
	}
	return uuid[:min(8, len(uuid))]
}
