package cli

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"nasnet/checkpoints"
)

func deleteCommand(a *app) *cobra.Command {
	var yes bool
	c := &cobra.Command{Use: "delete RUN", Short: "delete a run that no process has, with all its networks and files",
		Args: args("RUN"), RunE: func(_ *cobra.Command, args []string) error {
			dir, err := a.store.runDir(args[0])
			if err != nil {
				return err
			}
			name := filepath.Base(dir)
			if !yes {
				if err := askName(a, name); err != nil {
					return err
				}
			}
			if err := checkpoints.Remove(dir); err != nil {
				return a.attachHint(err)
			}
			a.say("run %s is deleted\n", name)
			return nil
		}}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

// askName has the user type the name of a run that is to be deleted.
func askName(a *app, name string) error {
	in, ok := a.In.(*os.File)
	if !ok || !isatty.IsTerminal(in.Fd()) {
		return hinted{usagef("delete %s: there is nobody to ask", name), "--yes deletes without asking"}
	}
	fmt.Fprintf(a.Err, "This deletes run %s for good. Type its name: ", name)
	line, _ := bufio.NewReader(in).ReadString('\n') // what ends early is not the name
	if strings.TrimSpace(line) != name {
		return errors.New("that is not its name; nothing is deleted")
	}
	return nil
}
