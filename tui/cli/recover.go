package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"nasnet/checkpoints"
	"nasnet/nas"
)

func recoverCommand(a *app) *cobra.Command {
	return &cobra.Command{Use: "recover RUN", Short: "rebuild the damaged database of a run",
		Args: args("RUN"),
		Long: `Recover rebuilds the database of a run if it is damaged or gone. It reads run.db
with its journals, run.db.rescued and log.jsonl, and reports what it recovered.
First it copies these files into a folder of the run; it overwrites nothing that
has no copy there. Then nasnet resume repeats what is missing; results in the
log count without training.`,
		RunE: func(_ *cobra.Command, args []string) error {
			dir, err := a.store.runDir(args[0])
			if err != nil {
				return err
			}
			r, err := checkpoints.Recover(dir)
			if err != nil {
				return a.attachHint(err)
			}
			return a.print(r, func(w io.Writer) {
				for _, s := range r.Sources {
					fmt.Fprintln(w, "read", s)
				}
				fmt.Fprintf(w, "recovered %s, %s and %s\n", nas.FormatCount(r.Trials, "trial", "trials"),
					nas.FormatCount(r.Updates, "update", "updates"), nas.FormatCount(r.Events, "event", "events"))
				if r.Redone > 0 {
					fmt.Fprintf(w, "dropped %s after a gap; resuming repeats them\n",
						nas.FormatCount(r.Redone, "row", "rows"))
				}
				if r.Refused > 0 {
					fmt.Fprintf(w, "dropped %s with impossible values\n", nas.FormatCount(r.Refused, "row", "rows"))
				}
				fmt.Fprintf(w, "the old files are in %s\nto resume: %s\n", r.Aside, a.store.command("resume", dir))
			})
		}}
}
