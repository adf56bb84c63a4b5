package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"nasnet/nas"
)

func (a *app) verifyCommand() *cobra.Command {
	return &cobra.Command{Use: "verify RUN", Short: "do a run's decisions again and compare: proposals, updates, hashes of blobs", Args: args("RUN"), RunE: func(c *cobra.Command, args []string) error {
		dir, err := a.runDir(args[0])
		if err != nil {
			return err
		}
		r, err := nas.Verify(c.Context(), dir)
		if err != nil {
			return err
		}
		if err := a.print(r, func(w io.Writer) {
			for _, p := range r.Problems {
				fmt.Fprintln(w, "problem:", p)
			}
			fmt.Fprintf(w, "%d trials, %d proposals and %d updates done again, %d problems\nstate %s\n", r.Trials, r.Proposals, r.Updates, len(r.Problems), r.StateHash)
		}); err != nil {
			return err
		}
		if !r.OK {
			return fmt.Errorf("run %s: %d problems", args[0], len(r.Problems))
		}
		return nil
	}}
}
