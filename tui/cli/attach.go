package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"nasnet/nas/remote"
	"nasnet/tui"
)

func attachCommand(a *app) *cobra.Command {
	var readOnly, take, noDiff bool
	c := &cobra.Command{Use: "attach [RUN]", Short: "show and steer a search that runs in another process",
		Args: optionalRun,
		Long: `Attach opens the same screen as the search's own, with the same keys. One screen
at a time has control: the first, until another takes it. Quitting an
attached screen does not stop the search. Without RUN it shows the only live
run.`,
		RunE: func(c *cobra.Command, args []string) error {
			want := remote.Steer
			switch {
			case readOnly && take:
				return usagef("attach: got --read-only and --take; want at most one of them")
			case readOnly:
				want = remote.Watch
			case take:
				want = remote.Take
			}
			if !a.interactive(false) {
				return hinted{usagef("attach needs a terminal"), "to see the run without one: " +
					shellLine(append([]string{"nasnet", "status"}, args...)...) + a.store.flag()}
			}
			if err := a.loadKeys(); err != nil {
				return err
			}
			dir, err := a.store.liveDir(args)
			if err != nil {
				return err
			}
			return attachTo(a, c.Context(), dir, want, !noDiff)
		}}
	c.Flags().BoolVar(&readOnly, "read-only", false, "only watch, even if no screen has control")
	c.Flags().BoolVar(&take, "take", false, "take control from the screen that has it")
	c.Flags().BoolVar(&noDiff, "no-diff", false, "send whole lines to the terminal instead of changed cells")
	return c
}

func attachTo(a *app, ctx context.Context, dir string, want remote.Want, diff bool) error {
	client, err := remote.Dial(ctx, dir, want, remote.Visitor{Program: program(), TTY: ttyName(os.Stdin)})
	if err != nil {
		return a.notRunning(err, dir)
	}
	defer client.Close()
	out := a.Out.(*os.File)
	a.saved = true // another process runs the search
	outcome, err := tui.Run(ctx, client, a.equip(tui.Options{In: a.In, Out: out, Diff: diff, CanDetach: true,
		LogPath: filepath.Join(dir, "interface.log")}))
	if err != nil {
		return hinted{fmt.Errorf("the interface failed, the search continues: %w", err),
			"to come back: " + a.store.command("attach", dir)}
	}
	v := client.Snapshot()
	switch why := client.Control().Lost; {
	case outcome == tui.Hangup:
	case why != "":
		a.say("run %s: %s\n", v.Config.Name, why)
	case outcome == tui.QuitStop:
		a.say("run %s is stopping\n", v.Config.Name)
	case outcome == tui.QuitDrain:
		a.say("run %s stops when its running children have finished\n", v.Config.Name)
	default:
		a.say("run %s continues in process %d\nto come back: %s\n", v.Config.Name, client.PID(),
			a.store.command("attach", dir))
	}
	return context.Cause(ctx)
}

// notRunning adds a hint to [remote.ErrNotRunning].
func (a *app) notRunning(err error, dir string) error {
	if !errors.Is(err, remote.ErrNotRunning) {
		return err
	}
	return hinted{fmt.Errorf("run %s: %w", filepath.Base(dir), remote.ErrNotRunning),
		"to resume it: " + a.store.command("resume", dir)}
}

// optionalRun accepts one argument or none.
func optionalRun(c *cobra.Command, got []string) error {
	if len(got) > 1 {
		return usagef("%s: got %d arguments; want at most one RUN", c.CommandPath(), len(got))
	}
	return nil
}

// lookTime is how long a process may take to report the status of its run. It answers from memory; one that takes
// longer is suspended.
const lookTime = time.Second

// look asks the process that has the run in dir for its status.
func look(ctx context.Context, dir string, patience time.Duration) (remote.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return remote.Look(ctx, dir, remote.Visitor{Program: program()})
}
