package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"nasnet/checkpoints"
)

func deleteCommand(a *app) *cobra.Command {
	var yes bool
	c := &cobra.Command{Use: "delete RUN", Short: "delete a run with its networks and files",
		Args: args("RUN"), RunE: func(_ *cobra.Command, args []string) error {
			dir, err := a.store.runDir(args[0])
			if err != nil {
				return err
			}
			name := filepath.Base(dir)
			if !yes {
				if err := askName(a, dir); err != nil {
					return err
				}
			}
			if err := checkpoints.Remove(dir); err != nil {
				return a.attachHint(err)
			}
			return a.print(map[string]any{"t": "deleted", "run": name}, func(w io.Writer) {
				fmt.Fprintf(w, "deleted run %s\n", name)
			})
		}}
	c.Flags().BoolVar(&yes, "yes", false, "delete without asking")
	return c
}

// askName asks the user to type the name of the run in dir, which is to be deleted.
func askName(a *app, dir string) error {
	name := filepath.Base(dir)
	in, ok := a.In.(*os.File)
	if !ok || !isatty.IsTerminal(in.Fd()) {
		return hinted{usagef("delete %s: the input is not a terminal; cannot ask you to confirm", name),
			"to delete it without asking: " + a.store.command("delete", dir, "--yes")}
	}
	fmt.Fprintf(a.Err, "This deletes run %s for good. Type its name: ", name)
	line, _ := bufio.NewReader(in).ReadString('\n') // an error ends the line early
	if typed := strings.TrimSpace(line); typed != name {
		return fmt.Errorf("delete %s: you typed %q; nothing was deleted", name, typed)
	}
	return nil
}
